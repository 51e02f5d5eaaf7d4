/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kmods/gaming/selftest/files.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/selftest/report.h"

const char *storage_path(const char *name)
{
	static char path[256];
	const char *dir = getenv("GAMING_DIR");

	snprintf(path, sizeof(path), "%s/gaming_test.%d.%s", dir ? dir : "/tmp", getpid(), name);
	return path;
}

int storage_new_file(const char *name, size_t len, uint32_t seed, int flags)
{
	static uint32_t words[64 * KIB / 4];
	const char *path = storage_path(name);
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600), again;

	for (size_t at = 0; fd >= 0 && at < len; at += sizeof(words)) {
		size_t some = len - at < sizeof(words) ? len - at : sizeof(words);

		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			words[i] = random_next(&seed);
		if (at == 128 * KIB)
			continue;
		if (pwrite(fd, words, some, (off_t)at) != (ssize_t)some)
			return -EIO;
	}
	if (fd < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		return -EIO;
	again = open(path, flags | O_CLOEXEC);
	if (again < 0)
		again = -errno;
	unlink(path);
	close(fd);
	return again;
}

int storage_any_file(const char *name, size_t len, uint32_t seed, bool *ret_direct)
{
	int fd = storage_new_file(name, len, seed, O_RDWR | O_DIRECT);

	if (ret_direct)
		*ret_direct = fd != -EINVAL;
	return fd == -EINVAL ? storage_new_file(name, len, seed, O_RDWR) : fd;
}

int storage_new_buffer(const struct gaming *g, size_t len, char **ret_addr, uint32_t *ret_id)
{
	*ret_addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return *ret_addr == MAP_FAILED ? -ENOMEM : gaming_buffer_add(g, *ret_addr, len, ret_id);
}

long storage_one(
	const struct gaming *g, uint32_t call, struct gaming_request request, uint32_t *ret_flags)
{
	struct gaming_done done = {.res = -12345};
	struct gaming_io io = {
		.requests = (uintptr_t)&request,
		.count = 1,
		.done = (uintptr_t)&done,
		.done_most = 1,
		.wanted = 1,
	};
	int ret;

	request.user_data = 0xfeedbeef00000000u | request.len;
	ret = gaming_io(g, call, &io);
	if (ret)
		return ret;
	if (io.begun != 1 || io.done_count != 1 || io.under_way ||
		done.user_data != request.user_data)
		return -9999;
	if (ret_flags)
		*ret_flags = done.flags;
	return done.res;
}

static unsigned long vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "re");
	char line[128], word[64];
	unsigned long value, found = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu", word, &value) == 2 && !strcmp(word, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static long pinned_now(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
	char none;

	/* Each CPU counts by itself for a second, unless root asks. */
	(void)!read(fd, &none, 1);
	close(fd);
	return (long)(vmstat("nr_foll_pin_acquired") - vmstat("nr_foll_pin_released"));
}

/* What others on the machine have pinned, for as long as they like. */
static long pinned_by_others;

void pins_begin(void)
{
	pinned_by_others = pinned_now();
}

long pinned_pages(void)
{
	long pinned = 0;

	for (int i = 0; i < 100; i++) {
		pinned = pinned_now() - pinned_by_others;
		if (!pinned)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	return pinned;
}

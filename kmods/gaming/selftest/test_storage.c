/* SPDX-License-Identifier: Apache-2.0 */
/*
 * READ, PREAD, WRITE and buffers: byte for byte as pread(2), and nothing left pinned.
 * What needs direct I/O is skipped where there is none.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/gaming_memory.h>
#include <linux/seccomp.h>

#include "kmods/gaming/selftest/files.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

/* The same reads by pread(2) and by PREAD, over and under the file's end, with holes. */
static int storage_against_pread(const struct gaming *g, int fd, size_t unit)
{
	enum { BUFFER = 1 << 20 };
	char *ours, *theirs;
	uint32_t id, seed = 99;

	EXPECT(storage_new_buffer(g, BUFFER, &ours, &id), 0);
	theirs = plain_memory(BUFFER);
	for (int i = 0; i < 120; i++) {
		uint64_t offset = random_next(&seed) % (3 * MIB) / unit * unit;
		uint32_t at = (uint32_t)(random_next(&seed) % (BUFFER / 2) / unit * unit);
		uint32_t len = (uint32_t)(random_next(&seed) % (BUFFER / 2) / unit * unit);
		struct gaming_request request = {.fd = fd,
			.buffer = id,
			.buffer_at = at,
			.offset = i % 10 ? offset : 127 * KIB / unit * unit,
			.len = len,
			.priority = random_next(&seed) % GAMING_STORAGE_PRIORITIES};
		long want;

		memset(ours, 0xcc, BUFFER);
		memset(theirs, 0xcc, BUFFER);
		want = sys(pread(fd, theirs + at, len, (off_t)request.offset));
		EXPECT(storage_one(g, GAMING_CALL_PREAD, request, NULL), want);
		REQUIRE(!memcmp(ours, theirs, BUFFER), "other bytes: %u at %lu", len,
			(unsigned long)request.offset);
	}
	EXPECT(gaming_buffer_del(g, id), 0);
	munmap(ours, BUFFER);
	munmap(theirs, BUFFER);
	return 0;
}

int test_storage_read(void)
{
	size_t len = 2 * MIB + 1234;
	struct gaming g;
	int fd;

	pins_begin();
	EXPECT(sizeof(struct gaming_request), 40);
	EXPECT(sizeof(struct gaming_done), 16);
	EXPECT(sizeof(struct gaming_io), 64);
	EXPECT(sizeof(struct gaming_buffer), 40);
	EXPECT(gaming_open(&g), 0);
	fd = storage_new_file("plain", len, 1, O_RDWR);
	REQUIRE(fd >= 0, "a file: %d", fd);
	if (storage_against_pread(&g, fd, 1))
		return 1;
	close(fd);
	fd = storage_new_file("direct", len, 2, O_RDWR | O_DIRECT);
	if (fd == -EINVAL)
		return skip("no direct I/O here: GAMING_DIR names a directory that has it");
	REQUIRE(fd >= 0, "a file: %d", fd);
	if (storage_against_pread(&g, fd, 4096) || storage_against_pread(&g, fd, 512))
		return 1;
	/* Not aligned: what pread(2) says, EINVAL. */
	if (storage_against_pread(&g, fd, 7))
		return 1;
	close(fd);
	gaming_close(&g);
	EXPECT(pinned_pages(), 0);
	return 0;
}

/* 900 reads in one go, out of order, each into its own place. */
int test_storage_batch(void)
{
	enum { COUNT = 900, EACH = 8192 };
	static struct gaming_request requests[COUNT];
	static struct gaming_done done[COUNT];
	static bool seen[COUNT];
	size_t len = 2 * MIB;
	struct gaming g;
	uint32_t id, seed = 5;
	char *ours, *theirs = malloc(len);
	int fd;

	pins_begin();
	EXPECT(gaming_open(&g), 0);
	fd = storage_any_file("batch", len, 3, NULL);
	REQUIRE(fd >= 0, "a file: %d", fd);
	EXPECT(storage_new_buffer(&g, (size_t)COUNT * EACH, &ours, &id), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		requests[i] = (struct gaming_request){.fd = fd,
			.buffer = id,
			.buffer_at = (uint64_t)(COUNT - 1 - i) * EACH,
			.offset = random_next(&seed) % (len / EACH) * EACH,
			.len = EACH,
			.priority = i % GAMING_STORAGE_PRIORITIES,
			.user_data = i};
	EXPECT(gaming_pread_all(&g, requests, COUNT, done), 0);
	fcntl(fd, F_SETFL, 0);
	EXPECT(pread(fd, theirs, len, 0), len);
	for (int i = 0; i < COUNT; i++) {
		uint64_t which = done[i].user_data;

		REQUIRE(which < COUNT && !seen[which], "told twice, or made up: %lu",
			(unsigned long)which);
		seen[which] = true;
		EXPECT(done[i].res, EACH);
		REQUIRE(!memcmp(ours + requests[which].buffer_at, theirs + requests[which].offset,
				EACH),
			"request %lu has other bytes", (unsigned long)which);
	}
	free(theirs);
	close(fd);
	gaming_close(&g);
	EXPECT(pinned_pages(), 0);
	return 0;
}

/* What is told in order of being done: by priority where each is done at once. */
int test_storage_priority(void)
{
	enum { COUNT = 40 };
	struct gaming_request requests[COUNT];
	struct gaming_done done[COUNT];
	struct gaming_io io = {.requests = (uintptr_t)requests,
		.done = (uintptr_t)done,
		.count = COUNT,
		.done_most = COUNT,
		.wanted = COUNT};
	struct gaming g;
	uint32_t id;
	char *ours;
	int fd = storage_new_file("priority", MIB, 4, O_RDWR);

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, MIB, &ours, &id), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		requests[i] = (struct gaming_request){.fd = fd,
			.buffer = id,
			.len = 4096,
			.buffer_at = i * 4096,
			.offset = i * 4096,
			.priority = (COUNT - i) % GAMING_STORAGE_PRIORITIES,
			.user_data = i};
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
	EXPECT(io.done_count, COUNT);
	for (int i = 1; i < COUNT; i++) {
		uint64_t was = done[i - 1].user_data, is = done[i].user_data;

		REQUIRE(requests[was].priority < requests[is].priority ||
				(requests[was].priority == requests[is].priority && was < is),
			"request %lu of priority %u came behind %lu of %u", (unsigned long)is,
			requests[is].priority, (unsigned long)was, requests[was].priority);
	}
	/* Where not all fit it is the first that begin, whatever their priorities. */
	for (int i = 0; i < 6; i++) {
		io = (struct gaming_io){.requests = (uintptr_t)requests, .count = COUNT};
		EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
	}
	for (uint32_t i = 0; i < COUNT; i++)
		requests[i].user_data += 1000;
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
	EXPECT(io.begun, GAMING_IO_MOST - 6 * COUNT);
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), -EAGAIN);
	for (int told = 0; told < GAMING_IO_MOST; told += (int)io.done_count) {
		io = (struct gaming_io){.done = (uintptr_t)done, .done_most = COUNT, .wanted = 1};
		EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
		for (uint32_t i = 0; i < io.done_count; i++)
			REQUIRE(done[i].user_data < 1000 + GAMING_IO_MOST - 6 * COUNT,
				"request %lu has begun", (unsigned long)done[i].user_data - 1000);
	}
	requests[0].priority = GAMING_STORAGE_PRIORITIES;
	EXPECT(storage_one(&g, GAMING_CALL_PREAD, requests[0], NULL), -EINVAL);
	gaming_close(&g);
	return 0;
}

/* READ and WRITE where the position is, against read(2) and write(2). */
int test_storage_position(void)
{
	struct gaming g;
	uint32_t id, seed = 8;
	char *ours, theirs[8192];
	int fd = storage_new_file("position", 200 * KIB, 6, O_RDWR);
	int same = storage_new_file("same", 200 * KIB, 6, O_RDWR);
	int append = storage_new_file("append", 100, 6, O_RDWR | O_APPEND);

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, 64 * KIB, &ours, &id), 0);
	for (int i = 0; i < 200; i++) {
		uint32_t len = random_next(&seed) % sizeof(theirs);
		bool write_it = random_next(&seed) % 3 == 0;
		struct gaming_request request = {.fd = fd,
			.buffer = id,
			.len = len,
			.buffer_at = random_next(&seed) % 4096,
			.offset = GAMING_AT_POSITION};
		char *here = ours + request.buffer_at;

		if (write_it) {
			memset(here, i, len);
			memset(theirs, i, len);
			EXPECT(storage_one(&g, GAMING_CALL_WRITE, request, NULL),
				write(same, theirs, len));
		} else {
			long got = read(same, theirs, len);

			EXPECT(storage_one(&g, GAMING_CALL_READ, request, NULL), got);
			REQUIRE(!memcmp(here, theirs, (size_t)got), "other bytes, round %d", i);
		}
		EXPECT(lseek(fd, 0, SEEK_CUR), lseek(same, 0, SEEK_CUR));
		if (i % 50 == 49) {
			lseek(fd, i * 100, SEEK_SET);
			lseek(same, i * 100, SEEK_SET);
		}
	}
	/* With an offset the position stays; PREAD has none to go by. */
	{
		struct gaming_request request = {.fd = fd, .buffer = id, .len = 10, .offset = 77};
		off_t was = lseek(fd, 0, SEEK_CUR);

		EXPECT(storage_one(&g, GAMING_CALL_WRITE, request, NULL), 10);
		EXPECT(storage_one(&g, GAMING_CALL_READ, request, NULL), 10);
		EXPECT(lseek(fd, 0, SEEK_CUR), was);
		request.offset = GAMING_AT_POSITION;
		EXPECT(storage_one(&g, GAMING_CALL_PREAD, request, NULL), -EINVAL);
		request.fd = append;
		request.offset = 3;
		EXPECT(storage_one(&g, GAMING_CALL_WRITE, request, NULL), 10);
		EXPECT(lseek(append, 0, SEEK_END), 110);
	}
	gaming_close(&g);
	return 0;
}

/* Pages of @fd that are in the page cache: the kernel's own word. */
static long cached_pages(int fd, size_t len)
{
	unsigned char in_core[1024];
	void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	long count = 0;

	if (map == MAP_FAILED || len / PAGE > sizeof(in_core) || mincore(map, len, in_core))
		return -1;
	for (size_t i = 0; i < len / PAGE; i++)
		count += in_core[i] & 1;
	munmap(map, len);
	return count;
}

int test_storage_cache(void)
{
	size_t len = MIB;
	struct gaming_request request = {.len = (uint32_t)len};
	struct gaming g;
	uint32_t flags;
	long cached;
	char *ours;
	int fd;

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, len, &ours, &request.buffer), 0);
	request.fd = storage_new_file("cached", len, 7, O_RDWR);
	EXPECT(storage_one(&g, GAMING_CALL_PREAD, request, &flags), len);
	/* A file in memory has no pages for its hole, read or not. */
	cached = cached_pages(request.fd, len);
	if (cached != (long)((len - 64 * KIB) / PAGE))
		EXPECT(cached, len / PAGE);
	EXPECT(flags, GAMING_DONE_CACHED);

	fd = storage_new_file("preload", len, 7, O_RDWR);
	REQUIRE(fd >= 0, "a file: %d", fd);
	if (cached_pages(fd, len) < (long)(len / PAGE)) {
		EXPECT(gaming_preload(&g, fd, 0, len), 0);
		for (int i = 0; i < 200 && cached_pages(fd, len) < 32; i++)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		REQUIRE(cached_pages(fd, len) >= 32, "PRELOAD: %ld pages", cached_pages(fd, len));
	}
	EXPECT(gaming_preload(&g, -1, 0, 0), -EBADF);

	request.fd = storage_new_file("not-cached", len, 7, O_RDWR | O_DIRECT);
	if (request.fd == -EINVAL)
		return skip("no direct I/O here: GAMING_DIR names a directory that has it");
	EXPECT(storage_one(&g, GAMING_CALL_PREAD, request, &flags), len);
	EXPECT(cached_pages(request.fd, len), 0);
	EXPECT(flags, 0);
	gaming_close(&g);
	return 0;
}

/* Buffers: what can be one, limits, and that all is given back. */
int test_storage_buffers(void)
{
	struct rlimit limit = {MIB, MIB};
	struct gaming_buffer b;
	struct gaming g;
	uint32_t id, ids[GAMING_BUFFERS + 1];
	char *addr = plain_memory(4 * MIB), *file_memory;
	int fd = storage_new_file("mapped", MIB, 9, O_RDWR), count;

	pins_begin();
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_buffer_add(&g, addr, 0, &id), -EINVAL);
	EXPECT(gaming_buffer_add(&g, addr, PAGE + 1, &id), -EINVAL);
	EXPECT(gaming_buffer_add(&g, addr + 1, PAGE, &id), -EINVAL);
	EXPECT(gaming_buffer_add(&g, addr, GAMING_BUFFER_BYTES + PAGE, &id), -EINVAL);
	EXPECT(gaming_buffer_add(&g, (void *)(uintptr_t)(1ull << 63), PAGE, &id), -EINVAL);
	EXPECT(gaming_buffer_add(&g, NULL, PAGE, &id), -EFAULT);
	EXPECT(gaming_buffer_del(&g, 0), -ENOENT);
	EXPECT(gaming_buffer_del(&g, 1), -ENOENT);
	b = (struct gaming_buffer){
		.size = sizeof(b), .addr = (uintptr_t)addr, .len = PAGE, .flags = 1};
	EXPECT(gaming_ioctl(&g, GAMING_IOC_BUFFER_ADD, &b), -EINVAL);
	b.flags = 0;
	b.id = 1;
	EXPECT(gaming_ioctl(&g, GAMING_IOC_BUFFER_ADD, &b), -EINVAL);
	b.id = 0;
	b.resv = 1;
	EXPECT(gaming_ioctl(&g, GAMING_IOC_BUFFER_ADD, &b), -EINVAL);

	/* Memory of a file, shared memory, what cannot be written to, what ends too early. */
	file_memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	count = gaming_buffer_add(&g, file_memory, MIB, &id);
	REQUIRE(count == -EOPNOTSUPP || count == -EFAULT, "memory of a file: %d", count);
	EXPECT(pinned_pages(), 0);
	mprotect(addr + 2 * MIB, PAGE, PROT_READ);
	EXPECT(gaming_buffer_add(&g, addr + 2 * MIB, PAGE, &id), -EFAULT);
	munmap(addr + 3 * MIB, PAGE);
	EXPECT(gaming_buffer_add(&g, addr + 3 * MIB - PAGE, 2 * PAGE, &id), -EFAULT);
	EXPECT(pinned_pages(), 0);
	EXPECT(locked_kib(), 0);

	for (count = 0; count < GAMING_BUFFERS; count++)
		EXPECT(gaming_buffer_add(&g, addr, PAGE, &ids[count]), 0);
	EXPECT(gaming_buffer_add(&g, addr, PAGE, &ids[count]), -EDQUOT);
	EXPECT(locked_kib(), GAMING_BUFFERS * 4);
	EXPECT(gaming_buffer_del(&g, ids[5]), 0);
	EXPECT(gaming_buffer_del(&g, ids[5]), -ENOENT);
	EXPECT(gaming_buffer_add(&g, addr, PAGE, &ids[5]), 0);
	gaming_close(&g);
	EXPECT(locked_kib(), 0);
	EXPECT(pinned_pages(), 0);

	/* The owner's RLIMIT_MEMLOCK, and not a page beyond. */
	EXPECT(gaming_open(&g), 0);
	EXPECT(become_nobody(), 0);
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	EXPECT(gaming_buffer_add(&g, addr, MIB + PAGE, &id), -ENOMEM);
	EXPECT(gaming_buffer_add(&g, addr, MIB, &id), 0);
	EXPECT(gaming_buffer_add(&g, addr, PAGE, &ids[0]), -ENOMEM);
	EXPECT(gaming_buffer_del(&g, id), 0);
	EXPECT(locked_kib(), 0);
	EXPECT(gaming_buffer_add(&g, addr, MIB, &id), 0);
	gaming_close(&g);
	return 0;
}

int test_storage_bad(void)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t value;
		int err;
	} cases[] = {
		{"size 0", offsetof(struct gaming_io, size), 0, EINVAL},
		{"flags", offsetof(struct gaming_io, flags), 1, EINVAL},
		{"too many", offsetof(struct gaming_io, count), GAMING_IO_MOST + 1, EINVAL},
		{"2^32 - 1", offsetof(struct gaming_io, count), UINT32_MAX, EINVAL},
		{"too much room", offsetof(struct gaming_io, done_most), GAMING_IO_MOST + 1,
			EINVAL},
		{"more wanted than room", offsetof(struct gaming_io, wanted), 2, EINVAL},
		{"reserved", offsetof(struct gaming_io, resv), 1, EINVAL},
		{"no requests there", offsetof(struct gaming_io, requests), 8, EFAULT},
	};
	struct gaming_request good = {.len = 4096}, request;
	struct gaming_done done;
	struct gaming_io io;
	struct gaming g;
	char *ours;
	int fds[2];
	long got;

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, MIB, &ours, &good.buffer), 0);
	good.fd = storage_new_file("bad", MIB, 10, O_RDWR);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		io = (struct gaming_io){.size = sizeof(io),
			.requests = (uintptr_t)&good,
			.count = 1,
			.done = (uintptr_t)&done,
			.done_most = 1,
			.wanted = 1};
		memcpy((char *)&io + cases[i].offset, &cases[i].value,
			cases[i].err == EFAULT ? 8 : 4);
		got = gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_PREAD), &io);
		REQUIRE(got == -cases[i].err, "PREAD, %s: %ld", cases[i].name, got);
	}
	io = (struct gaming_io){.size = sizeof(io)};
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_PREAD), &io), -EINVAL);
	/* Nobody can be told where nothing is: told later, all the same. */
	io = (struct gaming_io){
		.requests = (uintptr_t)&good, .count = 1, .done = 8, .done_most = 1, .wanted = 1};
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), -EFAULT);
	EXPECT(io.begun, 1);
	EXPECT(io.under_way, 1);
	EXPECT(gaming_buffer_del(&g, good.buffer), -EBUSY);
	io = (struct gaming_io){.done = (uintptr_t)&done, .done_most = 1, .wanted = 1};
	EXPECT(gaming_io(&g, GAMING_CALL_READ, &io), 0);
	EXPECT(io.done_count, 1);
	EXPECT(done.res, 4096);

#define RESULT(err, ...)                                                                           \
	do {                                                                                       \
		request = good;                                                                    \
		__VA_ARGS__;                                                                       \
		EXPECT(storage_one(&g, GAMING_CALL_READ, request, NULL), -(err));                  \
	} while (0)
	EXPECT(pipe(fds), 0);
	RESULT(EBADF, request.fd = -1);
	RESULT(EBADF, request.fd = 1 << 30);
	RESULT(EBADF, request.fd = open("/", O_PATH));
	RESULT(EBADF, request.fd = open("/dev/null", O_WRONLY));
	RESULT(EOPNOTSUPP, request.fd = fds[0]);
	RESULT(EOPNOTSUPP, request.fd = open("/dev/zero", O_RDONLY));
	RESULT(EOPNOTSUPP, request.fd = open("/", O_RDONLY));
	RESULT(EOPNOTSUPP, request.fd = g.fd);
	RESULT(ENOENT, request.buffer = 0);
	RESULT(ENOENT, request.buffer++);
	RESULT(EINVAL, request.buffer_at = MIB - 4095);
	RESULT(EINVAL, request.buffer_at = ~0ull - 4095);
	RESULT(EINVAL, request.len = MIB + 1);
	RESULT(EINVAL, request.len = UINT32_MAX);
	RESULT(EINVAL, request.priority = GAMING_STORAGE_PRIORITIES);
	RESULT(EINVAL, request.priority = UINT32_MAX);
	RESULT(EINVAL, request.offset = 1ull << 63);
	RESULT(EINVAL, request.offset = INT64_MAX);
	RESULT(0, request.len = 0);
	RESULT(0, (request.len = 0, request.buffer_at = MIB));
	RESULT(0, request.offset = 1ull << 40);
#undef RESULT
	request = good;
	request.fd = open("/proc/self/exe", O_RDONLY);
	EXPECT(storage_one(&g, GAMING_CALL_WRITE, request, NULL), -EBADF);
	gaming_close(&g);
	return 0;
}

/* A filter that lets all pass is one that these calls would pass by. */
int test_storage_seccomp(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &all};
	struct gaming_request request = {.len = 4096};
	struct gaming_load load = {.packed = 1, .room = 1};
	struct gaming_stream stream = {.len = 1, .chunk = 4096, .eventfd = -1};
	struct gaming_preload preload = {.size = sizeof(preload)};
	struct gaming_memory map = {.size = sizeof(map), .len = 4096}, mapped = map;
	struct gaming g;
	char *ours;

	pins_begin();
	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, 4096, &ours, &request.buffer), 0);
	request.fd = preload.fd = storage_new_file("seccomp", MIB, 10, O_RDWR);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_PRELOAD), &preload), 0);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MMAP), &mapped), 0);
	mapped.flags = 0;
	mapped.pooled = mapped.faulted = mapped.huge = 0;
	EXPECT(storage_one(&g, GAMING_CALL_READ, request, NULL), 4096);
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	EXPECT(storage_one(&g, GAMING_CALL_READ, request, NULL), -EPERM);
	EXPECT(storage_one(&g, GAMING_CALL_WRITE, request, NULL), -EPERM);
	EXPECT(gaming_load(&g, &load), -EPERM);
	EXPECT(gaming_stream(&g, &stream), -EPERM);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_PRELOAD), &preload), -EPERM);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MMAP), &map), -EPERM);
	EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_MUNMAP), &mapped), -EPERM);
	*(volatile char *)(uintptr_t)mapped.addr = 1; /* still there */
	gaming_close(&g);
	EXPECT(pinned_pages(), 0);
	return 0;
}

/* The memory is unmapped, the file closed, the program gone while the device reads. */
int test_storage_gone(void)
{
	enum { EACH = 64 * KIB, COUNT = 64 };
	struct gaming_request requests[COUNT];
	struct gaming_done done[COUNT];
	struct gaming_io io = {.requests = (uintptr_t)requests,
		.count = COUNT,
		.done = (uintptr_t)done,
		.done_most = COUNT};
	struct gaming g;
	uint32_t id, seed = 77;
	char *ours;
	int fd = storage_any_file("gone", 2 * MIB, 12, NULL), status;

	pins_begin();
	REQUIRE(fd >= 0, "a file: %d", fd);
	for (uint32_t i = 0; i < COUNT; i++)
		requests[i] = (struct gaming_request){
			.fd = fd, .len = EACH, .offset = i % 32 * EACH, .buffer_at = i * EACH};
	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, COUNT * EACH, &ours, &id), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		requests[i].buffer = id;
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
	munmap(ours, COUNT * EACH);
	io.count = 0;
	io.done_most = COUNT;
	io.wanted = COUNT - io.done_count;
	EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
	EXPECT(io.under_way, 0);
	gaming_close(&g);
	EXPECT(locked_kib(), 0);

	for (int round = 0; round < 60; round++) {
		pid_t child = fork();

		if (!child) {
			struct gaming own;

			if (gaming_open(&own) || storage_new_buffer(&own, COUNT * EACH, &ours, &id))
				_exit(1);
			for (uint32_t i = 0; i < COUNT; i++)
				requests[i].buffer = id;
			for (;;) {
				io.count = COUNT;
				io.done_most = COUNT;
				io.wanted = round % 3 * 10;
				gaming_io(&own, GAMING_CALL_PREAD, &io);
				if (round % 4 == 3) { /* by itself, with all open */
					munmap(ours, COUNT * EACH / 2);
					_exit(0);
				}
				report->progress++;
			}
		}
		if (round % 4 != 3) {
			uint64_t before = report->progress;

			while (report->progress == before && !waitpid(child, &status, WNOHANG))
				sched_yield();
			nanosleep(
				&(struct timespec){.tv_nsec = random_next(&seed) % 3000000}, NULL);
			kill(child, SIGKILL);
		}
		waitpid(child, &status, 0);
	}
	EXPECT(pinned_pages(), 0);
	return 0;
}

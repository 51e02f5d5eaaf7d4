/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeps over /dev/gaming's memory and storage. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "storage.h"
#include "tests/kmods/fail_nth.h"

#define PAGE 4096ul
#define KIB 1024ul

/* "hello" packed: five literals; a frame with one raw block. */
static const uint8_t lz4_hello[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
static const uint8_t zstd_hello[] = {
	0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 5 << 3 | 1, 0, 0, 'h', 'e', 'l', 'l', 'o'};

static void *memory(size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A file of 64 KiB that begins with @bytes. */
static int file_with(const void *bytes, size_t len)
{
	int fd = memfd_create("sweep", MFD_CLOEXEC);

	if (fd >= 0 && (ftruncate(fd, 64 * KIB) || pwrite(fd, bytes, len, 0) != (ssize_t)len)) {
		close(fd);
		return -1;
	}
	return fd;
}

static long add_del(struct gaming *g, void *at, size_t len)
{
	uint32_t id;
	long ret = gaming_buffer_add(g, at, len, &id);

	return ret ? ret : gaming_buffer_del(g, id);
}

static int sweep_buffers(struct fail_run *run)
{
	char *at = memory(64 * PAGE);
	int fail = fail_open();
	struct gaming g;
	long ret[4];

	if (gaming_open(&g))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	ret[0] = add_del(&g, at, 64 * PAGE);
	ret[1] = add_del(&g, at + PAGE, PAGE);
	ret[2] = gaming_buffer_add(&g, at, 2 * PAGE, &(uint32_t){0});
	ret[3] = gaming_buffer_add(&g, at, 3 * PAGE, &(uint32_t){0});
	fail_disarm(fail, run);
	close(fail);
	gaming_close(&g);
	munmap(at, 64 * PAGE);
	for (int i = 0; i < 4; i++)
		if (fail_allow(run, "BUFFER_ADD, BUFFER_DEL", ret[i]))
			return -1;
	return 0;
}

static int sweep_read(struct fail_run *run)
{
	struct gaming_request requests[8];
	struct gaming_done done[8];
	struct gaming_io io = {.requests = (uintptr_t)requests,
		.done = (uintptr_t)done,
		.count = 8,
		.done_most = 8,
		.wanted = 8};
	int fd = file_with(lz4_hello, sizeof(lz4_hello)), fail = fail_open(), bad = 0;
	char *at = memory(16 * PAGE);
	struct gaming g;
	uint32_t id;
	long ret;

	if (gaming_open(&g) || gaming_buffer_add(&g, at, 16 * PAGE, &id))
		return fail_say(run, "open, which was not to fail");
	for (uint32_t i = 0; i < 8; i++)
		requests[i] = (struct gaming_request){.fd = fd,
			.buffer = id,
			.buffer_at = i * PAGE,
			.offset = i < 7 ? i * PAGE : GAMING_AT_POSITION,
			.len = PAGE,
			.user_data = i};
	fail_arm(fail, run);
	ret = gaming_io(&g, GAMING_CALL_READ, &io);
	fail_disarm(fail, run);
	close(fail);
	/* Begun is told, sooner or later, each with its own result. */
	while (!ret && io.under_way && !bad) {
		io.count = 0;
		bad = gaming_io(&g, GAMING_CALL_READ, &io);
	}
	for (uint32_t i = 0; !ret && i < io.done_count; i++)
		bad |= fail_allow(run, "READ's result", done[i].res);
	gaming_close(&g);
	munmap(at, 16 * PAGE);
	close(fd);
	return bad ? -1 : fail_allow(run, "READ", ret);
}

static long load(struct gaming *g, uint32_t id, const void *bytes, size_t len, uint32_t format)
{
	int fd = file_with(bytes, len);
	struct gaming_load load = {
		.fd = fd, .format = format, .packed = len, .buffer = id, .room = 5};
	long ret = fd < 0 ? -errno : gaming_load(g, &load);

	close(fd);
	return ret;
}

static int sweep_load(struct fail_run *run)
{
	char *at = memory(4 * PAGE);
	int fail = fail_open();
	long ret[2];
	struct gaming g;
	uint32_t id;

	if (gaming_open(&g) || gaming_buffer_add(&g, at, 4 * PAGE, &id))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	ret[0] = load(&g, id, lz4_hello, sizeof(lz4_hello), GAMING_FORMAT_LZ4);
	ret[1] = load(&g, id, zstd_hello, sizeof(zstd_hello), GAMING_FORMAT_ZSTD);
	fail_disarm(fail, run);
	close(fail);
	gaming_close(&g);
	if (ret[1] == 5 && memcmp(at, "hello", 5))
		fail_say(run, "other bytes");
	munmap(at, 4 * PAGE);
	return fail_allow(run, "LOAD of LZ4", ret[0]) || fail_allow(run, "LOAD of ZSTD", ret[1]);
}

static int sweep_stream(struct fail_run *run)
{
	int fd = file_with(lz4_hello, sizeof(lz4_hello)), event = eventfd(0, 0), fail = fail_open();
	char *at = memory(64 * KIB);
	struct gaming_stream stream = {
		.fd = fd, .eventfd = event, .len = 64 * KIB, .chunk = 16 * KIB};
	long ret[2];
	struct gaming g;

	if (gaming_open(&g) || gaming_buffer_add(&g, at, 64 * KIB, &stream.buffer))
		return fail_say(run, "open, which was not to fail");
	fail_arm(fail, run);
	ret[0] = gaming_stream(&g, &stream);
	ret[1] = gaming_preload(&g, fd, 0, 0);
	fail_disarm(fail, run);
	close(fail);
	gaming_close(&g); /* with what was begun, and not told */
	munmap(at, 64 * KIB);
	close(event);
	close(fd);
	return fail_allow(run, "STREAM", ret[0]) || fail_allow(run, "PRELOAD", ret[1]);
}

static int sweep_memory(struct fail_run *run)
{
	size_t len = 24 * PAGE; /* each page is a point or two that can fail */
	int fail = fail_open();
	char *own = memory(len);
	void *at = NULL;
	long ret[4];
	struct gaming g;

	if (gaming_open(&g) || gaming_pool(&g, &(struct gaming_pool){0}))
		return fail_say(run, "open, which was not to fail");
	madvise(own, len, MADV_NOHUGEPAGE);
	fail_arm(fail, run);
	ret[0] = gaming_mmap(&g, len, 0, &at, NULL);
	ret[1] = ret[0] ? 0 : gaming_munmap(&g, at, len);
	ret[2] = gaming_populate(&g, own, len / 2, 0, NULL);
	ret[3] = gaming_mlock(&g, own + len / 2, len / 2, 0, NULL);
	fail_disarm(fail, run);
	close(fail);
	gaming_close(&g);
	if (!ret[0] && ret[1])
		munmap(at, len);
	munmap(own, len);
	return fail_allow(run, "MMAP", ret[0]) || fail_allow(run, "MUNMAP", ret[1]) ||
	       fail_allow(run, "MADVISE", ret[2]) || fail_allow(run, "MLOCK", ret[3]);
}

/* For a while: else COMPACT has nothing to move to, and says so before it does anything. */
static int wait_for_block(struct gaming *g)
{
	struct gaming_pool pool = {0};
	int err = 0;

	for (int i = 0; i < 200 && !err && !pool.blocks; i++) {
		err = gaming_pool(g, &pool);
		nanosleep(&(struct timespec){.tv_nsec = pool.blocks ? 0 : 10000000}, NULL);
	}
	return err;
}

static int sweep_compaction(struct fail_run *run)
{
	size_t len = 24 * PAGE;
	char *at = memory(len);
	struct gaming_contiguity contiguity;
	int fail = fail_open();
	void *next = at;
	struct gaming g;
	long ret[2];

	if (gaming_open(&g) || wait_for_block(&g))
		return fail_say(run, "open, which was not to fail");
	madvise(at, len, MADV_NOHUGEPAGE);
	memset(at, 'c', len);
	fail_arm(fail, run);
	ret[0] = gaming_contiguity(&g, at, len, &contiguity);
	ret[1] = gaming_compact(&g, at, len, 100000000, &next, NULL);
	fail_disarm(fail, run);
	close(fail);
	gaming_close(&g);
	for (size_t i = 0; i < len; i++)
		if (at[i] != 'c')
			return fail_say(run, "other bytes");
	munmap(at, len);
	/* Nor is it to be had where the kernel lets no module move pages, or has none to spare. */
	if (ret[1] == -EOPNOTSUPP || ret[1] == -EAGAIN)
		ret[1] = 0;
	return fail_allow(run, "CONTIGUITY", ret[0]) || fail_allow(run, "COMPACT", ret[1]);
}

static const struct sweep sweeps[] = {
	{"gaming-buffers", "BUFFER_ADD, BUFFER_DEL, close", sweep_buffers},
	{"gaming-read", "READ, at offsets and at the position", sweep_read},
	{"gaming-load", "LOAD, both decoders", sweep_load},
	{"gaming-stream", "STREAM, PRELOAD, close", sweep_stream},
	{"gaming-memory", "MMAP, MUNMAP, MADVISE, MLOCK", sweep_memory},
	{"gaming-compaction", "CONTIGUITY, COMPACT", sweep_compaction},
};

const struct sweep_set gaming_memory_sweeps = {
	.device = GAMING_DEVICE,
	.module = "gaming",
	.sweeps = sweeps,
	.count = sizeof(sweeps) / sizeof(sweeps[0]),
};

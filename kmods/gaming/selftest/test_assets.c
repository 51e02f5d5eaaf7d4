/* SPDX-License-Identifier: Apache-2.0 */
/* LOAD against lz4 and zstd themselves, damaged input, STREAM; copies, counted. */
#include <fcntl.h>
#include <lz4.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zstd.h>

#include "kmods/gaming/selftest/copies.h"
#include "kmods/gaming/selftest/files.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/gaming/selftest/ioctl.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

/* Some that packs well, some that does not, in turns. */
static void make_asset(char *to, size_t len, uint32_t seed)
{
	for (size_t at = 0; at < len;) {
		uint32_t r = random_next(&seed), n = r % 200 + 1, back = (r >> 8) % 5000 + 1;

		for (; n && at < len; n--, at++)
			to[at] = (r & 3) && at >= back ? to[at - back] : (char)random_next(&seed);
	}
}

static size_t pack(uint32_t format, char *to, size_t room, const char *from, size_t len)
{
	if (format == GAMING_FORMAT_NONE) {
		memcpy(to, from, len);
		return len;
	}
	if (format == GAMING_FORMAT_LZ4)
		return (size_t)LZ4_compress_default(from, to, (int)len, (int)room);
	{
		ZSTD_CCtx *c = ZSTD_createCCtx();
		size_t n;

		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
		n = ZSTD_compress2(c, to, room, from, len);
		ZSTD_freeCCtx(c);
		return n;
	}
}

enum { ASSET = 1 << 20, PACKED = ASSET + (ASSET >> 4) };

/* The buffer around [@at, @at + @len) is as it was. */
static bool rest_is(const char *buffer, size_t all, size_t at, size_t len, char byte)
{
	for (size_t i = 0; i < all; i++)
		if ((i < at || i >= at + len) && buffer[i] != byte)
			return false;
	return true;
}

static int storage_put(int fd, const char *bytes, size_t len, off_t at)
{
	int flags = fcntl(fd, F_GETFL), ret;

	fcntl(fd, F_SETFL, flags & ~O_DIRECT);
	ret = pwrite(fd, bytes, len, at) == (ssize_t)len && !fsync(fd) ? 0 : -EIO;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	fcntl(fd, F_SETFL, flags);
	return ret;
}

int test_storage_load(void)
{
	static const size_t sizes[] = {1, 100, 4095, 4096, 65536, 300001, ASSET};
	size_t all = 2 * MIB;
	char *asset = malloc(ASSET), *packed = malloc(PACKED), *buffer;
	struct gaming g;
	uint32_t id, seed = 31;
	bool direct;
	int fd = storage_any_file("load", 4 * MIB, 13, &direct);

	pins_begin();
	EXPECT(sizeof(struct gaming_load), 72);
	EXPECT(gaming_open(&g), 0);
	EXPECT(g.features & (GAMING_FEAT_LZ4 | GAMING_FEAT_ZSTD),
		GAMING_FEAT_LZ4 | GAMING_FEAT_ZSTD);
	EXPECT(storage_new_buffer(&g, all, &buffer, &id), 0);
	for (uint32_t format = GAMING_FORMAT_NONE; format <= GAMING_FORMAT_ZSTD; format++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			size_t at = random_next(&seed) % 5000, n;
			off_t offset = random_next(&seed) % 100000;
			struct gaming_load load = {.fd = fd,
				.format = format,
				.buffer = id,
				.buffer_at = at,
				.room = sizes[i]};

			if (format == GAMING_FORMAT_NONE) { /* as the file system will have it */
				at = at / 4096 * 4096;
				offset = offset / 4096 * 4096;
				load.buffer_at = at;
				if (sizes[i] % 512)
					continue;
			}
			make_asset(asset, sizes[i], seed);
			n = pack(format, packed, PACKED, asset, sizes[i]);
			load.offset = (uint64_t)offset;
			load.packed = n;
			EXPECT(storage_put(fd, packed, n, offset), 0);
			memset(buffer, 0x77, all);
			EXPECT(gaming_load(&g, &load), sizes[i]);
			REQUIRE(!memcmp(buffer + at, asset, sizes[i]),
				"format %u, %zu: other bytes", format, sizes[i]);
			REQUIRE(rest_is(buffer, all, at, sizes[i], 0x77),
				"format %u, %zu: written beyond", format, sizes[i]);
			EXPECT(load.cached, !direct);
			/* A byte less room, a byte less of it: refused. */
			load.room--;
			if (load.room)
				EXPECT(gaming_load(&g, &load), -EBADMSG);
			load.room++;
			load.packed--;
			if (load.packed && format != GAMING_FORMAT_NONE)
				EXPECT(gaming_load(&g, &load), -EBADMSG);
			/* More than the file has. */
			load.packed = 5 * MIB;
			load.room = MIB;
			EXPECT(gaming_load(&g, &load), -EBADMSG);
		}
	}
	gaming_close(&g);
	EXPECT(pinned_pages(), 0);
	return 0;
}

/*
 * Damaged in every way: never a byte outside of the room, and what zstd's own
 * checksum covers never taken for whole.
 */
int test_storage_damaged(void)
{
	enum { LEN = 30000, ROOM = 32768, ROUNDS = 1500 };
	size_t all = 128 * KIB;
	char *asset = malloc(LEN), *packed = malloc(PACKED), *bad = malloc(PACKED), *buffer;
	uint32_t id, seed = 41;
	long refused = 0;
	struct gaming g;
	int fd = storage_new_file("damaged", 256 * KIB, 14, O_RDWR);

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, all, &buffer, &id), 0);
	make_asset(asset, LEN, 3);
	for (uint32_t format = GAMING_FORMAT_LZ4; format <= GAMING_FORMAT_ZSTD; format++) {
		size_t n = pack(format, packed, PACKED, asset, LEN);

		for (int round = 0; round < ROUNDS; round++) {
			struct gaming_load load = {.fd = fd,
				.format = format,
				.buffer = id,
				.buffer_at = 4096 + round % 100,
				.room = ROOM,
				.packed = n};
			bool changed;
			long got;

			memcpy(bad, packed, n);
			switch (round % 4) {
			case 0:
				bad[random_next(&seed) % n] ^= (char)(1 << random_next(&seed) % 8);
				break;
			case 1:
				load.packed = random_next(&seed) % n + 1;
				break;
			case 2:
				for (int i = 0; i < 20; i++)
					bad[random_next(&seed) % n] = (char)random_next(&seed);
				break;
			default:
				for (size_t i = 0; i < n; i++)
					bad[i] = (char)(round % 8 < 4 ? random_next(&seed) : 0xff);
			}
			changed = memcmp(bad, packed, n) || load.packed != n;
			EXPECT(pwrite(fd, bad, n, 0), n);
			memset(buffer, 0x55, all);
			got = gaming_load(&g, &load);
			REQUIRE(rest_is(buffer, all, load.buffer_at, ROOM, 0x55),
				"format %u, round %d: written beyond its room", format, round);
			REQUIRE(got == -EBADMSG || (got >= 0 && got <= ROOM), "round %d: %ld",
				round, got);
			refused += got == -EBADMSG;
			if (format == GAMING_FORMAT_ZSTD && changed)
				REQUIRE(got == -EBADMSG ||
						!memcmp(buffer + load.buffer_at, asset, LEN),
					"round %d: damaged, and taken for whole", round);
		}
	}
	REQUIRE(refused > ROUNDS, "%ld of %d were refused", refused, 2 * ROUNDS);
	for (uint32_t format = 0; format < 300; format++) {
		struct gaming_load load = {
			.fd = fd, .format = format, .buffer = id, .room = 4096, .packed = 4096};
		long want = format == GAMING_FORMAT_GDEFLATE || format == GAMING_FORMAT_BCPACK ||
					    format == GAMING_FORMAT_CUSTOM
				    ? -EOPNOTSUPP
				    : -EINVAL;

		if (format > GAMING_FORMAT_ZSTD)
			EXPECT(gaming_load(&g, &load), want);
	}
	gaming_close(&g);
	return 0;
}

int test_storage_load_bad(void)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t value;
		int err;
	} cases[] = {
		{"flags", offsetof(struct gaming_load, flags), 1, EINVAL},
		{"fd", offsetof(struct gaming_load, fd), UINT32_MAX, EBADF},
		{"no bytes", offsetof(struct gaming_load, packed), 0, EINVAL},
		{"too many bytes", offsetof(struct gaming_load, packed), GAMING_LOAD_BYTES + 1,
			EINVAL},
		{"no room", offsetof(struct gaming_load, room), 0, EINVAL},
		{"too much room", offsetof(struct gaming_load, room), GAMING_LOAD_BYTES + 1,
			EINVAL},
		{"more room than buffer", offsetof(struct gaming_load, room), MIB + 1, EINVAL},
		{"behind the buffer", offsetof(struct gaming_load, buffer_at), MIB, EINVAL},
		{"before the buffer", offsetof(struct gaming_load, buffer_at), ~0ull, EINVAL},
		{"behind all files", offsetof(struct gaming_load, offset), INT64_MAX, EINVAL},
		{"no such buffer", offsetof(struct gaming_load, buffer), 99, ENOENT},
		{"priority", offsetof(struct gaming_load, priority), 5, EINVAL},
		{"reserved", offsetof(struct gaming_load, resv), 1, EINVAL},
	};
	struct gaming g;
	uint32_t id;
	char *buffer;
	int fd = storage_new_file("load-bad", MIB, 15, O_RDWR);

	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, MIB, &buffer, &id), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_load load = {.fd = fd,
			.format = GAMING_FORMAT_LZ4,
			.packed = 4096,
			.buffer = id,
			.room = 4096};
		size_t at = cases[i].offset;
		bool wide = at == offsetof(struct gaming_load, packed) ||
			    at == offsetof(struct gaming_load, room) ||
			    at == offsetof(struct gaming_load, buffer_at) ||
			    at == offsetof(struct gaming_load, offset);
		long got;

		memcpy((char *)&load + at, &cases[i].value, wide ? 8 : 4);
		got = gaming_load(&g, &load);
		REQUIRE(got == -cases[i].err, "LOAD, %s: %ld", cases[i].name, got);
	}
	gaming_close(&g);
	return 0;
}

int test_storage_stream(void)
{
	enum { CHUNK = 16 * 1024 };
	size_t len = 2 * MIB - 4096;
	struct gaming_done done[GAMING_IO_MOST];
	struct gaming_stream stream;
	static bool seen[256];
	char *buffer, *want = malloc(len);
	uint64_t chunks = (len + CHUNK - 1) / CHUNK, told = 0, signalled = 0, value;
	struct gaming g;
	uint32_t id;
	int fd = storage_any_file("stream", len, 16, NULL), event = eventfd(0, EFD_NONBLOCK);

	pins_begin();
	EXPECT(sizeof(struct gaming_stream), 80);
	EXPECT(gaming_open(&g), 0);
	EXPECT(storage_new_buffer(&g, 2 * MIB, &buffer, &id), 0);
	stream = (struct gaming_stream){.fd = fd,
		.eventfd = event,
		.len = len,
		.buffer = id,
		.priority = GAMING_STORAGE_STREAMING,
		.chunk = CHUNK,
		.user_data = 1000};
	EXPECT(gaming_stream(&g, &stream), len);
	while (told < chunks) {
		struct gaming_io io = {.done = (uintptr_t)done, .done_most = 50, .wanted = 1};

		EXPECT(gaming_io(&g, GAMING_CALL_PREAD, &io), 0);
		for (uint32_t i = 0; i < io.done_count; i++) {
			uint64_t which = done[i].user_data - 1000;

			REQUIRE(which < chunks && !seen[which], "chunk %lu", which);
			seen[which] = true;
			EXPECT(done[i].res, which == chunks - 1 ? (len - 1) % CHUNK + 1 : CHUNK);
		}
		told += io.done_count;
	}
	while (read(event, &value, sizeof(value)) == sizeof(value))
		signalled += value;
	EXPECT(signalled, chunks);
	fcntl(fd, F_SETFL, 0);
	EXPECT(pread(fd, want, len, 0), len);
	REQUIRE(!memcmp(buffer, want, len), "other bytes");

	/* More chunks than can be under way: as many as fit, then none. */
	stream = (struct gaming_stream){
		.fd = fd, .eventfd = -1, .len = len, .buffer = id, .chunk = 4096};
	EXPECT(gaming_stream(&g, &stream), GAMING_IO_MOST * 4096);
	EXPECT(gaming_stream(&g, &stream), -EAGAIN);
	stream.chunk = 100;
	EXPECT(gaming_stream(&g, &stream), -EINVAL);
	stream.chunk = 4096;
	stream.eventfd = fd;
	EXPECT(gaming_stream(&g, &stream), -EINVAL);
	stream.eventfd = -2;
	EXPECT(gaming_stream(&g, &stream), -EINVAL);
	stream.eventfd = -1;
	stream.len = 0;
	EXPECT(gaming_stream(&g, &stream), -EINVAL);
	stream.len = ~0ull;
	EXPECT(gaming_stream(&g, &stream), -EINVAL);
	gaming_close(&g); /* with all that under way, and nothing told */
	EXPECT(pinned_pages(), 0);
	return 0;
}

/* A disk of the machine's, to be read only: a rig has one more often than a file system. */
static int storage_disk(void)
{
	static const char *const disks[] = {"/dev/nvme0n1", "/dev/sda", "/dev/vda"};
	int fd = -1;

	for (size_t i = 0; i < ARRAY_LEN(disks) && fd < 0; i++)
		fd = open(disks[i], O_RDONLY | O_DIRECT | O_CLOEXEC);
	return fd;
}

/* Copies by the CPU for each byte that comes out: 1 by read(2), 0 by direct PREAD. */
int test_storage_copies(void)
{
	size_t len = 2 * MIB;
	struct gaming_request request = {.len = (uint32_t)len};
	struct gaming_filled filled;
	uint64_t before, by_read, by_pread;
	struct metric *m;
	struct gaming g;
	void *ours;
	int fd = storage_new_file("copies", len, 17, O_RDWR | O_DIRECT);
	bool file = fd >= 0;

	if (fd == -EINVAL)
		fd = storage_disk();
	if (fd == -1)
		return skip("no disk, and no direct I/O: GAMING_DIR names a directory that has it");
	REQUIRE(fd >= 0, "a file: %d", fd);
	if (!copies_begin())
		return skip("needs root and kprobe events, to count copies");
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_mmap(&g, len, 0, &ours, &filled), 0);
	EXPECT(gaming_buffer_add(&g, ours, len, &request.buffer), 0);
	request.fd = fd;
	before = copies_bytes();
	EXPECT(storage_one(&g, GAMING_CALL_PREAD, request, NULL), len);
	by_pread = copies_bytes() - before;
	REQUIRE(!file || !is_zero(ours, 64 * KIB), "nothing came");

	/* The same descriptor without O_DIRECT, by read(2): so the count does count. */
	fcntl(fd, F_SETFL, 0);
	before = copies_bytes();
	EXPECT(pread(fd, ours, len, 0), len);
	by_read = copies_bytes() - before;
	copies_end();
	m = add_metric("copies_per_byte_direct", "copies", true);
	m->samples[m->count++] = (double)by_pread / (double)len;
	m = add_metric("copies_per_byte_read", "copies", true);
	m->samples[m->count++] = (double)by_read / (double)len;
	EXPECT(by_read, len);
	EXPECT(by_pread, 0);
	gaming_close(&g);
	return 0;
}

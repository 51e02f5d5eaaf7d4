/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 16 MiB of a file into memory, in pieces of 128 KiB: by one PREAD, by read(2) with
 * nothing cached, and by io_uring with O_DIRECT and a registered buffer.
 */
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/bench/benches.h"
#include "kmods/gaming/bench/instructions.h"
#include "kmods/gaming/libgaming/storage.h"
#include "kmods/gaming/selftest/copies.h"
#include "kmods/gaming/selftest/files.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/selftest/report.h"

enum {
	STORAGE_BYTES = 16 << 20,
	STORAGE_EACH = 128 << 10,
	STORAGE_COUNT = STORAGE_BYTES / STORAGE_EACH
};
enum storage_way { BY_PREAD, BY_READ, BY_URING, STORAGE_WAYS };

static struct storage_bench {
	struct gaming g;
	struct io_uring ring;
	struct gaming_request requests[STORAGE_COUNT];
	struct gaming_done done[STORAGE_COUNT];
	int direct, plain;
	char *memory;
} sb;

static int storage_bench_open(void)
{
	uint32_t id;
	void *memory;

	EXPECT(gaming_open(&sb.g), 0);
	sb.direct = storage_new_file("bench", STORAGE_BYTES, 21, O_RDONLY | O_DIRECT);
	if (sb.direct == -EINVAL)
		return skip("no direct I/O here: GAMING_DIR names a directory that has it");
	sb.plain = storage_new_file("bench-plain", STORAGE_BYTES, 21, O_RDONLY);
	REQUIRE(sb.direct >= 0 && sb.plain >= 0, "files: %d, %d", sb.direct, sb.plain);
	fill_pool(&sb.g, STORAGE_BYTES / PAGE);
	EXPECT(gaming_mmap(&sb.g, STORAGE_BYTES, 0, &memory, NULL), 0);
	sb.memory = memory;
	EXPECT(gaming_buffer_add(&sb.g, memory, STORAGE_BYTES, &id), 0);
	for (uint32_t i = 0; i < STORAGE_COUNT; i++)
		sb.requests[i] = (struct gaming_request){.fd = sb.direct,
			.buffer = id,
			.buffer_at = (uint64_t)i * STORAGE_EACH,
			.offset = (uint64_t)i * STORAGE_EACH,
			.len = STORAGE_EACH,
			.priority = GAMING_STORAGE_NORMAL};
	EXPECT(io_uring_queue_init(STORAGE_COUNT, &sb.ring, 0), 0);
	EXPECT(io_uring_register_buffers(
		       &sb.ring, &(struct iovec){.iov_base = memory, .iov_len = STORAGE_BYTES}, 1),
		0);
	return 0;
}

static long read_by_uring(void)
{
	struct io_uring_cqe *cqe;
	long bytes = 0;

	for (int i = 0; i < STORAGE_COUNT; i++)
		io_uring_prep_read_fixed(io_uring_get_sqe(&sb.ring), sb.direct,
			sb.memory + (size_t)i * STORAGE_EACH, STORAGE_EACH,
			(uint64_t)i * STORAGE_EACH, 0);
	io_uring_submit_and_wait(&sb.ring, STORAGE_COUNT);
	for (int i = 0; i < STORAGE_COUNT && !io_uring_wait_cqe(&sb.ring, &cqe); i++) {
		bytes += cqe->res;
		io_uring_cqe_seen(&sb.ring, cqe);
	}
	return bytes;
}

/* Bytes. */
static long storage_read_all(enum storage_way way)
{
	long bytes = 0;

	switch (way) {
	case BY_PREAD:
		if (gaming_pread_all(&sb.g, sb.requests, STORAGE_COUNT, sb.done))
			return -1;
		for (int i = 0; i < STORAGE_COUNT; i++)
			bytes += sb.done[i].res;
		return bytes;
	case BY_READ:
		posix_fadvise(sb.plain, 0, 0, POSIX_FADV_DONTNEED);
		for (int i = 0; i < STORAGE_COUNT; i++)
			bytes += pread(sb.plain, sb.memory + (size_t)i * STORAGE_EACH, STORAGE_EACH,
				(off_t)i * STORAGE_EACH);
		return bytes;
	default:
		return read_by_uring();
	}
}

int bench_storage_copies(void)
{
	double copies[STORAGE_WAYS];

	if (storage_bench_open())
		return 1;
	if (report->skip[0])
		return 0;
	if (!copies_begin())
		return skip("needs root and kprobe events, to count copies");
	for (enum storage_way way = 0; way < STORAGE_WAYS; way++) {
		uint64_t before = copies_bytes();

		EXPECT(storage_read_all(way), STORAGE_BYTES);
		copies[way] = (double)(copies_bytes() - before) / STORAGE_BYTES;
	}
	copies_end();
	bench_print(&(struct bench_row){.what = "direct storage: copies by the CPU per byte",
		.against = "read(2): 1",
		.value = copies[BY_PREAD],
		.unit = "copies",
		.target = "0",
		.met = copies[BY_PREAD] == 0 && copies[BY_READ] == 1});
	bench_print(&(struct bench_row){.what = "read(2): copies by the CPU per byte",
		.against = "-",
		.value = copies[BY_READ],
		.unit = "copies",
		.target = ""});
	EXPECT(copies[BY_PREAD], 0);
	EXPECT(copies[BY_READ], 1);
	return 0;
}

static void print_instructions(const char *against, double (*samples)[BENCH_PAIRS],
	enum storage_way way, int count, double at_least)
{
	double ours = median(samples[BY_PREAD], count), theirs = median(samples[way], count);

	bench_print(&(struct bench_row){.what = "direct storage: instructions per MiB",
		.against = against,
		.value = ours,
		.unit = "insns",
		.ratio = theirs / ours,
		.spread = bench_spread(samples[BY_PREAD], samples[way], count),
		.target = "no worse",
		.met = theirs / ours >= at_least});
}

int bench_storage_instructions(void)
{
	enum { PAIRS = 9 };
	static double samples[STORAGE_WAYS][BENCH_PAIRS];
	struct instructions in;
	struct metric *m;

	if (!instructions_begin(&in))
		return skip("no counter of instructions: QEMU's -icount shift=0 and one CPU");
	if (storage_bench_open())
		return 1;
	if (report->skip[0])
		return 0;
	for (int i = -1; i < PAIRS; i++) {
		double cost[STORAGE_WAYS] = {0};

		for (int turn = 0; turn < 2 * STORAGE_WAYS; turn++) {
			enum storage_way way =
				turn < STORAGE_WAYS
					? (enum storage_way)turn
					: (enum storage_way)(2 * STORAGE_WAYS - 1 - turn);
			double before;

			/* What the one before has left to others is done, on its own account. */
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
			before = instructions_now(&in);
			EXPECT(storage_read_all(way), STORAGE_BYTES);
			cost[way] += instructions_now(&in) - before;
		}
		for (int way = 0; i >= 0 && way < STORAGE_WAYS; way++)
			samples[way][i] = cost[way] / 2 / (STORAGE_BYTES >> 20);
	}
	instructions_end(&in);
	m = add_metric("instructions_per_mib", "insns", false);
	m->count = PAIRS;
	memcpy(m->samples, samples[BY_PREAD], sizeof(samples[0]));
	print_instructions("read(2), nothing cached", samples, BY_READ, PAIRS, 1);
	print_instructions("io_uring, O_DIRECT, registered", samples, BY_URING, PAIRS, 1);
	return 0;
}

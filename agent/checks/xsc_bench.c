/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XSC against io_uring, with SQPOLL and without, and against plain system calls: NOP at
 * batches of 1, 4, 16 and 64, operations on files at 16; traps, page faults, wake-ups and CPU
 * time per operation; a TCP server's echoes and accepts, also against epoll.
 *
 * Time is compared in one run, A B B A, and told as a ratio of medians with its
 * spread: on a virtual rig nothing else of it is worth anything. A target that is
 * not met is told, and is no failure; a trap of the ring in steady state is one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "kmods/selftest/starved.h"
#include "kmods/xsc/bench/net.h"
#include "kmods/xsc/bench/sides.h"
#include "kmods/xsc/bench/traps.h"

#define SAMPLES 11
#define SLICE_OPS 1920

static const int batch_sizes[] = {1, 4, 16, 64};
#define BATCHES (sizeof(batch_sizes) / sizeof(batch_sizes[0]))
static const char *const side_names[SIDES] = {"xsc", "io_uring SQPOLL", "io_uring", "system calls"};
static const char *const side_keys[SIDES] = {"xsc", "uring", "entered", "plain"};
static const char *const work_names[WORKS] = {
	"nop", "pread4k", "pread64", "pwrite64", "fsync", "stat"};

/* At least so many times as fast; 0: said, and no target. */
static const struct pair {
	enum work work;
	int batch;
	enum side other;
	double target;
} pairs[] = {
	{NOP, 1, URING, 1.0},
	{NOP, 4, URING, 1.2},
	{NOP, 16, URING, 1.5},
	{NOP, 64, URING, 1.5},
	{NOP, 1, PLAIN, 0},
	{NOP, 4, PLAIN, 1.5},
	{NOP, 16, PLAIN, 2.0},
	{NOP, 64, PLAIN, 2.0},
	{PREAD, 16, URING, 1.0},
	{PREAD, 16, PLAIN, 1.0},
	{PREAD64, 16, URING, 1.1},
	{PREAD64, 16, ENTERED, 1.1},
	{PREAD64, 16, PLAIN, 1.1},
	{PWRITE64, 16, URING, 3.0},
	{PWRITE64, 16, ENTERED, 2.0},
	{FSYNC, 16, URING, 3.0},
	{FSYNC, 16, ENTERED, 2.0},
	{STAT, 16, URING, 3.0},
	{STAT, 16, ENTERED, 2.0},
};

static struct bench bench;
static int tests, failures;

#define PROBE_MS 3
#define REPEATS 3

static int disturbed; /* slices of the pair at hand that stayed so */

/* Operations a second in one slice, warmed up: the poller is awake when time begins. */
static double slice(enum side side, enum work work, int batch)
{
	uint64_t start;

	bench_quiet(&bench);
	bench_run(&bench, side, work, batch, 4 * MAX_BATCH);
	start = now_ns();
	bench_run(&bench, side, work, batch, SLICE_OPS);
	return SLICE_OPS * 1e9 / (double)(now_ns() - start);
}

/* A slice whose CPUs were somebody else's is repeated, and told if that does not help. */
static double ops_per_s(enum side side, enum work work, int batch)
{
	struct starved_shares shares;
	struct starved_mark mark;
	char why[256];
	double rate = 0;

	for (int i = 0; i < REPEATS; i++) {
		starved_begin(&mark);
		rate = slice(side, work, batch);
		starved_since(&mark, PROBE_MS, &shares);
		if (!starved_is(&shares, why, sizeof(why)))
			return rate;
	}
	disturbed++;
	return rate;
}

static void print_metric(const char *name, const char *unit, const char *better,
	const double *samples, int count, double value)
{
	printf("    - name: %s\n      value: %.6g\n      unit: %s\n      better: %s\n      "
	       "samples: [",
		name, value, unit, better);
	for (int i = 0; i < count; i++)
		printf("%s%.6g", i ? ", " : "", samples[i]);
	printf("]\n");
}

/* For tests/bench/xsc: what | against | value | unit | ratio | spread | target | met */
static void print_row(const char *what, const char *against, double value, const char *unit,
	double ratio, double spread, const char *target, bool met)
{
	printf("# row|%s|%s|%.6g|%s|%.4g|%.4g|%s|%s\n", what, against, value, unit, ratio, spread,
		target, met ? "yes" : "no");
}

/* The slices of one pair of ours and theirs, A B B A. */
struct samples {
	double ours[SAMPLES], theirs[SAMPLES], ratios[SAMPLES];
};

/* Half of the samples lie in the spread, told as a part of the median. */
static void tell(
	struct samples *s, const char *what, const char *metric, const char *other, double target)
{
	double value = median(s->ours, SAMPLES), ratio = value / median(s->theirs, SAMPLES), spread;
	char want[16] = "";

	/* A ratio of what others left is none. */
	if (disturbed > SAMPLES) {
		printf("ok %d - %s against %s # SKIP the CPUs were taken away in %d of %d slices\n",
			++tests, what, other, disturbed, 4 * SAMPLES);
		disturbed = 0;
		return;
	}
	qsort(s->ratios, SAMPLES, sizeof(*s->ratios), by_value);
	spread = (s->ratios[SAMPLES * 3 / 4] - s->ratios[SAMPLES / 4]) / s->ratios[SAMPLES / 2];
	printf("ok %d - %s against %s: measured\n  ---\n  metrics:\n", ++tests, what, other);
	print_metric(metric, "ratio", "higher", s->ratios, SAMPLES, ratio);
	printf("  ...\n");
	if (target > 0)
		snprintf(want, sizeof(want), ">= %.1f", target);
	print_row(what, other, value, "ops/s", ratio, spread, want, ratio >= target);
	if (disturbed)
		printf("# disturbed: the CPUs were taken away in %d of %d slices of %s\n",
			disturbed, 4 * SAMPLES, what);
	disturbed = 0;
	fflush(stdout);
}

static void compare(enum work work, int batch, enum side other, double target)
{
	struct samples samples;
	char name[64], what[64];

	for (int i = -1; i < SAMPLES; i++) {
		double a = ops_per_s(XSC, work, batch), b = ops_per_s(other, work, batch);

		b += ops_per_s(other, work, batch);
		a += ops_per_s(XSC, work, batch);
		if (i < 0)
			continue;
		samples.ours[i] = a / 2;
		samples.theirs[i] = b / 2;
		samples.ratios[i] = a / b;
	}
	snprintf(name, sizeof(name), "%s_batch%d_vs_%s", work_names[work], batch, side_keys[other]);
	snprintf(what, sizeof(what), "%s, batch %d", work_names[work], batch);
	tell(&samples, what, name, side_names[other], target);
}

static void compare_net(enum net_work work, int conns, enum net_side other)
{
	static const char *const names[NET_WORKS] = {"tcp_echo", "tcp_accept"};
	static const char *const others[NET_SIDES] = {
		[NET_SQPOLL] = "io_uring SQPOLL", [NET_URING] = "io_uring", [NET_EPOLL] = "epoll"};
	static const char *const keys[NET_SIDES] = {
		[NET_SQPOLL] = "uring_sqpoll", [NET_URING] = "uring", [NET_EPOLL] = "epoll"};
	const enum net_side order[] = {NET_XSC, other, other, NET_XSC};
	double cpu[2][2 * SAMPLES];
	struct samples samples;
	char name[64], what[64];

	snprintf(what, sizeof(what), work == ECHO ? "TCP echo, %d connections" : "TCP accept",
		conns);
	for (int i = 0; i < SAMPLES; i++) {
		double rates[4];

		for (int k = 0; k < 4; k++) {
			rates[k] = net_rate(
				order[k], work, conns, &cpu[order[k] != NET_XSC][2 * i + k / 2]);
			if (rates[k] >= 0)
				continue;
			failures++;
			printf("not ok %d - %s: a ring or a client failed\n", ++tests, what);
			return;
		}
		samples.ours[i] = (rates[0] + rates[3]) / 2;
		samples.theirs[i] = (rates[1] + rates[2]) / 2;
		samples.ratios[i] = (rates[0] + rates[3]) / (rates[1] + rates[2]);
	}
	snprintf(name, sizeof(name), "%s%d_vs_%s", names[work], conns, keys[other]);
	tell(&samples, what, name, others[other], 1.0);
	printf("# CPU us of all threads of the server, each: %.4g, %s %.4g: %s\n",
		median(cpu[0], 2 * SAMPLES), others[other], median(cpu[1], 2 * SAMPLES), what);
}

static void count_all(enum work work, int batch)
{
	struct counted counted[SIDES];
	char what[64], name[64];
	bool ok = true;

	for (int side = 0; side < SIDES; side++) {
		counted[side] = (struct counted){0};
		if (count_side(&bench, (enum side)side, work, batch, &counted[side]))
			ok = false;
	}
	/* The count is one that can count: a system call for each plain operation. */
	ok = ok && counted[PLAIN].traps == 1 && counted[XSC].traps == 0;
	failures += !ok;
	printf("%s %d - %s batch %d: no trap per operation, one by system call\n  ---\n  "
	       "metrics:\n",
		ok ? "ok" : "not ok", ++tests, work_names[work], batch);
	for (int side = 0; side < SIDES; side++) {
		const double values[] = {counted[side].traps, counted[side].faults,
			counted[side].wakes, counted[side].cpu_us};
		static const char *const what_names[] = {"traps", "faults", "wakeups", "cpu_us"};

		for (int i = 0; i < 4; i++) {
			snprintf(name, sizeof(name), "%s_batch%d_%s_%s", work_names[work], batch,
				what_names[i], side_keys[side]);
			print_metric(name, what_names[i], "lower", &values[i], 1, values[i]);
		}
	}
	printf("  ...\n");
	for (int side = 0; side < SIDES; side++) {
		snprintf(what, sizeof(what), "traps per %s, batch %d, %s", work_names[work], batch,
			side_names[side]);
		print_row(what, side == XSC ? side_names[URING] : "", counted[side].traps,
			"traps/op", 0, 0, side == XSC ? "= 0" : "",
			side != XSC || counted[side].traps == 0);
		printf("# faults/op %.4g, wake-ups/op %.4g, CPU us/op of all threads %.4g: %s\n",
			counted[side].faults, counted[side].wakes, counted[side].cpu_us, what);
	}
	fflush(stdout);
}

/* Did io_uring hand reads to its worker threads? Then it would not be SQPOLL's time. */
static int uring_workers(void)
{
	FILE *pipe = popen("cat /proc/$PPID/task/*/comm | grep -c iou-wrk", "re");
	int count = -1;

	if (pipe && fscanf(pipe, "%d", &count) != 1)
		count = -1;
	if (pipe)
		pclose(pipe);
	return count;
}

static char bench_path[] = "/tmp/xsc_bench.XXXXXX";

static int new_file(void)
{
	int fd = mkstemp(bench_path);

	bench.buf = aligned_alloc(BLOCK, (size_t)MAX_BATCH * BLOCK);
	if (fd < 0 || !bench.buf)
		return -1;
	memset(bench.buf, 1, (size_t)MAX_BATCH * BLOCK);
	bench.fd = fd;
	bench.path = bench_path;
	return write(fd, bench.buf, BLOCK) == BLOCK ? 0 : -1;
}

static int measure_traps(void)
{
	for (size_t i = 0; i < BATCHES; i++)
		count_all(NOP, batch_sizes[i]);
	for (int work = PREAD; work < WORKS; work++)
		count_all((enum work)work, 16);
	return 0;
}

static int measure_rings(void)
{
	int err = bench_open(&bench, SIDES, 3);

	if (err)
		return err;
	/* Both rings have done something, and have the threads that they will have. */
	bench_run(&bench, XSC, NOP, 1, 1);
	err = bench_pin();
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		compare(pairs[i].work, pairs[i].batch, pairs[i].other, pairs[i].target);
	printf("# io_uring worker threads: %d\n", uring_workers());
	xsc_teardown(&bench.xsc);
	io_uring_queue_exit(&bench.uring);
	io_uring_queue_exit(&bench.entered);
	return 0;
}

static int measure_net(void)
{
	static const int conns[] = {1, 64};

	for (enum net_side other = NET_SQPOLL; other < NET_SIDES; other++) {
		for (size_t i = 0; i < sizeof(conns) / sizeof(conns[0]); i++)
			compare_net(ECHO, conns[i], other);
		compare_net(ACCEPT, 1, other);
	}
	return 0;
}

static const struct part {
	const char *name;
	int (*measure)(void); /* 0, or a negative errno: no ring */
} parts[] = {
	{"traps", measure_traps},
	{"rings", measure_rings},
	{"net", measure_net},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: xsc_bench [traps] [rings] [net]\n\n"
		"Compares XSC with io_uring and with system calls: traps and CPU time per "
		"operation,\n"
		"NOP at four batch sizes, operations on files, a TCP server. Prints TAP 14 with\n"
		"metrics.\n"
		"Exit status: 0, 1: the ring trapped, or could not be measured, 2 wrong use.\n");
	return status;
}

static bool wanted(const struct part *part, int argc, char **argv)
{
	bool found = argc == 1;

	for (int i = 1; i < argc; i++)
		found = found || !strcmp(argv[i], part->name);
	return found;
}

int main(int argc, char **argv)
{
	int known = 0;
	cpu_set_t cpus;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(0);
	for (size_t i = 0; i < PARTS; i++)
		known += argc > 1 && wanted(&parts[i], argc, argv);
	if (known != argc - 1)
		return usage(2);

	printf("TAP version 14\n");
	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (access(XSC_DEVICE, F_OK) || CPU_COUNT(&cpus) < 2) {
		printf("1..0 # SKIP needs %s and 2 CPUs\n", XSC_DEVICE);
		return 0;
	}
	if (new_file()) {
		printf("Bail out! no file in /tmp: %m\n");
		return 1;
	}
	for (size_t i = 0; i < PARTS; i++) {
		int err = wanted(&parts[i], argc, argv) ? parts[i].measure() : 0;

		if (err) {
			printf("Bail out! a ring: %s\n", strerror(-err));
			return 1;
		}
	}
	unlink(bench_path);
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}

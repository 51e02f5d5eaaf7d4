/* SPDX-License-Identifier: Apache-2.0 */
/* Traps per operation, counted, and time as a ratio to the system call. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

/*
 * The submitting thread is traced, and only it. Every system call that it makes
 * stops it, and is counted between two calls of getpgid() with numbers that
 * nobody else uses. The same loop with pread(2) must give one for each operation:
 * or nothing is counted at all.
 */
#define MARK_BEGIN 0x5eed0001
#define MARK_END 0x5eed0002
#define TRAP_OPS 2000
#define WINDOWS 5

enum loop { RING_NOP_1, RING_PREAD_1, RING_PREAD_16, PLAIN_PREAD, LOOPS };

static int loop_once(enum loop loop, struct xsc_ring *ring, int fd, char *buf, int ops)
{
	struct xsc_cqe cqe;
	int batch = loop == RING_PREAD_16 ? 16 : 1;

	for (int done = 0; done < ops; done += batch) {
		if (loop == PLAIN_PREAD) {
			if (pread(fd, buf, 4096, 0) != 4096)
				return -1;
			continue;
		}
		for (int i = 0; i < batch; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(ring);

			if (loop == RING_NOP_1)
				xsc_prep_nop(sqe);
			else
				xsc_prep_pread(sqe, fd, buf + i * 4096, 4096, 0);
		}
		xsc_submit(ring);
		for (int i = 0; i < batch; i++) {
			xsc_spin_cqe(ring, &cqe);
			if (cqe.res != (loop == RING_NOP_1 ? 0 : 4096))
				return -1;
		}
	}
	return 0;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void traced_child(enum loop loop, _Atomic long *fault_count)
{
	struct xsc_ring ring;
	char *buf = aligned_alloc(4096, 16 * 4096);
	int fd;
	long before;

	memset(buf, 1, 16 * 4096);
	fd = new_file("traps", buf, 4096);
	/* The control has no ring, lest its polling thread take the CPU of the tracer. */
	if (loop != PLAIN_PREAD && xsc_setup(&ring, &busy))
		_exit(1);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	for (int i = 0; i < WINDOWS; i++) {
		if (loop_once(loop, &ring, fd, buf, 64))
			_exit(3);
		before = faults();
		syscall(SYS_getpgid, MARK_BEGIN);
		if (loop_once(loop, &ring, fd, buf, TRAP_OPS))
			_exit(3);
		syscall(SYS_getpgid, MARK_END);
		*fault_count += faults() - before;
	}
	_exit(0);
}

/* A sample of @m per window; the first that is not @expected traps ends it. */
static int count_traps(enum loop loop, long expected, struct metric *m, _Atomic long *fault_count)
{
	pid_t child = fork();
	int status, signal_to_pass = 0;
	bool counting = false;
	long count = 0;

	if (!child)
		traced_child(loop, fault_count);
	EXPECT(waitpid(child, &status, __WALL), child);
	REQUIRE(WIFSTOPPED(status), "the traced child ended with %#x", (unsigned)status);
	EXPECT(sys(ptrace(
		       PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)),
		0);
	for (;;) {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

		EXPECT(sys(ptrace(PTRACE_SYSCALL, child, NULL, signal_to_pass)), 0);
		EXPECT(waitpid(child, &status, __WALL), child);
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
		signal_to_pass = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			signal_to_pass = WSTOPSIG(status);
			continue;
		}
		EXPECT(sys(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info)) > 0, 1);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK_BEGIN) {
			counting = true;
			count = 0;
		} else if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK_END) {
			counting = false;
			REQUIRE(m->count < WINDOWS, "more windows than there are");
			m->samples[m->count++] = (double)count / TRAP_OPS;
			REQUIRE(count == expected, "%s: %ld traps in %d operations, not %ld",
				m->name, count, TRAP_OPS, expected);
		} else if (counting) {
			count++;
		}
	}
	REQUIRE(WIFEXITED(status) && !WEXITSTATUS(status), "the traced child ended with %#x",
		(unsigned)status);
	EXPECT(m->count, WINDOWS);
	return 0;
}

int test_traps(void)
{
	static const char *const names[] = {"traps_per_op", "traps_per_op_pread",
		"traps_per_op_pread_batch16", "traps_per_op_plain_pread"};
	_Atomic long *fault_count =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct metric *m;
	long all_faults = 0;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (CPU_COUNT(&cpus) < 2)
		return skip("needs 2 CPUs: on one the thread cannot poll while others run");

	for (int loop = 0; loop < LOOPS; loop++) {
		*fault_count = 0;
		m = add_metric(names[loop], "traps", true);
		if (count_traps(
			    (enum loop)loop, loop == PLAIN_PREAD ? TRAP_OPS : 0, m, fault_count))
			return 1;
		if (loop != PLAIN_PREAD)
			all_faults += *fault_count;
	}
	m = add_metric("page_faults_per_op", "faults", true);
	m->samples[m->count++] = (double)all_faults / (TRAP_OPS * WINDOWS * (LOOPS - 1));
	return 0;
}

enum side { NOP_1, NOP_16, GETPPID, READ_1, READ_16, PREAD };

static double per_op_ns(enum side side, struct xsc_ring *ring, int fd, char *buf)
{
	enum { OPS = 320 };
	int batch = side == NOP_16 || side == READ_16 ? 16 : 1;
	bool read = side == READ_1 || side == READ_16;
	uint64_t start = now_ns();
	struct xsc_cqe cqe;

	for (int done = 0; done < OPS; done += batch) {
		if (side == GETPPID) {
			syscall(SYS_getppid);
			continue;
		}
		if (side == PREAD) {
			if (pread(fd, buf, 4096, 0) != 4096)
				abort();
			continue;
		}
		for (int i = 0; i < batch; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(ring);

			if (read)
				xsc_prep_pread(sqe, fd, buf + i * 4096, 4096, 0);
			else
				xsc_prep_nop(sqe);
		}
		xsc_submit(ring);
		for (int i = 0; i < batch; i++)
			xsc_spin_cqe(ring, &cqe);
	}
	return (double)(now_ns() - start) / OPS;
}

int test_time(void)
{
	static const struct {
		const char *name;
		enum side a, b;
	} pairs[] = {
		{"nop_batch1_vs_getppid", NOP_1, GETPPID},
		{"nop_batch16_vs_getppid", NOP_16, GETPPID},
		{"pread4k_batch1_vs_pread", READ_1, PREAD},
		{"pread4k_batch16_vs_pread", READ_16, PREAD},
	};
	char *buf = aligned_alloc(4096, 16 * 4096);
	struct xsc_ring ring;
	cpu_set_t cpus;
	int fd;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (CPU_COUNT(&cpus) < 2)
		return skip("needs 2 CPUs: on one the thread cannot poll while others run");
	memset(buf, 1, 16 * 4096);
	fd = new_file("time", buf, 4096);
	EXPECT(xsc_setup(&ring, &busy), 0);
	for (size_t p = 0; p < ARRAY_LEN(pairs); p++) {
		struct metric *m = add_metric(pairs[p].name, "ratio", false);

		/* A B B A: what drifts, drifts for both. The first round warms up. */
		for (int i = -1; i < MAX_SAMPLES; i++) {
			double a = per_op_ns(pairs[p].a, &ring, fd, buf);
			double b = per_op_ns(pairs[p].b, &ring, fd, buf);

			b += per_op_ns(pairs[p].b, &ring, fd, buf);
			a += per_op_ns(pairs[p].a, &ring, fd, buf);
			if (i >= 0)
				m->samples[m->count++] = a / b;
		}
	}
	xsc_teardown(&ring);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/bench/sides.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LITTLE 64

/* What each operation comes to. */
static const int results[WORKS] = {[PREAD] = BLOCK, [PREAD64] = LITTLE, [PWRITE64] = LITTLE};

static struct stat stats[MAX_BATCH];
static struct statx statxs[MAX_BATCH];

static void prep_xsc(struct bench *b, enum work work, int i)
{
	struct xsc_sqe *sqe = xsc_get_sqe(&b->xsc);
	char *buf = b->buf + i * BLOCK;

	switch (work) {
	case PREAD:
		xsc_prep_pread(sqe, b->fd, buf, BLOCK, 0);
		break;
	case PREAD64:
		xsc_prep_pread(sqe, b->fd, buf, LITTLE, 0);
		break;
	case PWRITE64:
		xsc_prep_pwrite(sqe, b->fd, buf, LITTLE, (uint64_t)i * LITTLE);
		break;
	case FSYNC:
		xsc_prep_fsync(sqe, b->fd, 0);
		break;
	case STAT:
		xsc_prep_stat(sqe, b->path, &stats[i]);
		break;
	default:
		xsc_prep_nop(sqe);
	}
}

static void batch_xsc(struct bench *b, enum work work, int batch)
{
	struct xsc_cqe cqe;

	for (int i = 0; i < batch; i++)
		prep_xsc(b, work, i);
	if (xsc_submit(&b->xsc) < 0)
		abort();
	for (int i = 0; i < batch; i++) {
		xsc_spin_cqe(&b->xsc, &cqe);
		if (cqe.res != results[work])
			abort();
	}
}

static void prep_uring(struct bench *b, struct io_uring *ring, enum work work, int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	char *buf = b->buf + i * BLOCK;

	switch (work) {
	case PREAD:
		io_uring_prep_read(sqe, b->fd, buf, BLOCK, 0);
		break;
	case PREAD64:
		io_uring_prep_read(sqe, b->fd, buf, LITTLE, 0);
		break;
	case PWRITE64:
		io_uring_prep_write(sqe, b->fd, buf, LITTLE, (uint64_t)i * LITTLE);
		break;
	case FSYNC:
		io_uring_prep_fsync(sqe, b->fd, 0);
		break;
	case STAT:
		io_uring_prep_statx(sqe, AT_FDCWD, b->path, 0, STATX_BASIC_STATS, &statxs[i]);
		break;
	default:
		io_uring_prep_nop(sqe);
	}
}

static void batch_uring(struct bench *b, enum work work, int batch)
{
	for (int i = 0; i < batch; i++)
		prep_uring(b, &b->uring, work, i);
	if (io_uring_submit(&b->uring) < 0)
		abort();
	for (int i = 0; i < batch; i++) {
		struct io_uring_cqe *cqe;

		while (io_uring_peek_cqe(&b->uring, &cqe))
			xsc_relax();
		if (cqe->res != results[work])
			abort();
		io_uring_cqe_seen(&b->uring, cqe);
	}
}

static void batch_entered(struct bench *b, enum work work, int batch)
{
	struct io_uring_cqe *cqe;

	for (int i = 0; i < batch; i++)
		prep_uring(b, &b->entered, work, i);
	if (io_uring_submit_and_wait(&b->entered, (unsigned int)batch) < 0)
		abort();
	for (int i = 0; i < batch; i++) {
		if (io_uring_wait_cqe(&b->entered, &cqe) || cqe->res != results[work])
			abort();
		io_uring_cqe_seen(&b->entered, cqe);
	}
}

/* The cheapest system call stands for NOP. */
static void batch_plain(struct bench *b, enum work work, int batch)
{
	for (int i = 0; i < batch; i++) {
		char *buf = b->buf + i * BLOCK;
		ssize_t res = 0;

		switch (work) {
		case PREAD:
			res = pread(b->fd, buf, BLOCK, 0);
			break;
		case PREAD64:
			res = pread(b->fd, buf, LITTLE, 0);
			break;
		case PWRITE64:
			res = pwrite(b->fd, buf, LITTLE, (off_t)i * LITTLE);
			break;
		case FSYNC:
			res = fsync(b->fd);
			break;
		case STAT:
			res = stat(b->path, &stats[i]);
			break;
		default:
			syscall(SYS_getppid);
		}
		if (res != results[work])
			abort();
	}
}

static void (*const batches[SIDES])(struct bench *, enum work, int) = {
	batch_xsc, batch_uring, batch_entered, batch_plain};

/* The @n-th CPU that this process may use, or -1. */
static int nth_cpu(int n)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && !n--)
			return cpu;
	return -1;
}

int bench_open(struct bench *b, enum side side, unsigned int idle_ms)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF, .sq_thread_idle = idle_ms};
	struct xsc_params xsc = {.sq_entries = 2 * MAX_BATCH,
		.cq_entries = 4 * MAX_BATCH,
		.idle_given = true,
		.idle_us = idle_ms * 1000};
	int err = 0, second = nth_cpu(1);

	params.sq_thread_cpu = second < 0 ? 0 : (unsigned int)second;
	if (side == XSC || side == SIDES)
		err = xsc_setup(&b->xsc, &xsc);
	if (!err && (side == URING || side == SIDES))
		err = io_uring_queue_init_params(2 * MAX_BATCH, &b->uring, &params);
	if (!err && (side == ENTERED || side == SIDES))
		err = io_uring_queue_init(2 * MAX_BATCH, &b->entered, 0);
	return err;
}

static int pin(pid_t tid, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(tid, sizeof(one), &one);
}

int bench_pin(void)
{
	int first = nth_cpu(0), second = nth_cpu(1);
	struct dirent *entry;
	DIR *tasks;

	if (second < 0)
		return -ENODEV;
	tasks = opendir("/proc/self/task");
	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		/* io_uring's poller is pinned by its setup, and refuses this. */
		if (tid && tid != gettid())
			pin(tid, second);
	}
	closedir(tasks);
	return pin(0, first) ? -errno : 0;
}

void bench_quiet(struct bench *b)
{
	while (!(xsc_load_relaxed(b->xsc.sq_flags) & XSC_SQ_NEED_WAKEUP) ||
		!(__atomic_load_n(b->uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP))
		usleep(500);
}

void bench_run(struct bench *b, enum side side, enum work work, int batch, int ops)
{
	for (int done = 0; done < ops; done += batch)
		batches[side](b, work, batch);
}

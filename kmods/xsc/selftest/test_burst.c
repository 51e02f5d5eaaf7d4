/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that go by themselves are carried out in bursts: in order, stopped, interrupted, raced. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

/* Entries of all kinds that do not sleep, some of them wrong, some in a chain of two. */
enum kind { NOTHING, READS, STATS, FAILS, UNKNOWN, WRONG, CHAINED, DRAINS, KINDS };

struct mixed {
	struct xsc_ring *ring;
	int fd;
	char buf[64];
	struct stat st;
	int32_t results[1024]; /* by user_data */
	uint32_t sent;
};

static void add(struct mixed *m, uint8_t flags, int32_t result)
{
	struct xsc_sqe *sqe = &m->ring->sqes[(m->ring->prepared - 1) & (m->ring->sq_entries - 1)];

	sqe->flags = flags;
	sqe->user_data = m->sent;
	m->results[m->sent++ % ARRAY_LEN(m->results)] = result;
}

/* One entry, or a chain. False if the SQ is full. */
static bool add_kind(struct mixed *m, enum kind kind)
{
	struct xsc_sqe *sqe = xsc_get_sqe(m->ring);

	if (!sqe)
		return false;
	xsc_prep_nop(sqe);
	switch (kind) {
	case READS:
		xsc_prep_pread(sqe, m->fd, m->buf, 5, 1);
		add(m, 0, 5);
		break;
	case STATS:
		xsc_prep_fstat(sqe, m->fd, &m->st);
		add(m, 0, 0);
		break;
	case FAILS:
		xsc_prep_pread(sqe, -1, m->buf, 5, 0);
		add(m, 0, -EBADF);
		break;
	case UNKNOWN:
		sqe->opcode = XSC_OP_COUNT;
		add(m, 0, -EOPNOTSUPP);
		break;
	case WRONG:
		sqe->arg[2] = 1;
		add(m, 0, -EINVAL);
		break;
	case CHAINED:
		xsc_prep_pread(sqe, -1, m->buf, 5, 0);
		add(m, XSC_SQE_LINK, -EBADF);
		sqe = xsc_get_sqe(m->ring);
		if (!sqe) /* then the chain ends with what is queued */
			return false;
		xsc_prep_pread(sqe, m->fd, m->buf, 3, 2);
		add(m, 0, -ECANCELED);
		break;
	case DRAINS:
		add(m, XSC_SQE_DRAIN, 0);
		break;
	default:
		add(m, 0, 0);
	}
	return true;
}

int test_burst(void)
{
	struct xsc_params params = {.sq_entries = 64, .cq_entries = 64, .max_threads = 1};
	struct xsc_ring ring;
	struct mixed m = {.ring = &ring, .fd = new_file("mixed", "0123456789", 10)};
	uint32_t seed = 5, seen = 0;
	struct xsc_cqe cqe;

	EXPECT(xsc_setup(&ring, &params), 0);
	while (seen < 20000) {
		uint32_t count = 1 + random_next(&seed) % 50;

		while (m.sent - seen < 60 && count--)
			if (!add_kind(&m, random_next(&seed) % KINDS))
				break;
		REQUIRE(xsc_submit(&ring) >= 0, "not submitted");
		while (m.sent != seen) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			REQUIRE(cqe.user_data == seen, "completion %u is that of %u", seen,
				(uint32_t)cqe.user_data);
			REQUIRE(cqe.res == m.results[seen % ARRAY_LEN(m.results)],
				"completion %u: %d, not %d", seen, cqe.res,
				m.results[seen % ARRAY_LEN(m.results)]);
			seen++;
		}
	}
	xsc_teardown(&ring);
	return 0;
}

/* The CQ is full in the middle of a burst, at each place that it can be. */
int test_burst_full(void)
{
	for (uint32_t ahead = 0; ahead < 16; ahead++) {
		struct xsc_params params = {.sq_entries = 64, .cq_entries = 16};
		uint64_t until = now_ns() + 5000000000u, seen = 0;
		struct xsc_ring ring;
		struct xsc_cqe cqe;

		EXPECT(xsc_setup(&ring, &params), 0);
		for (uint64_t i = 0; i < ahead + 40; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			xsc_prep_nop(sqe);
			sqe->user_data = i;
			if (i + 1 == ahead) {
				xsc_submit(&ring);
				EXPECT(xsc_wait(&ring, ahead, NULL), 0);
			}
		}
		xsc_submit(&ring);
		EXPECT(xsc_wait(&ring, 16, NULL), 0);
		/* Whoever went on beyond it would do so now. */
		usleep(1000);
		EXPECT(xsc_load_acquire(ring.cq_tail), 16);
		EXPECT(xsc_load_acquire(ring.sq_head), 16);
		while (seen < ahead + 40) {
			while (!xsc_peek_cqe(&ring, &cqe))
				REQUIRE(now_ns() < until, "no completion %d", (int)seen);
			EXPECT(cqe.user_data, seen);
			seen++;
		}
		xsc_teardown(&ring);
	}
	return 0;
}

static _Atomic int handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static _Atomic pid_t serving;

static void *serve_alone(void *arg)
{
	serving = gettid();
	return serve_main(arg);
}

#define BEHIND 7

/* A read that sleeps with entries before and behind it, which one burst would take. */
static void submit_around(struct xsc_ring *ring, int from, char *byte, int fd)
{
	struct xsc_sqe *sqe;

	for (uint64_t i = 0; i < 3 + 1 + BEHIND; i++) {
		sqe = xsc_get_sqe(ring);
		if (i == 3)
			xsc_prep_read(sqe, from, byte, 1);
		else if (i < 3)
			xsc_prep_nop(sqe);
		else
			xsc_prep_write(sqe, fd, "x", 1);
		sqe->user_data = i;
	}
	xsc_submit(ring);
}

/* The ring has one thread, which sleeps in the middle of a burst: signals, then the end. */
int test_burst_broken(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct xsc_params params = {.no_thread = true};

	EXPECT(sigaction(SIGUSR1, &action, NULL), 0);
	for (int way = 0; way < 3; way++) {
		int fd = new_file("behind", NULL, 0), fds[2], before = handled;
		struct xsc_ring ring;
		struct xsc_cqe cqe;
		pthread_t thread;
		char byte = 0;
		void *why;

		EXPECT(xsc_setup(&ring, &params), 0);
		EXPECT(pipe(fds), 0);
		serving = 0;
		EXPECT(pthread_create(&thread, NULL, serve_alone, &ring.fd), 0);
		submit_around(&ring, fds[0], &byte, fd);
		/* What was done before it slept can be seen, and no more. */
		EXPECT(xsc_wait(&ring, 3, NULL), 0);
		for (uint64_t i = 0; i < 3; i++) {
			EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
			EXPECT(cqe.user_data, i);
		}
		for (int i = 1; i <= 20; i++) {
			EXPECT(syscall(SYS_tgkill, getpid(), serving, SIGUSR1), 0);
			while (handled < before + i)
				sched_yield();
			EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		}
		if (way == 0) {
			EXPECT(write(fds[1], "y", 1), 1);
			for (uint64_t i = 3; i < 4 + BEHIND; i++) {
				EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
				EXPECT(cqe.user_data, i);
				EXPECT(cqe.res, 1);
			}
			EXPECT(byte, 'y');
			xsc_shutdown(&ring);
		} else if (way == 1) {
			xsc_shutdown(&ring);
		} else {
			close(ring.fd);
		}
		EXPECT(pthread_join(thread, &why), 0);
		REQUIRE((intptr_t)why == -ESHUTDOWN || (intptr_t)why == -EBADF,
			"the service ended with %ld", (long)(intptr_t)why);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		EXPECT(lseek(fd, 0, SEEK_END), way ? 0 : BEHIND);
		xsc_teardown(&ring);
		close(fds[0]);
		close(fds[1]);
		close(fd);
	}
	return 0;
}

/* A filter that comes while an operation sleeps: what is behind it in the burst is refused. */
int test_burst_confined(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = code};
	struct xsc_params params = {.no_thread = true};
	int fd = new_file("confined", NULL, 0), fds[2];
	struct xsc_ring ring;
	pthread_t thread;
	char byte;
	void *why;

	EXPECT(xsc_setup(&ring, &params), 0);
	EXPECT(pipe(fds), 0);
	EXPECT(pthread_create(&thread, NULL, serve_alone, &ring.fd), 0);
	submit_around(&ring, fds[0], &byte, fd);
	EXPECT(xsc_wait(&ring, 3, NULL), 0);
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT(sys(syscall(
		       SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)),
		0);
	EXPECT(write(fds[1], "y", 1), 1);
	EXPECT(pthread_join(thread, &why), 0);
	EXPECT((intptr_t)why, -EACCES);
	EXPECT(lseek(fd, 0, SEEK_END), 0);
	xsc_teardown(&ring);
	return 0;
}

#define RACED 64

struct writer {
	struct xsc_ring *ring;
	_Atomic bool stop;
	uint64_t words[2]; /* the first words of the two entries */
};

static void *change_entries(void *arg)
{
	struct writer *writer = arg;

	for (uint32_t i = 0; !writer->stop; i++) {
		uint64_t *word = (uint64_t *)&writer->ring->sqes[i % RACED];

		__atomic_store_n(word, writer->words[i / RACED & 1], __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * Every entry is a NOP at one moment and an FSYNC of no file at the next. What is done is one
 * or the other; that the descriptor is none of a NOP's is said of an entry read twice.
 */
int test_burst_raced(void)
{
	struct xsc_params params = {.sq_entries = RACED, .cq_entries = RACED};
	struct xsc_sqe nop = {.opcode = XSC_OP_NOP}, sync = {.opcode = XSC_OP_FSYNC, .fd = -1};
	uint64_t until = now_ns() + 3000000000u * (uint64_t)slowness();
	struct writer writer = {0};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	uint32_t seen[2] = {0};
	pthread_t thread;

	EXPECT(xsc_setup(&ring, &params), 0);
	writer.ring = &ring;
	memcpy(&writer.words[0], &nop, sizeof(writer.words[0]));
	memcpy(&writer.words[1], &sync, sizeof(writer.words[1]));
	memset(ring.sqes, 0, RACED * sizeof(ring.sqes[0]));
	EXPECT(pthread_create(&thread, NULL, change_entries, &writer), 0);
	while (seen[0] + seen[1] < 400000 && now_ns() < until) {
		ring.prepared += RACED;
		EXPECT(xsc_submit(&ring), RACED);
		for (int i = 0; i < RACED; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			if (cqe.res != 0 && cqe.res != -EBADF) {
				writer.stop = true;
				return FAIL("an entry that is one of two was neither: %d", cqe.res);
			}
			seen[cqe.res != 0]++;
		}
	}
	writer.stop = true;
	EXPECT(pthread_join(thread, NULL), 0);
	REQUIRE(seen[0] > 100 && seen[1] > 100, "%u of the one, %u of the other: not raced",
		seen[0], seen[1]);
	xsc_teardown(&ring);
	return 0;
}

static struct xsc_sqe *registered(struct xsc_ring *ring, uint64_t user_data)
{
	struct xsc_sqe *sqe = xsc_get_sqe(ring);

	sqe->flags = XSC_SQE_FIXED_FILE;
	sqe->user_data = user_data;
	return sqe;
}

/*
 * Both ends of a pipe are registered. The reader, asleep behind an operation on the writer's
 * end, is told of the end as soon as that is unregistered.
 */
int test_burst_files(void)
{
	for (int round = 0; round < 50; round++) {
		struct xsc_ring ring;
		struct xsc_cqe cqe;
		char buf[4];
		int fds[2];

		EXPECT(xsc_setup(&ring, NULL), 0);
		EXPECT(pipe(fds), 0);
		EXPECT(xsc_register_files(&ring, fds, 2), 0);
		close(fds[0]);
		close(fds[1]);
		xsc_prep_write(registered(&ring, 1), 1, "ab", 2);
		xsc_prep_read(registered(&ring, 2), 0, buf, 2);
		xsc_prep_read(registered(&ring, 3), 0, buf, 2);
		xsc_prep_write(registered(&ring, 4), 7, "ab", 2);
		EXPECT(xsc_submit(&ring), 4);
		for (int i = 0; i < 3; i++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.res, cqe.user_data == 4 ? -EBADF : 2);
			REQUIRE(cqe.user_data != 3, "a read of nothing ended");
		}
		if (round & 1)
			usleep(100);
		EXPECT(xsc_unregister_files(&ring), 0);
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.user_data, 3);
		EXPECT(cqe.res, 0);
		xsc_prep_read(registered(&ring, 5), 0, buf, 2);
		EXPECT(xsc_submit(&ring), 1);
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, -EBADF);
		xsc_teardown(&ring);
	}
	return 0;
}

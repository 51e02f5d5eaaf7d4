/* SPDX-License-Identifier: Apache-2.0 */
/* Owners killed in the middle of operations, and owners at war with their own ring. */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

/* Does operations of all kinds until it is killed. */
static void busy_owner(uint32_t seed)
{
	struct xsc_params params = {.idle_given = true, .idle_us = seed % 3 * 100};
	static const struct timespec times[] = {{0, 100000}, {1000, 0}};
	static uint32_t word;
	static char data[70000];
	int epoll = epoll_create1(0);
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	int fds[2], file;

	if (xsc_setup(&ring, &params) || pipe(fds))
		_exit(1);
	file = new_file("busy", NULL, 0);
	for (;;) {
		uint32_t r = random_next(&seed);
		struct xsc_sqe *sqe = xsc_get_sqe(&ring);

		if (sqe) {
			switch (r % 14) {
			case 8:
				xsc_prep_nanosleep(sqe, &times[r >> 8 & 1]);
				break;
			case 9:
				xsc_prep_futex_wait(sqe, &word, 0, &times[r >> 8 & 1], 0);
				break;
			case 10:
				xsc_prep_epoll_wait(sqe, epoll, data, 1, (int)(r >> 8 & 7) - 1);
				break;
			case 11:
				xsc_prep_stat(sqe, "/proc/self", data);
				break;
			case 12:
				xsc_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0);
				break;
			case 0:
				xsc_prep_open(sqe, "/dev/null", O_RDWR, 0);
				break;
			case 1:
				xsc_prep_close(sqe, 10 + (int)(r >> 8) % 100);
				break;
			case 2:
				xsc_prep_pwrite(sqe, file, data, sizeof(data), 0);
				break;
			case 3:
				xsc_prep_pread(sqe, file, data, sizeof(data), 0);
				break;
			case 4:
				xsc_prep_fsync(sqe, file, 0);
				break;
			case 5:
				xsc_prep_read(sqe, fds[r >> 12 & 1 ? 0 : 1], data, 100);
				break;
			case 6:
				xsc_prep_write(sqe, fds[1], data, r >> 8 & 0xfff);
				break;
			default:
				xsc_prep_nop(sqe);
				break;
			}
			sqe->flags |= (uint8_t)(r >> 24 & (XSC_SQE_LINK | XSC_SQE_DRAIN));
			xsc_submit(&ring);
		}
		xsc_peek_cqe(&ring, &cqe);
		report->progress++;
	}
}

int test_killed(void)
{
	int refs = module_refs();
	uint32_t seed = 99;

	for (int i = 0; i < 60; i++) {
		pid_t child = fork();
		struct xsc_ring ring;

		if (!child)
			busy_owner(seed);
		usleep(random_next(&seed) % 20000 * (useconds_t)slowness());
		EXPECT(kill(child, SIGKILL), 0);
		EXPECT(child_status(child), 128 + SIGKILL);
		EXPECT(xsc_setup(&ring, NULL), 0);
		EXPECT(ONE(&ring, nop), 0);
		xsc_teardown(&ring);
	}
	REQUIRE(report->progress > 1000, "owners did %llu operations before they were killed",
		(unsigned long long)report->progress);
	return wait_for_refs(refs);
}

static struct xsc_ring scribbled;

static void *scribble(void *arg)
{
	uint32_t *words = scribbled.map, seed = *(uint32_t *)arg;
	size_t count = scribbled.map_size / sizeof(*words);

	for (;;) {
		uint32_t r = random_next(&seed);

		/* Often something that nearly makes sense, so that it goes far. */
		switch (r % 4) {
		case 0:
			words[random_next(&seed) % count] = random_next(&seed);
			break;
		case 1:
			words[random_next(&seed) % count] = r >> 20;
			break;
		case 2:
			*scribbled.sq_tail = *scribbled.sq_head + (r >> 8 & 15);
			break;
		default:
			*scribbled.cq_head = *scribbled.cq_tail;
			break;
		}
	}
	return NULL;
}

/* A thread that says anything, and brings results that nobody asked for. */
static void *serve_wildly(void *arg)
{
	uint32_t seed = *(uint32_t *)arg ^ 0x55aa;

	for (;;) {
		struct xsc_serve serve = {.size = sizeof(serve), .flags = random_next(&seed) & 15};

		if (serve.flags & XSC_SERVE_RESULT) {
			serve.token = random_next(&seed) & 31;
			serve.res = (int32_t)random_next(&seed);
		}
		if (ioctl(scribbled.fd, XSC_IOC_SERVE, &serve) < 0 && errno == EBADF)
			return NULL;
	}
}

/* A process at war with its own ring. It has nothing of value: it may well crash. */
static void scribbling_owner(uint32_t seed)
{
	struct xsc_params params = {.sq_entries = 16, .cq_entries = 16, .no_thread = true};
	struct rlimit none = {0, 0};
	pthread_t thread;

	for (int fd = 0; fd < 256; fd++)
		close(fd);
	for (int fd = 0; fd < 6; fd++)
		if (open("/dev/zero", O_RDWR) < 0)
			_exit(1);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_FSIZE, &none);
	if (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
		_exit(1);
	if (xsc_setup(&scribbled, &params))
		_exit(1);
	if (pthread_create(&thread, NULL, scribble, &seed) ||
		pthread_create(&thread, NULL, serve_wildly, &seed) ||
		pthread_create(&thread, NULL, serve_wildly, &seed))
		_exit(1);
	for (;;) {
		struct xsc_wait wait = {
			.size = sizeof(wait), .min_complete = 1, .flags = XSC_WAIT_TIMEOUT};

		if (!fork()) {
			/* A child with the descriptor but without the right. */
			ioctl(scribbled.fd, XSC_IOC_WAIT, &wait);
			_exit(0);
		}
		for (int i = 0; i < 100; i++)
			if (xsc_serve_loop(scribbled.fd) == -EBADF)
				_exit(0); /* the ring was told to close itself */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

int test_hostile(void)
{
	uint64_t end = now_ns() + 3000000000u;
	int refs = module_refs(), wars = 0;
	struct xsc_ring ring;
	uint8_t data[4096], got[4096];
	uint32_t seed = 5;
	int file;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random_next(&seed);
	file = new_file("victim", data, sizeof(data));
	EXPECT(xsc_setup(&ring, NULL), 0);

	/* Meanwhile, and after: nobody else's ring, files or memory are touched. */
	while (now_ns() < end) {
		pid_t child = fork();
		uint64_t stop = now_ns() + 150000000u;

		if (!child)
			scribbling_owner(random_next(&seed));
		while (now_ns() < stop) {
			memset(got, 0xcc, sizeof(got));
			EXPECT(ONE(&ring, pread, file, got, sizeof(got), 0), sizeof(got));
			REQUIRE(!memcmp(got, data, sizeof(got)), "a victim's bytes changed");
		}
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		wars++;
	}
	REQUIRE(wars > 2, "only %d scribblers ran", wars);
	EXPECT(fsync(file), 0);
	xsc_teardown(&ring);
	return wait_for_refs(refs);
}

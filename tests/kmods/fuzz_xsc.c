/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/xsc, for the fuzzer: rings are set up, served, and scribbled over. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include <linux/xsc.h>

#include "tests/kmods/fuzz_ioctl.h"

/* What is remembered of a mapping. */
enum { SQES, CQ_HEAD, SQ_TAIL, SQ_ENTRIES, CQ_TAIL };

static const char *const paths[] = {
	"file", "dir/file", "other", ".", "", "/dev/zero", "/dev/null", XSC_DEVICE, "/nowhere"};
static char buffer[64 * 1024];
static const struct timespec soon = {.tv_nsec = 100000};
static const struct iovec vectors[] = {
	{buffer, 10}, {buffer + 4000, 9000}, {buffer, 0}, {NULL, 100}, {buffer, SIZE_MAX}};

static void fill_setup(struct fuzz_session *session, void *arg)
{
	struct xsc_setup *setup = arg;

	setup->size = sizeof(*setup);
	setup->sq_entries = 1 + fuzz_below(&session->random, 64);
	setup->cq_entries = 1 + fuzz_below(&session->random, 64);
	if (fuzz_below(&session->random, 8) == 0)
		setup->sq_entries = 1 + fuzz_below(&session->random, XSC_MAX_ENTRIES);
	if (fuzz_below(&session->random, 2)) {
		setup->flags = XSC_SETUP_IDLE;
		setup->idle_us = fuzz_below(&session->random, 2000);
	}
	setup->first = (uint32_t)fuzz_value(&session->random);
}

static void done_setup(struct fuzz_session *session, int fd, const void *arg)
{
	const struct xsc_setup *setup = arg;
	struct fuzz_mapping *map = &session->maps[fuzz_below(&session->random, 4)];
	void *start = mmap(NULL, setup->mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (start == MAP_FAILED)
		return;
	if (map->start)
		munmap(map->start, map->size);
	map->start = start;
	map->size = setup->mmap_size;
	map->user[SQES] = setup->off.sqes;
	map->user[SQ_TAIL] = setup->off.sq_tail;
	map->user[CQ_HEAD] = setup->off.cq_head;
	map->user[CQ_TAIL] = setup->off.cq_tail;
	map->user[SQ_ENTRIES] = setup->sq_entries;
}

/* Results of calls that nobody asked for among it, and threads that were not asked to come. */
static void fill_serve(struct fuzz_session *session, void *arg)
{
	struct fuzz_random *random = &session->random;
	struct xsc_serve *serve = arg;

	serve->size = sizeof(*serve);
	serve->flags = fuzz_below(random, 4);
	if (fuzz_below(random, 4) == 0)
		serve->flags |= XSC_SERVE_ARRIVED;
	if (fuzz_below(random, 8) == 0) {
		serve->flags |= XSC_SERVE_RESULT;
		serve->token = fuzz_below(random, 2) ? fuzz_below(random, 64) : fuzz_value(random);
		serve->res = (int)fuzz_value(random);
	}
}

/* What the kernel left to this thread has a result, of some kind. */
static void done_serve(struct fuzz_session *session, int fd, const void *arg)
{
	struct xsc_serve serve = *(const struct xsc_serve *)arg;

	if (!serve.token || fuzz_below(&session->random, 8) == 0)
		return;
	serve.size = sizeof(serve);
	serve.flags = XSC_SERVE_MAY_CALL | XSC_SERVE_RESULT;
	serve.res = (int)fuzz_below(&session->random, 100) - 50;
	memset(&serve.sqe, 0, sizeof(serve.sqe));
	ioctl(fd, XSC_IOC_SERVE, &serve);
}

static void fill_files(struct fuzz_session *session, void *arg)
{
	static int fds[XSC_MAX_FILES];
	struct xsc_files *files = arg;

	files->size = sizeof(*files);
	/* Few: one that cannot be registered has all of them refused. */
	files->count = 1 + fuzz_below(&session->random, fuzz_below(&session->random, 4) ? 3 : 64);
	files->addr = (uint64_t)(uintptr_t)fds;
	for (uint32_t i = 0; i < files->count; i++)
		fds[i] = fuzz_below(&session->random, 4) ? -1
							 : (int)fuzz_below(&session->random, 16);
}

/* Others use them by then, or not: a process lives too short to come back here often. */
static void done_files(struct fuzz_session *session, int fd, const void *arg)
{
	(void)arg;
	if (fuzz_below(&session->random, 2))
		ioctl(fd, XSC_IOC_UNREGISTER_FILES, 0);
}

static void fill_wait(struct fuzz_session *session, void *arg)
{
	struct xsc_wait *wait = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	wait->size = sizeof(*wait);
	wait->min_complete = 1 + fuzz_below(&session->random, 4);
	wait->flags = XSC_WAIT_TIMEOUT | (fuzz_below(&session->random, 2) ? XSC_WAIT_LEAD : 0);
	wait->timeout_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
			   fuzz_below(&session->random, 2000000);
}

static uint64_t some_address(struct fuzz_session *session)
{
	switch (fuzz_below(&session->random, 6)) {
	case 0:
		return fuzz_value(&session->random);
	case 1:
		return (uint64_t)(uintptr_t)
			paths[fuzz_below(&session->random, sizeof(paths) / sizeof(paths[0]))];
	case 2:
		/* Its own ring is memory like any other. */
		return (uint64_t)(uintptr_t)session->maps[fuzz_below(&session->random, 4)].start;
	default:
		return (uint64_t)(uintptr_t)buffer + fuzz_below(&session->random, 4096);
	}
}

/* An SQE as a program would write it, more or less. */
static void fill_sqe(struct fuzz_session *session, struct xsc_sqe *ret_sqe)
{
	struct fuzz_random *random = &session->random;
	struct xsc_sqe sqe = {.opcode = (uint8_t)fuzz_below(random, XSC_OP_COUNT)};

	if (fuzz_below(random, 2))
		sqe.opcode = (uint8_t)fuzz_below(random, XSC_OP_PWRITE + 1);
	sqe.fd = (int)fuzz_below(random, 16);
	sqe.addr = some_address(session);
	sqe.len = fuzz_below(random, sizeof(buffer) - 4096);
	sqe.user_data = fuzz_next(random);
	switch (sqe.opcode) {
	case XSC_OP_NOP:
		sqe = (struct xsc_sqe){.opcode = XSC_OP_NOP};
		break;
	case XSC_OP_OPEN:
		sqe.fd = AT_FDCWD;
		sqe.op_flags = fuzz_below(random, 3) | (fuzz_below(random, 2) ? O_CREAT : 0);
		sqe.len = fuzz_below(random, 01000);
		break;
	case XSC_OP_CLOSE:
		sqe.addr = 0;
		sqe.len = 0;
		break;
	case XSC_OP_FSYNC:
		sqe.addr = 0;
		sqe.len = 0;
		sqe.op_flags = fuzz_below(random, 2);
		break;
	case XSC_OP_PREAD:
	case XSC_OP_PWRITE:
		sqe.off = fuzz_below(random, 1 << 20);
		break;
	case XSC_OP_READV:
	case XSC_OP_WRITEV:
		sqe.addr = (uint64_t)(uintptr_t)vectors;
		sqe.len = fuzz_below(random, 40);
		break;
	case XSC_OP_STAT:
	case XSC_OP_LSTAT:
	case XSC_OP_FSTAT:
		sqe.off = some_address(session);
		sqe.len = 0;
		if (sqe.opcode == XSC_OP_FSTAT)
			sqe.addr = 0;
		else
			sqe.fd = 0;
		break;
	case XSC_OP_SOCKET:
		sqe.fd = (int)fuzz_below(random, 4);
		sqe.op_flags = fuzz_below(random, 6);
		sqe.addr = 0;
		sqe.len = 0;
		break;
	case XSC_OP_SENDTO:
	case XSC_OP_RECVFROM:
		sqe.op_flags = fuzz_below(random, 2) ? 0x40 /* MSG_DONTWAIT */ : 0;
		sqe.off = fuzz_below(random, 4) ? 0 : some_address(session);
		sqe.arg[0] = sqe.off ? fuzz_below(random, 200) : 0;
		break;
	case XSC_OP_POLL:
		sqe.fd = 0;
		sqe.len = fuzz_below(random, 70);
		sqe.op_flags = fuzz_below(random, 10);
		break;
	case XSC_OP_SELECT:
		sqe.fd = 0;
		sqe.len = fuzz_below(random, 70);
		sqe.off = fuzz_below(random, 2) ? some_address(session) : 0;
		break;
	case XSC_OP_NANOSLEEP:
	case XSC_OP_CLOCK_NANOSLEEP:
		sqe.fd = 0;
		sqe.len = 0;
		sqe.addr = (uint64_t)(uintptr_t)&soon;
		break;
	default:
		break;
	}
	if (fuzz_below(random, 4) == 0)
		sqe.flags = (uint8_t)(fuzz_below(random, 16) & ~4u);
	/* And then one thing of it is something else. */
	if (fuzz_below(random, 3) == 0) {
		uint64_t value = fuzz_value(random);
		size_t size = 1u << fuzz_below(random, 4);

		memcpy((char *)&sqe + fuzz_below(random, (uint32_t)(sizeof(sqe) - size + 1)),
			&value, size);
	}
	*ret_sqe = sqe;
}

static void scribble(struct fuzz_session *session)
{
	struct fuzz_random *random = &session->random;
	struct fuzz_mapping *map = &session->maps[fuzz_below(random, 4)];
	volatile uint32_t *tail, *head;
	uint32_t count;

	if (!map->start)
		return;
	if (fuzz_below(random, 8) == 0) {
		/* Anywhere, the counters of the kernel among it. */
		*(volatile uint32_t *)((char *)map->start +
				       (fuzz_below(random, (uint32_t)map->size) & ~3u)) =
			(uint32_t)fuzz_value(random);
		return;
	}
	tail = (void *)((char *)map->start + map->user[SQ_TAIL]);
	head = (void *)((char *)map->start + map->user[CQ_HEAD]);
	count = 1 + fuzz_below(random, 8);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t index = (*tail + i) & (map->user[SQ_ENTRIES] - 1);
		struct xsc_sqe *sqes = (void *)((char *)map->start + map->user[SQES]);

		fill_sqe(session, &sqes[index]);
	}
	__atomic_store_n(tail, *tail + count, __ATOMIC_RELEASE);
	__atomic_store_n(head, *(volatile uint32_t *)((char *)map->start + map->user[CQ_TAIL]),
		__ATOMIC_RELEASE);
}

static const int serve_reached[] = {EINTR, ESHUTDOWN, EOVERFLOW, ENXIO, 0};
static const int wait_reached[] = {ETIME, EINTR, ESHUTDOWN, EOVERFLOW, ENXIO, 0};
static const int shut_reached[] = {ESHUTDOWN, ENXIO, 0};
static const int files_reached[] = {EBUSY, EBADF, 0};
static const int unregister_reached[] = {ENXIO, 0};

static const struct fuzz_call calls[] = {
	{"SETUP", XSC_IOC_SETUP, sizeof(struct xsc_setup), false, fill_setup, done_setup},
	{"SERVE", XSC_IOC_SERVE, sizeof(struct xsc_serve), true, fill_serve, done_serve,
		serve_reached},
	{"REGISTER_FILES", XSC_IOC_REGISTER_FILES, sizeof(struct xsc_files), false, fill_files,
		done_files, files_reached},
	{"UNREGISTER_FILES", XSC_IOC_UNREGISTER_FILES, 0, false, NULL, NULL, unregister_reached},
	{"WAKE", XSC_IOC_WAKE, 0, false, NULL, NULL, shut_reached},
	{"WAIT", XSC_IOC_WAIT, sizeof(struct xsc_wait), true, fill_wait, NULL, wait_reached},
	{"SHUTDOWN", XSC_IOC_SHUTDOWN, 0, false, NULL, NULL, shut_reached},
};

const struct fuzz_device xsc_fuzz = {
	.path = XSC_DEVICE,
	.magic = XSC_IOC_MAGIC,
	.calls = calls,
	.count = sizeof(calls) / sizeof(calls[0]),
	.other = scribble,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XSC ring, checked: every operation against the system call of the same
 * name, rights, bad input, full and wrapped queues, sleeping and waking, owners
 * killed, writers hostile, and traps per operation, counted.
 *
 * Each test is a child process with a deadline of its own, so that it may change
 * its limits and its user, close everything, or crash. What it has to say comes
 * back through a page shared with the parent, which alone prints TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xsc.h"

#define NOBODY 65534
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_SAMPLES 15
#define MAX_METRICS 8

/* --- what a test says -------------------------------------------------------- */

struct metric {
	char name[40];
	char unit[12];
	double samples[MAX_SAMPLES];
	int count;
	bool worst; /* the value is the largest sample, else the median */
};

static struct report {
	char why[512];
	char skip[128];
	struct metric metrics[MAX_METRICS];
	int metric_count;
	_Atomic uint64_t progress;
} * report;

static const char *self; /* the path of this program */
static char dir[64];	 /* a directory of this run, that all may search */

/* The first reason is the one that counts. */
__attribute__((format(printf, 2, 3))) static int fail(int line, const char *format, ...)
{
	va_list ap;
	int n;

	if (report->why[0])
		return 1;
	n = snprintf(report->why, sizeof(report->why), "line %d: ", line);
	va_start(ap, format);
	vsnprintf(report->why + n, sizeof(report->why) - (size_t)n, format, ap);
	va_end(ap);
	return 1;
}

#define FAIL(...) fail(__LINE__, __VA_ARGS__)
#define REQUIRE(condition, ...)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return FAIL(__VA_ARGS__);                                                  \
	} while (0)
/* @expression is an int or a long: 0 or more, or a negative errno. */
#define EXPECT(expression, expected)                                                               \
	do {                                                                                       \
		long got_ = (long)(expression), want_ = (long)(expected);                          \
		if (got_ != want_)                                                                 \
			return FAIL("%s: %ld, not %ld", #expression, got_, want_);                 \
	} while (0)

static int skip(const char *why)
{
	snprintf(report->skip, sizeof(report->skip), "%s", why);
	return 0;
}

static struct metric *add_metric(const char *name, const char *unit, bool worst)
{
	struct metric *m = &report->metrics[report->metric_count++];

	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->unit, sizeof(m->unit), "%s", unit);
	m->worst = worst;
	return m;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* --- rings, as the tests need them ------------------------------------------- */

/* A ring whose thread sleeps as late as it can: what is measured is the busy ring. */
static const struct xsc_params busy = {.idle_given = true, .idle_us = XSC_MAX_IDLE_US};

/* Submit what was got and return the result of the one operation. */
static long finish_one(struct xsc_ring *ring)
{
	struct xsc_cqe cqe = {.user_data = 0xdeadbeef, .res = 0x5a5a};
	int err = xsc_submit(ring);

	if (err < 0)
		return err;
	err = xsc_wait_cqe(ring, &cqe);
	return err < 0 ? err : cqe.res;
}

#define ONE(ring, prep, ...)                                                                       \
	({                                                                                         \
		struct xsc_sqe *sqe_ = xsc_get_sqe(ring);                                          \
		xsc_prep_##prep(sqe_, ##__VA_ARGS__);                                              \
		finish_one(ring);                                                                  \
	})

static int raw_setup(struct xsc_setup *setup)
{
	*setup = (struct xsc_setup){.size = sizeof(*setup), .sq_entries = 8, .cq_entries = 16};
	return open(XSC_DEVICE, O_RDWR | O_CLOEXEC);
}

static long ioctl_arg(int fd, unsigned long cmd, void *arg)
{
	return sys(ioctl(fd, cmd, arg));
}

static int module_refs(void)
{
	char text[16] = "";
	int fd = open("/sys/module/xsc/refcnt", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atoi(text) : -1;
}

static int wait_for_refs(int refs)
{
	uint64_t until = now_ns() + 5000000000u;

	while (module_refs() != refs)
		if (now_ns() > until)
			return FAIL("the module has %d references, not %d", module_refs(), refs);
		else
			sched_yield();
	return 0;
}

/* Each test has a process of its own, so the name may repeat. */
static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int new_file(const char *name, const void *data, size_t size)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && size && write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* --- setup ------------------------------------------------------------------- */

static int test_setup(void)
{
	struct xsc_setup setup;
	struct xsc_ring ring;
	int fd = raw_setup(&setup);

	setup.sq_entries = 100;
	setup.cq_entries = 129;
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &setup), 0);
	EXPECT(setup.sq_entries, 128);
	EXPECT(setup.cq_entries, 256);
	EXPECT(setup.idle_us, XSC_DEFAULT_IDLE_US);
	EXPECT(setup.mmap_size % (uint64_t)sysconf(_SC_PAGESIZE), 0);
	REQUIRE(setup.off.sqes + 128 * 64u <= setup.off.cqes, "SQEs reach into the CQEs");
	REQUIRE(setup.off.cqes + 256 * 16u <= setup.mmap_size, "CQEs reach over the end");
	for (size_t i = 0; i < ARRAY_LEN(setup.off.resv); i++)
		EXPECT(setup.off.resv[i], 0);
	close(fd);

	for (uint32_t n = 1; n <= XSC_MAX_ENTRIES; n = n * 2 + 1) {
		struct xsc_params params = {.sq_entries = n, .cq_entries = n};

		EXPECT(xsc_setup(&ring, &params), 0);
		REQUIRE(ring.sq_entries >= n && !(ring.sq_entries & (ring.sq_entries - 1)),
			"%u entries became %u", n, ring.sq_entries);
		EXPECT(ONE(&ring, nop), 0);
		xsc_teardown(&ring);
	}

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ring.sq_entries, XSC_DEFAULT_SQ_ENTRIES);
	EXPECT(ring.cq_entries, XSC_DEFAULT_CQ_ENTRIES);
	EXPECT(ring.ops & 0x33f, 0x33f);
	EXPECT(ring.features & 7, 7);
	xsc_teardown(&ring);
	xsc_teardown(&ring);
	xsc_teardown(NULL);
	return 0;
}

static int test_setup_bad(void)
{
	enum { SIZE, FLAGS, SQ, CQ, IDLE, FEATURES, OPS, MMAP, OFF, RESV };
	static const struct {
		const char *name;
		int field;
		uint32_t value;
		int err;
	} cases[] = {
		{"size 0", SIZE, 0, EINVAL},
		{"size too small", SIZE, sizeof(struct xsc_setup) - 1, EINVAL},
		{"size above a page", SIZE, 1 << 20, EINVAL},
		{"unknown flag", FLAGS, 1u << 31, EINVAL},
		{"unknown flag beside a known one", FLAGS, XSC_SETUP_IDLE | 2, EINVAL},
		{"no SQ entries", SQ, 0, EINVAL},
		{"no CQ entries", CQ, 0, EINVAL},
		{"too many SQ entries", SQ, XSC_MAX_ENTRIES + 1, EINVAL},
		{"too many CQ entries", CQ, XSC_MAX_ENTRIES + 1, EINVAL},
		{"2^32 - 1 SQ entries", SQ, UINT32_MAX, EINVAL},
		{"idle_us without its flag", IDLE, 1, EINVAL},
		{"features not zero", FEATURES, 1, EINVAL},
		{"ops not zero", OPS, 1, EINVAL},
		{"mmap_size not zero", MMAP, 1, EINVAL},
		{"offset not zero", OFF, 1, EINVAL},
		{"reserved not zero", RESV, 1, EINVAL},
	};
	struct {
		struct xsc_setup setup;
		uint64_t more;
	} longer;
	struct xsc_setup setup, before;
	int fd = raw_setup(&setup);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct xsc_setup s = setup;
		uint32_t v = cases[i].value;
		long got;

		switch (cases[i].field) {
		case SIZE:
			s.size = v;
			break;
		case FLAGS:
			s.flags = v;
			break;
		case SQ:
			s.sq_entries = v;
			break;
		case CQ:
			s.cq_entries = v;
			break;
		case IDLE:
			s.idle_us = v;
			break;
		case FEATURES:
			s.features = v;
			break;
		case OPS:
			s.ops = v;
			break;
		case MMAP:
			s.mmap_size = v;
			break;
		case OFF:
			s.off.resv[8] = v;
			break;
		default:
			s.resv[3] = v;
			break;
		}
		before = s;
		got = ioctl_arg(fd, XSC_IOC_SETUP, &s);
		REQUIRE(got == -cases[i].err, "%s: %ld, not %d", cases[i].name, got, -cases[i].err);
		REQUIRE(!memcmp(&s, &before, sizeof(s)), "%s: written to", cases[i].name);
	}
	setup.flags = XSC_SETUP_IDLE;
	setup.idle_us = XSC_MAX_IDLE_US + 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &setup), -EINVAL);
	setup.idle_us = 0;
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, NULL), -EFAULT);
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, (void *)8), -EFAULT);

	longer.setup = setup;
	longer.setup.size = sizeof(longer);
	longer.more = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &longer), -E2BIG);
	longer.more = 0;
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &longer), 0);
	EXPECT(longer.setup.size, sizeof(struct xsc_setup));
	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &setup), -EBUSY);
	return 0;
}

static int test_ioctl_bad(void)
{
	struct xsc_serve serve = {.size = sizeof(serve)}, bad_serve;
	struct xsc_wait wait = {.size = sizeof(wait), .min_complete = 1}, bad_wait;
	struct xsc_setup setup;
	struct pollfd pfd = {.fd = raw_setup(&setup), .events = POLLIN};
	struct xsc_ring ring;
	int fd = pfd.fd;
	char byte;

	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &serve), -ENXIO);
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &wait), -ENXIO);
	EXPECT(ioctl_arg(fd, XSC_IOC_WAKE, NULL), -ENXIO);
	EXPECT(ioctl_arg(fd, XSC_IOC_SHUTDOWN, NULL), -ENXIO);
	EXPECT(poll(&pfd, 1, 0), 1);
	EXPECT(pfd.revents, POLLERR);
	REQUIRE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENXIO,
		"mmap before SETUP");

	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &setup), 0);
	EXPECT(ioctl_arg(fd, _IO('x', 1), NULL), -ENOTTY);
	EXPECT(ioctl_arg(fd, _IO('x', 77), NULL), -ENOTTY);
	EXPECT(ioctl_arg(fd, _IOWR('x', 0, struct xsc_setup), &setup), -ENOTTY);
	EXPECT(ioctl_arg(fd, XSC_IOC_WAKE, &wait), -EINVAL);
	EXPECT(ioctl_arg(fd, XSC_IOC_SHUTDOWN, &wait), -EINVAL);
	EXPECT(sys(read(fd, &byte, 1)), -EINVAL);
	EXPECT(sys(write(fd, "", 1)), -EINVAL);

	bad_serve = serve;
	bad_serve.flags = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.resv[2] = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.size--;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, NULL), -EFAULT);

	bad_wait = wait;
	bad_wait.flags = 2;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	bad_wait = wait;
	bad_wait.min_complete = 0;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	bad_wait.min_complete = setup.cq_entries + 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	bad_wait = wait;
	bad_wait.resv = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	bad_wait = wait;
	bad_wait.timeout_ns = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	bad_wait.flags = XSC_WAIT_TIMEOUT;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -ETIME);
	bad_wait.timeout_ns = UINT64_MAX;
	EXPECT(ioctl_arg(fd, XSC_IOC_WAIT, &bad_wait), -EINVAL);
	close(fd);

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	EXPECT(xsc_serve_loop(ring.fd), -EBUSY);
	EXPECT(ONE(&ring, nop), 0);
	xsc_teardown(&ring);
	return 0;
}

static int test_mmap_bad(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct xsc_setup setup;
	int fd = raw_setup(&setup);
	static const int rw = PROT_READ | PROT_WRITE;
	size_t size;
	void *p;

	EXPECT(ioctl_arg(fd, XSC_IOC_SETUP, &setup), 0);
	size = setup.mmap_size;
#define REFUSED(length, prot, flags, offset, number)                                               \
	do {                                                                                       \
		p = mmap(NULL, length, prot, flags, fd, offset);                                   \
		REQUIRE(p == MAP_FAILED, "mmap(%s, %s, at %s) worked", #length, #flags, #offset);  \
		EXPECT(errno, number);                                                             \
	} while (0)
	REFUSED(size + (size_t)page, rw, MAP_SHARED, 0, ENXIO);
	REFUSED(size * 1000, rw, MAP_SHARED, 0, ENXIO);
	REFUSED(size, rw, MAP_SHARED, page, ENXIO);
	REFUSED((size_t)page, rw, MAP_SHARED, (off_t)size, ENXIO);
	REFUSED((size_t)page, rw, MAP_SHARED, 0x10000000, ENXIO);
	REFUSED((size_t)page, rw, MAP_SHARED, INT64_MAX & -page, ENXIO);
	REFUSED(size, rw, MAP_PRIVATE, 0, EINVAL);
#undef REFUSED
	p = mmap(NULL, size, rw, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED, "mmap: %m");
	EXPECT(mremap(p, size, size + (size_t)page, MREMAP_MAYMOVE) == MAP_FAILED, 1);
	munmap(p, size);
	/* The last page alone is a fair thing to map. */
	p = mmap(NULL, (size_t)page, rw, MAP_SHARED, fd, (off_t)size - page);
	REQUIRE(p != MAP_FAILED, "mmap of the last page: %m");
	return 0;
}

static int test_sqe_bad(void)
{
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;

	EXPECT(xsc_setup(&ring, NULL), 0);
#define REFUSED(member, value, number)                                                             \
	do {                                                                                       \
		sqe = xsc_get_sqe(&ring);                                                          \
		sqe->user_data = 0x1122334455667788;                                               \
		sqe->member = (value);                                                             \
		xsc_submit(&ring);                                                                 \
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);                                              \
		REQUIRE(cqe.user_data == 0x1122334455667788, "%s: user_data", #member);            \
		REQUIRE(cqe.res == -(number), "%s %s: %d, not %d", #member, #value, cqe.res,       \
			-(number));                                                                \
		EXPECT(cqe.flags, 0);                                                              \
	} while (0)
	for (int bit = 0; bit < 8; bit++)
		REFUSED(flags, (uint8_t)(1u << bit), EINVAL);
	REFUSED(resv, 1, EINVAL);
	REFUSED(fd, 1, EINVAL);
	REFUSED(off, 1, EINVAL);
	REFUSED(addr, 1, EINVAL);
	REFUSED(len, 1, EINVAL);
	REFUSED(op_flags, 1, EINVAL);
	REFUSED(arg[0], 1, EINVAL);
	REFUSED(arg[1], 1, EINVAL);
	REFUSED(arg[2], 1, EINVAL);
	for (int op = 0; op < 256; op++)
		if (op >= 64 || !(ring.ops >> op & 1))
			REFUSED(opcode, (uint8_t)op, EOPNOTSUPP);
	REFUSED(opcode, XSC_OP_OPEN, EINVAL); /* fd is 0, not AT_FDCWD */
#undef REFUSED
	EXPECT(ONE(&ring, fsync, 0, 2), -EINVAL);
	EXPECT(ONE(&ring, fsync, 0, ~0u), -EINVAL);
	EXPECT(ONE(&ring, nop), 0);
	xsc_teardown(&ring);
	return 0;
}

/* --- operations against system calls ----------------------------------------- */

static int test_read_write(void)
{
	static const uint32_t sizes[] = {0, 1, 7, 64, 511, 4096, 4097, 65536, 200000};
	enum { MOST = 200000 };
	uint8_t *data = malloc(MOST), *got = malloc(MOST), *same = malloc(MOST);
	uint32_t seed = 20;
	struct xsc_ring ring;
	int ours, theirs, fds[2];

	EXPECT(xsc_setup(&ring, NULL), 0);
	for (int i = 0; i < MOST; i++)
		data[i] = (uint8_t)random_next(&seed);
	ours = new_file("ours", NULL, 0);
	theirs = new_file("theirs", NULL, 0);

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i];
		off_t at = (off_t)random_next(&seed) % 10000;

		EXPECT(ONE(&ring, write, ours, data, n), write(theirs, data, n));
		EXPECT(lseek(ours, 0, SEEK_CUR), lseek(theirs, 0, SEEK_CUR));
		EXPECT(ONE(&ring, pwrite, ours, data + 1, n ? n - 1 : 0, (uint64_t)at),
			pwrite(theirs, data + 1, n ? n - 1 : 0, at));
		EXPECT(lseek(ours, 0, SEEK_CUR), lseek(theirs, 0, SEEK_CUR));
	}
	EXPECT(ONE(&ring, fsync, ours, 0), 0);
	EXPECT(ONE(&ring, fsync, ours, XSC_FSYNC_DATASYNC), 0);

	for (int pass = 0; pass < 2; pass++) {
		lseek(ours, pass * 1000, SEEK_SET);
		lseek(theirs, pass * 1000, SEEK_SET);
		for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
			uint32_t n = sizes[i % ARRAY_LEN(sizes)];
			off_t at = (off_t)random_next(&seed) % 300000;

			memset(got, 0xcc, MOST);
			memset(same, 0xcc, MOST);
			EXPECT(ONE(&ring, read, ours, got, n), read(theirs, same, n));
			REQUIRE(!memcmp(got, same, MOST), "READ of %u: other bytes", n);
			EXPECT(lseek(ours, 0, SEEK_CUR), lseek(theirs, 0, SEEK_CUR));
			memset(got, 0xcc, MOST);
			memset(same, 0xcc, MOST);
			EXPECT(ONE(&ring, pread, ours, got, n, (uint64_t)at),
				pread(theirs, same, n, at));
			REQUIRE(!memcmp(got, same, MOST), "PREAD of %u at %ld: other bytes", n,
				(long)at);
		}
	}

	/* O_APPEND, where the position given to PWRITE does not count. */
	EXPECT(fcntl(ours, F_SETFL, O_APPEND), 0);
	EXPECT(fcntl(theirs, F_SETFL, O_APPEND), 0);
	EXPECT(ONE(&ring, write, ours, "tail", 4), write(theirs, "tail", 4));
	EXPECT(ONE(&ring, pwrite, ours, "tail", 4, 3), pwrite(theirs, "tail", 4, 3));
	EXPECT(lseek(ours, 0, SEEK_END), lseek(theirs, 0, SEEK_END));

	/* A stream; then files that have a ->read only, or are made as they are read. */
	EXPECT(pipe2(fds, O_NONBLOCK), 0);
	EXPECT(ONE(&ring, read, fds[0], got, 100), -EAGAIN);
	EXPECT(ONE(&ring, write, fds[1], data, 1000), 1000);
	EXPECT(ONE(&ring, read, fds[0], got, 5000), 1000);
	REQUIRE(!memcmp(got, data, 1000), "a pipe's bytes");
	ours = open("/proc/self/status", O_RDONLY);
	EXPECT(ONE(&ring, read, ours, got, 7) == 7 && !memcmp(got, "Name:\txsc", 7), 1);
	ours = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	EXPECT(ONE(&ring, read, ours, got, 8), -EAGAIN);
	ours = inotify_init1(IN_NONBLOCK);
	EXPECT(ONE(&ring, read, ours, got, 100), -EAGAIN);
	EXPECT(inotify_add_watch(ours, dir, IN_OPEN | IN_MODIFY | IN_ACCESS) >= 0, 1);
	theirs = (int)ONE(&ring, open, path_of("theirs"), O_RDWR, 0);
	EXPECT(ONE(&ring, write, theirs, "x", 1), 1);
	{
		struct inotify_event *event = (void *)got;
		long n = ONE(&ring, read, ours, got, 4096);

		REQUIRE(n >= (long)(2 * (sizeof(*event) + event->len)), "inotify: %ld bytes", n);
		EXPECT(event->mask, IN_OPEN);
		event = (void *)(got + sizeof(*event) + event->len);
		EXPECT(event->mask, IN_MODIFY);
		EXPECT(n, 2 * (sizeof(*event) + event->len));
	}
	ours = eventfd(3, 0);
	EXPECT(ONE(&ring, read, ours, got, 8), 8);
	EXPECT(got[0], 3);
	xsc_teardown(&ring);
	return 0;
}

/* Each line: the same wrong call by ring and by system call, the same errno. */
static int test_errors(void)
{
	struct xsc_ring ring;
	char longest[PATH_MAX + 1];
	char *bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *far = (char *)(uintptr_t)0xffffffff81000000; /* the kernel's own text */
	int rd, wr, folder, opath, fds[2], closed, zero;
	char buf[64] = "";

	EXPECT(xsc_setup(&ring, NULL), 0);
	close(new_file("file", "0123456789", 10));
	rd = open(path_of("file"), O_RDONLY);
	wr = open(path_of("file"), O_WRONLY);
	folder = open(dir, O_RDONLY | O_DIRECTORY);
	opath = open(path_of("file"), O_PATH);
	zero = open("/dev/zero", O_RDWR);
	EXPECT(pipe(fds), 0);
	closed = dup(rd);
	close(closed);
	mprotect(bad + 4096, 4096, PROT_NONE);
	memset(longest, 'a', PATH_MAX);
	longest[PATH_MAX] = '\0';
	signal(SIGPIPE, SIG_IGN);

#define SAME(ring_op, call, number)                                                                \
	do {                                                                                       \
		long ring_ = (ring_op), call_ = sys(call);                                         \
		REQUIRE(ring_ == call_, "%s: %ld by ring, %ld by system call", #call, ring_,       \
			call_);                                                                    \
		REQUIRE(call_ == -(number), "%s: %ld, not %d", #call, call_, -(number));           \
	} while (0)
	SAME(ONE(&ring, read, closed, buf, 1), read(closed, buf, 1), EBADF);
	SAME(ONE(&ring, read, -1, buf, 1), read(-1, buf, 1), EBADF);
	SAME(ONE(&ring, read, 1 << 30, buf, 1), read(1 << 30, buf, 1), EBADF);
	SAME(ONE(&ring, read, wr, buf, 1), read(wr, buf, 1), EBADF);
	SAME(ONE(&ring, read, opath, buf, 1), read(opath, buf, 1), EBADF);
	SAME(ONE(&ring, read, folder, buf, 1), read(folder, buf, 1), EISDIR);
	SAME(ONE(&ring, read, rd, NULL, 1), syscall(SYS_read, rd, NULL, 1), EFAULT);
	SAME(ONE(&ring, read, rd, far, 1), read(rd, far, 1), EFAULT);
	SAME(ONE(&ring, read, zero, far, 64), read(zero, far, 64), EFAULT);
	SAME(ONE(&ring, read, rd, bad + 4096, 1), read(rd, bad + 4096, 1), EFAULT);
	SAME(ONE(&ring, write, rd, buf, 1), write(rd, buf, 1), EBADF);
	SAME(ONE(&ring, write, closed, buf, 1), write(closed, buf, 1), EBADF);
	SAME(ONE(&ring, write, wr, far, 1), write(wr, far, 1), EFAULT);
	SAME(ONE(&ring, write, wr, bad + 4096, 1), write(wr, bad + 4096, 1), EFAULT);
	SAME(ONE(&ring, pread, rd, buf, 1, (uint64_t)-1), pread(rd, buf, 1, -1), EINVAL);
	SAME(ONE(&ring, pread, rd, buf, 1, INT64_MAX), pread(rd, buf, 1, INT64_MAX), EINVAL);
	SAME(ONE(&ring, pread, fds[0], buf, 1, 0), pread(fds[0], buf, 1, 0), ESPIPE);
	SAME(ONE(&ring, pwrite, fds[1], buf, 1, 0), pwrite(fds[1], buf, 1, 0), ESPIPE);
	SAME(ONE(&ring, pread, closed, buf, 1, 0), pread(closed, buf, 1, 0), EBADF);
	SAME(ONE(&ring, pwrite, rd, buf, 1, 0), pwrite(rd, buf, 1, 0), EBADF);
	SAME(ONE(&ring, fsync, closed, 0), fsync(closed), EBADF);
	SAME(ONE(&ring, fsync, fds[0], 0), fsync(fds[0]), EINVAL);
	SAME(ONE(&ring, close, closed), close(closed), EBADF);
	SAME(ONE(&ring, close, -1), close(-1), EBADF);
	SAME(ONE(&ring, open, path_of("none"), O_RDONLY, 0), open(path_of("none"), O_RDONLY),
		ENOENT);
	SAME(ONE(&ring, open, "", O_RDONLY, 0), open("", O_RDONLY), ENOENT);
	SAME(ONE(&ring, open, NULL, O_RDONLY, 0), syscall(SYS_open, NULL, O_RDONLY), EFAULT);
	SAME(ONE(&ring, open, far, O_RDONLY, 0), open(far, O_RDONLY), EFAULT);
	SAME(ONE(&ring, open, longest, O_RDONLY, 0), open(longest, O_RDONLY), ENAMETOOLONG);
	SAME(ONE(&ring, open, longest + 1, O_RDONLY, 0), open(longest + 1, O_RDONLY), ENAMETOOLONG);
	SAME(ONE(&ring, open, dir, O_WRONLY, 0), open(dir, O_WRONLY), EISDIR);
	SAME(ONE(&ring, open, path_of("file"), O_DIRECTORY, 0), open(path_of("file"), O_DIRECTORY),
		ENOTDIR);
	SAME(ONE(&ring, open, path_of("file"), O_CREAT | O_EXCL, 0600),
		open(path_of("file"), O_CREAT | O_EXCL, 0600), EEXIST);
	SAME(ONE(&ring, open, path_of("file/x"), O_RDONLY, 0), open(path_of("file/x"), O_RDONLY),
		ENOTDIR);
	SAME(ONE(&ring, open, dir, O_TMPFILE, 0600), syscall(SYS_open, dir, O_TMPFILE, 0600),
		EINVAL);
	close(fds[0]);
	SAME(ONE(&ring, write, fds[1], buf, 1), write(fds[1], buf, 1), EPIPE);
#undef SAME

	/* A buffer that ends in the middle: as much as there is. */
	memset(bad, 0, 4096);
	EXPECT(ONE(&ring, read, zero, bad + 4000, 200), read(zero, bad + 4000, 200));
	xsc_teardown(&ring);
	return 0;
}

static int test_open_close(void)
{
	struct xsc_ring ring;
	struct stat ours, theirs;
	char buf[16];
	int fd;

	EXPECT(xsc_setup(&ring, NULL), 0);
	umask(027);
	fd = (int)ONE(&ring, open, path_of("new"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
	REQUIRE(fd >= 0, "OPEN: %d", fd);
	close(open(path_of("new2"), O_CREAT | O_EXCL | O_RDWR, 0666));
	fstat(fd, &ours);
	stat(path_of("new2"), &theirs);
	EXPECT(ours.st_mode, theirs.st_mode);
	EXPECT(ours.st_uid, theirs.st_uid);
	EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFL), O_RDWR | 0100000 /* O_LARGEFILE of the kernel */);
	EXPECT(ONE(&ring, write, fd, "abc", 3), 3);
	EXPECT(pread(fd, buf, 16, 0), 3);
	EXPECT(ONE(&ring, close, fd), 0);
	EXPECT(sys(fcntl(fd, F_GETFD)), -EBADF);

	/* The lowest free number, and the thread's working directory, are the process's. */
	EXPECT(chdir(dir), 0);
	EXPECT(ONE(&ring, open, "new", O_RDONLY, 0), fd);
	EXPECT(fcntl(fd, F_GETFD), 0);
	EXPECT(ONE(&ring, open, "./../none/./x", O_RDONLY, 0), -ENOENT);
	EXPECT(ONE(&ring, close, fd), 0);

	/*
	 * Once a CLOSE is completed the file is released, as after close(2): the
	 * other end of a pipe reads its end at once.
	 */
	for (int i = 0; i < 300; i++) {
		int fds[2];

		EXPECT(pipe2(fds, O_NONBLOCK), 0);
		EXPECT(read(fds[0], buf, 1) == -1 && errno == EAGAIN, 1);
		EXPECT(ONE(&ring, close, fds[1]), 0);
		EXPECT(read(fds[0], buf, 1), 0);
		EXPECT(ONE(&ring, close, fds[0]), 0);
	}
	xsc_teardown(&ring);
	return 0;
}

static int test_limits(void)
{
	struct rlimit files = {40, 40}, size = {1000, 1000};
	struct xsc_ring ring;
	char buf[2000] = "";
	int fd, opened = 0, refused;

	EXPECT(xsc_setup(&ring, NULL), 0);
	fd = new_file("limited", NULL, 0);

	/* Set after the ring was made, from another thread than the one that serves. */
	EXPECT(setrlimit(RLIMIT_FSIZE, &size), 0);
	EXPECT(ONE(&ring, write, fd, buf, 2000), 1000);
	EXPECT(ONE(&ring, write, fd, buf, 1), -EFBIG);
	EXPECT(ONE(&ring, pwrite, fd, buf, 10, 5000), -EFBIG);
	signal(SIGXFSZ, SIG_IGN);
	EXPECT(sys(write(fd, buf, 1)), -EFBIG);

	EXPECT(setrlimit(RLIMIT_NOFILE, &files), 0);
	do {
		refused = (int)ONE(&ring, open, "/dev/null", O_RDONLY, 0);
		opened += refused >= 0;
	} while (refused >= 0 && opened < 100);
	EXPECT(refused, -EMFILE);
	REQUIRE(opened > 20 && opened < 40, "%d files opened under a limit of 40", opened);
	EXPECT(sys(open("/dev/null", O_RDONLY)), -EMFILE);
	xsc_teardown(&ring);
	return 0;
}

static int test_rights(void)
{
	struct xsc_ring root_ring, ring;
	char buf[8];
	int fd;

	if (geteuid())
		return skip("needs root, to become somebody else");
	fd = new_file("secret", "secret", 6);
	EXPECT(fchmod(fd, 0600), 0);
	EXPECT(xsc_setup(&root_ring, NULL), 0);
	EXPECT(ONE(&root_ring, pread, fd, buf, 6, 0), 6);
	close(fd);

	/* What root may, the same ring may no more once its process is nobody. */
	fd = (int)ONE(&root_ring, open, path_of("secret"), O_RDONLY, 0);
	REQUIRE(fd >= 0, "root opens its own file: %d", fd);
	EXPECT(setgid(NOBODY), 0);
	EXPECT(setuid(NOBODY), 0);
	EXPECT(sys(open(path_of("secret"), O_RDONLY)), -EACCES);
	EXPECT(ONE(&root_ring, open, path_of("secret"), O_RDONLY, 0), -EACCES);
	/* A file that is open stays open, as for read(2). */
	EXPECT(ONE(&root_ring, pread, fd, buf, 6, 0), 6);
	xsc_teardown(&root_ring);

	/* A ring made by nobody: that it works is the default, that it opens is not. */
	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, open, path_of("secret"), O_RDONLY, 0), -EACCES);
	EXPECT(ONE(&ring, open, path_of("secret"), O_WRONLY | O_TRUNC, 0), -EACCES);
	EXPECT(ONE(&ring, open, path_of("mine"), O_CREAT | O_WRONLY, 0600), -EACCES);
	EXPECT(ONE(&ring, open, "/proc/1/environ", O_RDONLY, 0),
		sys(open("/proc/1/environ", O_RDONLY)));
	fd = (int)ONE(&ring, open, "/proc/self/status", O_RDONLY, 0);
	REQUIRE(fd >= 0, "nobody opens what all may: %d", fd);
	xsc_teardown(&ring);
	return 0;
}

static int test_memlock(void)
{
	struct rlimit none = {0, 0}, some = {65536, 65536};
	struct xsc_params most = {.sq_entries = 4096, .cq_entries = 4096};
	struct xsc_params few = {.sq_entries = 8, .cq_entries = 8};
	struct xsc_ring ring;

	if (!geteuid()) {
		EXPECT(setgid(NOBODY), 0);
		EXPECT(setuid(NOBODY), 0);
	}
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &some), 0);
	EXPECT(xsc_setup(&ring, &most), -ENOMEM);
	/* What a ring took is given back with it. */
	for (int i = 0; i < 200; i++) {
		EXPECT(xsc_setup(&ring, &few), 0);
		xsc_teardown(&ring);
	}
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	EXPECT(xsc_setup(&ring, &few), -ENOMEM);
	return 0;
}

/* --- queues ------------------------------------------------------------------ */

/* @count NOPs, up to @batch at a time; each completion in its order. */
static int run_nops(struct xsc_ring *ring, uint64_t count, uint32_t batch)
{
	uint64_t sent = 0, seen = 0;
	struct xsc_cqe cqe;

	while (seen < count) {
		for (uint32_t i = 0; i < batch && sent < count; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(ring);

			if (!sqe)
				break;
			xsc_prep_nop(sqe);
			sqe->user_data = sent++;
		}
		xsc_submit(ring);
		do {
			EXPECT(xsc_wait_cqe(ring, &cqe), 1);
			REQUIRE(cqe.user_data == seen && cqe.res == 0,
				"completion %llu is %llu with %d", (unsigned long long)seen,
				(unsigned long long)cqe.user_data, cqe.res);
			seen++;
		} while (seen + batch / 2 < sent);
	}
	EXPECT(xsc_peek_cqe(ring, &cqe), 0);
	return 0;
}

static int test_wrap(void)
{
	static const struct {
		uint32_t sq, cq, batch;
	} shapes[] = {{1, 1, 1}, {8, 8, 8}, {8, 16, 5}, {64, 4, 64}, {4, 64, 3}};

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		/* The counters pass 2^32 early on. */
		struct xsc_params params = {.sq_entries = shapes[i].sq,
			.cq_entries = shapes[i].cq,
			.first = UINT32_MAX - 1000};
		struct xsc_ring ring;

		EXPECT(xsc_setup(&ring, &params), 0);
		if (run_nops(&ring, 20000, shapes[i].batch))
			return 1;
		EXPECT(xsc_load_acquire(ring.sq_head), (uint32_t)(params.first + 20000));
		EXPECT(xsc_load_acquire(ring.cq_tail), (uint32_t)(params.first + 20000));
		xsc_teardown(&ring);
	}
	return 0;
}

static void *serve_main(void *arg)
{
	return (void *)(intptr_t)xsc_serve_loop(*(int *)arg);
}

static int test_full_sq(void)
{
	struct xsc_params params = {.sq_entries = 16, .cq_entries = 64, .no_thread = true};
	struct pollfd pfd = {.events = POLLIN | POLLOUT};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;

	EXPECT(xsc_setup(&ring, &params), 0);
	pfd.fd = ring.fd;
	EXPECT(poll(&pfd, 1, 0), 1);
	EXPECT(pfd.revents, POLLOUT);
	for (int i = 0; i < 16; i++) {
		struct xsc_sqe *sqe = xsc_get_sqe(&ring);

		REQUIRE(sqe, "no SQE %d of 16", i);
		xsc_prep_nop(sqe);
		sqe->user_data = (uint64_t)i;
	}
	REQUIRE(!xsc_get_sqe(&ring), "a 17th SQE of 16");
	EXPECT(xsc_submit(&ring), 16);
	REQUIRE(!xsc_get_sqe(&ring), "an SQE while 16 of 16 are queued");
	EXPECT(poll(&pfd, 1, 0), 0);
	EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
	EXPECT(xsc_wait(&ring, 16, NULL), 0);
	EXPECT(poll(&pfd, 1, 0), 1);
	EXPECT(pfd.revents, POLLIN | POLLOUT);
	for (uint64_t i = 0; i < 16; i++) {
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(cqe.user_data, i);
	}
	REQUIRE(xsc_get_sqe(&ring), "no SQE when all are free");
	xsc_shutdown(&ring);
	pthread_join(thread, NULL);
	xsc_teardown(&ring);
	return 0;
}

/* Nothing is lost when completions have no room; the thread even sleeps meanwhile. */
static int test_full_cq(void)
{
	for (int idle = 0; idle < 2; idle++) {
		struct xsc_params params = {.sq_entries = 64,
			.cq_entries = 4,
			.idle_given = true,
			.idle_us = idle ? XSC_MAX_IDLE_US : 0};
		uint64_t until = now_ns() + 5000000000u;
		struct xsc_ring ring;
		struct xsc_cqe cqe;

		EXPECT(xsc_setup(&ring, &params), 0);
		for (uint64_t i = 0; i < 64; i++) {
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			xsc_prep_nop(sqe);
			sqe->user_data = i;
		}
		EXPECT(xsc_submit(&ring), 64);
		EXPECT(xsc_wait(&ring, 4, NULL), 0);
		while (!idle && !(xsc_load_acquire(ring.sq_flags) & XSC_SQ_NEED_WAKEUP))
			REQUIRE(now_ns() < until, "the thread does not sleep on a full CQ");
		EXPECT(xsc_load_acquire(ring.cq_tail), 4);
		EXPECT(xsc_load_acquire(ring.sq_head), 4);
		for (uint64_t i = 0; i < 64; i++) {
			/* Polling alone: it is the reaping that has to wake the thread. */
			while (!xsc_peek_cqe(&ring, &cqe))
				REQUIRE(now_ns() < until, "no completion %llu",
					(unsigned long long)i);
			EXPECT(cqe.user_data, i);
		}
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		xsc_teardown(&ring);
	}
	return 0;
}

/* The race of the last submission against the thread that goes to sleep. */
static int test_sleep_wake(void)
{
	static const uint32_t idles[] = {0, 1, 30};
	uint32_t seed = 7, slept = 0;

	for (size_t i = 0; i < ARRAY_LEN(idles); i++) {
		struct xsc_params params = {.idle_given = true, .idle_us = idles[i]};
		struct xsc_ring ring;
		struct xsc_cqe cqe;

		EXPECT(xsc_setup(&ring, &params), 0);
		for (int n = 0; n < 4000; n++) {
			uint32_t pause = random_next(&seed) % 400;
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			xsc_prep_nop(sqe);
			sqe->user_data = (uint64_t)n;
			slept += xsc_load_relaxed(ring.sq_flags) & XSC_SQ_NEED_WAKEUP;
			EXPECT(xsc_submit(&ring), 1);
			/* In turn: no help but the wake of the submission, and asleep. */
			if (n & 1)
				xsc_spin_cqe(&ring, &cqe);
			else
				EXPECT(xsc_wait(&ring, 1, NULL) ?: xsc_peek_cqe(&ring, &cqe), 1);
			EXPECT(cqe.user_data, n);
			while (pause--)
				xsc_relax();
		}
		xsc_teardown(&ring);
	}
	REQUIRE(slept > 100, "the thread slept %u times in 12000: nothing was raced", slept);
	return 0;
}

static int test_wait(void)
{
	struct pollfd pfd = {.events = POLLIN};
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;
	uint64_t start = now_ns(), until = start + 20000000;
	char buf[4];
	int fds[2];

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(xsc_wait(&ring, 1, &until), -ETIME);
	REQUIRE(now_ns() >= until, "the wait ended early");

	/* A completion that comes later wakes both kinds of waiters. */
	EXPECT(pipe(fds), 0);
	pfd.fd = ring.fd;
	for (int i = 0; i < 20; i++) {
		pid_t child;

		sqe = xsc_get_sqe(&ring);
		xsc_prep_read(sqe, fds[0], buf, 1);
		EXPECT(xsc_submit(&ring), 1);
		EXPECT(poll(&pfd, 1, 0), 0);
		child = fork();
		if (!child) {
			usleep(1000);
			_exit(write(fds[1], "x", 1) != 1);
		}
		if (i & 1)
			EXPECT(poll(&pfd, 1, 5000), 1);
		else
			EXPECT(xsc_wait(&ring, 1, NULL), 0);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 1);
		EXPECT(cqe.res, 1);
		waitpid(child, NULL, 0);
	}
	xsc_teardown(&ring);
	return 0;
}

/* --- ends -------------------------------------------------------------------- */

static int test_shutdown_blocked(void)
{
	for (int i = 0; i < 50; i++) {
		struct xsc_ring ring;
		struct xsc_cqe cqe;
		int fds[2];
		char buf[4];

		EXPECT(xsc_setup(&ring, NULL), 0);
		EXPECT(pipe(fds), 0);
		xsc_prep_read(xsc_get_sqe(&ring), fds[0], buf, 4);
		EXPECT(xsc_submit(&ring), 1);
		if (i & 1)
			usleep(500);
		EXPECT(xsc_shutdown(&ring), 0);
		EXPECT(xsc_wait(&ring, 1, NULL), -ESHUTDOWN);
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
		EXPECT(xsc_serve_loop(ring.fd), -ESHUTDOWN);
		/* Waits for the thread: no operation is left that could take the byte. */
		xsc_teardown(&ring);
		EXPECT(write(fds[1], "y", 1), 1);
		EXPECT(read(fds[0], buf, 4), 1);
		close(fds[0]);
		close(fds[1]);
	}
	return 0;
}

static _Atomic int handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static _Atomic pid_t serving_tid;

static void *serve_with_signals(void *arg)
{
	serving_tid = gettid();
	return serve_main(arg);
}

/* A signal in the middle of an operation: its handler runs, the operation goes on. */
static int test_signal(void)
{
	struct xsc_params params = {.no_thread = true};
	struct xsc_ring ring;
	struct xsc_cqe cqe;
	pthread_t thread;
	char buf[4] = "";
	int fds[2];

	struct sigaction action = {.sa_handler = on_signal};
	EXPECT(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT(xsc_setup(&ring, &params), 0);
	EXPECT(pipe(fds), 0);
	EXPECT(pthread_create(&thread, NULL, serve_with_signals, &ring.fd), 0);
	xsc_prep_read(xsc_get_sqe(&ring), fds[0], buf, 4);
	EXPECT(xsc_submit(&ring), 1);
	for (int i = 1; i <= 50; i++) {
		while (!serving_tid)
			sched_yield();
		EXPECT(syscall(SYS_tgkill, getpid(), serving_tid, SIGUSR1), 0);
		while (handled < i)
			sched_yield();
		EXPECT(xsc_peek_cqe(&ring, &cqe), 0);
	}
	EXPECT(write(fds[1], "abc", 3), 3);
	EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
	EXPECT(cqe.res, 3);
	EXPECT(memcmp(buf, "abc", 3), 0);
	xsc_shutdown(&ring);
	pthread_join(thread, NULL);
	xsc_teardown(&ring);
	return 0;
}

static int child_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int test_fork(void)
{
	struct xsc_ring ring;
	pid_t child;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	child = fork();
	if (!child) {
		struct xsc_wait wait = {.size = sizeof(wait), .min_complete = 1};
		unsigned char seen;

		if (xsc_serve_loop(ring.fd) != -EPERM)
			_exit(1);
		if (ioctl_arg(ring.fd, XSC_IOC_WAKE, NULL) != -EPERM ||
			ioctl_arg(ring.fd, XSC_IOC_WAIT, &wait) != -EPERM ||
			ioctl_arg(ring.fd, XSC_IOC_SHUTDOWN, NULL) != -EPERM)
			_exit(2);
		if (mmap(NULL, ring.map_size, PROT_READ, MAP_SHARED, ring.fd, 0) != MAP_FAILED ||
			errno != EPERM)
			_exit(3);
		/* The mapping is not inherited. */
		if (!mincore(ring.map, 1, &seen) || errno != ENOMEM)
			_exit(4);
		_exit(0); /* which closes the descriptor: not the owner's doing */
	}
	EXPECT(child_status(child), 0);
	/* The same memory, and yet another process. */
	child = vfork();
	if (!child)
		_exit(!ioctl(ring.fd, XSC_IOC_WAKE, 0) || errno != EPERM);
	EXPECT(child_status(child), 0);
	EXPECT(ONE(&ring, nop), 0);
	xsc_teardown(&ring);
	return 0;
}

/* Run by test_exec as `xsc_ring_test --exec-probe FD`: the ring was another program's. */
static int exec_probe(int fd)
{
	if (ioctl_arg(fd, XSC_IOC_WAKE, NULL) != -EPERM)
		return 1;
	if (xsc_serve_loop(fd) != -EPERM)
		return 2;
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
}

static int test_exec(void)
{
	int refs = module_refs();

	for (int keep = 0; keep < 2; keep++) {
		pid_t child = fork();

		if (!child) {
			struct xsc_ring ring;
			char number[16];

			if (xsc_setup(&ring, NULL))
				_exit(10);
			if (ONE(&ring, nop))
				_exit(11);
			if (keep)
				fcntl(ring.fd, F_SETFD, 0);
			snprintf(number, sizeof(number), "%d", ring.fd);
			execl(self, self, keep ? "--exec-probe" : "--exec-gone", number, NULL);
			_exit(12);
		}
		EXPECT(child_status(child), 0);
	}
	return wait_for_refs(refs);
}

static int test_close(void)
{
	int refs = module_refs();

	/* By another thread, while one serves and one waits; then by the ring itself. */
	for (int i = 0; i < 30; i++) {
		struct xsc_params params = {.no_thread = true};
		struct xsc_ring ring;
		pthread_t thread;
		void *why;

		EXPECT(xsc_setup(&ring, &params), 0);
		EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
		EXPECT(ONE(&ring, nop), 0);
		if (i & 1) {
			EXPECT(close(ring.fd), 0);
		} else {
			xsc_prep_close(xsc_get_sqe(&ring), ring.fd);
			xsc_submit(&ring);
		}
		EXPECT(pthread_join(thread, &why), 0);
		/* The loop may have called once more, and found no such descriptor. */
		REQUIRE((intptr_t)why == -ESHUTDOWN || (intptr_t)why == -EBADF,
			"the service ended with %ld", (long)(intptr_t)why);
		EXPECT(module_refs(), refs + 1);
		munmap(ring.map, ring.map_size);
		if (wait_for_refs(refs))
			return 1;
	}
	return 0;
}

static int allow_all(unsigned int flags)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return (int)sys(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

static int test_seccomp(void)
{
	struct xsc_ring ring, other;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	/* The filter reaches the serving thread inside the kernel. */
	EXPECT(allow_all(SECCOMP_FILTER_FLAG_TSYNC), 0);
	xsc_prep_nop(xsc_get_sqe(&ring));
	EXPECT(xsc_submit(&ring), 1);
	EXPECT(xsc_wait(&ring, 1, NULL), -EACCES);
	EXPECT(xsc_serve_loop(ring.fd), -EACCES);
	EXPECT(xsc_setup(&other, NULL), -EACCES);
	xsc_teardown(&ring);
	return 0;
}

static int test_counters(void)
{
	static const uint32_t lies[] = {9, 10, 1000, 0x80000000, 0xfffffff0};
	struct xsc_ring ring;
	struct xsc_params params = {.sq_entries = 8, .cq_entries = 8, .no_thread = true};

	EXPECT(xsc_setup(&ring, &params), 0);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		xsc_store_release(ring.sq_tail, lies[i]);
		EXPECT(xsc_serve_loop(ring.fd), -EOVERFLOW);
		EXPECT(xsc_wait(&ring, 1, NULL), -EOVERFLOW);
	}
	xsc_store_release(ring.sq_tail, 0);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		xsc_store_release(ring.cq_head, -lies[i]);
		EXPECT(xsc_wait(&ring, 1, NULL), -EOVERFLOW);
	}
	xsc_store_release(ring.cq_head, 0);

	/* What the kernel writes is not what it reads: lies there change nothing. */
	xsc_store_release(ring.sq_head, 77);
	xsc_store_release(ring.cq_tail, 77);
	{
		pthread_t thread;
		struct xsc_cqe cqe;

		EXPECT(pthread_create(&thread, NULL, serve_main, &ring.fd), 0);
		xsc_prep_nop(xsc_get_sqe(&ring));
		EXPECT(xsc_submit(&ring), 1);
		while (xsc_load_acquire(ring.cq_tail) != 1)
			xsc_relax();
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
		EXPECT(xsc_load_acquire(ring.sq_head), 1);
		xsc_shutdown(&ring);
		pthread_join(thread, NULL);
	}
	xsc_teardown(&ring);
	return 0;
}

/* --- hostility --------------------------------------------------------------- */

/* Does operations of all kinds until it is killed. */
static void busy_owner(uint32_t seed)
{
	struct xsc_params params = {.idle_given = true, .idle_us = seed % 3 * 100};
	static char data[70000];
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
			switch (r % 8) {
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
			xsc_submit(&ring);
		}
		xsc_peek_cqe(&ring, &cqe);
		report->progress++;
	}
}

static int test_killed(void)
{
	int refs = module_refs();
	uint32_t seed = 99;

	for (int i = 0; i < 60; i++) {
		pid_t child = fork();
		struct xsc_ring ring;

		if (!child)
			busy_owner(seed);
		usleep(random_next(&seed) % 20000);
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
	if (pthread_create(&thread, NULL, scribble, &seed))
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

static int test_hostile(void)
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

/* --- traps, counted ---------------------------------------------------------- */

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
	if (xsc_setup(&ring, &busy))
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

/* Counts per window into @ret_counts. */
static int count_traps(enum loop loop, long *ret_counts, _Atomic long *fault_count)
{
	pid_t child = fork();
	int status, window = 0, signal_to_pass = 0;
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
			REQUIRE(window < WINDOWS, "more windows than there are");
			ret_counts[window++] = count;
		} else if (counting) {
			count++;
		}
	}
	REQUIRE(WIFEXITED(status) && !WEXITSTATUS(status), "the traced child ended with %#x",
		(unsigned)status);
	EXPECT(window, WINDOWS);
	return 0;
}

static int test_traps(void)
{
	static const char *const names[] = {"traps_per_op", "traps_per_op_pread",
		"traps_per_op_pread_batch16", "traps_per_op_plain_pread"};
	_Atomic long *fault_count =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct metric *m;
	long counts[WINDOWS], all_faults = 0;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (CPU_COUNT(&cpus) < 2)
		return skip("needs 2 CPUs: on one the thread cannot poll while others run");

	for (int loop = 0; loop < LOOPS; loop++) {
		*fault_count = 0;
		if (count_traps((enum loop)loop, counts, fault_count))
			return 1;
		m = add_metric(names[loop], "traps", true);
		for (int i = 0; i < WINDOWS; i++)
			m->samples[m->count++] = (double)counts[i] / TRAP_OPS;
		for (int i = 0; i < WINDOWS; i++) {
			if (loop == PLAIN_PREAD)
				REQUIRE(counts[i] == TRAP_OPS,
					"the control: %ld traps counted in %d pread(2)", counts[i],
					TRAP_OPS);
			else
				REQUIRE(counts[i] == 0, "%s: %ld traps in %d operations",
					names[loop], counts[i], TRAP_OPS);
		}
		if (loop != PLAIN_PREAD)
			all_faults += *fault_count;
	}
	m = add_metric("page_faults_per_op", "faults", true);
	m->samples[m->count++] = (double)all_faults / (TRAP_OPS * WINDOWS * (LOOPS - 1));
	return 0;
}

/* --- time, as ratios --------------------------------------------------------- */

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

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
	double sorted[MAX_SAMPLES];

	memcpy(sorted, values, (size_t)count * sizeof(*sorted));
	qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
	return count & 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static int test_time(void)
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

/* --- the runner -------------------------------------------------------------- */

static const struct test {
	const char *name;
	int (*run)(void);
	const char *what;
	int seconds;
} tests[] = {
	{"setup", test_setup, "sizes, offsets, capabilities, all ring sizes", 30},
	{"setup-bad-input", test_setup_bad, "each bad input alone, with its errno", 10},
	{"ioctl-bad-input", test_ioctl_bad, "each bad input alone, with its errno", 10},
	{"mmap-bad-input", test_mmap_bad, "nothing outside of the ring can be mapped", 10},
	{"sqe-bad-input", test_sqe_bad, "unknown operations, flags and fields", 10},
	{"read-write", test_read_write, "bytes, counts and positions as by system call", 30},
	{"errors", test_errors, "errno for errno as by system call", 10},
	{"open-close", test_open_close, "modes, flags, numbers, release as by system call", 20},
	{"limits", test_limits, "RLIMIT_FSIZE and RLIMIT_NOFILE of the owner", 10},
	{"rights", test_rights, "exactly those of the process, also after setuid", 10},
	{"memory-limit", test_memlock, "a ring counts against RLIMIT_MEMLOCK", 20},
	{"wrap-around", test_wrap, "100000 operations through small rings, over 2^32", 60},
	{"full-sq", test_full_sq, "a full SQ takes no more", 10},
	{"full-cq", test_full_cq, "a full CQ stops consumption, nothing is lost", 20},
	{"sleep-wake", test_sleep_wake, "12000 submissions race the thread's sleep", 60},
	{"wait", test_wait, "WAIT and poll: woken in time, and out of time", 20},
	{"shutdown-blocked", test_shutdown_blocked, "ends an operation that sleeps", 20},
	{"signal", test_signal, "handled in the middle of an operation", 20},
	{"fork", test_fork, "a child cannot use the parent's ring", 10},
	{"exec", test_exec, "another program cannot use the ring", 10},
	{"close", test_close, "from another thread, and through the ring", 20},
	{"seccomp", test_seccomp, "a confined thread is not served", 10},
	{"counters", test_counters, "impossible counters are refused, and mended", 10},
	{"killed", test_killed, "60 owners killed in the middle of operations", 60},
	{"hostile", test_hostile, "both rings scribbled over from a second thread", 60},
	{"traps", test_traps, "0 per operation in steady state, counted by ptrace", 60},
	{"time", test_time, "ring against system call, interleaved (never fails)", 60},
};

static void print_metrics(void)
{
	if (!report->metric_count)
		return;
	printf("  ---\n  metrics:\n");
	for (int i = 0; i < report->metric_count; i++) {
		struct metric *m = &report->metrics[i];
		double value = median(m->samples, m->count);

		for (int s = 0; m->worst && s < m->count; s++)
			value = m->samples[s] > value ? m->samples[s] : value;
		printf("    - name: %s\n      value: %.6g\n      unit: %s\n      better: lower\n"
		       "      samples: [",
			m->name, value, m->unit);
		for (int s = 0; s < m->count; s++)
			printf("%s%.6g", s ? ", " : "", m->samples[s]);
		printf("]\n");
	}
	printf("  ...\n");
}

/* 0 if it passed or was skipped. */
static int run_test(int number, const struct test *test)
{
	sigset_t chld;
	struct timespec limit = {.tv_sec = test->seconds};
	int status = 0;
	bool late;
	pid_t child;

	memset(report, 0, sizeof(*report));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	fflush(stdout);
	child = fork();
	if (!child) {
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		_exit(test->run());
	}
	late = child > 0 && sigtimedwait(&chld, NULL, &limit) < 0;
	if (late)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	kill(-child, SIGKILL); /* what it may have left behind */
	while (sigtimedwait(&chld, NULL, &(struct timespec){0}) > 0)
		;

	if (late)
		fail(__LINE__, "not done after %d s (%s)", test->seconds,
			report->why[0] ? report->why : "nothing was said");
	else if (WIFSIGNALED(status))
		fail(__LINE__, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fail(__LINE__, "exit status %d", WEXITSTATUS(status));
	if (report->why[0])
		printf("# %s: %s\n", test->name, report->why);
	printf("%s %d - %s: %s%s%s\n", report->why[0] ? "not ok" : "ok", number, test->name,
		test->what, report->skip[0] ? " # SKIP " : "", report->skip);
	print_metrics();
	fflush(stdout);
	return report->why[0] != '\0';
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: xsc_ring_test [TEST...]\n"
		"       xsc_ring_test --list | --help\n\n"
		"Checks the ring of /dev/xsc and prints TAP 14, all tests or those named.\n"
		"Exit status: 0 all passed (or no /dev/xsc: skipped), 1 a test failed, 2 wrong "
		"use.\n");
	return status;
}

static const struct test *find_test(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

static void remove_dir(void)
{
	pid_t child = fork();

	if (!child) {
		execlp("rm", "rm", "-rf", dir, NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int failed = 0, count = argc > 1 ? argc - 1 : (int)ARRAY_LEN(tests);

	self = "/proc/self/exe";
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "--exec-gone"))
		return fcntl(atoi(argv[2]), F_GETFD) != -1;
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(0);
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < ARRAY_LEN(tests); i++)
			printf("%-18s%s\n", tests[i].name, tests[i].what);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (!find_test(argv[i])) {
			fprintf(stderr, "xsc_ring_test: no test '%s'; --list names them\n",
				argv[i]);
			return 2;
		}
	}

	printf("TAP version 14\n");
	if (access(XSC_DEVICE, F_OK)) {
		printf("1..0 # SKIP %s is not there: load xsc.ko\n", XSC_DEVICE);
		return 0;
	}
	report = mmap(
		NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(dir, sizeof(dir), "/tmp/xsc_ring_test.XXXXXX");
	if (report == MAP_FAILED || !mkdtemp(dir) || chmod(dir, 0755)) {
		printf("Bail out! no directory in /tmp: %m\n");
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++)
		failed += run_test(i + 1, argc > 1 ? find_test(argv[i + 1]) : &tests[i]);
	remove_dir();
	return failed ? 1 : 0;
}

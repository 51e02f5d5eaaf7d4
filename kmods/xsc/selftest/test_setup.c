/* SPDX-License-Identifier: Apache-2.0 */
/* SETUP, the other ioctls, the mapping and the SQE: what is given, what is refused. */
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_setup(void)
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
	/* All of the list but FORK, VFORK, CLONE, EXECVE, EXECVEAT; and SPAWN. */
	EXPECT(ring.ops, 0x1fc1fffff);
	REQUIRE(!(ring.ops_user & ~ring.ops), "left to user space, and not there");
	EXPECT(ring.features, 0xff);
	xsc_teardown(&ring);
	xsc_teardown(&ring);
	xsc_teardown(NULL);
	return 0;
}

/* 0, or what open(2) says to a process of nobody's, in these groups. */
static int open_as_nobody(gid_t own)
{
	pid_t child = fork();

	if (!child) {
		if (setgroups(0, NULL) || setgid(own) || setuid(NOBODY))
			_exit(255);
		_exit(open(XSC_DEVICE, O_RDWR | O_CLOEXEC) < 0 ? errno : 0);
	}
	return child_status(child);
}

static bool set_parameter(const char *name, const char *text)
{
	char path[64];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "/sys/module/xsc/parameters/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static int access_by_parameters(void)
{
	struct xsc_ring ring;
	int fd;

	EXPECT(open_as_nobody(NOBODY), 0);
	EXPECT(open_as_nobody(1), EACCES); /* by the mode */
	EXPECT(set_parameter("disabled", "3"), 0);
	EXPECT(set_parameter("disabled", "-1"), 0);
	EXPECT(xsc_setup(&ring, NULL), 0);

	EXPECT(set_parameter("disabled", "1"), 1);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	fd = open(XSC_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, "CAP_SYS_ADMIN is refused: %m");
	close(fd);
	EXPECT(set_parameter("group", "1"), 1);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	EXPECT(set_parameter("group", "65534"), 1);
	EXPECT(open_as_nobody(NOBODY), 0);

	EXPECT(set_parameter("disabled", "2"), 1);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	EXPECT(sys(open(XSC_DEVICE, O_RDWR | O_CLOEXEC)), -EPERM);
	/* A ring that is there goes on. */
	EXPECT(ONE(&ring, nop), 0);
	xsc_teardown(&ring);
	return 0;
}

int test_access(void)
{
	struct stat st;
	int ret;

	if (geteuid() || !set_parameter("disabled", "0"))
		return skip("needs root, to set the module's parameters");
	EXPECT(stat(XSC_DEVICE, &st), 0);
	EXPECT(st.st_mode & 07777, 0660);
	ret = access_by_parameters();
	/* However it ended: the tests behind this open the device. */
	set_parameter("disabled", "0");
	set_parameter("group", "-1");
	return ret;
}

int test_setup_bad(void)
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
			s.resv[2] = v;
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

int test_ioctl_bad(void)
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
	EXPECT(ioctl_arg(fd, _IO('x', 77), NULL), -ENOTTY);
	EXPECT(ioctl_arg(fd, _IOWR('x', 0, struct xsc_setup), &setup), -ENOTTY);
	EXPECT(ioctl_arg(fd, XSC_IOC_WAKE, &wait), -EINVAL);
	EXPECT(ioctl_arg(fd, XSC_IOC_SHUTDOWN, &wait), -EINVAL);
	EXPECT(sys(read(fd, &byte, 1)), -EINVAL);
	EXPECT(sys(write(fd, "", 1)), -EINVAL);

	bad_serve = serve;
	bad_serve.flags = 16;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.resv2 = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.res = 1; /* without XSC_SERVE_RESULT */
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.token = 1;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	/* A result that nobody waits for. */
	bad_serve.flags = XSC_SERVE_RESULT;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	bad_serve = serve;
	bad_serve.size--;
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, &bad_serve), -EINVAL);
	EXPECT(ioctl_arg(fd, XSC_IOC_SERVE, NULL), -EFAULT);

	bad_wait = wait;
	bad_wait.flags = 4;
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
	xsc_teardown(&ring);
	return 0;
}

int test_mmap_bad(void)
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

int test_sqe_bad(void)
{
	struct xsc_ring ring;
	struct xsc_sqe *sqe;
	struct xsc_cqe cqe;

	EXPECT(xsc_setup(&ring, NULL), 0);
#define REFUSED(member, value, number)                                                             \
	do {                                                                                       \
		sqe = xsc_get_sqe(&ring);                                                          \
		xsc_prep_nop(sqe);                                                                 \
		sqe->user_data = 0x1122334455667788;                                               \
		sqe->member = (value);                                                             \
		xsc_submit(&ring);                                                                 \
		EXPECT(xsc_wait_cqe(&ring, &cqe), 1);                                              \
		REQUIRE(cqe.user_data == 0x1122334455667788, "%s: user_data", #member);            \
		REQUIRE(cqe.res == -(number), "%s %s: %d, not %d", #member, #value, cqe.res,       \
			-(number));                                                                \
		EXPECT(cqe.flags, 0);                                                              \
	} while (0)
	for (int bit = 2; bit < 8; bit++)
		REFUSED(flags, (uint8_t)(1u << bit), EINVAL); /* 3: a NOP has no file */
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

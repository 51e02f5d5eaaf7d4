/* SPDX-License-Identifier: Apache-2.0 */
/* The operations on files against the system calls, and whose rights they have. */
#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_read_write(void)
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
int test_errors(void)
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

#define SAME_ERROR(ring_op, call, number)                                                          \
	do {                                                                                       \
		long ring_ = (ring_op), call_ = sys(call);                                         \
		REQUIRE(ring_ == call_, "%s: %ld by ring, %ld by system call", #call, ring_,       \
			call_);                                                                    \
		REQUIRE(call_ == -(number), "%s: %ld, not %d", #call, call_, -(number));           \
	} while (0)
	SAME_ERROR(ONE(&ring, read, closed, buf, 1), read(closed, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, read, -1, buf, 1), read(-1, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, read, 1 << 30, buf, 1), read(1 << 30, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, read, wr, buf, 1), read(wr, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, read, opath, buf, 1), read(opath, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, read, folder, buf, 1), read(folder, buf, 1), EISDIR);
	SAME_ERROR(ONE(&ring, read, rd, NULL, 1), syscall(SYS_read, rd, NULL, 1), EFAULT);
	SAME_ERROR(ONE(&ring, read, rd, far, 1), read(rd, far, 1), EFAULT);
	SAME_ERROR(ONE(&ring, read, zero, far, 64), read(zero, far, 64), EFAULT);
	SAME_ERROR(ONE(&ring, read, rd, bad + 4096, 1), read(rd, bad + 4096, 1), EFAULT);
	SAME_ERROR(ONE(&ring, write, rd, buf, 1), write(rd, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, write, closed, buf, 1), write(closed, buf, 1), EBADF);
	SAME_ERROR(ONE(&ring, write, wr, far, 1), write(wr, far, 1), EFAULT);
	SAME_ERROR(ONE(&ring, write, wr, bad + 4096, 1), write(wr, bad + 4096, 1), EFAULT);
	SAME_ERROR(ONE(&ring, pread, rd, buf, 1, (uint64_t)-1), pread(rd, buf, 1, -1), EINVAL);
	SAME_ERROR(ONE(&ring, pread, rd, buf, 1, INT64_MAX), pread(rd, buf, 1, INT64_MAX), EINVAL);
	SAME_ERROR(ONE(&ring, pread, fds[0], buf, 1, 0), pread(fds[0], buf, 1, 0), ESPIPE);
	SAME_ERROR(ONE(&ring, pwrite, fds[1], buf, 1, 0), pwrite(fds[1], buf, 1, 0), ESPIPE);
	SAME_ERROR(ONE(&ring, pread, closed, buf, 1, 0), pread(closed, buf, 1, 0), EBADF);
	SAME_ERROR(ONE(&ring, pwrite, rd, buf, 1, 0), pwrite(rd, buf, 1, 0), EBADF);
	SAME_ERROR(ONE(&ring, fsync, closed, 0), fsync(closed), EBADF);
	SAME_ERROR(ONE(&ring, fsync, fds[0], 0), fsync(fds[0]), EINVAL);
	SAME_ERROR(ONE(&ring, close, closed), close(closed), EBADF);
	SAME_ERROR(ONE(&ring, close, -1), close(-1), EBADF);
	SAME_ERROR(ONE(&ring, open, path_of("none"), O_RDONLY, 0), open(path_of("none"), O_RDONLY),
		ENOENT);
	SAME_ERROR(ONE(&ring, open, "", O_RDONLY, 0), open("", O_RDONLY), ENOENT);
	/* By number: the compiler knows that open() takes no NULL. */
	SAME_ERROR(ONE(&ring, open, NULL, O_RDONLY, 0),
		syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY), EFAULT);
	SAME_ERROR(ONE(&ring, open, far, O_RDONLY, 0), open(far, O_RDONLY), EFAULT);
	SAME_ERROR(ONE(&ring, open, longest, O_RDONLY, 0), open(longest, O_RDONLY), ENAMETOOLONG);
	SAME_ERROR(ONE(&ring, open, longest + 1, O_RDONLY, 0), open(longest + 1, O_RDONLY),
		ENAMETOOLONG);
	SAME_ERROR(ONE(&ring, open, dir, O_WRONLY, 0), open(dir, O_WRONLY), EISDIR);
	SAME_ERROR(ONE(&ring, open, path_of("file"), O_DIRECTORY, 0),
		open(path_of("file"), O_DIRECTORY), ENOTDIR);
	SAME_ERROR(ONE(&ring, open, path_of("file"), O_CREAT | O_EXCL, 0600),
		open(path_of("file"), O_CREAT | O_EXCL, 0600), EEXIST);
	SAME_ERROR(ONE(&ring, open, path_of("file/x"), O_RDONLY, 0),
		open(path_of("file/x"), O_RDONLY), ENOTDIR);
	SAME_ERROR(ONE(&ring, open, dir, O_TMPFILE, 0600),
		syscall(SYS_openat, AT_FDCWD, dir, O_TMPFILE, 0600), EINVAL);
	close(fds[0]);
	SAME_ERROR(ONE(&ring, write, fds[1], buf, 1), write(fds[1], buf, 1), EPIPE);
#undef SAME_ERROR

	/* A buffer that ends in the middle: as much as there is. */
	memset(bad, 0, 4096);
	EXPECT(ONE(&ring, read, zero, bad + 4000, 200), read(zero, bad + 4000, 200));
	xsc_teardown(&ring);
	return 0;
}

int test_open_close(void)
{
	struct xsc_ring ring;
	struct stat ours, theirs;
	char buf[16];
	int fd, other;

	EXPECT(xsc_setup(&ring, NULL), 0);
	umask(027);
	fd = (int)ONE(&ring, open, path_of("new"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
	REQUIRE(fd >= 0, "OPEN: %d", fd);
	other = open(path_of("new2"), O_CREAT | O_EXCL | O_RDWR, 0666);
	fstat(fd, &ours);
	fstat(other, &theirs);
	EXPECT(ours.st_mode, theirs.st_mode);
	EXPECT(ours.st_uid, theirs.st_uid);
	EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFL), fcntl(other, F_GETFL));
	close(other);
	EXPECT(ONE(&ring, write, fd, "abc", 3), 3);
	EXPECT(pread(fd, buf, 16, 0), 3);
	EXPECT(ONE(&ring, close, fd), 0);
	EXPECT(sys(fcntl(fd, F_GETFD)), -EBADF);

	/* The lowest free number, and the thread's working directory, are the process's. */
	EXPECT(chdir(dir), 0);
	fd = dup(0);
	close(fd);
	EXPECT(ONE(&ring, open, "new", O_RDONLY, 0), fd);
	EXPECT(fcntl(fd, F_GETFD), 0);
	EXPECT(ONE(&ring, open, "./../none/./x", O_RDONLY, 0), -ENOENT);
	EXPECT(ONE(&ring, close, fd), 0);

	/*
	 * Once a CLOSE is completed the file is released, as after close(2): the
	 * other end of a pipe reads its end at once. Several at a time, so that one
	 * thread could complete what another one has not yet released.
	 */
	for (int i = 0; i < 100; i++) {
		int fds[4][2];
		struct xsc_cqe cqe;

		for (uint64_t p = 0; p < ARRAY_LEN(fds); p++) {
			struct xsc_sqe *sqe = xsc_get_sqe(&ring);

			EXPECT(pipe2(fds[p], O_NONBLOCK), 0);
			EXPECT(read(fds[p][0], buf, 1) == -1 && errno == EAGAIN, 1);
			xsc_prep_close(sqe, fds[p][1]);
			sqe->user_data = p;
		}
		EXPECT(xsc_submit(&ring), ARRAY_LEN(fds));
		for (size_t p = 0; p < ARRAY_LEN(fds); p++) {
			EXPECT(xsc_wait_cqe(&ring, &cqe), 1);
			EXPECT(cqe.res, 0);
			EXPECT(read(fds[cqe.user_data][0], buf, 1), 0);
			close(fds[cqe.user_data][0]);
		}
	}
	xsc_teardown(&ring);
	return 0;
}

int test_limits(void)
{
	struct rlimit files = {40, 40}, size = {1000, 1000};
	struct xsc_ring ring;
	struct rlimit before, few;
	char buf[2000] = "", name[16] = "";
	int fd, opened = 0, refused;

	/*
	 * The library takes one number, the ring's: where there is no other, its threads
	 * have their names all the same. One that is taken for a moment would show in
	 * what a program's open(2) gives.
	 */
	fd = dup(0);
	close(fd);
	EXPECT(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){(rlim_t)fd + 1, before.rlim_max};
	EXPECT(setrlimit(RLIMIT_NOFILE, &few), 0);
	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(ONE(&ring, nop), 0);
	EXPECT(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (pid_t tid = getpid() + 1; !name[0] && tid < getpid() + 100; tid++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) < 0)
			return FAIL("%s: %m", path);
		close(fd);
	}
	REQUIRE(!strcmp(name, "xsc-serve\n"), "the lent thread is called '%.15s'", name);
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

int test_rights(void)
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

int test_memlock(void)
{
	struct rlimit none = {0, 0}, some = {65536, 65536};
	struct xsc_params most = {.sq_entries = 4096, .cq_entries = 4096};
	struct xsc_params few = {.sq_entries = 8, .cq_entries = 8};
	struct xsc_ring ring;

	/* A ring in memory that is all locked is charged once, and uncharged once. */
	if (!mlockall(MCL_CURRENT | MCL_FUTURE)) {
		EXPECT(xsc_setup(&ring, NULL), 0);
		EXPECT(ONE(&ring, nop), 0);
		xsc_teardown(&ring);
		munlockall();
	}
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

/* A memory cgroup in which there is nothing to be had, and nobody is killed for it. */
struct full_cgroup {
	char root[64], path[128];
	bool mounted;
	int join, leave;
};

static bool write_word(const char *folder, const char *name, const char *word)
{
	char path[192];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);
	close(fd);
	return done;
}

static int open_procs(const char *folder)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	return open(path, O_WRONLY | O_CLOEXEC);
}

static void remove_full(struct full_cgroup *group)
{
	rmdir(group->path);
	if (group->mounted)
		umount2(group->root, MNT_DETACH);
}

/* Version 1's: in version 2 who gets no memory kills somebody, or is the kernel's complaint. */
static bool make_full(struct full_cgroup *group)
{
	*group = (struct full_cgroup){.root = "/sys/fs/cgroup/memory"};
	if (access("/sys/fs/cgroup/memory/memory.oom_control", F_OK)) {
		snprintf(group->root, sizeof(group->root), "%s", path_of("memory"));
		mkdir(group->root, 0700);
		if (mount("none", group->root, "cgroup", 0, "memory"))
			return false;
		group->mounted = true;
	}
	snprintf(group->path, sizeof(group->path), "%s/xsc_ring_test.%d", group->root, getpid());
	mkdir(group->path, 0700);
	group->join = open_procs(group->path);
	group->leave = open_procs(group->root);
	if (group->join >= 0 && group->leave >= 0 &&
		write_word(group->path, "memory.oom_control", "1") &&
		write_word(group->path, "memory.limit_in_bytes", "0"))
		return true;
	remove_full(group);
	return false;
}

/* Three that are linked and one that is not: what became of them. */
static int chain_of_three(struct xsc_ring *ring, int32_t results[4])
{
	uint64_t until;
	struct xsc_cqe cqe;
	int seen = 0;

	for (uint64_t i = 0; i < 4; i++) {
		struct xsc_sqe *sqe = xsc_get_sqe(ring);

		xsc_prep_nop(sqe);
		sqe->user_data = i;
		sqe->flags = i < 2 ? XSC_SQE_LINK : 0;
		results[i] = 0x5a5a;
	}
	if (xsc_submit(ring) != 4)
		return -1;
	until = now_ns() + 5000000000u;
	while (seen < 4 && now_ns() < until)
		if (xsc_peek_cqe(ring, &cqe)) {
			results[cqe.user_data & 3] = cqe.res;
			seen++;
		}
	return seen;
}

int test_no_memory(void)
{
	struct full_cgroup full;
	struct xsc_ring ring;
	int32_t without[4], with[4];
	int seen, left, joined;

	if (!make_full(&full))
		return skip("no memory cgroup of version 1 for this process");
	/* All pages are here before no page can be had. */
	EXPECT(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	EXPECT(xsc_setup(&ring, &busy), 0);
	EXPECT(ONE(&ring, nop), 0);
	memset(without, 0, sizeof(without));
	joined = (int)write(full.join, "0", 1);
	seen = chain_of_three(&ring, without);
	left = (int)write(full.leave, "0", 1);
	remove_full(&full);
	EXPECT(joined, 1);
	EXPECT(left, 1);
	REQUIRE(seen == 4, "%d completions without memory, not 4: the service is over", seen);
	EXPECT(without[0], -ENOMEM);
	EXPECT(without[1], -ECANCELED);
	EXPECT(without[2], -ECANCELED);
	EXPECT(without[3], 0);
	EXPECT(chain_of_three(&ring, with), 4);
	for (int i = 0; i < 4; i++)
		EXPECT(with[i], 0);
	xsc_teardown(&ring);
	return 0;
}

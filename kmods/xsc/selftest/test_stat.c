/* SPDX-License-Identifier: Apache-2.0 */
/* READV, WRITEV, STAT, LSTAT, FSTAT against the system calls. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include "kmods/xsc/selftest/rings.h"
#include "kmods/xsc/selftest/tests.h"

int test_vectors(void)
{
	static char out[3][5000], in[3][5000], same[3][5000];
	struct iovec from[] = {{out[0], 1}, {out[1], 4999}, {NULL, 0}, {out[2], 777}};
	struct iovec to[] = {{in[0], 3}, {in[1], 0}, {in[2], 5000}, {in[1], 1000}};
	struct iovec also[] = {{same[0], 3}, {same[1], 0}, {same[2], 5000}, {same[1], 1000}};
	struct iovec bad = {(void *)8, 10}, negative = {in[0], (size_t)-1}, many[1025];
	struct iovec eight = {in[0], 8};
	struct xsc_ring ring;
	uint32_t seed = 3;
	int ours, theirs, fds[2];

	for (size_t i = 0; i < sizeof(out); i++)
		((char *)out)[i] = (char)random_next(&seed);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct iovec){in[0], 1};
	EXPECT(xsc_setup(&ring, NULL), 0);
	ours = new_file("ours", NULL, 0);
	theirs = new_file("theirs", NULL, 0);
	for (uint32_t n = 0; n <= 4; n++) {
		SAME(ONE(&ring, writev, ours, from, n), writev(theirs, from, (int)n));
		EXPECT(lseek(ours, 0, SEEK_CUR), lseek(theirs, 0, SEEK_CUR));
	}
	lseek(ours, 1, SEEK_SET);
	lseek(theirs, 1, SEEK_SET);
	for (uint32_t n = 0; n <= 4; n++) {
		memset(in, 0xcc, sizeof(in));
		memset(same, 0xcc, sizeof(same));
		SAME(ONE(&ring, readv, ours, to, n), readv(theirs, also, (int)n));
		REQUIRE(!memcmp(in, same, sizeof(in)), "READV of %u buffers: other bytes", n);
		EXPECT(lseek(ours, 0, SEEK_CUR), lseek(theirs, 0, SEEK_CUR));
	}
	SAME(ONE(&ring, readv, -1, to, 1), readv(-1, to, 1));
	SAME(ONE(&ring, readv, ours, many, 1025), readv(ours, many, 1025));
	SAME(ONE(&ring, readv, ours, many, 1024), readv(theirs, many, 1024));
	SAME(ONE(&ring, readv, ours, &bad, 1), readv(ours, &bad, 1));
	SAME(ONE(&ring, readv, ours, &negative, 1), readv(ours, &negative, 1));
	SAME(ONE(&ring, readv, ours, (void *)8, 1), syscall(SYS_readv, ours, 8, 1));
	lseek(ours, 0, SEEK_SET);
	SAME(ONE(&ring, writev, ours, &bad, 1), writev(ours, &bad, 1));
	ours = open(path_of("ours"), O_RDONLY);
	SAME(ONE(&ring, writev, ours, from, 1), writev(ours, from, 1));
	SAME(ONE(&ring, writev, ours, from, 0), writev(ours, from, 0));
	/* A file that has a ->read only. */
	ours = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	SAME(ONE(&ring, readv, ours, &eight, 1), readv(ours, &eight, 1));
	EXPECT(pipe2(fds, O_NONBLOCK), 0);
	EXPECT(ONE(&ring, writev, fds[1], from, 4), 5777);
	EXPECT(ONE(&ring, readv, fds[0], to, 3), 5003);
	SAME(ONE(&ring, readv, fds[1], to, 3), readv(fds[1], to, 3));
	xsc_teardown(&ring);
	return 0;
}

int test_stat(void)
{
	static const char *const paths[] = {"/", "/proc/self/status", "/dev/null", "/dev/xsc",
		"/tmp", "/nowhere", "", "/dev/null/x", "link", "dangling", "file", "."};
	struct stat ours, theirs;
	struct xsc_ring ring;
	int fds[2], fd;

	EXPECT(xsc_setup(&ring, NULL), 0);
	EXPECT(chdir(dir), 0);
	close(new_file("file", "0123456789", 10));
	unlink("link");
	unlink("dangling");
	EXPECT(symlink("file", "link"), 0);
	EXPECT(symlink("none", "dangling"), 0);
	EXPECT(chown("file", 123456, 654321) == 0 || geteuid(), 1);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		for (int link = 0; link < 2; link++) {
			memset(&ours, 0xcc, sizeof(ours));
			memset(&theirs, 0xcc, sizeof(theirs));
			if (link)
				SAME(ONE(&ring, lstat, paths[i], &ours),
					syscall(SYS_newfstatat, AT_FDCWD, paths[i], &theirs,
						AT_SYMLINK_NOFOLLOW));
			else
				SAME(ONE(&ring, stat, paths[i], &ours),
					syscall(SYS_newfstatat, AT_FDCWD, paths[i], &theirs, 0));
			REQUIRE(!memcmp(&ours, &theirs, sizeof(ours)), "%sSTAT of \"%s\" differs",
				link ? "L" : "", paths[i]);
		}
	}
	EXPECT(ONE(&ring, stat, NULL, &ours), -EFAULT);
	EXPECT(ONE(&ring, stat, "/", (void *)8), -EFAULT);
	EXPECT(ONE(&ring, stat, "/nowhere", (void *)8), -ENOENT);

	EXPECT(pipe(fds), 0);
	int opened[] = {fds[0], open("link", O_RDONLY), open("link", O_PATH),
		open("link", O_PATH | O_NOFOLLOW), socket(AF_INET, SOCK_STREAM, 0), ring.fd, -1,
		999};
	for (size_t i = 0; i < ARRAY_LEN(opened); i++) {
		memset(&ours, 0xcc, sizeof(ours));
		memset(&theirs, 0xcc, sizeof(theirs));
		fd = opened[i];
		SAME(ONE(&ring, fstat, fd, &ours), syscall(SYS_fstat, fd, &theirs));
		REQUIRE(!memcmp(&ours, &theirs, sizeof(ours)), "FSTAT of %d differs", fd);
	}
	/* What the process may not look into. */
	if (!geteuid()) {
		EXPECT(mkdir("closed", 0700) == 0 || errno == EEXIST, 1);
		EXPECT(setgid(NOBODY), 0);
		EXPECT(setuid(NOBODY), 0);
		EXPECT(ONE(&ring, stat, "closed/x", &ours), -EACCES);
	}
	xsc_teardown(&ring);
	return 0;
}

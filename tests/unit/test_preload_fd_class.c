/* SPDX-License-Identifier: Apache-2.0 */
/* Which descriptors the preload library lets over a ring, and for how long it believes so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmods/xsc/preload/plain.h"
#include "kmods/xsc/preload/fd_class.h"
#include "kmods/xsc/preload/ring.h"

static bool has_ring;
static int by_ring, by_call;
static mode_t ring_says;
static long ring_result;

bool xp_ring_has(enum xsc_opcode opcode)
{
	return has_ring;
}

bool xp_ring_call(const struct xsc_sqe *sqe, long *ret_res)
{
	struct stat *st = (struct stat *)(uintptr_t)sqe->off;

	assert_int_equal(sqe->opcode, XSC_OP_FSTAT);
	by_ring++;
	*st = (struct stat){.st_mode = ring_says};
	*ret_res = ring_result;
	return true;
}

long xp_plain_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	by_call++;
	return syscall(nr, a, b, c, d, e, f);
}

static void kinds(void **state)
{
	int ends[2], pair[2], file = memfd_create("file", MFD_CLOEXEC);
	int proc = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int device = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(xp_fd_class(file), XP_FILE);
	assert_int_equal(xp_fd_class(pair[0]), XP_STREAM);
	assert_int_equal(xp_fd_class(ends[0]), XP_OTHER);
	assert_int_equal(xp_fd_class(proc), XP_OTHER);
	assert_int_equal(xp_fd_class(folder), XP_OTHER);
	assert_int_equal(xp_fd_class(device), XP_OTHER);
	assert_int_equal(xp_fd_class(-1), XP_OTHER);
	assert_int_equal(xp_fd_class(1 << 20), XP_OTHER);
	close_range((unsigned int)file, ~0u, 0);
	xp_fd_forget_from(0, ~0u);
}

static void what_is_not_open(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	close(fd);
	errno = 4711;
	assert_int_equal(xp_fd_class(fd), XP_UNKNOWN);
	assert_int_equal(errno, 4711);
	/* and that is not kept */
	assert_int_equal(memfd_create("file", MFD_CLOEXEC), fd);
	assert_int_equal(xp_fd_class(fd), XP_FILE);
	close(fd);
	xp_fd_forget(fd);
}

static void kept_and_forgotten(void **state)
{
	int ends[2], file = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(xp_fd_class(file), XP_FILE);
	by_call = 0;
	assert_int_equal(dup3(ends[0], file, O_CLOEXEC), file);
	assert_int_equal(xp_fd_class(file), XP_FILE); /* nobody said anything */
	assert_int_equal(by_call, 0);
	xp_fd_forget(file);
	assert_int_equal(xp_fd_class(file), XP_OTHER);
	assert_int_equal(by_call, 1);

	xp_fd_forget_from((unsigned int)file + 1, 4095);
	xp_fd_class(file);
	assert_int_equal(by_call, 1);
	xp_fd_forget_from((unsigned int)file, (unsigned int)file);
	xp_fd_class(file);
	assert_int_equal(by_call, 2);
	xp_fd_forget(-1);
	xp_fd_forget(1 << 20);
	close_range((unsigned int)file, ~0u, 0);
	xp_fd_forget_from(0, ~0u);
}

/* Where the thread has a ring, the question goes over it. */
static void asked_by_ring(void **state)
{
	has_ring = true;
	by_call = by_ring = 0;
	ring_result = 0;
	ring_says = S_IFSOCK;
	assert_int_equal(xp_fd_class(77), XP_STREAM);
	ring_says = S_IFIFO;
	assert_int_equal(xp_fd_class(77), XP_STREAM);
	assert_int_equal(by_ring, 1);
	xp_fd_forget(77);
	assert_int_equal(xp_fd_class(77), XP_OTHER);
	xp_fd_forget(77);
	ring_result = -EBADF;
	assert_int_equal(xp_fd_class(77), XP_UNKNOWN);
	assert_int_equal(by_ring, 3);
	assert_int_equal(by_call, 0);
	has_ring = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(what_is_not_open),
		cmocka_unit_test(kept_and_forgotten),
		cmocka_unit_test(asked_by_ring),
	};

	return cmocka_run_group_tests_name("preload fd_class", tests, NULL, NULL);
}

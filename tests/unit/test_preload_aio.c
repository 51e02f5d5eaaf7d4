/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX AIO over a ring: the state of transfers, with a kernel of our own behind the queues. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmods/xsc/preload/aio.h"
#include "kmods/xsc/preload/fd_class.h"
#include "kmods/xsc/preload/ring.h"
#include "kmods/xsc/preload/state.h"

enum xp_mode xp_mode = XP_AUTO;

/* The kernel's side. It carries out what was submitted when it is told to. */
static struct {
	uint32_t sq_head, sq_tail, sq_flags, cq_head, cq_tail;
	struct xsc_sqe sqes[64];
	struct xsc_cqe cqes[128];
} kernel;
static int wake_result;
static unsigned int generation = 1, rings;
static bool usable = true, appends;
static enum xp_class class = XP_FILE;
static uint64_t now = 1;

static void carry_out(uint32_t most)
{
	for (; kernel.sq_head != kernel.sq_tail && most; kernel.sq_head++, most--) {
		const struct xsc_sqe *sqe = &kernel.sqes[kernel.sq_head % 64];
		void *buf = (void *)(uintptr_t)sqe->addr;
		ssize_t n = sqe->opcode == XSC_OP_PREAD
				    ? pread(sqe->fd, buf, sqe->len, (off_t)sqe->off)
				    : pwrite(sqe->fd, buf, sqe->len, (off_t)sqe->off);

		assert_true(kernel.cq_tail - kernel.cq_head < 128);
		kernel.cqes[kernel.cq_tail++ % 128] = (struct xsc_cqe){
			.user_data = sqe->user_data, .res = n < 0 ? -errno : (int)n};
	}
}

int xsc_wake(struct xsc_ring *ring)
{
	return wake_result;
}

int xsc_wait(struct xsc_ring *ring, uint32_t min, const uint64_t *timeout_ns)
{
	now = *timeout_ns;
	return -ETIME;
}

bool xp_ring_shared(struct xsc_ring *ret_ring, const struct xsc_params *params)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.sq_flags = XSC_SQ_NEED_WAKEUP;
	assert_int_equal(params->sq_entries, 64);
	assert_int_equal(params->cq_entries, 128);
	rings++;
	*ret_ring = (struct xsc_ring){.fd = -1,
		.sq_head = &kernel.sq_head,
		.sq_tail = &kernel.sq_tail,
		.sq_flags = &kernel.sq_flags,
		.sqes = kernel.sqes,
		.cq_head = &kernel.cq_head,
		.cq_tail = &kernel.cq_tail,
		.cqes = kernel.cqes,
		.sq_entries = 64,
		.cq_entries = 128};
	return true;
}

bool xp_ring_usable(void)
{
	return usable;
}

unsigned int xp_ring_generation(void)
{
	return generation;
}

enum xp_class xp_fd_class(int fd)
{
	return class;
}

bool xp_fd_appends(int fd)
{
	return appends;
}

uint64_t xp_now_ns(void)
{
	return now;
}

static struct aiocb64 block(int fd, void *buf, off_t offset)
{
	struct aiocb64 cb;

	memset(&cb, 'P', sizeof(cb)); /* what a program leaves in the spare fields */
	cb.aio_fildes = fd;
	cb.aio_buf = buf;
	cb.aio_nbytes = 8;
	cb.aio_offset = offset;
	cb.aio_reqprio = 0;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	return cb;
}

static bool begin(struct aiocb64 *cb, int opcode)
{
	return xp_aio_begin(&cb, 1, &opcode);
}

static void what_can(void **state)
{
	struct aiocb64 cb = block(1, NULL, 0);

	assert_true(xp_aio_can(&cb, LIO_READ));
	assert_true(xp_aio_can(&cb, LIO_WRITE));
	assert_false(xp_aio_can(&cb, LIO_NOP));
	assert_false(xp_aio_can(&cb, 77));
	appends = true;
	assert_true(xp_aio_can(&cb, LIO_READ));
	assert_false(xp_aio_can(&cb, LIO_WRITE));
	appends = false;
	class = XP_OTHER;
	assert_false(xp_aio_can(&cb, LIO_READ));
	class = XP_FILE;
	cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
	assert_false(xp_aio_can(&cb, LIO_READ));
	cb = block(1, NULL, -1);
	assert_false(xp_aio_can(&cb, LIO_READ));
	cb = block(1, NULL, 0);
	cb.aio_reqprio = 1;
	assert_false(xp_aio_can(&cb, LIO_READ));
	cb = block(1, NULL, 0);
	cb.aio_nbytes = 1ul << 31;
	assert_false(xp_aio_can(&cb, LIO_READ));
	xp_mode = XP_OFF;
	cb = block(1, NULL, 0);
	assert_false(xp_aio_can(&cb, LIO_READ));
	xp_mode = XP_AUTO;
	usable = false;
	assert_false(begin(&cb, LIO_READ));
	usable = true;
}

static void one(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char out[9] = "transfer", in[9] = "";
	struct aiocb64 cb = block(fd, out, 16);

	assert_false(xp_aio_ours(&cb));
	assert_true(begin(&cb, LIO_WRITE));
	assert_true(xp_aio_ours(&cb));
	assert_int_equal(cb.__error_code, EINPROGRESS);
	xp_aio_reap();
	assert_int_equal(cb.__error_code, EINPROGRESS);
	assert_true(xp_aio_busy(fd));
	assert_true(xp_aio_busy(-1));
	assert_false(xp_aio_busy(fd + 1));
	carry_out(1);
	xp_aio_reap();
	assert_int_equal(cb.__error_code, 0);
	assert_int_equal(cb.__return_value, 8);
	assert_false(xp_aio_busy(-1));

	cb = block(fd, in, 16);
	assert_true(begin(&cb, LIO_READ));
	carry_out(1);
	xp_aio_reap();
	assert_string_equal(in, out);
	cb = block(-1, in, 16);
	assert_true(begin(&cb, LIO_READ));
	carry_out(1);
	xp_aio_reap();
	assert_int_equal(cb.__error_code, EBADF);
	assert_int_equal(cb.__return_value, -1);
	xp_aio_foreign(&cb);
	assert_false(xp_aio_ours(&cb));
	close(fd);
}

/* All of a list or nothing of it, and no more under way than the CQ has places. */
static void lists(void **state)
{
	static struct aiocb64 cbs[192];
	struct aiocb64 *list[65];
	char buf[8];
	int opcodes[65], fd = memfd_create("file", MFD_CLOEXEC);

	for (int i = 0; i < 65; i++)
		opcodes[i] = i == 9 ? LIO_NOP : LIO_READ;
	for (int i = 0; i < 192; i++)
		cbs[i] = block(fd, buf, 0);
	for (int i = 0; i < 64; i++)
		list[i] = &cbs[i];
	list[9] = NULL;
	assert_false(xp_aio_begin(list, 65, opcodes));
	assert_false(xp_aio_begin(list, 0, opcodes));
	assert_true(xp_aio_begin(list, 64, opcodes));
	assert_int_equal(kernel.sq_tail - kernel.sq_head, 63);
	/* The SQ is full but for one: two are refused, untouched. */
	list[0] = &cbs[64];
	list[1] = &cbs[65];
	assert_false(xp_aio_begin(list, 2, opcodes));
	assert_false(xp_aio_ours(&cbs[64]));
	carry_out(63);
	/* 63 have ended, and make room. */
	for (int i = 0; i < 64; i++)
		list[i] = &cbs[64 + i];
	opcodes[9] = LIO_READ;
	assert_true(xp_aio_begin(list, 64, opcodes));
	assert_int_equal(cbs[0].__error_code, 0);
	carry_out(64);
	for (int i = 0; i < 64; i++)
		list[i] = &cbs[i];
	assert_true(xp_aio_begin(list, 64, opcodes));
	carry_out(64);
	xp_aio_reap();
	for (int i = 0; i < 128; i++)
		assert_int_equal(cbs[i].__error_code, 0);
	close(fd);
}

static void waiting(void **state)
{
	struct aiocb64 cb = block(-1, NULL, 0);
	uint64_t until = now + 1000;

	assert_true(begin(&cb, LIO_READ));
	assert_int_equal(xp_aio_wait(&until), 0);
	assert_int_equal(now, until); /* no longer than that */
	assert_int_equal(xp_aio_wait(&until), -EAGAIN);
	carry_out(1);
	assert_int_equal(xp_aio_wait(NULL), 0);
	assert_int_equal(now, until); /* at once */
	xp_aio_reap();
	assert_int_equal(cb.__error_code, EBADF);
}

/* A child has none of its parent's transfers, and a ring of its own. */
static void forked(void **state)
{
	struct aiocb64 cb = block(-1, NULL, 0), other = cb;
	unsigned int before = rings;

	assert_true(begin(&cb, LIO_READ));
	carry_out(1);
	generation++;
	xp_aio_reap();
	assert_int_equal(cb.__error_code, EINPROGRESS);
	assert_false(xp_aio_busy(-1));
	assert_int_equal(xp_aio_wait(NULL), -EINTR);
	assert_true(begin(&other, LIO_READ));
	assert_int_equal(rings, before + 1);
	carry_out(1);
	xp_aio_reap();
	assert_int_equal(other.__error_code, EBADF);
}

/* The last: there is no ring in this process afterwards. */
static void served_no_more(void **state)
{
	struct aiocb64 cb = block(-1, NULL, 0), other = cb;

	assert_true(begin(&cb, LIO_READ));
	wake_result = -ESHUTDOWN;
	assert_true(begin(&other, LIO_READ));
	assert_int_equal(cb.__error_code, EIO);
	assert_int_equal(other.__error_code, EIO);
	assert_int_equal(other.__return_value, -1);
	wake_result = 0;
	assert_false(begin(&cb, LIO_READ));
	assert_false(xp_aio_busy(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can),
		cmocka_unit_test(one),
		cmocka_unit_test(lists),
		cmocka_unit_test(waiting),
		cmocka_unit_test(forked),
		cmocka_unit_test(served_no_more),
	};

	return cmocka_run_group_tests_name("preload aio", tests, NULL, NULL);
}

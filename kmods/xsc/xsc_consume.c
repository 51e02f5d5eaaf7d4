// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of operations, and the checks that all of them share.
 */
#include <linux/cache.h>
#include <linux/file.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "xsc_arm.h"
#include "xsc_consume.h"
#include "xsc_files.h"

#define ORDER_FLAGS	(XSC_SQE_LINK | XSC_SQE_DRAIN)
#define KNOWN_FLAGS	(ORDER_FLAGS | XSC_SQE_FIXED_FILE)

static int do_nothing(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return 0;
}

static const struct xsc_op * const families[] = {
	xsc_fs_ops, xsc_stat_ops, xsc_net_ops,
	xsc_sync_ops, xsc_timer_ops, xsc_exec_ops,
};

struct xsc_op xsc_ops[XSC_OP_COUNT] __ro_after_init = {
	[XSC_OP_NOP] = { do_nothing, XSC_IN_BURST | XSC_IS_LIGHT },
};

/* What must be zero where nothing in @uses says otherwise, as the SQE's words. */
static void __init forbid_unused(struct xsc_op *op)
{
	const unsigned int uses = op->uses;
	struct xsc_sqe bad = {
		.flags	  = uses & XSC_CAN_FIXED ? (u8)~KNOWN_FLAGS :
						   (u8)~ORDER_FLAGS,
		.resv	  = ~0,
		.fd	  = uses & XSC_USES_FD ? 0 : ~0,
		.off	  = uses & XSC_USES_OFF ? 0 : ~0ULL,
		.addr	  = uses & XSC_USES_ADDR ? 0 : ~0ULL,
		.len	  = uses & XSC_USES_LEN ? 0 : ~0U,
		.op_flags = uses & XSC_USES_OP_FLAGS ? 0 : ~0U,
		.arg	  = { uses & XSC_USES_ARG0 ? 0 : ~0ULL,
			      uses & XSC_USES_ARG1 ? 0 : ~0ULL, ~0ULL },
	};

	BUILD_BUG_ON(sizeof(op->forbidden) != sizeof(bad));
	memcpy(op->forbidden, &bad, sizeof(bad));
}

void __init xsc_consume_init(void)
{
	int family, op;

	for (family = 0; family < ARRAY_SIZE(families); family++)
		for (op = 0; op < XSC_OP_COUNT; op++)
			if (families[family][op].run)
				xsc_ops[op] = families[family][op];
	for (op = 0; op < XSC_OP_COUNT; op++)
		forbid_unused(&xsc_ops[op]);
}

/**
 * xsc_consume_ops - what can be submitted
 * @ret_user: those that may be left to user space
 *
 * Return: one bit for each operation.
 */
u64 xsc_consume_ops(u64 *ret_user)
{
	u64 mask = 0, user = 0;
	int i;

	BUILD_BUG_ON(XSC_OP_COUNT > 64);

	for (i = 0; i < XSC_OP_COUNT; i++) {
		if (xsc_ops[i].run)
			mask |= BIT_ULL(i);
		if (xsc_ops[i].run == xsc_consume_in_user_space)
			user |= BIT_ULL(i);
	}
	/* Once there is a connection; some clocks, and all in a time namespace. */
	*ret_user = user | BIT_ULL(XSC_OP_ACCEPT) |
		    BIT_ULL(XSC_OP_CLOCK_NANOSLEEP);
	return mask;
}

/* One test for all of it: the words are at hand, and branches are not free. */
static bool unused_is_zero(const struct xsc_sqe *sqe, const struct xsc_op *op)
{
	const u64 *words = (const u64 *)sqe;
	u64 bad = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(op->forbidden); i++)
		bad |= words[i] & op->forbidden[i];
	return !bad;
}

static const struct xsc_op *find_op(u8 opcode)
{
	if (opcode >= XSC_OP_COUNT)
		return NULL;
	return &xsc_ops[array_index_nospec(opcode, XSC_OP_COUNT)];
}

/**
 * xsc_consume - carry one operation out
 * @srv: the thread
 * @sqe: the kernel's copy
 *
 * Return: the result for the CQE, an ERESTART* (see xsc_run_t), or
 * XSC_IN_USER_SPACE.
 */
int xsc_consume(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	const struct xsc_op *op = find_op(sqe->opcode);

	if (!op || !op->run)
		return -EOPNOTSUPP;
	if (!unused_is_zero(sqe, op))
		return -EINVAL;
	/* Only the first of a chain, for the whole of it. */
	if (sqe->flags & XSC_SQE_DRAIN && srv->next)
		return -EINVAL;
	return op->run(srv, sqe);
}

/**
 * xsc_consume_short - does this result break a chain?
 * @srv: the thread, or who left the operation behind
 * @sqe: the operation
 * @res: its result
 */
bool xsc_consume_short(const struct xsc_server *srv, const struct xsc_sqe *sqe,
		       int res)
{
	const struct xsc_op *op = find_op(sqe->opcode);

	if (res < 0 || !op)
		return true;
	if (op->uses & XSC_WANTS_ALL_OF_VEC)
		return res < srv->wanted;
	return op->uses & XSC_WANTS_ALL && res < sqe->len;
}

int xsc_consume_in_user_space(struct xsc_server *srv,
			      const struct xsc_sqe *sqe)
{
	return XSC_IN_USER_SPACE;
}

/* The file of an operation, to be given back by xsc_files_put(), or NULL: -EBADF. */
struct file *xsc_consume_file(struct xsc_server *srv,
			      const struct xsc_sqe *sqe)
{
	if (srv->armed && xsc_armed_file(srv->armed))
		return get_file(xsc_armed_file(srv->armed));
	if (sqe->flags & XSC_SQE_FIXED_FILE)
		return xsc_files_get(srv, sqe->fd);
	return fget(sqe->fd);
}

/*
 * A path into srv->path. As getname(): one of PATH_MAX bytes has no place for its
 * terminator.
 */
int xsc_consume_path(struct xsc_server *srv, u64 addr)
{
	long len;

	if (!srv->path)
		srv->path = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (!srv->path)
		return -ENOMEM;
	srv->path_ops++;
	len = strncpy_from_user(srv->path, u64_to_user_ptr(addr), PATH_MAX);
	if (len < 0)
		return len;
	if (len == PATH_MAX)
		return -ENAMETOOLONG;
	return len ? 0 : -ENOENT;
}

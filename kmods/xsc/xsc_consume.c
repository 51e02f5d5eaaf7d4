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

#include "xsc_consume.h"

#define KNOWN_FLAGS	(XSC_SQE_LINK | XSC_SQE_DRAIN | XSC_SQE_FIXED_FILE)

static int do_nothing(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return 0;
}

static const struct xsc_op * const families[] = {
	xsc_fs_ops, xsc_stat_ops, xsc_net_ops,
	xsc_sync_ops, xsc_timer_ops, xsc_exec_ops,
};

/* The families' tables in one. */
static struct xsc_op ops[XSC_OP_COUNT] __ro_after_init = {
	[XSC_OP_NOP] = { do_nothing, 0 },
};

void __init xsc_consume_init(void)
{
	int family, op;

	for (family = 0; family < ARRAY_SIZE(families); family++)
		for (op = 0; op < XSC_OP_COUNT; op++)
			if (families[family][op].run)
				ops[op] = families[family][op];
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
		if (ops[i].run)
			mask |= BIT_ULL(i);
		if (ops[i].run == xsc_consume_in_user_space)
			user |= BIT_ULL(i);
	}
	/* Some clocks, and all of them in a time namespace. */
	*ret_user = user | BIT_ULL(XSC_OP_CLOCK_NANOSLEEP);
	return mask;
}

static bool unused_is_zero(const struct xsc_sqe *sqe, unsigned int uses)
{
	return !sqe->resv && !sqe->arg[2] &&
	       (uses & XSC_USES_ARG0 || !sqe->arg[0]) &&
	       (uses & XSC_USES_ARG1 || !sqe->arg[1]) &&
	       (uses & XSC_USES_FD || !sqe->fd) &&
	       (uses & XSC_USES_OFF || !sqe->off) &&
	       (uses & XSC_USES_ADDR || !sqe->addr) &&
	       (uses & XSC_USES_LEN || !sqe->len) &&
	       (uses & XSC_USES_OP_FLAGS || !sqe->op_flags);
}

static bool flags_are_right(const struct xsc_server *srv,
			    const struct xsc_sqe *sqe, unsigned int uses)
{
	return !(sqe->flags & ~KNOWN_FLAGS) &&
	       (uses & XSC_CAN_FIXED || !(sqe->flags & XSC_SQE_FIXED_FILE)) &&
	       (!srv->next || !(sqe->flags & XSC_SQE_DRAIN));
}

static const struct xsc_op *find_op(u8 opcode)
{
	if (opcode >= ARRAY_SIZE(ops))
		return NULL;
	return &ops[array_index_nospec(opcode, ARRAY_SIZE(ops))];
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
	if (!flags_are_right(srv, sqe, op->uses) ||
	    !unused_is_zero(sqe, op->uses))
		return -EINVAL;
	return op->run(srv, sqe);
}

/**
 * xsc_consume_short - does this result break a chain?
 * @sqe: the operation
 * @res: its result
 */
bool xsc_consume_short(const struct xsc_sqe *sqe, int res)
{
	const struct xsc_op *op = find_op(sqe->opcode);

	return res < 0 || (op && op->uses & XSC_WANTS_ALL && res < sqe->len);
}

int xsc_consume_in_user_space(struct xsc_server *srv,
			      const struct xsc_sqe *sqe)
{
	return XSC_IN_USER_SPACE;
}

/* The file of an operation, to be given back by fput(), or NULL: -EBADF. */
struct file *xsc_consume_file(struct xsc_server *srv,
			      const struct xsc_sqe *sqe)
{
	if (sqe->flags & XSC_SQE_FIXED_FILE)
		return xsc_files_get(srv->ring, sqe->fd);
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

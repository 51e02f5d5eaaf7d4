// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of operations, and the checks that all of them share.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/nospec.h>

#include "xsc_consume.h"

/* The fields of an SQE that an operation uses; the others must be zero. */
#define USES_FD		BIT(0)
#define USES_OFF	BIT(1)
#define USES_ADDR	BIT(2)
#define USES_LEN	BIT(3)
#define USES_OP_FLAGS	BIT(4)

struct xsc_op {
	xsc_run_t run;
	unsigned int uses;
};

static int do_nothing(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	return 0;
}

static const struct xsc_op ops[] = {
	[XSC_OP_NOP]	= { do_nothing, 0 },
	[XSC_OP_READ]	= { xsc_consume_read, USES_FD | USES_ADDR | USES_LEN },
	[XSC_OP_WRITE]	= { xsc_consume_write, USES_FD | USES_ADDR | USES_LEN },
	[XSC_OP_OPEN]	= { xsc_consume_open, USES_FD | USES_ADDR | USES_LEN |
					      USES_OP_FLAGS },
	[XSC_OP_CLOSE]	= { xsc_consume_close, USES_FD },
	[XSC_OP_FSYNC]	= { xsc_consume_fsync, USES_FD | USES_OP_FLAGS },
	[XSC_OP_PREAD]	= { xsc_consume_pread, USES_FD | USES_ADDR | USES_LEN |
					       USES_OFF },
	[XSC_OP_PWRITE]	= { xsc_consume_pwrite, USES_FD | USES_ADDR | USES_LEN |
						USES_OFF },
};

/* One bit for each operation in the table. */
u64 xsc_consume_ops(void)
{
	u64 mask = 0;
	int i;

	BUILD_BUG_ON(XSC_OP_COUNT > 64);

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].run)
			mask |= BIT_ULL(i);
	return mask;
}

static bool unused_is_zero(const struct xsc_sqe *sqe, unsigned int uses)
{
	return !(sqe->flags | sqe->resv) &&
	       !(sqe->arg[0] | sqe->arg[1] | sqe->arg[2]) &&
	       (uses & USES_FD || !sqe->fd) &&
	       (uses & USES_OFF || !sqe->off) &&
	       (uses & USES_ADDR || !sqe->addr) &&
	       (uses & USES_LEN || !sqe->len) &&
	       (uses & USES_OP_FLAGS || !sqe->op_flags);
}

/**
 * xsc_consume - carry one operation out
 * @srv: the serving thread
 * @sqe: the kernel's copy
 *
 * Return: the result for the CQE, or an ERESTART* (see xsc_run_t).
 */
int xsc_consume(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	const struct xsc_op *op;

	if (sqe->opcode >= ARRAY_SIZE(ops))
		return -EOPNOTSUPP;
	op = &ops[array_index_nospec(sqe->opcode, ARRAY_SIZE(ops))];
	if (!op->run)
		return -EOPNOTSUPP;
	if (!unused_is_zero(sqe, op->uses))
		return -EINVAL;
	return op->run(srv, sqe);
}

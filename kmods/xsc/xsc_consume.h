/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the operations do. One file and one table per family.
 */
#ifndef _XSC_CONSUME_H
#define _XSC_CONSUME_H

#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/nospec.h>

#include "xsc_server.h"

/* The fields of an SQE that an operation uses; the others must be zero. */
#define XSC_USES_FD		BIT(0)
#define XSC_USES_OFF		BIT(1)
#define XSC_USES_ADDR		BIT(2)
#define XSC_USES_LEN		BIT(3)
#define XSC_USES_OP_FLAGS	BIT(4)
#define XSC_USES_ARG0		BIT(5)
#define XSC_USES_ARG1		BIT(6)
/* fd is a file, and may be a registered one */
#define XSC_CAN_FIXED		BIT(7)
/* A result below len is no success: it breaks a chain */
#define XSC_WANTS_ALL		BIT(8)
/* The same, below what its buffers hold */
#define XSC_WANTS_ALL_OF_VEC	BIT(9)
/* What the thread that waits may try */
#define XSC_IS_LIGHT		BIT(11)
/* Completed by its result alone: by no pass through user mode, and by no call there */
#define XSC_IN_BURST		BIT(10)

/* In the kernel's copy of a chain's first entry. To user space it is unknown. */
#define XSC_SQE_TOO_LONG	BIT(7)

/* The result of an operation that the thread has to do in user space. */
#define XSC_IN_USER_SPACE	INT_MIN
/* The same, and it will not sleep there. */
#define XSC_IN_USER_SPACE_SOON	(INT_MIN + 1)
/* It has none yet: the operation is the ring's again (xsc_arm.c). */
#define XSC_ARMED		(INT_MIN + 2)
/* A lent thread has to: nothing was done. From a thread with ->light only. */
#define XSC_NOT_LIGHT		(INT_MIN + 3)

/*
 * An operation runs in a lent thread, thus as the ring's owner, and may sleep
 * interruptibly. @sqe is the kernel's copy: it does not change. The result is
 * that of the system call: 0, a positive number, or a negative errno. An
 * ERESTART* says that a signal came before anything was done.
 */
typedef int (*xsc_run_t)(struct xsc_server *srv, const struct xsc_sqe *sqe);

struct xsc_op {
	xsc_run_t run;
	unsigned int uses;
	u64 forbidden[8];	/* the bits of an SQE that must be zero: made of uses */
};

/* All of them in one. */
extern struct xsc_op xsc_ops[XSC_OP_COUNT];

/* Indexed by opcode; a family leaves out what is not its own. */
extern const struct xsc_op xsc_fs_ops[XSC_OP_COUNT];
extern const struct xsc_op xsc_stat_ops[XSC_OP_COUNT];
extern const struct xsc_op xsc_net_ops[XSC_OP_COUNT];
extern const struct xsc_op xsc_sync_ops[XSC_OP_COUNT];
extern const struct xsc_op xsc_timer_ops[XSC_OP_COUNT];
extern const struct xsc_op xsc_exec_ops[XSC_OP_COUNT];

void xsc_consume_init(void);
u64 xsc_consume_ops(u64 *ret_user);
int xsc_consume(struct xsc_server *srv, const struct xsc_sqe *sqe);
bool xsc_consume_short(const struct xsc_server *srv, const struct xsc_sqe *sqe,
		       int res);
int xsc_consume_in_user_space(struct xsc_server *srv,
			      const struct xsc_sqe *sqe);

/* The operation, if @uses says XSC_IN_BURST, or XSC_IS_LIGHT for one that waits. */
static inline const struct xsc_op *xsc_consume_op_that(u8 opcode, unsigned int uses)
{
	const struct xsc_op *op;

	if (opcode >= XSC_OP_COUNT)
		return NULL;
	op = &xsc_ops[array_index_nospec(opcode, XSC_OP_COUNT)];
	return op->uses & uses ? op : NULL;
}

/* For the families */
struct file *xsc_consume_file(struct xsc_server *srv,
			      const struct xsc_sqe *sqe);
int xsc_consume_path(struct xsc_server *srv, u64 addr);

#endif /* _XSC_CONSUME_H */

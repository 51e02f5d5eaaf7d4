// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPAWN, in the place of FORK, VFORK, CLONE, EXECVE and EXECVEAT.
 *
 * kernel_clone() and the exec family are not exported. Were they, a fork would
 * copy the lent thread, whose stack holds nothing of the submitter's, and an exec
 * would replace the program under all threads while the submitter waits for a
 * completion. What a submitter can want of a queue is a new process with another
 * program in it: posix_spawn(3), done by the lent thread in user space. So their
 * numbers stay empty, and SPAWN asks for the arguments.
 */
#include "xsc_consume.h"

const struct xsc_op xsc_exec_ops[XSC_OP_COUNT] = {
	[XSC_OP_SPAWN]	= { xsc_consume_in_user_space,
			    XSC_USES_ADDR | XSC_USES_OFF | XSC_USES_ARG0 },
};

// SPDX-License-Identifier: Apache-2.0
/*
 * What ends or renames a descriptor. Programs close what they did not open
 * (closefrom, a loop over all numbers): a ring's descriptor is to them one that is
 * not open.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "fd_class.h"
#include "plain.h"
#include "policy.h"

XP_EXPORT int close(int fd)
{
	struct xp_turn turn = xp_turn_begin(XP_CLOSE);
	struct xsc_sqe sqe = {.opcode = XSC_OP_CLOSE, .fd = fd};
	enum xp_class class;
	long res;

	if (xp_ring_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	class = turn.ring ? xp_fd_class(fd) : XP_OTHER;
	xp_fd_forget(fd);
	if (class == XP_FILE && xp_turn_ring(&turn, &sqe, &res))
		res = xp_result(res);
	else
		res = xp_plain_close(fd);
	return (int)xp_turn_end(&turn, res);
}

XP_EXPORT int fclose(FILE *file)
{
	xp_fd_forget(fileno(file));
	return xp_plain_fclose(file);
}

/* In pieces, around the rings. */
XP_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int from = first;

	xp_fd_forget_from(first, last);
	if (first > last || flags)
		return xp_plain_close_range(first, last, flags);
	for (unsigned int fd = first; fd <= last && fd < 65536; fd++) {
		if (!xp_ring_owns((int)fd))
			continue;
		if (fd > from && xp_plain_close_range(from, fd - 1, 0))
			return -1;
		from = fd + 1;
	}
	return from <= last ? xp_plain_close_range(from, last, 0) : 0;
}

XP_EXPORT void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, UINT_MAX, 0);
}

/* The number is wanted: this thread's ring gives way, another's cannot be asked to. */
static bool give_way(int to)
{
	if (!xp_ring_owns(to))
		return true;
	xp_ring_drop();
	if (!xp_ring_owns(to))
		return true;
	errno = EBUSY;
	return false;
}

XP_EXPORT int dup2(int from, int to)
{
	if (from != to && !give_way(to))
		return -1;
	xp_fd_forget(to);
	return xp_plain_dup2(from, to);
}

XP_EXPORT int dup3(int from, int to, int flags)
{
	if (from != to && !give_way(to))
		return -1;
	xp_fd_forget(to);
	return xp_plain_dup3(from, to, flags);
}

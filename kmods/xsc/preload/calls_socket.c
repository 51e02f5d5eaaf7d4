// SPDX-License-Identifier: Apache-2.0
/*
 * send and receive. Over the ring with MSG_DONTWAIT only; what would wait is left
 * to the system call, which a signal or a time-out of the socket can end.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "calls.h"
#include "fd_class.h"
#include "plain.h"
#include "policy.h"

#define ADDR(p) ((uint64_t)(uintptr_t)(p))
#define MAX_LEN 0x7ffff000u

static bool is_socket(const struct xp_turn *turn, int fd, size_t len, int flags)
{
	return turn->ring && len && len <= MAX_LEN && !(flags & (MSG_ERRQUEUE | MSG_WAITALL)) &&
	       xp_fd_class(fd) == XP_STREAM;
}

/* The system call is asked again: to wait, or as the number means something else now. */
static bool ask_again(struct xp_turn *turn, int fd, long res)
{
	if (res == -ENOTSOCK)
		xp_fd_forget(fd);
	if (res != -EAGAIN && res != -ENOTSOCK && res != -EPIPE && res != -EINVAL &&
		res != -EOPNOTSUPP)
		return false;
	turn->by_ring = false;
	return true;
}

static bool receive(struct xp_turn *turn, struct xsc_sqe *sqe, long *ret)
{
	long res;

	if (!xp_turn_ring(turn, sqe, &res) || ask_again(turn, sqe->fd, res))
		return false;
	*ret = xp_result(res);
	return true;
}

bool xp_socket_receive(struct xp_turn *turn, int fd, void *buf, size_t len, int flags, long *ret)
{
	struct xsc_sqe sqe = {.opcode = XSC_OP_RECVFROM,
		.fd = fd,
		.addr = ADDR(buf),
		.len = (uint32_t)len,
		.op_flags = (uint32_t)(flags | MSG_DONTWAIT)};

	return is_socket(turn, fd, len, flags) && receive(turn, &sqe, ret);
}

/*
 * A part was sent: a socket that blocks sends the rest, one that does not says
 * that it cannot, and that is the answer to the program, too.
 */
bool xp_socket_send(struct xp_turn *turn, int fd, const void *buf, size_t len, int flags, long *ret)
{
	struct xsc_sqe sqe = {.opcode = XSC_OP_SENDTO,
		.fd = fd,
		.addr = ADDR(buf),
		.len = (uint32_t)len,
		.op_flags = (uint32_t)(flags | MSG_DONTWAIT)};
	int saved = errno;
	long res;
	ssize_t rest;

	if (!is_socket(turn, fd, len, flags) || !xp_turn_ring(turn, &sqe, &res) ||
		ask_again(turn, fd, res))
		return false;
	if (res > 0 && (size_t)res < len && !(flags & MSG_DONTWAIT)) {
		rest = xp_plain_send(fd, (const char *)buf + res, len - (size_t)res, flags);
		errno = saved;
		*ret = res + (rest > 0 ? rest : 0);
		return true;
	}
	*ret = xp_result(res);
	return true;
}

XP_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct xp_turn turn = xp_turn_begin(XP_RECV);
	long ret;

	if (!xp_socket_receive(&turn, fd, buf, len, flags, &ret))
		ret = xp_plain_recv(fd, buf, len, flags);
	return xp_turn_end(&turn, ret);
}

XP_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct xp_turn turn = xp_turn_begin(XP_SEND);
	long ret;

	if (!xp_socket_send(&turn, fd, buf, len, flags, &ret))
		ret = xp_plain_send(fd, buf, len, flags);
	return xp_turn_end(&turn, ret);
}

XP_EXPORT ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags,
	struct sockaddr *restrict from, socklen_t *restrict size)
{
	struct xp_turn turn = xp_turn_begin(XP_RECV);
	struct xsc_sqe sqe = {.opcode = XSC_OP_RECVFROM,
		.fd = fd,
		.addr = ADDR(buf),
		.len = (uint32_t)len,
		.op_flags = (uint32_t)(flags | MSG_DONTWAIT),
		.off = ADDR(from),
		.arg = {from ? ADDR(size) : 0}};
	long ret;

	if (!is_socket(&turn, fd, len, flags) || !receive(&turn, &sqe, &ret))
		ret = xp_plain_recvfrom(fd, buf, len, flags, from, size);
	return xp_turn_end(&turn, ret);
}

/* With an address a part is never sent of: a datagram is whole or not. */
XP_EXPORT ssize_t sendto(
	int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t size)
{
	struct xp_turn turn = xp_turn_begin(XP_SEND);
	struct xsc_sqe sqe = {.opcode = XSC_OP_SENDTO,
		.fd = fd,
		.addr = ADDR(buf),
		.len = (uint32_t)len,
		.op_flags = (uint32_t)(flags | MSG_DONTWAIT),
		.off = ADDR(to),
		.arg = {size}};
	long ret;

	if (!to) {
		if (!xp_socket_send(&turn, fd, buf, len, flags, &ret))
			ret = xp_plain_sendto(fd, buf, len, flags, to, size);
	} else if (!is_socket(&turn, fd, len, flags) || !receive(&turn, &sqe, &ret)) {
		ret = xp_plain_sendto(fd, buf, len, flags, to, size);
	}
	return xp_turn_end(&turn, ret);
}

ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *restrict buf, size_t len, size_t room, int flags,
	struct sockaddr *restrict from, socklen_t *restrict size);

XP_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	if (len > size)
		abort();
	return recv(fd, buf, len, flags);
}

XP_EXPORT ssize_t __recvfrom_chk(int fd, void *restrict buf, size_t len, size_t room, int flags,
	struct sockaddr *restrict from, socklen_t *restrict size)
{
	if (len > room)
		abort();
	return recvfrom(fd, buf, len, flags, from, size);
}

XP_EXPORT int socket(int family, int type, int protocol)
{
	struct xp_turn turn = xp_turn_begin(XP_SOCKET);
	struct xsc_sqe sqe = {.opcode = XSC_OP_SOCKET,
		.fd = family,
		.op_flags = (uint32_t)type,
		.len = (uint32_t)protocol};
	long res;

	if (turn.ring && xp_turn_ring(&turn, &sqe, &res))
		res = xp_result(res);
	else
		res = xp_plain_socket(family, type, protocol);
	if (res >= 0)
		xp_fd_forget((int)res);
	return (int)xp_turn_end(&turn, res);
}

/*
 * These ask security modules by hooks that no module can call, so that the lent
 * thread would make the system call in our place: two traps there for one here
 * (README: what that costs). And no flag makes them not wait, so that a signal could
 * not end them. They are here to be counted.
 */
XP_EXPORT int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	struct xp_turn turn = xp_turn_begin(XP_CONNECT);

	return (int)xp_turn_end(&turn, xp_plain_connect(fd, to, size));
}

XP_EXPORT int accept(int fd, struct sockaddr *restrict from, socklen_t *restrict size)
{
	struct xp_turn turn = xp_turn_begin(XP_CONNECT);
	int new = xp_plain_accept(fd, from, size);

	if (new >= 0)
		xp_fd_forget(new);
	return (int)xp_turn_end(&turn, new);
}

XP_EXPORT int accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict size, int flags)
{
	struct xp_turn turn = xp_turn_begin(XP_CONNECT);
	int new = xp_plain_accept4(fd, from, size, flags);

	if (new >= 0)
		xp_fd_forget(new);
	return (int)xp_turn_end(&turn, new);
}

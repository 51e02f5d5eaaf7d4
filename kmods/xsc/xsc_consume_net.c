// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: SOCKET, SENDTO, RECVFROM here, as in net/socket.c; BIND, LISTEN,
 * ACCEPT, CONNECT in user space.
 *
 * The line between them is drawn by the security modules. sock_create(),
 * sock_sendmsg() and sock_recvmsg() ask them; what is exported for the other four
 * (kernel_bind() and so on) asks nobody, and their hooks are not exported: a
 * process confined by AppArmor, SELinux or Landlock would get out through a ring.
 */
#include <linux/file.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "xsc_arm.h"
#include "xsc_consume.h"
#include "xsc_files.h"

static int do_socket(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	int type = sqe->op_flags & SOCK_TYPE_MASK;
	int flags = sqe->op_flags & ~SOCK_TYPE_MASK;
	struct socket *sock;
	struct file *file;
	int ret, fd;

	BUILD_BUG_ON(SOCK_CLOEXEC != O_CLOEXEC || SOCK_NONBLOCK != O_NONBLOCK);

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	ret = sock_create(sqe->fd, type, sqe->len, &sock);
	if (ret < 0)
		return ret;
	fd = get_unused_fd_flags(flags & O_CLOEXEC);
	if (fd < 0) {
		sock_release(sock);
		return fd;
	}
	/* Releases the socket if it fails. */
	file = sock_alloc_file(sock, flags, NULL);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/* As sockfd_lookup(), for registered files too. NULL: *ret_err. */
static struct socket *get_socket(struct xsc_server *srv,
				 const struct xsc_sqe *sqe,
				 struct file **ret_file, int *ret_err)
{
	struct file *file = xsc_consume_file(srv, sqe);
	struct socket *sock;

	*ret_err = -EBADF;
	if (!file)
		return NULL;
	sock = sock_from_file(file);
	if (!sock) {
		*ret_err = -ENOTSOCK;
		xsc_files_put(srv, file);
		return NULL;
	}
	*ret_file = file;
	return sock;
}

static int buffer(struct msghdr *msg, unsigned int direction,
		  const struct xsc_sqe *sqe)
{
	size_t len = min_t(size_t, sqe->len, MAX_RW_COUNT);
	void __user *buf = u64_to_user_ptr(sqe->addr);

	if (!access_ok(buf, len))
		return -EFAULT;
	iov_iter_ubuf(&msg->msg_iter, direction, buf, len);
	return 0;
}

/* As move_addr_to_kernel(). */
static int copy_address(struct sockaddr_storage *to, u64 addr, u64 size)
{
	int len = size;

	if (len < 0 || len > sizeof(*to))
		return -EINVAL;
	if (len && copy_from_user(to, u64_to_user_ptr(addr), len))
		return -EFAULT;
	return 0;
}

/*
 * For a thread that waits: would the call not sleep? Only sockets of which that can be
 * told beforehand, and no flag by which a call does more than to send or receive. Should
 * another thread be faster it sleeps after all, and is overtaken as any operation.
 */
static bool sends_at_once(const struct socket *sock, size_t len, unsigned int flags)
{
	const struct sock *sk = sock->sk;

	if (flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE) ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return false;
	if (sk->sk_protocol == IPPROTO_UDP)
		return flags & MSG_DONTWAIT || sock_writeable(sk);
	/* Each buffer counts as more than it holds. */
	return sk->sk_protocol == IPPROTO_TCP &&
	       (flags & MSG_DONTWAIT ||
		(READ_ONCE(sk->sk_state) == TCP_ESTABLISHED &&
		 sk_stream_wspace(sk) / 4 > len));
}

static bool receives_at_once(const struct socket *sock, size_t len,
			     unsigned int flags, enum xsc_arming arming)
{
	const struct sock *sk = sock->sk;

	if (flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC |
		      MSG_WAITALL) ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6) ||
	    (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_UDP))
		return false;
	if (flags & MSG_DONTWAIT)
		return true;
	if (arming != XSC_ARM_READY)
		return false;
	if (!(flags & MSG_WAITALL) || sk->sk_protocol == IPPROTO_UDP)
		return true;
	return tcp_inq((struct sock *)sk) >= len;
}

static int do_sendto(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	struct sockaddr_storage address;
	struct msghdr msg = {};
	unsigned int flags = sqe->op_flags;
	struct socket *sock;
	struct file *file;
	int ret;

	ret = buffer(&msg, ITER_SOURCE, sqe);
	if (ret)
		return ret;
	sock = get_socket(srv, sqe, &file, &ret);
	if (!sock)
		return ret;
	if (sqe->off) {
		ret = copy_address(&address, sqe->off, sqe->arg[0]);
		if (ret < 0)
			goto out;
		msg.msg_name = &address;
		msg.msg_namelen = sqe->arg[0];
	}
#ifdef MSG_INTERNAL_SENDMSG_FLAGS
	flags &= ~MSG_INTERNAL_SENDMSG_FLAGS;
#endif
	if (file->f_flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	if (srv->light) {
		ret = XSC_NOT_LIGHT;
		if (!sends_at_once(sock, sqe->len, flags))
			goto out;
		flags |= MSG_NOSIGNAL;
	}
	msg.msg_flags = flags;
	ret = sock_sendmsg(sock, &msg);
out:
	xsc_files_put(srv, file);
	return ret;
}

/* As move_addr_to_user(). */
static int return_address(const struct sockaddr_storage *from, int size,
			  u64 addr, u64 addr_len)
{
	int __user *len_ptr = u64_to_user_ptr(addr_len);
	int len;

	if (get_user(len, len_ptr))
		return -EFAULT;
	len = min(len, size);
	if (len < 0)
		return -EINVAL;
	if (len && copy_to_user(u64_to_user_ptr(addr), from, len))
		return -EFAULT;
	return put_user(size, len_ptr);
}

static int do_recvfrom(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	struct sockaddr_storage address = {};
	unsigned int flags = sqe->op_flags;
	struct msghdr msg = {
		.msg_name = sqe->off ? &address : NULL,
	};
	enum xsc_arming arming = XSC_ARM_NOT;
	struct socket *sock;
	struct file *file;
	int ret, err;

	ret = buffer(&msg, ITER_DEST, sqe);
	if (ret)
		return ret;
	sock = get_socket(srv, sqe, &file, &ret);
	if (!sock)
		return ret;
	ret = XSC_ARMED;
	if (!(flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)))
		arming = xsc_arm(srv, file, XSC_AWAITS_DATA);
	if (arming == XSC_ARM_DONE)
		goto out;
	if (file->f_flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	ret = XSC_NOT_LIGHT;
	if (srv->light && !receives_at_once(sock, sqe->len, flags, arming))
		goto out;
	ret = sock_recvmsg(sock, &msg, flags);
	if (ret >= 0 && sqe->off) {
		err = return_address(&address,
				     min_t(int, msg.msg_namelen, sizeof(address)),
				     sqe->off, sqe->arg[0]);
		if (err < 0)
			ret = err;
	}
out:
	xsc_files_put(srv, file);
	return ret;
}

/*
 * In user space, once there is a connection. The descriptor may mean another file by
 * then: accept4(2), which would have kept to the first, is not made for that one.
 */
static int take_connection(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	static const int results[] = {
		[XSC_ARM_NOT] = XSC_IN_USER_SPACE,
		[XSC_ARM_READY] = XSC_IN_USER_SPACE_SOON,
		[XSC_ARM_DONE] = XSC_ARMED,
	};
	struct file *file = fget(sqe->fd);
	int ret = XSC_IN_USER_SPACE;

	if (srv->armed && file != xsc_armed_file(srv->armed))
		ret = -EBADF;
	else if (file)
		ret = results[xsc_arm(srv, file, XSC_AWAITS_CONNECTION)];
	if (file)
		fput(file);
	return ret;
}

#define BUFFER	(XSC_USES_FD | XSC_USES_ADDR | XSC_USES_LEN | XSC_USES_OFF | \
		 XSC_USES_OP_FLAGS | XSC_USES_ARG0 | XSC_CAN_FIXED)
#define ADDRESS	(XSC_USES_FD | XSC_USES_ADDR | XSC_USES_LEN)

const struct xsc_op xsc_net_ops[XSC_OP_COUNT] = {
	[XSC_OP_SOCKET]		= { do_socket, XSC_USES_FD | XSC_USES_LEN |
					       XSC_USES_OP_FLAGS | XSC_IN_BURST },
	[XSC_OP_SENDTO]		= { do_sendto, BUFFER | XSC_WANTS_ALL | XSC_IN_BURST |
						 XSC_IS_LIGHT },
	[XSC_OP_RECVFROM]	= { do_recvfrom, BUFFER | XSC_WANTS_ALL | XSC_IN_BURST |
						   XSC_IS_LIGHT },
	[XSC_OP_BIND]		= { xsc_consume_in_user_space, ADDRESS },
	[XSC_OP_CONNECT]	= { xsc_consume_in_user_space, ADDRESS },
	[XSC_OP_LISTEN]		= { xsc_consume_in_user_space, XSC_USES_FD |
							       XSC_USES_LEN },
	[XSC_OP_ACCEPT]		= { take_connection,
				    XSC_USES_FD | XSC_USES_ADDR | XSC_USES_OFF |
				    XSC_USES_OP_FLAGS },
};

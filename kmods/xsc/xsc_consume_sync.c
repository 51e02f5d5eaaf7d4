// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: POLL here, as in fs/select.c; EPOLL_WAIT, SELECT, FUTEX_WAIT and
 * FUTEX_WAKE in user space.
 *
 * A futex has its waiters in a table that nothing exported reaches; the events of
 * an epoll file can be waited for, but not fetched. SELECT is POLL with its
 * arguments in another form, and nothing that a program in a hurry would call.
 */
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "xsc_consume.h"

/* The events of one file, with ->revents set; queues the thread if asked to. */
static bool look_at(struct pollfd *pfd, poll_table *pt)
{
	__poll_t filter = demangle_poll(pfd->events) | EPOLLERR | EPOLLHUP;
	__poll_t mask = 0;
	struct file *file;

	if (pfd->fd >= 0) {
		file = fget(pfd->fd);
		mask = EPOLLNVAL;
		if (file) {
			pt->_key = filter;
			mask = vfs_poll(file, pt) & filter;
			fput(file);
		}
	}
	pfd->revents = mangle_poll(mask);
	return mask;
}

/* Return: how many have events, 0 if time is over, or an error. */
static int wait_for_events(struct pollfd *pfds, u32 nr, ktime_t *until)
{
	struct poll_wqueues table;
	bool over = until && !*until;
	int count = 0;
	u32 i;

	poll_initwait(&table);
	if (over)
		table.pt._qproc = NULL;
	for (;;) {
		for (i = 0; i < nr; i++) {
			if (!look_at(&pfds[i], &table.pt))
				continue;
			count++;
			table.pt._qproc = NULL;
		}
		table.pt._qproc = NULL;
		if (!count) {
			count = table.error;
			if (signal_pending(current))
				count = -ERESTARTNOHAND;
		}
		if (count || over)
			break;

		/* As poll_schedule_timeout(): what came since is not slept over. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!table.triggered &&
		    !schedule_hrtimeout_range(until, current->timer_slack_ns,
					      HRTIMER_MODE_ABS))
			over = true;
		__set_current_state(TASK_RUNNING);
		/* Then the files are looked at: pairs with pollwake(). */
		smp_store_mb(table.triggered, 0);
	}
	poll_freewait(&table);
	return count;
}

/* The end of a relative time, kept over a signal: negative for never. */
static ktime_t *end_of(struct xsc_server *srv, int milliseconds)
{
	if (milliseconds < 0)
		return NULL;
	if (!srv->until_set) {
		srv->until_set = true;
		srv->until = milliseconds ?
			     ktime_add_safe(ktime_get(), ms_to_ktime(milliseconds)) : 0;
	}
	return &srv->until;
}

static int do_poll(struct xsc_server *srv, const struct xsc_sqe *sqe)
{
	struct pollfd __user *upfds = u64_to_user_ptr(sqe->addr);
	struct pollfd *pfds;
	u32 i;
	int ret;

	if (sqe->len > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	pfds = kvmalloc_array(sqe->len ? sqe->len : 1, sizeof(*pfds),
			      GFP_KERNEL_ACCOUNT);
	if (!pfds)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(pfds, upfds, array_size(sqe->len, sizeof(*pfds))))
		goto out;
	ret = wait_for_events(pfds, sqe->len, end_of(srv, sqe->op_flags));
	for (i = 0; ret >= 0 && i < sqe->len; i++)
		if (put_user(pfds[i].revents, &upfds[i].revents))
			ret = -EFAULT;
out:
	kvfree(pfds);
	return ret;
}

const struct xsc_op xsc_sync_ops[XSC_OP_COUNT] = {
	[XSC_OP_POLL]		= { do_poll, XSC_USES_ADDR | XSC_USES_LEN |
					     XSC_USES_OP_FLAGS },
	[XSC_OP_EPOLL_WAIT]	= { xsc_consume_in_user_space,
				    XSC_USES_FD | XSC_USES_ADDR | XSC_USES_LEN |
				    XSC_USES_OP_FLAGS },
	[XSC_OP_SELECT]		= { xsc_consume_in_user_space,
				    XSC_USES_LEN | XSC_USES_ADDR | XSC_USES_OFF |
				    XSC_USES_ARG0 | XSC_USES_ARG1 },
	[XSC_OP_FUTEX_WAIT]	= { xsc_consume_in_user_space,
				    XSC_USES_ADDR | XSC_USES_LEN | XSC_USES_OFF |
				    XSC_USES_OP_FLAGS },
	[XSC_OP_FUTEX_WAKE]	= { xsc_consume_in_user_space,
				    XSC_USES_ADDR | XSC_USES_LEN |
				    XSC_USES_OP_FLAGS },
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls: which feature does which, and the batch. The table is made from the
 * features' own when the module is loaded, and does not change.
 */
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/seccomp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gaming.h"

static const struct gaming_feature *const features[] = {
	&gaming_futex_feature,
	&gaming_priority_feature,
	&gaming_storage_feature,
	&gaming_pagefault_feature,
	&gaming_compaction_feature,
	&gaming_cache_feature,
	&gaming_time_feature,
	&gaming_gpu_feature,
};

#define CALLS		128	/* ioctl numbers of the device */

static gaming_run_t table[CALLS];

bool gaming_is_confined(void)
{
#ifdef CONFIG_SECCOMP
	return READ_ONCE(current->seccomp.mode) != SECCOMP_MODE_DISABLED;
#else
	return false;
#endif
}

static u64 calls_done(void)
{
	u64 calls = 0;
	int nr;

	for (nr = 0; nr <= GAMING_CALL_LAST - GAMING_CALL_FIRST; nr++)
		if (table[nr])
			calls |= BIT_ULL(nr);
	return calls;
}

static long do_info(struct gaming_session *s, void __user *arg)
{
	struct gaming_info info;
	int i, ret;

	ret = copy_ioctl_arg(&info, sizeof(info), arg);
	if (ret)
		return ret;
	if (info.resv || info.calls || info.features ||
	    memchr_inv(info.resv2, 0, sizeof(info.resv2)))
		return -EINVAL;
	info.size = sizeof(info);
	info.calls = calls_done();
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i]->features)
			info.features |= features[i]->features();
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long run_entry(struct gaming_session *s, const struct gaming_batch_entry *entry)
{
	unsigned int nr = entry->call - GAMING_CALL_FIRST;
	long res;

	if (entry->res)
		return -EINVAL;
	if (nr > GAMING_CALL_LAST - GAMING_CALL_FIRST)
		return -ENOTTY;
	if (!table[nr])
		return -ENOSYS;
	res = table[nr](s, u64_to_user_ptr(entry->arg));
	/* A call of a batch cannot begin again by itself. */
	return res == -ERESTARTSYS ? -EINTR : res;
}

static long do_batch(struct gaming_session *s, void __user *arg)
{
	struct gaming_batch_entry __user *at;
	struct gaming_batch_entry entry;
	struct gaming_batch batch;
	long ret;

	ret = copy_ioctl_arg(&batch, sizeof(batch), arg);
	if (ret)
		return ret;
	if (batch.flags & ~GAMING_BATCH_STOP || batch.done || batch.resv ||
	    !batch.count || batch.count > GAMING_BATCH_MAX)
		return -EINVAL;

	at = u64_to_user_ptr(batch.entries);
	ret = 0;
	while (batch.done < batch.count) {
		if (signal_pending(current)) {
			ret = batch.done ? 0 : -EINTR;
			break;
		}
		if (copy_from_user(&entry, at, sizeof(entry))) {
			ret = -EFAULT;
			break;
		}
		entry.res = run_entry(s, &entry);
		batch.done++;
		if (put_user(entry.res, &at->res)) {
			ret = -EFAULT;
			break;
		}
		if (entry.res < 0 && batch.flags & GAMING_BATCH_STOP)
			break;
		at++;
	}
	if (put_user(batch.done, &((struct gaming_batch __user *)arg)->done))
		return -EFAULT;
	return ret;
}

static const struct gaming_call own_calls[] = {
	{ GAMING_IOC_INFO, do_info },
	{ GAMING_IOC_BATCH, do_batch },
};

long gaming_syscalls_run(struct gaming_session *s, unsigned int cmd, void __user *arg)
{
	unsigned int nr = _IOC_NR(cmd);

	if (cmd != _IO(GAMING_IOC_MAGIC, nr) || nr >= CALLS)
		return -ENOTTY;
	if (!table[nr])
		return nr <= GAMING_CALL_LAST - GAMING_CALL_FIRST ? -ENOSYS : -ENOTTY;
	return table[nr](s, arg);
}

static void enter(const struct gaming_call *calls, unsigned int count)
{
	while (count--) {
		WARN_ON(table[_IOC_NR(calls[count].cmd)]);
		table[_IOC_NR(calls[count].cmd)] = calls[count].run;
	}
}

static void unload_first(int count)
{
	while (count--)
		if (features[count]->unload)
			features[count]->unload();
}

int gaming_syscalls_load(void)
{
	int i, ret;

	enter(own_calls, ARRAY_SIZE(own_calls));
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		ret = features[i]->load ? features[i]->load() : 0;
		if (ret) {
			unload_first(i);
			return ret;
		}
		enter(features[i]->calls, features[i]->call_count);
	}
	return 0;
}

void gaming_syscalls_unload(void)
{
	unload_first(ARRAY_SIZE(features));
}

static void release_first(struct gaming_session *s, int count)
{
	while (count--)
		if (features[count]->release)
			features[count]->release(s);
}

int gaming_syscalls_open(struct gaming_session *s)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		ret = features[i]->open ? features[i]->open(s) : 0;
		if (ret) {
			release_first(s, i);
			return ret;
		}
	}
	return 0;
}

void gaming_syscalls_flush(struct gaming_session *s)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i]->flush)
			features[i]->flush(s);
}

void gaming_syscalls_release(struct gaming_session *s)
{
	release_first(s, ARRAY_SIZE(features));
}

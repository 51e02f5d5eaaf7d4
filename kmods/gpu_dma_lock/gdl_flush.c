// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "gdl_flush.h"
#include "gdl_stats.h"

/* So many at once cost nothing. */
#define BURST 16

static unsigned int flush_pause_us = 1000;
module_param(flush_pause_us, uint, 0644);
MODULE_PARM_DESC(flush_pause_us, "a user's grants cost an IOTLB flush in so many microseconds, 16 at once (0: no limit)");

/*
 * Users share an account only where a hash says so, and nobody can choose with whom:
 * what they could do to each other is a wait.
 */
#define ACCOUNT_BITS 8
static struct gdl_account {
	spinlock_t lock;
	ktime_t even;	/* lock; all flushes so far are paid then */
} accounts[1 << ACCOUNT_BITS] = {
	[0 ... (1 << ACCOUNT_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(accounts.lock),
	},
};

struct gdl_account *gdl_flush_account(kuid_t uid)
{
	static u32 salt __read_mostly;

	get_random_once(&salt, sizeof(salt));
	return &accounts[hash_32(__kuid_val(uid) ^ salt, ACCOUNT_BITS)];
}

static u64 pause_ns(void)
{
	return (u64)READ_ONCE(flush_pause_us) * NSEC_PER_USEC;
}

static void charge(struct gdl_account *account)
{
	ktime_t now = ktime_get();

	spin_lock(&account->lock);
	if (ktime_before(account->even, now))
		account->even = now;
	account->even = ktime_add_ns(account->even, pause_ns());
	spin_unlock(&account->lock);
}

void gdl_flush(struct device *dev, struct gdl_account *account)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return;
	iommu_flush_iotlb_all(domain);
	gdl_count(GDL_FLUSHES);
	charge(account);
}

int gdl_flush_wait(struct gdl_account *account)
{
	u64 pause = pause_ns();
	ktime_t until;

	spin_lock(&account->lock);
	until = ktime_sub_ns(account->even, BURST * pause);
	spin_unlock(&account->lock);
	if (!pause || ktime_before(until, ktime_get()))
		return 0;
	gdl_count(GDL_FLUSH_WAITS);
	do {
		if (signal_pending(current))
			return -ERESTARTSYS;
		set_current_state(TASK_INTERRUPTIBLE);
	} while (schedule_hrtimeout(&until, HRTIMER_MODE_ABS));
	return 0;
}

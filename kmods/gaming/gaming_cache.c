// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET_AFFINITY: which last-level cache a thread should have for its home, and
 * whether it keeps to it. YIELD: who runs next.
 */
#include <linux/cpumask.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/uaccess.h>

#include <linux/gaming_sched.h>

#include "gaming_cache_topology.h"
#include "gaming.h"
#include "gaming_home_watch.h"

/* Too large for a stack where there may be 8192 CPUs. */
struct choice {
	struct gaming_llc best, other;
	struct cpumask allowed, seen;
};

/* How far is @llc from @cpu? Its own cache is nearest. */
static int distance(const struct gaming_llc *llc, unsigned int cpu)
{
	if (cpumask_test_cpu(cpu, &llc->cpus))
		return 0;
	return node_distance(cpu_to_node(cpu), cpu_to_node(llc->first_cpu));
}

static bool is_better(const struct gaming_llc *a, const struct gaming_llc *b,
		      const struct cpumask *allowed, unsigned int cpu)
{
	unsigned int many_a = cpumask_weight_and(&a->cpus, allowed);
	unsigned int many_b = cpumask_weight_and(&b->cpus, allowed);

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes;
	if (many_a != many_b)
		return many_a > many_b;
	return distance(a, cpu) < distance(b, cpu);
}

/* Looks at each cache once, by the first of its CPUs that is allowed. */
static int choose_largest(struct choice *c, u32 flags, unsigned int cpu)
{
	bool found = false;
	unsigned int i;

	for_each_cpu_and(i, &c->allowed, cpu_online_mask) {
		if (cpumask_test_cpu(i, &c->seen))
			continue;
		if (flags & GAMING_AFFINITY_LOCAL && cpu_to_node(i) != cpu_to_node(cpu))
			continue;
		if (gaming_llc_of_cpu(i, &c->other))
			continue;
		cpumask_or(&c->seen, &c->seen, &c->other.cpus);
		if (found && !is_better(&c->other, &c->best, &c->allowed, cpu))
			continue;
		c->best = c->other;
		found = true;
	}
	return found ? 0 : -EOPNOTSUPP;
}

static int choose(struct choice *c, u32 flags)
{
	unsigned int cpu = raw_smp_processor_id();
	int ret;

	/* May change at any time; sched_setaffinity(2) looks again. */
	cpumask_copy(&c->allowed, current->cpus_ptr);
	if (flags & GAMING_AFFINITY_LARGEST)
		ret = choose_largest(c, flags, cpu);
	else
		ret = gaming_llc_of_cpu(cpu, &c->best) ? -EOPNOTSUPP : 0;
	if (ret)
		return ret;
	/* Migrated meanwhile, by a new mask: take the new one, which is never empty. */
	if (!cpumask_and(&c->best.cpus, &c->best.cpus, &c->allowed))
		return -EAGAIN;
	return 0;
}

static int put_mask(const struct gaming_affinity *a, const struct cpumask *mask)
{
	u64 __user *to = u64_to_user_ptr(a->cpus);
	unsigned int word, bit;

	for (word = 0; word < a->cpus_size / 8; word++) {
		u64 bits = 0;

		for (bit = 0; bit < 64 && word * 64 + bit < nr_cpu_ids; bit++)
			if (cpumask_test_cpu(word * 64 + bit, mask))
				bits |= BIT_ULL(bit);
		if (put_user(bits, to + word))
			return -EFAULT;
	}
	return 0;
}

static bool affinity_is_valid(const struct gaming_affinity *a)
{
	u32 which = a->flags & (GAMING_AFFINITY_LARGEST | GAMING_AFFINITY_NEAREST);

	if (a->flags & ~(GAMING_AFFINITY_LARGEST | GAMING_AFFINITY_NEAREST |
			 GAMING_AFFINITY_LOCAL | GAMING_AFFINITY_WATCH) || a->resv)
		return false;
	return hweight32(which) == 1 && a->cpus_size % 8 == 0 &&
	       a->cpus_size >= round_up(nr_cpu_ids, 64) / 8 && a->cpus_size <= PAGE_SIZE;
}

static long do_set_affinity(struct gaming_session *s, void __user *arg)
{
	struct gaming_affinity affinity;
	struct choice *c;
	int ret;

	ret = copy_ioctl_arg(&affinity, sizeof(affinity), arg);
	if (ret)
		return ret;
	if (!affinity_is_valid(&affinity))
		return -EINVAL;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	do {
		ret = choose(c, affinity.flags);
	} while (ret == -EAGAIN && !signal_pending(current));
	if (ret) {
		ret = ret == -EAGAIN ? -EINTR : ret;
		goto drop;
	}

	affinity.level = c->best.level;
	affinity.bytes = c->best.bytes;
	affinity.first_cpu = c->best.first_cpu;
	affinity.node = cpu_to_node(c->best.first_cpu);
	ret = put_mask(&affinity, &c->best.cpus);
	if (!ret && copy_to_user(arg, &affinity, sizeof(affinity)))
		ret = -EFAULT;
	if (!ret && affinity.flags & GAMING_AFFINITY_WATCH)
		ret = gaming_home_watch_begin(gaming_session_get(s, GAMING_CACHE), &c->best.cpus);
drop:
	kfree(c);
	return ret;
}

static long do_watch(struct gaming_session *s, void __user *arg)
{
	struct gaming_watch watch;
	int ret;

	ret = copy_ioctl_arg(&watch, sizeof(watch), arg);
	if (ret)
		return ret;
	if (watch.flags & ~GAMING_WATCH_END || watch.resv)
		return -EINVAL;
	ret = gaming_home_watch_read(gaming_session_get(s, GAMING_CACHE), &watch,
				     watch.flags & GAMING_WATCH_END);
	if (ret)
		return ret;
	return copy_to_user(arg, &watch, sizeof(watch)) ? -EFAULT : 0;
}

static long yield_to_thread(s32 tid)
{
	struct pid *pid = find_get_pid(tid);
	struct task_struct *to = get_pid_task(pid, PIDTYPE_PID);
	int given = -ENOENT;

	put_pid(pid);
	if (!to)
		return -ENOENT;
	/* The current CPU of the other is left alone: it is asked at its own next switch. */
	if (same_thread_group(to, current))
		given = max(yield_to(to, false), 0);
	put_task_struct(to);
	return given;
}

static long do_yield(struct gaming_session *s, void __user *arg)
{
	struct gaming_yield y;
	int ret;

	ret = copy_ioctl_arg(&y, sizeof(y), arg);
	if (ret)
		return ret;
	if (y.flags || y.resv || y.tid < 0)
		return -EINVAL;
	if (y.tid)
		return yield_to_thread(y.tid);
	yield();
	return 0;
}

static int cache_open(struct gaming_session *s)
{
	struct gaming_home_watches *w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);

	if (!w)
		return -ENOMEM;
	gaming_home_watches_init(w);
	gaming_session_set(s, GAMING_CACHE, w);
	return 0;
}

static void cache_flush(struct gaming_session *s)
{
	gaming_home_watches_end(gaming_session_get(s, GAMING_CACHE));
}

static void cache_release(struct gaming_session *s)
{
	struct gaming_home_watches *w = gaming_session_get(s, GAMING_CACHE);

	gaming_home_watches_end(w);
	kfree(w);
}

static u64 cache_features(void)
{
	struct gaming_llc *llc = kmalloc(sizeof(*llc), GFP_KERNEL);
	bool l3 = llc && !gaming_llc_of_cpu(raw_smp_processor_id(), llc) && llc->level >= 3;

	kfree(llc);
	return l3 ? GAMING_FEAT_L3 : 0;
}

static const struct gaming_call calls[] = {
	{ GAMING_IOC(GAMING_CALL_YIELD), do_yield },
	{ GAMING_IOC(GAMING_CALL_SET_AFFINITY), do_set_affinity },
	{ GAMING_IOC_WATCH, do_watch },
};

const struct gaming_feature gaming_cache_feature = {
	.id = GAMING_CACHE,
	.calls = calls,
	.call_count = ARRAY_SIZE(calls),
	.load = gaming_home_watch_load,
	.unload = gaming_home_watch_unload,
	.features = cache_features,
	.open = cache_open,
	.flush = cache_flush,
	.release = cache_release,
};

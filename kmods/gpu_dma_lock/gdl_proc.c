// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "gdl_buffer.h"
#include "gdl_owner.h"
#include "gdl_permit.h"
#include "gdl_proc.h"
#include "gdl_state.h"
#include "gdl_stats.h"

#define DIR "gpu"

DEFINE_PER_CPU(struct gdl_stats, gdl_stats);

static const char *const stat_names[GDL_STAT_COUNT] = {
	[GDL_AGENTS_CREATED] = "agents_created",
	[GDL_AGENTS_ENDED] = "agents_ended",
	[GDL_ALLOCATIONS] = "allocations",
	[GDL_FREES] = "frees",
	[GDL_ALLOCATED_BYTES] = "allocated_bytes",
	[GDL_FREED_BYTES] = "freed_bytes",
	[GDL_QUOTA_REFUSALS] = "quota_refusals",
	[GDL_MEMLOCK_REFUSALS] = "memlock_refusals",
	[GDL_GRANTS] = "grants",
	[GDL_REVOKES] = "revokes",
	[GDL_REVOKES_REFUSED] = "revokes_refused",
	[GDL_REVOKES_LATE] = "revokes_late",
	[GDL_CHECKS] = "checks",
	[GDL_CHECKS_ALLOWED] = "checks_allowed",
	[GDL_ATTACHED] = "attached",
	[GDL_ATTACH_REFUSALS] = "attach_refusals",
	[GDL_MAPPED] = "mapped",
	[GDL_MAP_REFUSALS] = "map_refusals",
	[GDL_UNMAPPED] = "unmapped",
	[GDL_MAPPED_BYTES] = "mapped_bytes",
	[GDL_BOUNCED_BYTES] = "bounced_bytes",
	[GDL_CPU_MAPPED] = "cpu_mapped",
	[GDL_FLUSHES] = "flushes",
	[GDL_FLUSH_WAITS] = "flush_waits",
};

static u64 sum(enum gdl_stat stat)
{
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		total += READ_ONCE(per_cpu_ptr(&gdl_stats, cpu)->count[stat]);
	return total;
}

static int show_stats(struct seq_file *seq, void *unused)
{
	int i;

	for (i = 0; i < GDL_STAT_COUNT; i++)
		seq_printf(seq, "%s %llu\n", stat_names[i], sum(i));
	return 0;
}

static unsigned int count_buffers(struct gdl_owner *owner)
{
	struct gdl_buffer *buffer;
	unsigned int count = 0;

	list_for_each_entry(buffer, &owner->all, node)
		count++;
	return count;
}

/* Each owner with its lock held, so that none of its buffers goes. */
static void show_owners(struct seq_file *seq,
			void (*show)(struct seq_file *seq, struct gdl_owner *owner))
{
	struct gdl_owner *owner;

	mutex_lock(&gdl_owners_lock);
	list_for_each_entry(owner, &gdl_owners, node) {
		mutex_lock(&owner->lock);
		show(seq, owner);
		mutex_unlock(&owner->lock);
	}
	mutex_unlock(&gdl_owners_lock);
}

static void quota_of(struct seq_file *seq, struct gdl_owner *owner)
{
	u64 quota, charged;

	gdl_owner_usage(owner, &quota, &charged);
	seq_printf(seq, "%llu %u %d %llu %llu %u %s\n", owner->id,
		   from_kuid_munged(seq_user_ns(seq), owner->uid),
		   pid_vnr(owner->tgid), quota, charged, count_buffers(owner),
		   owner->ended ? "ended" : "alive");
}

static int show_quotas(struct seq_file *seq, void *unused)
{
	seq_puts(seq, "agent uid pid quota charged buffers state\n");
	show_owners(seq, quota_of);
	return 0;
}

static unsigned int count_permits(struct gdl_buffer *buffer)
{
	struct gdl_permit *permit;
	unsigned int count = 0;
	unsigned long key;

	rcu_read_lock();
	xa_for_each(&buffer->permits, key, permit)
		count++;
	rcu_read_unlock();
	return count;
}

static void allocations_of(struct seq_file *seq, struct gdl_owner *owner)
{
	struct gdl_buffer *buffer;

	list_for_each_entry(buffer, &owner->all, node)
		seq_printf(seq, "%llu %llu %zu %u %u %d %d %s\n", owner->id,
			   buffer->handle, buffer->pages.bytes,
			   buffer->pages.segments, count_permits(buffer),
			   atomic_read(&buffer->attached),
			   atomic_read(&buffer->mapped),
			   xa_load(&owner->buffers, buffer->handle) ? "-" : "freed");
}

static int show_allocations(struct seq_file *seq, void *unused)
{
	seq_puts(seq, "agent handle bytes segments grants attached mapped flags\n");
	show_owners(seq, allocations_of);
	return 0;
}

static void permissions_of(struct seq_file *seq, struct gdl_owner *owner)
{
	struct gdl_buffer *buffer;
	struct gdl_permit *permit;
	unsigned long key;

	list_for_each_entry(buffer, &owner->all, node) {
		rcu_read_lock();
		xa_for_each(&buffer->permits, key, permit)
			seq_printf(seq, "%llu %llu %s:%s %s%s %d\n", owner->id,
				   buffer->handle, permit->dev->bus->name,
				   dev_name(permit->dev),
				   permit->flags & GDL_GRANT_STATIC ? "static" : "dynamic",
				   permit->flags & GDL_GRANT_UNTRANSLATED ?
					   ",untranslated" : "",
				   atomic_read(&permit->mapped));
		rcu_read_unlock();
	}
}

static int show_dma_permissions(struct seq_file *seq, void *unused)
{
	seq_puts(seq, "agent handle device flags mapped\n");
	show_owners(seq, permissions_of);
	return 0;
}

/* With a reference, to be put. */
static struct gdl_owner *find_owner(u64 id)
{
	struct gdl_owner *owner, *found = NULL;

	mutex_lock(&gdl_owners_lock);
	list_for_each_entry(owner, &gdl_owners, node) {
		if (owner->id == id) {
			kref_get(&owner->ref);
			found = owner;
			break;
		}
	}
	mutex_unlock(&gdl_owners_lock);
	return found;
}

static int control_quota(struct gdl_owner *owner, u64 bytes)
{
	return gdl_owner_set_quota(owner, bytes, true);
}

static int control_revoke(struct gdl_owner *owner, u64 handle)
{
	struct gdl_buffer *buffer = gdl_buffer_get(owner, handle);

	if (!buffer)
		return -ENOENT;
	gdl_permit_revoke_all(buffer, false);
	dma_buf_put(buffer->dmabuf);
	return 0;
}

static int control_end(struct gdl_owner *owner, u64 unused)
{
	gdl_buffer_forget_all(owner);
	return 0;
}

static const struct gdl_command {
	const char *name;
	int numbers;
	int (*run)(struct gdl_owner *owner, u64 number);
} commands[] = {
	{ "quota", 2, control_quota },
	{ "revoke", 2, control_revoke },
	{ "end", 1, control_end },
};

/* "NAME AGENT [NUMBER]", one blank between, and at most a newline at the end. */
static int run_command(char *text)
{
	char *name = strsep(&text, " "), *word;
	struct gdl_owner *owner;
	u64 numbers[2] = {};
	int ret, n = 0;
	size_t i;

	while ((word = strsep(&text, " "))) {
		if (n == ARRAY_SIZE(numbers) || kstrtou64(word, 10, &numbers[n++]))
			return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name) && n == commands[i].numbers)
			break;
	if (i == ARRAY_SIZE(commands))
		return -EINVAL;
	owner = find_owner(numbers[0]);
	if (!owner)
		return -ENOENT;
	ret = commands[i].run(owner, numbers[1]);
	gdl_owner_put(owner);
	return ret;
}

static ssize_t control_write(struct file *file, const char __user *from,
			     size_t size, loff_t *pos)
{
	char text[80];
	int ret;

	if (!size || size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = '\0';
	if (strlen(text) != size)
		return -EINVAL;
	if (text[size - 1] == '\n')
		text[size - 1] = '\0';
	ret = run_command(text);
	return ret ?: size;
}

static const struct proc_ops control_ops = {
	.proc_write	= control_write,
	.proc_lseek	= noop_llseek,
};

static const struct {
	const char *name;
	umode_t mode;
	int (*show)(struct seq_file *seq, void *unused);
} files[] = {
	{ "stats", 0444, show_stats },
	{ "quotas", 0400, show_quotas },
	{ "allocations", 0400, show_allocations },
	{ "dma_permissions", 0400, show_dma_permissions },
};

int gdl_proc_load(void)
{
	struct proc_dir_entry *dir = gdl_swarm_mkdir(DIR);
	size_t i;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (!proc_create_single(files[i].name, files[i].mode, dir, files[i].show))
			goto err_remove;
	if (!proc_create("control", 0200, dir, &control_ops))
		goto err_remove;
	return 0;

err_remove:
	gdl_swarm_remove(DIR);
	return -ENOMEM;
}

void gdl_proc_unload(void)
{
	gdl_swarm_remove(DIR);
}

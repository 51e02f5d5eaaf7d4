// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that does on purpose, when it is loaded, what the debug kernel is
 * there to find: proof.ko fault=oob. Each fault is one line of the table, and
 * test_proof expects a report for each of them, and none for "none". It is
 * built for the debug kernel only and never leaves the test's virtual machine.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "what to do wrong");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static int shift = 33;

static void fault_none(void)
{
}

static void fault_oob(void)
{
	char *p = kmalloc(24, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[24], 1);
	kfree(p);
}

static void fault_vmalloc_oob(void)
{
	char *p = vmalloc(100);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[100], 1);
	vfree(p);
}

static void fault_uaf(void)
{
	char *p = kmalloc(24, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[0], 1);
}

/* Several, as the address of the last one may still be on a stack. */
static void fault_leak(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		void *p = kmalloc(5000, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(p);
	}
}

static void fault_atomic(void)
{
	spin_lock(&spin);
	kfree(kmalloc(24, GFP_KERNEL));
	might_sleep();
	spin_unlock(&spin);
}

static void fault_shift(void)
{
	WRITE_ONCE(shift, 1 << READ_ONCE(shift));
}

static void fault_list(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	list_add(&entry, &head);
}

/* Two orders, one after the other: no deadlock comes of it, only the report. */
static void fault_locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static const struct {
	const char *name;
	void (*run)(void);
} faults[] = {
	{ "none", fault_none },
	{ "oob", fault_oob },
	{ "vmalloc-oob", fault_vmalloc_oob },
	{ "uaf", fault_uaf },
	{ "leak", fault_leak },
	{ "atomic", fault_atomic },
	{ "shift", fault_shift },
	{ "list", fault_list },
	{ "locks", fault_locks },
};

static int __init proof_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!strcmp(faults[i].name, fault)) {
			faults[i].run();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit proof_exit(void)
{
}

module_init(proof_init);
module_exit(proof_exit);
MODULE_DESCRIPTION("Faults on purpose, for rigproof's tests");
MODULE_LICENSE("GPL");

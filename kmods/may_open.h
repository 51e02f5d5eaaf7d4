/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may open a module's device, beside the device node's mode: as io_uring_disabled and
 * io_uring_group. For one file of each module; module.mk puts a copy beside its sources.
 */
#ifndef MAY_OPEN_H
#define MAY_OPEN_H

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

static unsigned int disabled;
static int group = -1;

static int set_disabled(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, 2);
}

static const struct kernel_param_ops disabled_ops = {
	.set = set_disabled,
	.get = param_get_uint,
};
module_param_cb(disabled, &disabled_ops, &disabled, 0644);
MODULE_PARM_DESC(disabled, "0: for all who may open the device, 1: for CAP_SYS_ADMIN and the group, 2: for nobody");
module_param(group, int, 0644);
MODULE_PARM_DESC(group, "number of the group that disabled=1 lets in (-1: none)");

/* Asked at open: who has opened the device keeps it. */
static bool may_open(void)
{
	kgid_t kgid = make_kgid(&init_user_ns, READ_ONCE(group));
	unsigned int level = READ_ONCE(disabled);

	if (level == 1)
		return (gid_valid(kgid) && in_group_p(kgid)) ||
		       capable(CAP_SYS_ADMIN);
	return level == 0;
}

#endif /* MAY_OPEN_H */

// SPDX-License-Identifier: GPL-2.0-only
/* Another module of the family, for the test: it has a directory below /proc/swarm too. */
#include <linux/module.h>

#include "../gdl_swarm.c"

static char *dir = "neighbour";
module_param(dir, charp, 0444);
MODULE_PARM_DESC(dir, "name of its directory");

static int __init neighbour_init(void)
{
	return PTR_ERR_OR_ZERO(gdl_swarm_mkdir(dir));
}

static void __exit neighbour_exit(void)
{
	gdl_swarm_remove(dir);
}

module_init(neighbour_init);
module_exit(neighbour_exit);
MODULE_DESCRIPTION("A second module below /proc/swarm, for tests");
MODULE_LICENSE("GPL");

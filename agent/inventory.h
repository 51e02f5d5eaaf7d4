/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine is, for the operator who approves it. Read from sysfs and procfs alone: no
 * device is opened, so no disk is touched. What cannot be read is "" or missing; it never fails.
 */
#ifndef RP_AGENT_INVENTORY_H
#define RP_AGENT_INVENTORY_H

#include <jansson.h>

#include "agent/efivars.h"

#define RP_INVENTORY_UUID 37

/*
 * root: "" for this machine, or a folder that holds sys/ and proc/ (tests).
 * {"manufacturer","product","serial","uuid","cpu","cpus":int,"memory_mb":int,"kernel",
 *  "secure_boot":"enabled"|"disabled"|"setup mode"|"none","tpm":bool,
 *  "nics":[{"name","mac","driver"}],"disks":[{"name","size_mb":int,"model"}],
 *  "gpus":[{"address","vendor","device","driver"}]}
 * New reference; NULL: no memory.
 */
json_t *rp_inventory_collect(const char *root, const struct rp_secure_boot *secure_boot);

/* The MAC addresses of an inventory, as an array. New reference. */
json_t *rp_inventory_macs(const json_t *inventory);

/*
 * The value of NAME=VALUE on the kernel command line below root, "" where there is none.
 * ret_value holds size bytes; a longer value counts as none.
 */
void rp_inventory_boot_option(const char *root, const char *name, char *ret_value, size_t size);

/* The whole command line, "" where it cannot be read. Caller frees. NULL: no memory. */
char *rp_inventory_command_line(const char *root);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The files below /proc/swarm/gpu; their formats are in the manual. */
#ifndef GDL_PROC_H
#define GDL_PROC_H

struct proc_dir_entry;

int gdl_proc_load(void);
void gdl_proc_unload(void);

/*
 * NAME below /proc/swarm, which other modules have too: made where it is not
 * there, and taken away by the last one.
 */
struct proc_dir_entry *gdl_swarm_mkdir(const char *name);
void gdl_swarm_remove(const char *name);

#endif

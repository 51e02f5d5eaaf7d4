/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the features share: a session for each open file, and the table of calls.
 */
#ifndef _GAMING_H
#define _GAMING_H

#include <linux/types.h>
#include <linux/gaming.h>

#include "ioctl_arg.h"

struct gaming_session;

/*
 * Runs in the owner's thread and may sleep. The result is ioctl(2)'s. An argument
 * is read by copy_ioctl_arg(), once.
 */
typedef long (*gaming_run_t)(struct gaming_session *s, void __user *arg);

struct gaming_call {
	unsigned int cmd;	/* GAMING_IOC(...), or an ioctl of the feature's own */
	gaming_run_t run;
};

enum gaming_feature_id {
	GAMING_FUTEX,		/* gaming_futex.c */
	GAMING_PRIORITY,	/* gaming_priority.c */
	GAMING_STORAGE,		/* gaming_storage.c */
	GAMING_CACHE,		/* gaming_cache.c */
	GAMING_TIME,		/* gaming_time.c */
	GAMING_COMPACTION,	/* gaming_compaction.c */
	GAMING_PAGEFAULT,	/* gaming_pagefault.c */
	GAMING_GPU,		/* gaming_gpu.c */
	GAMING_FEATURE_COUNT
};

struct gaming_feature {
	enum gaming_feature_id id;
	const struct gaming_call *calls;
	unsigned int call_count;
	/* Any of them may be NULL. */
	int (*load)(void);		/* with the module */
	void (*unload)(void);
	u64 (*features)(void);		/* GAMING_FEAT_* */
	int (*open)(struct gaming_session *s);
	void (*flush)(struct gaming_session *s);	/* close(2) by the owner: wake who sleeps */
	void (*release)(struct gaming_session *s);	/* the last: nobody is in a call */
};

extern const struct gaming_feature gaming_futex_feature;
extern const struct gaming_feature gaming_priority_feature;
extern const struct gaming_feature gaming_storage_feature;
extern const struct gaming_feature gaming_cache_feature;
extern const struct gaming_feature gaming_time_feature;
extern const struct gaming_feature gaming_compaction_feature;
extern const struct gaming_feature gaming_pagefault_feature;
extern const struct gaming_feature gaming_gpu_feature;

/* What a feature keeps with a session, set in its open(); NULL before. */
void *gaming_session_get(struct gaming_session *s, enum gaming_feature_id id);
void gaming_session_set(struct gaming_session *s, enum gaming_feature_id id, void *state);

/* gaming_syscalls.c */
int gaming_syscalls_load(void);
void gaming_syscalls_unload(void);
int gaming_syscalls_open(struct gaming_session *s);
void gaming_syscalls_flush(struct gaming_session *s);
void gaming_syscalls_release(struct gaming_session *s);
long gaming_syscalls_run(struct gaming_session *s, unsigned int cmd, void __user *arg);

/*
 * Is the thread under seccomp? A call that does what a system call does passes the filter
 * by that it has for this one: such calls are refused, EPERM.
 */
bool gaming_is_confined(void);

#endif /* _GAMING_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutexes, and the conditions that give them back. */
#ifndef _GAMING_MUTEX_H
#define _GAMING_MUTEX_H

#include "gaming_sync.h"

/* MUTEX_LOCK, its unlock and COND_WAIT: calls of the table. */
long gaming_do_mutex_lock(struct gaming_session *s, void __user *arg);
long gaming_do_mutex_unlock(struct gaming_session *s, void __user *arg);
long gaming_do_cond_wait(struct gaming_session *s, void __user *arg);
/* With the lock: @w of COND gets its mutex, or waits for it from now on. */
void gaming_cond_signal(struct gaming_sync *sync, struct gaming_waiter *w,
			struct gaming_wakes *wakes);

#endif /* _GAMING_MUTEX_H */

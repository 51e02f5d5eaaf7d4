/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a signal breaks off. */
#ifndef GAMING_SELFTEST_ALARMS_H
#define GAMING_SELFTEST_ALARMS_H

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#define MS 1000000ull /* in ns */

/* How many have come. */
extern volatile sig_atomic_t alarms;

/* SIGALRM for the thread that begins it, when that has slept for 20 ms. */
struct alarm {
	pthread_t ringer, sleeper;
	pid_t tid;
};

/* What the caller then does is nothing but the call that is to be broken off. */
void alarm_begin(struct alarm *alarm);

/* It has come, here if not before. */
void alarm_end(struct alarm *alarm);

#endif

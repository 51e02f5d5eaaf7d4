/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kmods/gaming/selftest/alarms.h"
#include "kmods/gaming/selftest/threads.h"

volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	alarms++;
}

static void *ring(void *arg)
{
	struct alarm *alarm = arg;

	while (thread_state(alarm->tid, NULL) != 'S')
		sched_yield();
	nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
	pthread_kill(alarm->sleeper, SIGALRM);
	return NULL;
}

void alarm_begin(struct alarm *alarm)
{
	struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	*alarm = (struct alarm){.sleeper = pthread_self(), .tid = gettid()};
	if (pthread_create(&alarm->ringer, NULL, ring, alarm))
		abort();
}

void alarm_end(struct alarm *alarm)
{
	pthread_join(alarm->ringer, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kmods/gaming/selftest/actors.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

_Atomic int actors_ordered, actors_back;

static void *actor_main(void *arg)
{
	struct actor *actor = arg;

	if (actor->nice)
		setpriority(PRIO_PROCESS, 0, actor->nice);
	actor->tid = gettid();
	actor->result = actor->act(actor);
	actor->order = actors_ordered++;
	actor->done = 1;
	actors_back++; /* last: who has counted it looks at the rest */
	return NULL;
}

void actor_start(struct actor *actor)
{
	if (pthread_create(&actor->thread, NULL, actor_main, actor))
		abort();
	while (!actor->tid)
		sched_yield();
}

long actor_finish(struct actor *actor)
{
	pthread_join(actor->thread, NULL);
	return actor->result;
}

void actor_start_asleep(struct actor *actor)
{
	actor_start(actor);
	while (thread_state(actor->tid, NULL) != 'S' && !actor->done)
		sched_yield();
}

void actor_wait_stage(struct actor *actor, uint32_t stage)
{
	while (actor->stage < stage)
		sched_yield();
}

uint64_t in_ms(unsigned int ms)
{
	return now_ns() + (uint64_t)ms * 1000000u * (uint64_t)slowness();
}

uint32_t actor_sections;

long actor_lock(struct actor *actor)
{
	long ret = gaming_lock(actor->g, actor->lock, actor->class, actor->deadline_ns);

	if (!ret) {
		actor->stage = ++actor_sections;
		ret = gaming_unlock(actor->g, actor->lock);
	}
	return ret;
}

long actor_hold(struct actor *actor)
{
	long ret = gaming_lock(actor->g, actor->lock, actor->class, 0);

	if (ret)
		return ret;
	if (actor->lock2 && (ret = gaming_lock(actor->g, actor->lock2, actor->class, 0)))
		return ret;
	actor->stage = 1;
	while (actor->go < 1)
		sched_yield();
	if (actor->lock2 && (ret = gaming_unlock(actor->g, actor->lock2)))
		return ret;
	actor->stage = 2;
	while (actor->go < 2)
		sched_yield();
	ret = gaming_unlock(actor->g, actor->lock);
	actor->stage = 3;
	while (actor->go < 3)
		sched_yield();
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* FUTEX and BARRIER_WAIT: who is woken, in which order, by what, and that nobody is forgotten. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/libgaming/sync.h"
#include "kmods/gaming/selftest/actors.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/gaming/selftest/threads.h"
#include "kmods/selftest/report.h"

static long wait_word(struct actor *actor)
{
	return gaming_futex_wait(
		actor->g, actor->word, atomic_load(actor->word), actor->class, actor->deadline_ns);
}

static long call_futex(const struct gaming *g, struct gaming_futex arg)
{
	arg.size = sizeof(arg);
	return gaming_ioctl(g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
}

int test_futex_wait_wake(void)
{
	_Atomic uint32_t word = 7;
	struct actor sleeper = {.act = wait_word, .word = &word};
	struct gaming g;
	uint64_t start, late;

	EXPECT(sizeof(struct gaming_futex), 56);
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_futex_wait(&g, &word, 8, 0, 0), -EAGAIN);
	EXPECT(gaming_futex_wake(&g, &word, 1), 0);
	sleeper.g = &g;
	actor_start_asleep(&sleeper);
	/* Not by a wake of none, of another word, of another session. */
	EXPECT(gaming_futex_wake(&g, &word, 0), 0);
	EXPECT(gaming_futex_wake(&g, &word + 1, 1), 0);
	EXPECT(sleeper.done, 0);
	EXPECT(gaming_futex_wake(&g, &word, 5), 1);
	EXPECT(actor_finish(&sleeper), 0);

	/* Not before its time, by either way to say it. */
	start = now_ns();
	EXPECT(gaming_futex_wait(&g, &word, 7, 0, start + 20000000), -ETIMEDOUT);
	late = now_ns() - start;
	REQUIRE(late >= 20000000, "%llu ns early", 20000000ULL - late);
	start = now_ns();
	EXPECT(call_futex(&g, (struct gaming_futex){.addr = (uintptr_t)&word,
				      .value = 7,
				      .flags = GAMING_SYNC_RELATIVE,
				      .timeout_ns = 20000000}),
		-ETIMEDOUT);
	REQUIRE(now_ns() - start >= 20000000, "early");
	EXPECT(gaming_futex_wait(&g, &word, 7, 0, 1), -ETIMEDOUT);
	EXPECT(call_futex(&g, (struct gaming_futex){.addr = (uintptr_t)&word,
				      .value = 7,
				      .flags = GAMING_SYNC_RELATIVE}),
		-ETIMEDOUT);
	EXPECT(gaming_futex_wait(&g, &word, 8, 0, 1), -EAGAIN);
	EXPECT(gaming_futex_wake(&g, &word, 1), 0);
	gaming_close(&g);
	return 0;
}

int test_futex_bad(void)
{
#define FIELD(name) offsetof(struct gaming_futex, name), sizeof(((struct gaming_futex *)0)->name)
	static _Atomic uint32_t words[2];
	static const struct {
		const char *name;
		uint32_t op;
		size_t offset, size;
		uint64_t value;
		int err;
	} cases[] = {
		{"op 2", 0, FIELD(op), 2, EINVAL},
		{"op 4", 0, FIELD(op), 4, EINVAL},
		{"size too small", 0, FIELD(size), 55, EINVAL},
		{"odd address", 0, FIELD(addr), 0x10002, EINVAL},
		{"no address", 0, FIELD(addr), 0, EINVAL},
		{"nothing there", 0, FIELD(addr), 0x1000, EFAULT},
		{"kernel's address", 0, FIELD(addr), 0xffffffff80000000, EFAULT},
		{"non-canonical address", 0, FIELD(addr), 0x8000000000000000, EFAULT},
		{"both kinds of time", 0, FIELD(flags), 3, EINVAL},
		{"unknown flag", 0, FIELD(flags), 8, EINVAL},
		{"WAIT of a class", 0, FIELD(flags), GAMING_FUTEX_OF_CLASS, EINVAL},
		{"time without a flag", 0, FIELD(timeout_ns), 1, EINVAL},
		{"no such class", 0, FIELD(class), GAMING_CLASS_COUNT, EINVAL},
		{"WAIT with count", 0, FIELD(count), 1, EINVAL},
		{"WAIT with addr2", 0, FIELD(addr2), 4096, EINVAL},
		{"WAIT with count2", 0, FIELD(count2), 1, EINVAL},
		{"reserved", 0, FIELD(resv), 1, EINVAL},
		{"WAKE with value", 1, FIELD(value), 1, EINVAL},
		{"WAKE with time", 1, FIELD(timeout_ns), 1, EINVAL},
		{"WAKE too many", 1, FIELD(count), 0x80000000, EINVAL},
		{"WAKE with a class", 1, FIELD(class), 1, EINVAL},
		{"WAKE absolutely", 1, FIELD(flags), GAMING_SYNC_ABSOLUTE, EINVAL},
		{"REQUEUE to nowhere", 3, FIELD(addr2), 0, EINVAL},
		{"REQUEUE oddly", 3, FIELD(addr2), 0x10001, EINVAL},
		{"REQUEUE with flags", 3, FIELD(flags), 4, EINVAL},
		{"REQUEUE too many", 3, FIELD(count2), 0x80000000, EINVAL},
		{"REQUEUE with a class", 3, FIELD(class), 1, EINVAL},
		{"REQUEUE from nowhere", 3, FIELD(addr), 0x1000, EFAULT},
	};
#undef FIELD
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_futex arg = {
			.size = sizeof(arg), .op = cases[i].op, .addr = (uintptr_t)words};
		long got;

		/* Each is good but for the one field; WAIT would be EAGAIN. */
		arg.value = cases[i].op == GAMING_FUTEX_WAIT;
		if (cases[i].op == GAMING_FUTEX_REQUEUE)
			arg.addr2 = (uintptr_t)&words[1];
		got = gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
		REQUIRE(got == (cases[i].op ? 0 : -EAGAIN), "good one of %s: %ld", cases[i].name,
			got);
		memcpy((char *)&arg + cases[i].offset, &cases[i].value, cases[i].size);
		got = gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_FUTEX), &arg);
		REQUIRE(got == -cases[i].err, "%s: %ld", cases[i].name, got);
	}
	/* To itself. */
	EXPECT(gaming_futex_requeue(&g, words, 0, 0, words, 1), -EINVAL);
	gaming_close(&g);
	return 0;
}

/* Threads come to @word in this order; each wake must let the next of @expected go. */
int test_futex_classes(void)
{
	static const uint32_t come[] = {GAMING_CLASS_NORMAL, GAMING_CLASS_INPUT, GAMING_CLASS_FRAME,
		GAMING_CLASS_NORMAL, GAMING_CLASS_AUDIO, GAMING_CLASS_GPU, GAMING_CLASS_FRAME,
		GAMING_CLASS_GAMING, GAMING_CLASS_AUDIO};
	static const int expected[] = {2, 6, 4, 8, 1, 7, 5, 0, 3};
	enum { N = ARRAY_LEN(come) };
	_Atomic uint32_t word = 0;
	struct actor actors[N] = {0};
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < N; i++) {
		actors[i] =
			(struct actor){.g = &g, .act = wait_word, .word = &word, .class = come[i]};
		actor_start_asleep(&actors[i]);
	}
	for (int i = 0; i < N; i++) {
		EXPECT(gaming_futex_wake(&g, &word, 1), 1);
		while (actors_back != i + 1)
			sched_yield();
		REQUIRE(actors[expected[i]].done, "wake %d was for thread %d", i, expected[i]);
	}
	for (int i = 0; i < N; i++)
		EXPECT(actor_finish(&actors[i]), 0);

	/* One class alone, and as many as there are of it. */
	for (int i = 0; i < N; i++) {
		actors[i].tid = actors[i].done = 0;
		actor_start_asleep(&actors[i]);
	}
	EXPECT(gaming_futex_wake_class(&g, &word, 9, GAMING_CLASS_AUDIO), 2);
	EXPECT(actor_finish(&actors[4]), 0);
	EXPECT(actor_finish(&actors[8]), 0);
	EXPECT(gaming_futex_wake_class(&g, &word, 9, GAMING_CLASS_AUDIO), 0);
	EXPECT(gaming_futex_wake(&g, &word, INT32_MAX), N - 2);
	for (int i = 0; i < N; i++)
		if (i != 4 && i != 8)
			EXPECT(actor_finish(&actors[i]), 0);
	/* More at once than are woken without the lock. */
	for (int i = 0; i < N; i++) {
		actors[i].tid = actors[i].done = 0;
		actor_start_asleep(&actors[i]);
	}
	EXPECT(gaming_futex_wake(&g, &word, INT32_MAX), N);
	for (int i = 0; i < N; i++)
		EXPECT(actor_finish(&actors[i]), 0);
	gaming_close(&g);
	return 0;
}

int test_futex_requeue(void)
{
	enum { N = 6 };
	/* Words of one page, many of which meet in one queue. */
	static _Atomic uint32_t words[1024];
	struct actor actors[N] = {0};
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < N; i++) {
		actors[i] = (struct actor){.g = &g,
			.act = wait_word,
			.word = &words[0],
			.class = i == 4 ? GAMING_CLASS_FRAME : 0};
		actor_start_asleep(&actors[i]);
	}
	EXPECT(gaming_futex_requeue(&g, &words[0], 1, 1, &words[1], 9), -EAGAIN);
	/* 4 is woken, as the strongest; 0, 1, 2 move; 3, 5 stay. */
	EXPECT(gaming_futex_requeue(&g, &words[0], 0, 1, &words[1], 3), 4);
	EXPECT(actor_finish(&actors[4]), 0);
	EXPECT(gaming_futex_wake(&g, &words[0], 9), 2);
	EXPECT(actor_finish(&actors[3]), 0);
	EXPECT(actor_finish(&actors[5]), 0);
	/* Around, through all queues, in order. */
	for (int i = 1; i < 1023; i++)
		EXPECT(gaming_futex_requeue(&g, &words[i], 0, 0, &words[i + 1], 9), 3);
	actors_ordered = 0;
	for (int i = 0; i < 3; i++) {
		EXPECT(actors[i].done, 0);
		EXPECT(gaming_futex_wake(&g, &words[1023], 1), 1);
		EXPECT(actor_finish(&actors[i]), 0);
		EXPECT(actors[i].order, i);
	}
	gaming_close(&g);
	return 0;
}

/* Numbers handed from thread to thread, by the plain calls: a lost wake-up hangs. */
static _Atomic uint32_t turn;
#define TURNS 4000

static void *take_turns(void *arg)
{
	const struct gaming *g = *(const struct gaming **)arg;
	uint32_t mine = ((const struct gaming **)arg)[1] != NULL;

	for (uint32_t i = mine; i < TURNS; i += 2) {
		uint32_t seen;

		while ((seen = turn) != i) {
			long ret = gaming_futex_wait(g, &turn, seen, 0, 0);

			if (ret && ret != -EAGAIN)
				return (void *)ret;
		}
		turn = i + 1;
		gaming_futex_wake(g, &turn, INT32_MAX);
		report->progress++;
	}
	return NULL;
}

struct race {
	const struct gaming *g;
	_Atomic uint32_t word, woken, stop;
	_Atomic uint64_t slept;
};

/* Wakes, timeouts and signals race; who says 0 was woken, and nobody else was. */
static void *race_to_sleep(void *arg)
{
	struct race *race = arg;
	uint32_t state = (uint32_t)gettid();

	while (!race->stop) {
		uint64_t until = now_ns() + random_next(&state) % 200000;
		long ret = gaming_futex_wait(
			race->g, &race->word, 0, random_next(&state) % GAMING_CLASS_COUNT, until);

		if (!ret)
			race->woken++;
		else if (ret != -ETIMEDOUT && ret != -EINTR)
			return (void *)ret;
		race->slept++;
	}
	return NULL;
}

int test_futex_hammer(void)
{
	const struct sigaction action = {.sa_handler = do_nothing};
	struct race race = {0};
	pthread_t threads[4];
	struct gaming g;
	const void *args[2][2] = {{&g, NULL}, {&g, &g}};
	uint64_t given = 0, end;
	uint32_t state = 4711;
	void *ret;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_turns, args[i]);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &ret);
		REQUIRE(!ret, "a wait of the turns: %ld", (long)ret);
	}
	EXPECT(turn, TURNS);

	sigaction(SIGUSR1, &action, NULL);
	race.g = &g;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, race_to_sleep, &race);
	for (end = now_ns() + 1500000000u; now_ns() < end;) {
		long n = gaming_futex_wake(&g, &race.word, random_next(&state) % 4);

		REQUIRE(n >= 0, "wake: %ld", n);
		given += (uint64_t)n;
		if (random_next(&state) % 8 == 0)
			pthread_kill(threads[random_next(&state) % 4], SIGUSR1);
		if (random_next(&state) % 4 == 0)
			sched_yield();
	}
	race.stop = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		REQUIRE(!ret, "a wait of the race: %ld", (long)ret);
	}
	EXPECT(race.woken, given);
	REQUIRE(given > 50 && race.slept > given, "%lu of %lu sleeps were woken", given,
		(uint64_t)race.slept);
	EXPECT(gaming_futex_wake(&g, &race.word, INT32_MAX), 0);
	gaming_close(&g);
	return 0;
}

static long wait_again(struct actor *actor)
{
	return call_futex(actor->g, (struct gaming_futex){.addr = (uintptr_t)actor->word,
					    .flags = actor->class,
					    .timeout_ns = actor->deadline_ns});
}

/* @flags of the handler and of the wait: what a signal makes of it. */
static int signal_case(
	const struct gaming *g, int sa_flags, uint32_t flags, uint64_t timeout, long expected)
{
	const struct sigaction action = {.sa_handler = do_nothing, .sa_flags = sa_flags};
	_Atomic uint32_t word = 0;
	struct actor actor = {
		.g = g, .act = wait_again, .word = &word, .class = flags, .deadline_ns = timeout};

	sigaction(SIGUSR1, &action, NULL);
	actor_start_asleep(&actor);
	pthread_kill(actor.thread, SIGUSR1);
	if (!expected) {
		/* It begins again, and can be woken. */
		for (int i = 0; i < 1000 && !actor.done; i++)
			sched_yield();
		while (thread_state(actor.tid, NULL) != 'S' && !actor.done)
			sched_yield();
		EXPECT(actor.done, 0);
		while (!gaming_futex_wake(g, &word, 1) && !actor.done)
			sched_yield();
	}
	EXPECT(actor_finish(&actor), expected);
	return 0;
}

int test_futex_signal(void)
{
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	if (signal_case(&g, 0, 0, 0, -EINTR) || signal_case(&g, SA_RESTART, 0, 0, 0) ||
		signal_case(&g, 0, GAMING_SYNC_ABSOLUTE, in_ms(20000), -EINTR) ||
		signal_case(&g, SA_RESTART, GAMING_SYNC_ABSOLUTE, in_ms(20000), 0) ||
		signal_case(&g, SA_RESTART, GAMING_SYNC_RELATIVE, 20000000000u, -EINTR))
		return 1;
	gaming_close(&g);
	return 0;
}

/* Pages that are not there yet, cannot be written, and go while someone waits on them. */
int test_futex_memory(void)
{
	_Atomic uint32_t *words =
		mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct actor sleeper = {.act = wait_word, .word = words};
	struct gaming g;

	REQUIRE(words != MAP_FAILED, "mmap: %m");
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_futex_wait(&g, words, 1, 0, 0), -EAGAIN);
	EXPECT(gaming_futex_requeue(&g, words + 1024, 1, 0, words, 0), -EAGAIN);
	mprotect((void *)words, 8192, PROT_READ);
	EXPECT(gaming_futex_wait(&g, words, 0, 0, 1), -ETIMEDOUT);
	mprotect((void *)words, 8192, PROT_NONE);
	EXPECT(gaming_futex_wait(&g, words, 0, 0, 1), -EFAULT);
	mprotect((void *)words, 8192, PROT_READ | PROT_WRITE);
	sleeper.g = &g;
	actor_start_asleep(&sleeper);
	munmap((void *)words, 8192);
	EXPECT(gaming_futex_wait(&g, words, 0, 0, 1), -EFAULT);
	/* A wake looks at no memory. */
	EXPECT(gaming_futex_wake(&g, words, 1), 1);
	EXPECT(actor_finish(&sleeper), 0);
	gaming_close(&g);
	return 0;
}

/* Processes killed while their threads wait for everything there is, and race for it. */
static void *be_killed(void *arg)
{
	static struct gaming_lock locks[2];
	static struct gaming_condition condition;
	static _Atomic uint32_t word;
	const struct gaming *g = arg;
	uint32_t state = (uint32_t)gettid(), class;

	for (;;) {
		uint32_t what = random_next(&state) % 8;
		struct gaming_lock *lock = &locks[random_next(&state) % 2];
		uint64_t until = now_ns() + random_next(&state) % 400000;

		class = random_next(&state) % GAMING_CLASS_COUNT;
		report->progress++;
		if (what == 0) {
			gaming_futex_wait(g, &word, 0, class, until);
		} else if (what == 1) {
			gaming_futex_wake(g, &word, 2);
			gaming_condition_signal(g, &condition, 2);
		} else if (what == 2) {
			gaming_barrier(g, locks, 3, class, until);
		} else if (!gaming_lock(g, lock, class, until)) {
			if (what == 3)
				gaming_condition_wait(g, &condition, lock, class, until);
			else if (what == 4 && !gaming_lock(g, &locks[lock == locks], class, until))
				gaming_unlock(g, &locks[lock == locks]);
			setpriority(PRIO_PROCESS, 0, (int)(random_next(&state) % 20));
			gaming_unlock(g, lock);
		}
	}
	return NULL;
}

int test_futex_killed(void)
{
	uint32_t state = 99;
	int status;

	for (int i = 0; i < 60; i++) {
		uint64_t seen = report->progress, end;
		pid_t child = fork();

		if (!child) {
			struct gaming g;
			pthread_t thread;

			if (gaming_open(&g))
				_exit(1);
			for (int t = 0; t < 4; t++)
				pthread_create(&thread, NULL, be_killed, &g);
			for (;;)
				pause();
		}
		while (report->progress < seen + 20)
			sched_yield();
		for (end = now_ns() + random_next(&state) % 20000000; now_ns() < end;)
			sched_yield();
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0), child);
		EXPECT(WIFSIGNALED(status) ? WTERMSIG(status) : -1, SIGKILL);
	}
	return 0;
}

static long meet(struct actor *actor)
{
	return gaming_barrier(
		actor->g, actor->word, (uint32_t)actor->go, actor->class, actor->deadline_ns);
}

int test_barrier(void)
{
	static _Atomic uint32_t word;
	struct gaming_barrier bad[7];
	struct actor actors[3];
	struct gaming g;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad[i] = (struct gaming_barrier){
			.size = sizeof(*bad), .addr = (uintptr_t)&word, .parties = 1};
	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_barrier(&g, &word, 1, 0, 0), 1);
	for (int round = 0; round < 20; round++) {
		int last = 0;

		for (int i = 0; i < 3; i++) {
			actors[i] = (struct actor){.g = &g, .act = meet, .word = &word, .go = 3};
			actor_start(&actors[i]);
		}
		for (int i = 0; i < 3; i++)
			last += (int)actor_finish(&actors[i]);
		EXPECT(last, 1);
	}
	/* Who has left is not counted; who counts otherwise is told. */
	EXPECT(gaming_barrier(&g, &word, 2, 0, 1), -ETIMEDOUT);
	for (int i = 0; i < 2; i++) {
		actors[i] = (struct actor){.g = &g, .act = meet, .word = &word, .go = 3};
		actor_start_asleep(&actors[i]);
		EXPECT(actors[i].done, 0);
		EXPECT(gaming_futex_wake(&g, &word, 9), 0);
	}
	EXPECT(gaming_barrier(&g, &word, 4, 0, 1), -EINVAL);
	EXPECT(gaming_barrier(&g, &word, 3, 0, 0), 1);
	EXPECT(actor_finish(&actors[0]), 0);
	EXPECT(actor_finish(&actors[1]), 0);

	bad[0].size = 8;
	bad[1].flags = 4;
	bad[2].parties = 65537;
	bad[3].parties = 0;
	bad[4].class = GAMING_CLASS_COUNT;
	bad[5].addr += 2;
	bad[6].timeout_ns = 1;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		long got = gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_BARRIER_WAIT), &bad[i]);

		REQUIRE(got == -EINVAL, "bad input %zu: %ld", i, got);
	}
	gaming_close(&g);
	return 0;
}

static void *set_events(void *arg)
{
	struct {
		struct gaming *g;
		struct gaming_event ping, pong;
	} *pair = arg;

	for (int i = 0; i < 3000; i++)
		if (gaming_event_wait(pair->g, &pair->ping, 0, 0) ||
			gaming_event_set(pair->g, &pair->pong) < 0)
			return arg;
	return NULL;
}

/* Spinning and sleeping must not lose an event between them. */
int test_events(void)
{
	struct gaming g;
	struct {
		struct gaming *g;
		struct gaming_event ping, pong;
	} pair = {.g = &g};
	pthread_t thread;
	void *ret;

	EXPECT(gaming_open(&g), 0);
	EXPECT(gaming_event_wait(&g, &pair.ping, 0, 1), -ETIMEDOUT);
	EXPECT(gaming_event_set(&g, &pair.ping), 0);
	EXPECT(gaming_event_set(&g, &pair.ping), 0);
	EXPECT(gaming_event_wait(&g, &pair.ping, 0, 0), 0);
	EXPECT(gaming_event_wait(&g, &pair.ping, 0, 1), -ETIMEDOUT);
	pthread_create(&thread, NULL, set_events, &pair);
	for (int i = 0; i < 3000; i++) {
		/* Now and then long enough for the other one to fall asleep. */
		if (i % 500 == 0)
			gaming_event_wait(&g, &pair.pong, 0, in_ms(1));
		REQUIRE(gaming_event_set(&g, &pair.ping) >= 0, "set");
		EXPECT(gaming_event_wait(&g, &pair.pong, 0, 0), 0);
	}
	pthread_join(thread, &ret);
	REQUIRE(!ret, "the other side failed");
	gaming_close(&g);
	return 0;
}

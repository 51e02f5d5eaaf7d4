/* SPDX-License-Identifier: Apache-2.0 */
/* COMPACT: the same bytes, side by side, within the time; and who is left alone. */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/selftest/files.h"
#include "kmods/gaming/selftest/pages.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

static bool has_pattern(const char *addr, size_t len, uint32_t seed)
{
	for (size_t at = 0; at < len; at += sizeof(uint32_t))
		if (*(const uint32_t *)(const void *)(addr + at) != random_next(&seed))
			return false;
	return true;
}

/*
 * Runs of contiguous pages, from /proc/self/pagemap: the machine's own word, which
 * only root has. -1 where it has none.
 */
static long runs_of(const char *addr, size_t len)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry, before = 0;
	long runs = 0;

	for (size_t at = 0; at < len; at += PAGE) {
		off_t where = (off_t)((uintptr_t)(addr + at) / PAGE * sizeof(entry));

		if (pread(fd, &entry, sizeof(entry), where) != sizeof(entry)) {
			runs = -1;
			break;
		}
		entry &= (1ull << 55) - 1;
		runs += entry != before + 1;
		before = entry;
	}
	close(fd);
	return before ? runs : -1;
}

int test_compaction(void)
{
	size_t len = 4 * MIB;
	struct gaming_contiguity before, after;
	struct gaming_compact sum;
	uint64_t longest;
	struct gaming g;
	long runs;
	char *addr;
	int steps;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	EXPECT(sizeof(struct gaming_compact), 80);
	EXPECT(sizeof(struct gaming_contiguity), 56);
	fill_pool(&g, 2 * len / PAGE);
	addr = scattered_memory(len, 7);
	EXPECT(gaming_contiguity(&g, addr, len, &before), 0);
	EXPECT(before.present, len / PAGE);
	runs = runs_of(addr, len);
	if (runs >= 0)
		EXPECT(before.runs, runs);
	REQUIRE(before.runs > 64, "memory that should lie in pieces has %llu only",
		(unsigned long long)before.runs);

	steps = compact_all(&g, addr, len, 2000000, &sum, &longest);
	REQUIRE(steps > 0, "COMPACT: %d", steps);
	REQUIRE(has_pattern(addr, len, 7), "other bytes behind it");
	EXPECT(gaming_contiguity(&g, addr, len, &after), 0);
	EXPECT(after.present, len / PAGE);
	runs = runs_of(addr, len);
	if (runs >= 0)
		EXPECT(after.runs, runs);
	/* Three blocks at most, and what could not be moved; that is told. */
	REQUIRE(after.runs <= 3 + 2 * sum.kept, "%llu runs, %llu pages kept",
		(unsigned long long)after.runs, (unsigned long long)sum.kept);
	EXPECT(sum.moved + sum.kept, len / PAGE);
	REQUIRE(sum.moved >= len / PAGE * 9 / 10, "%llu pages moved",
		(unsigned long long)sum.moved);
	EXPECT(touch(addr, len), 0);
	add_metric("runs_before", "count", true)->samples[0] = (double)before.runs;
	add_metric("runs_after", "count", true)->samples[0] = (double)after.runs;
	for (int i = 0; i < report->metric_count; i++)
		report->metrics[i].count = 1;

	/* Once more: all is in place. */
	REQUIRE(compact_all(&g, addr, len, 2000000, &sum, &longest) > 0, "a second time");
	REQUIRE(sum.moved <= len / PAGE / 10, "%llu pages moved again",
		(unsigned long long)sum.moved);
	gaming_close(&g);
	return 0;
}

/* Reads, writes and forks what is just being moved. */
struct busy {
	char *addr;
	size_t len;
	_Atomic bool stop;
	_Atomic long wrong;
};

static void *scribble(void *arg)
{
	struct busy *busy = arg;
	uint32_t seed = 3;

	/* The last word of a page is ours: it counts up. */
	while (!busy->stop) {
		size_t page = random_next(&seed) % (busy->len / PAGE);
		uint32_t *word = (uint32_t *)(void *)(busy->addr + (page + 1) * PAGE - 4);
		uint32_t was = *word;

		*word = was + 1;
		atomic_signal_fence(memory_order_seq_cst);
		if (*(volatile uint32_t *)word != was + 1)
			busy->wrong++;
	}
	return NULL;
}

int test_compaction_busy(void)
{
	size_t len = 2 * MIB;
	struct busy busy = {.len = len};
	struct gaming_compact sum;
	uint64_t longest, moved = 0;
	uint32_t seed;
	struct gaming g;
	pthread_t thread;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	for (int round = 0; round < 6; round++) {
		fill_pool(&g, 2 * len / PAGE);
		busy.addr = scattered_memory(len, 11);
		busy.stop = false;
		EXPECT(pthread_create(&thread, NULL, scribble, &busy), 0);
		if (round == 3) { /* a child that shares what was not moved yet */
			pid_t child = fork();

			if (!child) {
				pause();
				_exit(0);
			}
		}
		REQUIRE(compact_all(&g, busy.addr, len, 1000000, &sum, &longest) > 0, "COMPACT");
		busy.stop = true;
		pthread_join(thread, NULL);
		EXPECT(busy.wrong, 0);
		moved += sum.moved;
		seed = 11;
		for (size_t at = 0; at < len; at += 4) {
			uint32_t want = random_next(&seed);

			if (at % PAGE != PAGE - 4)
				REQUIRE(*(uint32_t *)(void *)(busy.addr + at) == want,
					"other bytes at %zu, round %d", at, round);
		}
		munmap(busy.addr, len);
	}
	REQUIRE(moved, "nothing was moved");
	gaming_close(&g);
	return 0;
}

/* Pages that others have are not moved; nor pinned ones, shared ones, a file's. */
int test_compaction_kept(void)
{
	size_t len = MIB;
	struct gaming_contiguity before, after;
	struct gaming_compact sum;
	uint64_t longest;
	struct gaming g;
	int fds[2];
	pid_t child;
	char *addr, byte;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	fill_pool(&g, 4 * MIB / PAGE);
	addr = scattered_memory(len, 5);
	EXPECT(pipe(fds), 0);
	child = fork();
	if (!child) { /* has the same pages, until the parent is through */
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) != 0);
	}
	EXPECT(gaming_contiguity(&g, addr, len, &before), 0);
	REQUIRE(compact_all(&g, addr, len, 5000000, &sum, &longest) > 0, "COMPACT");
	EXPECT(sum.moved, 0);
	EXPECT(sum.kept, len / PAGE);
	EXPECT(gaming_contiguity(&g, addr, len, &after), 0);
	EXPECT(after.runs, before.runs);
	close(fds[1]);
	waitpid(child, NULL, 0);

	munmap(addr, len);
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	touch(addr, len);
	REQUIRE(compact_all(&g, addr, len, 5000000, &sum, &longest) > 0,
		"COMPACT of shared memory");
	EXPECT(sum.moved, 0);
	munmap(addr, len);
	REQUIRE(compact_all(&g, addr, len, 5000000, &sum, &longest) > 0, "COMPACT of nothing");
	EXPECT(sum.moved, 0);
	EXPECT(sum.kept, len / PAGE);
	gaming_close(&g);
	return 0;
}

/*
 * Steps get as far as their budget of time lets them. How long they took is told and
 * does not judge: on a shared machine another process may have had the CPU meanwhile.
 */
int test_compaction_budget(void)
{
	static const uint64_t budgets[] = {1000000, 4000000, 20000000};
	size_t len = 8 * MIB;
	struct gaming g;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(budgets); i++) {
		struct gaming_compact step, small = {.size = sizeof(small), .budget_ns = 10000};
		int ret, waits = 0;
		struct metric *m;
		char name[40];
		void *next;
		char *addr;

		fill_pool(&g, 2 * len / PAGE);
		addr = scattered_memory(len, 9);
		next = addr;
		snprintf(name, sizeof(name), "longest_step_of_%llu_us",
			(unsigned long long)budgets[i] / 1000);
		m = add_metric(name, "us", true);
		m->count = 1;
		do {
			ret = gaming_compact(&g, addr, len, budgets[i], &next, &step);
			if (ret == -EAGAIN && waits++ < 100 * slowness()) {
				nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
				continue;
			}
			REQUIRE(ret >= 0, "COMPACT: %d", ret);
			REQUIRE(step.moved + step.kept, "a step that got nowhere");
			if ((double)step.spent_ns / 1000 > m->samples[0])
				m->samples[0] = (double)step.spent_ns / 1000;
		} while (ret != 1);
		/* The least budget there is moves a page at a time, not the whole range. */
		munmap(addr, len);
		addr = scattered_memory(len, 9);
		small.addr = (uintptr_t)addr;
		small.len = len;
		do {
			ret = (int)gaming_ioctl(&g, GAMING_IOC_COMPACT, &small);
		} while (ret == -EAGAIN && waits++ < 200 * slowness() &&
			 !nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL));
		EXPECT(ret, 0);
		REQUIRE(small.next < small.addr + len && small.moved < len / PAGE / 4,
			"10 us, and %llu pages were moved", (unsigned long long)small.moved);
		munmap(addr, len);
	}
	gaming_close(&g);
	return 0;
}

/*
 * The time is over before the step begins: its argument comes from a file, by a fault
 * in the call. Each step gets on all the same.
 */
int test_compaction_progress(void)
{
	struct metric *late = add_metric("steps_begun_late", "count", true);
	size_t len = 48 * PAGE;
	struct gaming_compact step = {.size = sizeof(step), .budget_ns = GAMING_COMPACT_MIN_NS};
	uint64_t end;
	struct gaming g;
	char *addr;
	int fd, waits = 0;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	fd = open(storage_path("argument"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && !unlink(storage_path("argument")) && !ftruncate(fd, PAGE), "a file: %m");
	fill_pool(&g, 4 * MIB / PAGE);
	addr = scattered_memory(len, 13);
	late->count = 1;
	step.addr = (uintptr_t)addr;
	end = step.addr + len;
	while (step.addr < end) {
		struct gaming_compact *arg;
		long ret;

		step.len = end - step.addr;
		step.next = step.moved = step.kept = 0;
		EXPECT(pwrite(fd, &step, sizeof(step), 0), sizeof(step));
		EXPECT(fsync(fd), 0);
		EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		arg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		REQUIRE(arg != MAP_FAILED, "mmap: %m");
		ret = gaming_ioctl(&g, GAMING_IOC_COMPACT, arg);
		step = *arg;
		munmap(arg, PAGE);
		if (ret == -EAGAIN && waits++ < 100 * slowness()) {
			nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
			continue;
		}
		EXPECT(ret, 0);
		REQUIRE(step.moved + step.kept, "a step that got nowhere");
		EXPECT(step.next, step.addr + (step.moved + step.kept) * PAGE);
		late->samples[0] += step.spent_ns > step.budget_ns;
		step.addr = step.next;
	}
	REQUIRE(has_pattern(addr, len, 13), "other bytes behind it");
	close(fd);
	gaming_close(&g);
	return 0;
}

/* MiB that are free, or ready in the pool; -1: not told. */
static long free_mib(const struct gaming *g)
{
	long kib = proc_kib("/proc/meminfo", "MemFree:");
	struct gaming_pool pool = {0};

	if (kib < 0 || gaming_pool(g, &pool))
		return -1;
	return kib / 1024 + (long)(pool.pages * PAGE / MIB);
}

/* What pages were moved away from is free again, a while later. */
int test_compaction_frees(void)
{
	struct metric *kept = add_metric("not_free_again", "MiB", true);
	size_t len = 4 * MIB;
	uint64_t moved = 0, longest;
	struct gaming_compact sum;
	struct gaming g;
	long before = 0, now = 0;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	for (int round = 0; round <= 24; round++) {
		char *addr;

		fill_pool(&g, 2 * len / PAGE);
		if (!round)
			before = free_mib(&g);
		addr = scattered_memory(len, 19);
		REQUIRE(compact_all(&g, addr, len, 20000000, &sum, &longest) > 0, "COMPACT");
		munmap(addr, len);
		moved += sum.moved;
	}
	REQUIRE(moved * PAGE >= 64 * MIB, "%llu pages moved", (unsigned long long)moved);
	gaming_close(&g);
	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < 50 * slowness(); i++) {
		now = free_mib(&g);
		if (before - now < 32)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	kept->count = 1;
	kept->samples[0] = (double)(before - now);
	REQUIRE(before > 0 && before - now < 32, "%ld MiB of %llu are not free again", before - now,
		(unsigned long long)(moved * PAGE / MIB));
	gaming_close(&g);
	return 0;
}

struct long_steps {
	const struct gaming *g;
	char *addr;
	size_t len;
	_Atomic bool stop;
};

static void *take_long_steps(void *arg)
{
	struct long_steps *steps = arg;

	while (!steps->stop) {
		void *next = steps->addr;

		gaming_compact(
			steps->g, steps->addr, steps->len, GAMING_COMPACT_MAX_NS, &next, NULL);
	}
	return NULL;
}

/* Nobody waits for another one's step, which may be longer than his budget. */
int test_compaction_turns(void)
{
	struct long_steps steps = {.len = 4 * MIB};
	uint64_t end = now_ns() + 15000000000u * (uint64_t)slowness();
	pthread_t thread;
	struct gaming g;
	char *addr;
	int ret;

	EXPECT(begin_compaction(&g), 0);
	if (report->skip[0])
		return 0;
	fill_pool(&g, 2 * steps.len / PAGE);
	steps.g = &g;
	steps.addr = scattered_memory(steps.len, 15);
	addr = scattered_memory(PAGE, 17);
	EXPECT(pthread_create(&thread, NULL, take_long_steps, &steps), 0);
	do {
		void *next = addr;

		ret = gaming_compact(&g, addr, PAGE, GAMING_COMPACT_MIN_NS, &next, NULL);
	} while ((ret >= 0 || ret == -EAGAIN) && now_ns() < end);
	steps.stop = true;
	pthread_join(thread, NULL);
	EXPECT(ret, -EBUSY);
	REQUIRE(has_pattern(steps.addr, steps.len, 15) && has_pattern(addr, PAGE, 17),
		"other bytes behind it");
	gaming_close(&g);
	return 0;
}

int test_compaction_bad(void)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t value;
	} cases[] = {
		{"size 0", offsetof(struct gaming_compact, size), 0},
		{"unknown flag", offsetof(struct gaming_compact, flags), 1},
		{"not a page's begin", offsetof(struct gaming_compact, addr), 1},
		{"not a page's end", offsetof(struct gaming_compact, len), 5},
		{"nothing", offsetof(struct gaming_compact, len), 0},
		{"beyond user space", offsetof(struct gaming_compact, len), 1ull << 63},
		{"no time", offsetof(struct gaming_compact, budget_ns), 0},
		{"too much time", offsetof(struct gaming_compact, budget_ns), 1000000001},
		{"reserved", offsetof(struct gaming_compact, resv), 1},
	};
	struct gaming_contiguity c;
	struct gaming_pool pool;
	char *addr = plain_memory(MIB);
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_compact m = {.size = sizeof(m),
			.addr = (uintptr_t)addr,
			.len = MIB,
			.budget_ns = 1000000};
		long got;

		memcpy((char *)&m + cases[i].offset, &cases[i].value, cases[i].offset < 8 ? 4 : 8);
		got = gaming_ioctl(&g, GAMING_IOC_COMPACT, &m);
		REQUIRE(got == -EINVAL, "COMPACT, %s: %ld", cases[i].name, got);
	}
	c = (struct gaming_contiguity){
		.size = sizeof(c), .addr = (uintptr_t)addr, .len = MIB, .flags = 1};
	EXPECT(gaming_ioctl(&g, GAMING_IOC_CONTIGUITY, &c), -EINVAL);
	c.flags = 0;
	c.resv = 1;
	EXPECT(gaming_ioctl(&g, GAMING_IOC_CONTIGUITY, &c), -EINVAL);
	c.resv = 0;
	EXPECT(gaming_ioctl(&g, GAMING_IOC_CONTIGUITY, &c), 0);
	EXPECT(c.present, 0);
	EXPECT(c.runs, 0);
	pool = (struct gaming_pool){.size = sizeof(pool), .flags = 1};
	EXPECT(gaming_ioctl(&g, GAMING_IOC_POOL, &pool), -EINVAL);
	pool = (struct gaming_pool){.size = sizeof(pool), .resv = 1};
	EXPECT(gaming_ioctl(&g, GAMING_IOC_POOL, &pool), -EINVAL);
	gaming_close(&g);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real DMA, by QEMU's edu device and our driver for it: into and out of a buffer
 * that is granted, and not any more.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kmods/gpu_dma_lock/include/uapi/linux/gpu_dma_edu.h"
#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

struct edu {
	int fd;
	struct gdl_device device;
	char name[16]; /* as the kernel's log has it: "00:10.0" */
	bool translated;
};

/* The first device that an IOMMU translates for, or the first that has none. */
static bool find_edu(bool translated, struct edu *ret_edu)
{
	char path[32];

	for (int i = 0; i < 8; i++) {
		struct edu_info info = {.size = sizeof(info)};
		int fd;

		snprintf(path, sizeof(path), "/dev/gpu_dma_edu%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!call(fd, EDU_IOC_INFO, &info) && info.translated == translated) {
			ret_edu->fd = fd;
			ret_edu->translated = info.translated;
			ret_edu->device =
				pci_device(info.domain, info.bus, info.slot, info.function);
			snprintf(ret_edu->name, sizeof(ret_edu->name), "%02x:%02x.%d", info.bus,
				info.slot, info.function);
			return true;
		}
		close(fd);
	}
	return false;
}

#define NO_EDU "no edu device behind an IOMMU, or no gpu_dma_edu.ko"

static long attach_flags(struct edu *edu, const struct memory *memory, uint32_t flags)
{
	struct edu_attach arg = {.size = sizeof(arg), .flags = flags, .fd = memory->fd};

	return call(edu->fd, EDU_IOC_ATTACH, &arg);
}

static long attach(struct edu *edu, const struct memory *memory)
{
	return attach_flags(edu, memory, 0);
}

static long detach(struct edu *edu)
{
	return call(edu->fd, EDU_IOC_DETACH, NULL);
}

static long run(struct edu *edu, uint32_t what, uint64_t where, uint32_t bytes)
{
	struct edu_run arg = {.size = sizeof(arg), .flags = what, .bytes = bytes};

	if (what == EDU_RUN_LOAD || what == EDU_RUN_STORE)
		arg.user = where;
	else
		arg.offset = where;
	return call(edu->fd, EDU_IOC_RUN, &arg);
}

/* What the device has in its own memory. */
static long load(struct edu *edu, const void *data, uint32_t bytes)
{
	return run(edu, EDU_RUN_LOAD, (uint64_t)(uintptr_t)data, bytes);
}

static long store(struct edu *edu, void *data, uint32_t bytes)
{
	return run(edu, EDU_RUN_STORE, (uint64_t)(uintptr_t)data, bytes);
}

static void fill(uint64_t *words, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = (seed + i) * PATTERN;
}

static bool filled(const uint64_t *words, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		if (words[i] != (seed + i) * PATTERN)
			return false;
	return true;
}

/* The kernel's log from here on. */
static int log_now(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * What the IOMMU says about a device: Intel's "[DMA Write NO_PASID] Request device
 * [00:10.0] fault addr ...", AMD's "IO_PAGE_FAULT device=0000:00:10.0 ...", ARM's
 * "event 0x10 received:" and, on the next line, a word with the device in it.
 */
static bool is_fault(const struct edu *edu, const char *text, bool *arm_event)
{
	unsigned long long word;
	unsigned int stream = edu->device.bus << 8 | edu->device.slot << 3 | edu->device.function;
	const char *hex = strstr(text, "0x");
	bool after_event = *arm_event;

	*arm_event = strstr(text, "event 0x10 received") != NULL;
	if (after_event && hex && sscanf(hex, "%llx", &word) == 1)
		return word >> 32 == stream;
	return strstr(text, edu->name) &&
	       (strstr(text, "fault addr") || strstr(text, "IO_PAGE_FAULT") ||
		       strstr(text, "F_TRANSLATION"));
}

static bool wait_fault(int log, const struct edu *edu, char *ret_line, size_t size)
{
	bool arm_event = false, arm;
	char line[1024];

	for (int i = 0; i < 1000 * slowness();) {
		ssize_t n = read(log, line, sizeof(line) - 1);
		char *text;

		if (n < 0 && errno != EAGAIN && errno != EPIPE)
			return false;
		if (n < 0) {
			usleep(1000);
			i++;
			continue;
		}
		line[n] = '\0';
		text = strchr(line, ';');
		text = text ? text + 1 : line;
		text[strcspn(text, "\n")] = '\0';
		arm = arm_event;
		if (!is_fault(edu, text, &arm_event))
			continue;
		if (arm)
			snprintf(ret_line, size, "SMMU event 0x10 (translation fault) of %s",
				edu->name);
		else
			snprintf(ret_line, size, "%.200s", text);
		return true;
	}
	return false;
}

/* A buffer with the device's grant, attached, and each other's bytes known. */
struct bench {
	struct edu edu;
	int agent;
	struct memory memory;
	uint64_t *map;
	uint64_t device[EDU_MEMORY / 8]; /* what is in the device's memory */
};

#define BYTES (8 * PAGE)

/* 0, or what FAIL gave; NULL in @bench->map: there is no such device. */
static int prepare(struct bench *bench, bool translated, uint32_t grant_with, uint32_t attach_with)
{
	*bench = (struct bench){0};
	if (!find_edu(translated, &bench->edu))
		return 0;
	bench->agent = new_agent(0);
	EXPECT(alloc(bench->agent, BYTES, &bench->memory), 0);
	EXPECT(grant_flags(bench->agent, bench->memory.handle, bench->edu.device, grant_with), 1);
	EXPECT(attach_flags(&bench->edu, &bench->memory, attach_with), 0);
	bench->map = map_memory(&bench->memory);
	REQUIRE(bench->map != MAP_FAILED, "mmap: %m");
	fill(bench->map, BYTES, 1);
	fill(bench->device, EDU_MEMORY, 7777);
	EXPECT(load(&bench->edu, bench->device, EDU_MEMORY), 0);
	return 0;
}

#define PREPARE(bench, ...)                                                                        \
	do {                                                                                       \
		int prepared_ = prepare(bench, __VA_ARGS__);                                       \
		if (prepared_)                                                                     \
			return prepared_;                                                          \
		if (!(bench)->map)                                                                 \
			return skip(NO_EDU);                                                       \
	} while (0)

/* The device's memory arrives in page @page of the buffer, and nowhere else. */
static int moves(struct bench *bench, uint64_t page, uint32_t stale)
{
	uint64_t *there = bench->map + page * PAGE / 8, back[EDU_MEMORY / 8];

	fill(bench->map, BYTES, 1);
	EXPECT(load(&bench->edu, bench->device, EDU_MEMORY), 0);
	EXPECT(run(&bench->edu, EDU_RUN_WRITE | stale, page * PAGE, EDU_MEMORY), 0);
	REQUIRE(!memcmp(there, bench->device, EDU_MEMORY), "the device's bytes did not arrive");
	REQUIRE(filled(bench->map, page * PAGE, 1), "bytes before it were written");
	REQUIRE(filled(there + EDU_MEMORY / 8, BYTES - page * PAGE - EDU_MEMORY,
			1 + (page * PAGE + EDU_MEMORY) / 8),
		"bytes behind it were written");
	/* And the other way. */
	fill(there, EDU_MEMORY, 31337);
	EXPECT(run(&bench->edu, EDU_RUN_READ | stale, page * PAGE, EDU_MEMORY), 0);
	memset(back, 0xee, sizeof(back));
	EXPECT(store(&bench->edu, back, EDU_MEMORY), 0);
	REQUIRE(filled(back, EDU_MEMORY, 31337), "the device read other bytes");
	return 0;
}

/*
 * The device goes to the address that it had: nothing arrives, the IOMMU says so.
 * The kernel says ten lines in five seconds of what the IOMMU says, then none.
 */
static int is_refused(struct bench *bench, const char *when)
{
	uint64_t back[EDU_MEMORY / 8];
	bool said = false;
	char line[256];
	int log = log_now();

	REQUIRE(log >= 0, "/dev/kmsg: %m");
	for (int i = 0; i < 3 && !said; i++) {
		if (i)
			usleep(5500000);
		fill(bench->map, BYTES, 1);
		EXPECT(load(&bench->edu, bench->device, EDU_MEMORY), 0);
		EXPECT(run(&bench->edu, EDU_RUN_WRITE | EDU_RUN_STALE, PAGE, EDU_MEMORY), 0);
		REQUIRE(filled(bench->map, BYTES, 1), "%s: the device wrote the memory", when);
		said = wait_fault(log, &bench->edu, line, sizeof(line));
	}
	REQUIRE(said, "%s: the IOMMU said nothing of %s", when, bench->edu.name);
	printf("# %s: %s\n", when, line);
	EXPECT(run(&bench->edu, EDU_RUN_READ | EDU_RUN_STALE, PAGE, EDU_MEMORY), 0);
	EXPECT(store(&bench->edu, back, EDU_MEMORY), 0);
	for (size_t i = 0; i < ARRAY_LEN(back); i++)
		REQUIRE(back[i] != bench->map[PAGE / 8 + i], "%s: the device read word %zu", when,
			i);
	fflush(stdout);
	close(log);
	return 0;
}

int test_dma(void)
{
	long long mapped, bounced;
	struct gdl_query now;
	struct metric *metric;
	struct bench bench;

	mapped = stat_of("mapped_bytes");
	bounced = stat_of("bounced_bytes");
	PREPARE(&bench, true, 0, 0);
	EXPECT(query(bench.agent, bench.memory.handle, &now), 0);
	EXPECT(now.attached, 1);
	EXPECT(now.mapped, 1);
	for (uint64_t page = 0; page < BYTES / PAGE; page += 3)
		if (moves(&bench, page, 0))
			return 1;
	EXPECT(stat_of("mapped_bytes"), mapped + (long long)BYTES);
	metric = add_metric("copies_per_byte", "copies", true);
	metric->samples[metric->count++] = (double)(stat_of("bounced_bytes") - bounced) /
					   (double)(stat_of("mapped_bytes") - mapped);
	EXPECT(detach(&bench.edu), 0);
	EXPECT(query(bench.agent, bench.memory.handle, &now), 0);
	EXPECT(now.attached, 0);
	EXPECT(now.mapped, 0);
	EXPECT(stat_of("bounced_bytes"), bounced);
	return 0;
}

int test_dma_ungranted(void)
{
	long long refused = stat_of("attach_refusals");
	struct gdl_device other = pci_device(0, 0, 0, 0);
	struct memory memory, second;
	struct edu edu;
	int agent = new_agent(0);

	if (!find_edu(true, &edu))
		return skip(NO_EDU);
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(alloc(agent, PAGE, &second), 0);
	EXPECT(attach(&edu, &memory), -EACCES);
	/* Another device's grant, another buffer's grant. */
	EXPECT(grant_flags(agent, memory.handle, other, GDL_GRANT_UNTRANSLATED), 1);
	EXPECT(attach(&edu, &memory), -EACCES);
	EXPECT(grant(agent, second.handle, edu.device), 1);
	EXPECT(attach(&edu, &memory), -EACCES);
	EXPECT(stat_of("attach_refusals"), refused + 3);
	EXPECT(attach(&edu, &second), 0);
	EXPECT(detach(&edu), 0);
	EXPECT(take_back(agent, second.handle, edu.device), 1);
	EXPECT(attach(&edu, &second), -EACCES);
	return 0;
}

int test_dma_revoked(void)
{
	struct gdl_query now;
	struct bench bench;

	PREPARE(&bench, true, 0, 0);
	/* The control: with the grant, the very same access succeeds. */
	if (moves(&bench, 1, 0) || moves(&bench, 1, EDU_RUN_STALE))
		return 1;
	EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
	EXPECT(query(bench.agent, bench.memory.handle, &now), 0);
	EXPECT(now.attached, 1);
	EXPECT(now.mapped, 0);
	EXPECT(run(&bench.edu, EDU_RUN_WRITE, PAGE, EDU_MEMORY), -EACCES);
	if (is_refused(&bench, "after REVOKE"))
		return 1;
	/* Granted again it works again, without attaching again. */
	EXPECT(grant(bench.agent, bench.memory.handle, bench.edu.device), 1);
	return moves(&bench, 2, 0);
}

int test_dma_freed(void)
{
	struct bench bench;

	PREPARE(&bench, true, 0, 0);
	if (moves(&bench, 1, EDU_RUN_STALE))
		return 1;
	EXPECT(free_handle(bench.agent, bench.memory.handle), 0);
	EXPECT(run(&bench.edu, EDU_RUN_WRITE, PAGE, EDU_MEMORY), -EACCES);
	return is_refused(&bench, "after FREE");
}

/* The owner is another process, killed while the device has the buffer. */
int test_dma_killed(void)
{
	struct bench bench = {0};
	int sockets[2], status;
	pid_t child;

	if (!find_edu(true, &bench.edu))
		return skip(NO_EDU);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		bench.agent = new_agent(0);
		if (alloc(bench.agent, BYTES, &bench.memory) ||
			grant(bench.agent, bench.memory.handle, bench.edu.device) != 1 ||
			pass_fd(sockets[1], bench.memory.fd))
			_exit(1);
		for (;;)
			pause();
	}
	close(sockets[1]);
	bench.memory.fd = take_fd(sockets[0]);
	bench.memory.bytes = BYTES;
	REQUIRE(bench.memory.fd >= 0, "the owner gave no buffer");
	EXPECT(attach(&bench.edu, &bench.memory), 0);
	bench.map = map_memory(&bench.memory);
	fill(bench.device, EDU_MEMORY, 7777);
	if (moves(&bench, 1, EDU_RUN_STALE))
		return 1;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	EXPECT(run(&bench.edu, EDU_RUN_WRITE, PAGE, EDU_MEMORY), -EACCES);
	return is_refused(&bench, "after the owner was killed");
}

/* Drivers that cannot give a mapping back. */
int test_dma_static(void)
{
	static const uint32_t vices[] = {EDU_ATTACH_STATIC, EDU_ATTACH_PIN};
	long long refused = stat_of("revokes_refused");
	struct memory memory;
	struct bench bench;
	struct edu edu;
	int agent = new_agent(0);

	if (!find_edu(true, &edu))
		return skip(NO_EDU);
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant(agent, memory.handle, edu.device), 1);
	for (size_t i = 0; i < ARRAY_LEN(vices); i++)
		EXPECT(attach_flags(&edu, &memory, vices[i]), -EOPNOTSUPP);
	for (size_t i = 0; i < ARRAY_LEN(vices); i++) {
		PREPARE(&bench, true, GDL_GRANT_STATIC, vices[i]);
		EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), -EBUSY);
		EXPECT(check_grant(bench.agent, bench.memory.handle, bench.edu.device),
			GDL_MAY_MAP | GDL_MAY_STATIC);
		if (moves(&bench, 2, 0))
			return 1;
		EXPECT(detach(&bench.edu), 0);
		EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
		EXPECT(attach_flags(&bench.edu, &bench.memory, vices[i]), -EACCES);
	}
	EXPECT(stat_of("revokes_refused"), refused + 2);
	return 0;
}

/* A driver that is told and does not listen: REVOKE does not say that all is well. */
int test_dma_deaf(void)
{
	struct gdl_query now;
	struct bench bench;

	PREPARE(&bench, true, 0, EDU_ATTACH_KEEP);
	EXPECT(take_back_within(bench.agent, bench.memory.handle, bench.edu.device, 100),
		-ETIMEDOUT);
	EXPECT(query(bench.agent, bench.memory.handle, &now), 0);
	EXPECT(now.mapped, 1);
	EXPECT(now.grants, 0);
	EXPECT(detach(&bench.edu), 0);
	EXPECT(query(bench.agent, bench.memory.handle, &now), 0);
	EXPECT(now.mapped, 0);
	return 0;
}

/* The grant comes and goes while the device works; nothing is written without it. */
int test_dma_race(void)
{
	struct bench bench;
	pid_t child;
	int status, done = 0, refused = 0;

	PREPARE(&bench, true, 0, 0);
	child = fork();
	if (!child) {
		/* It has the descriptor of the driver, which is all that it needs. */
		for (;;) {
			long ret = run(&bench.edu, EDU_RUN_WRITE, PAGE, EDU_MEMORY);

			if (ret && ret != -EACCES)
				_exit(FAIL("the device: %ld", ret));
			report->progress++;
		}
	}
	for (int i = 0; i < 25; i++) {
		EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
		/* Whatever the device does now, it is not done here. */
		fill(bench.map + PAGE / 8, EDU_MEMORY, 42);
		usleep(30000);
		REQUIRE(filled(bench.map + PAGE / 8, EDU_MEMORY, 42),
			"round %d: written without a grant", i);
		refused++;
		EXPECT(grant(bench.agent, bench.memory.handle, bench.edu.device), 1);
		for (int t = 0;
			t < 2000 * slowness() && filled(bench.map + PAGE / 8, EDU_MEMORY, 42); t++)
			usleep(1000);
		done += !memcmp(bench.map + PAGE / 8, bench.device, EDU_MEMORY);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	REQUIRE(done > 0, "the device never wrote: nothing raced");
	printf("# %d of 25 times the device wrote between GRANT and REVOKE, %d times nothing came "
	       "after\n",
		done, refused);
	fflush(stdout);
	return 0;
}

/*
 * The device is on its way when REVOKE comes, and asks nobody: what it does before
 * is done, and nothing comes once REVOKE has returned. The delay follows the
 * moment of the device's access, so that REVOKE is now just before it, now just
 * behind: an IOTLB that forgets some milliseconds later shows.
 */
int test_dma_flight(void)
{
	int before = 0, after = 0, delay_us = 95000;
	struct bench bench;

	PREPARE(&bench, true, 0, 0);
	for (int i = 0; i < 40; i++) {
		uint64_t *there = bench.map + PAGE / 8;
		pid_t child;
		int status;
		bool came;

		/* What the device does here the IOMMU keeps in its cache. */
		if (i)
			EXPECT(grant(bench.agent, bench.memory.handle, bench.edu.device), 1);
		EXPECT(run(&bench.edu, EDU_RUN_WRITE, PAGE, EDU_MEMORY), 0);
		fill(there, EDU_MEMORY, 42);
		child = fork();
		if (!child)
			_exit(run(&bench.edu, EDU_RUN_WRITE | EDU_RUN_STALE, PAGE, EDU_MEMORY) !=
				0);
		usleep((useconds_t)delay_us);
		EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
		came = !filled(there, EDU_MEMORY, 42);
		fill(there, EDU_MEMORY, 43);
		waitpid(child, &status, 0);
		EXPECT(status, 0);
		REQUIRE(filled(there, EDU_MEMORY, 43), "round %d: written after REVOKE returned",
			i);
		before += came;
		after += !came;
		delay_us += came ? -2500 : 2000;
	}
	printf("# %d accesses came before REVOKE, %d after, and those were refused\n", before,
		after);
	fflush(stdout);
	REQUIRE(before && after, "%d came before, %d after: no race", before, after);
	return 0;
}

/* One flush for each grant under which something was mapped, none for the others. */
int test_flushes(void)
{
	long long flushes;
	struct bench bench;

	PREPARE(&bench, true, 0, 0);
	flushes = stat_of("flushes");
	EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
	EXPECT(stat_of("flushes"), flushes + 1);
	EXPECT(detach(&bench.edu), 0);
	for (int i = 0; i < 20; i++) {
		EXPECT(grant(bench.agent, bench.memory.handle, bench.edu.device), 1);
		EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
	}
	EXPECT(stat_of("flushes"), flushes + 1);
	/* What is unmapped before the REVOKE may be cached still. */
	EXPECT(grant(bench.agent, bench.memory.handle, bench.edu.device), 1);
	EXPECT(attach(&bench.edu, &bench.memory), 0);
	EXPECT(detach(&bench.edu), 0);
	EXPECT(stat_of("flushes"), flushes + 1);
	EXPECT(take_back(bench.agent, bench.memory.handle, bench.edu.device), 1);
	EXPECT(stat_of("flushes"), flushes + 2);
	return 0;
}

static void on_alarm(int number)
{
}

/* 16 are free, each more is paid with a pause, by the next that is granted something. */
int test_flush_limit(void)
{
	enum { ROUNDS = 28, PAUSE_MS = 50, FREE = 16 };
	uint64_t start, ms;
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	struct sigaction action = {.sa_handler = on_alarm};
	struct memory memory, second;
	struct edu edu;
	int agent = new_agent(0);

	if (!find_edu(true, &edu))
		return skip(NO_EDU);
	if (!set_parameter("flush_pause_us", "50000"))
		return skip("needs root, to set the module's parameters");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		EXPECT(grant(agent, memory.handle, edu.device), 1);
		EXPECT(attach(&edu, &memory), 0);
		EXPECT(take_back(agent, memory.handle, edu.device), 1);
		EXPECT(detach(&edu), 0);
	}
	EXPECT(grant(agent, memory.handle, edu.device), 1);
	ms = (now_ns() - start) / 1000000;

	/* With next to nothing free, what is left has to be waited for: a signal ends that. */
	EXPECT(alloc(agent, PAGE, &second), 0);
	EXPECT(set_parameter("flush_pause_us", "1"), 1);
	EXPECT(sigaction(SIGALRM, &action, NULL), 0);
	EXPECT(setitimer(ITIMER_REAL, &soon, NULL), 0);
	EXPECT(grant(agent, second.handle, edu.device), -EINTR);
	EXPECT(check_grant(agent, second.handle, edu.device), 0);
	EXPECT(set_parameter("flush_pause_us", "1000"), 1);
	REQUIRE(ms >= (ROUNDS - FREE) * PAUSE_MS, "%d flushes in %llu ms, not in %d", ROUNDS,
		(unsigned long long)ms, (ROUNDS - FREE) * PAUSE_MS);
	return 0;
}

/*
 * No IOMMU in between: what the manual says of it is true. With 28 bits the device
 * reaches 256 MiB; a buffer is either there or refused, and never copied.
 */
int test_dma_open(void)
{
	long long bounced = stat_of("bounced_bytes");
	uint64_t bytes[EDU_MEMORY / 8], *map;
	struct memory memory, reached = {0};
	struct edu edu;
	int agent = new_agent(0), refused = 0;
	long ret;

	if (!find_edu(false, &edu))
		return skip("no edu device behind no IOMMU, or no gpu_dma_edu.ko");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant(agent, memory.handle, edu.device), -EOPNOTSUPP);
	EXPECT(attach(&edu, &memory), -EACCES);
	for (int i = 0; i < 60 && !(refused && reached.bytes); i++) {
		ret = alloc(agent, i & 1 ? PAGE : 4 << 20, &memory);
		if (ret == -EDQUOT || ret == -ENOMEM)
			break;
		EXPECT(ret, 0);
		EXPECT(grant_flags(agent, memory.handle, edu.device, GDL_GRANT_UNTRANSLATED), 1);
		ret = attach(&edu, &memory);
		if (ret == -EOPNOTSUPP) {
			refused++;
			continue;
		}
		EXPECT(ret, 0);
		EXPECT(detach(&edu), 0);
		reached = memory;
	}
	printf("# without an IOMMU: %d buffers were above what the device reaches\n", refused);
	fflush(stdout);
	EXPECT(stat_of("bounced_bytes"), bounced);
	if (!reached.bytes)
		return skip("no memory low enough for this device");
	EXPECT(attach(&edu, &reached), 0);
	map = map_memory(&reached);
	fill(bytes, EDU_MEMORY, 4711);
	EXPECT(load(&edu, bytes, EDU_MEMORY), 0);
	EXPECT(run(&edu, EDU_RUN_WRITE, 0, EDU_MEMORY), 0);
	REQUIRE(filled(map, EDU_MEMORY, 4711), "the device's bytes did not arrive");
	/* The stale access that an IOMMU refuses: our driver does not even try it here. */
	EXPECT(run(&edu, EDU_RUN_WRITE | EDU_RUN_STALE, 0, 8), -EOPNOTSUPP);
	EXPECT(take_back(agent, reached.handle, edu.device), 1);
	EXPECT(run(&edu, EDU_RUN_WRITE, 0, 8), -EACCES);
	return 0;
}

int test_edu_bad(void)
{
	static const struct {
		const char *name;
		uint32_t flags, bytes, device_offset;
		uint64_t offset;
	} cases[] = {
		{"0 bytes", EDU_RUN_WRITE, 0, 0, 0},
		{"too many bytes", EDU_RUN_WRITE, EDU_MEMORY + 1, 0, 0},
		{"beyond the device's memory", EDU_RUN_WRITE, 8, EDU_MEMORY - 4, 0},
		{"wrapping around", EDU_RUN_WRITE, 8, UINT32_MAX - 3, 0},
		{"beyond the buffer", EDU_RUN_WRITE, 8, 0, 8 * 4096},
		{"over the buffer's end", EDU_RUN_READ, 8, 0, 8 * 4096 - 4},
		{"far beyond", EDU_RUN_READ, 8, 0, UINT64_MAX - 3},
		{"unknown flags", 4, 8, 0, 0},
		{"stale user memory", EDU_RUN_LOAD | EDU_RUN_STALE, 8, 0, 0},
	};
	struct bench bench;
	struct memory no_buffer;

	PREPARE(&bench, true, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct edu_run arg = {.size = sizeof(arg),
			.flags = cases[i].flags,
			.bytes = cases[i].bytes,
			.device_offset = cases[i].device_offset,
			.offset = cases[i].offset};
		long got = call(bench.edu.fd, EDU_IOC_RUN, &arg);

		REQUIRE(got == -EINVAL, "%s: %ld", cases[i].name, got);
	}
	EXPECT(attach(&bench.edu, &bench.memory), -EBUSY);
	EXPECT(detach(&bench.edu), 0);
	EXPECT(detach(&bench.edu), -ENXIO);
	EXPECT(run(&bench.edu, EDU_RUN_WRITE, 0, 8), -ENXIO);
	no_buffer.fd = bench.agent;
	EXPECT(attach(&bench.edu, &no_buffer), -EINVAL);
	no_buffer.fd = -1;
	EXPECT(attach(&bench.edu, &no_buffer), -EBADF);
	EXPECT(load(&bench.edu, NULL, 8), -EFAULT);
	return 0;
}

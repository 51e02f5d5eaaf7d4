/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CHECK costs, in instructions. Counted by the CPU where perf has a counter;
 * else, in QEMU with -icount shift=0, by the TSC, which is then a counter of
 * instructions: a loop of a known number of them shows it. Else not at all: time in
 * an emulated machine says nothing.
 */
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

#define LOOP 1000
#define SAMPLES 11

static int open_counter(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t counted(int counter)
{
	uint64_t value = 0;

	if (counter >= 0)
		return read(counter, &value, sizeof(value)) == sizeof(value) ? value : 0;
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/* As many instructions as it is told, two a round. */
static void known_loop(uint64_t rounds)
{
#if defined(__x86_64__)
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds)::"cc");
#elif defined(__aarch64__)
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(rounds)::"cc");
#endif
}

/* Whether the counter is one of instructions: the known loop is off by less than 2 %. */
static bool counts_instructions(int counter)
{
	double best = 1e18;

	for (int i = 0; i < 20; i++) {
		uint64_t start = counted(counter), short_loop;

		known_loop(1000);
		short_loop = counted(counter) - start;
		start = counted(counter);
		known_loop(101000);
		start = counted(counter) - start - short_loop;
		if ((double)start < best)
			best = (double)start;
	}
	return best > 196000 && best < 204000;
}

static uint64_t checks(int agent, struct gdl_check *arg, int rounds, unsigned long cmd)
{
	uint64_t ret = 0;

	for (int i = 0; i < rounds; i++)
		ret += (uint64_t)ioctl(agent, cmd, arg);
	return ret;
}

/*
 * Interrupts only ever add: the least of some rounds, short enough to be met by none,
 * has the fewest.
 */
static double least(int counter, int agent, struct gdl_check *arg, unsigned long cmd, int rounds)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 15; i++) {
		uint64_t start = counted(counter), now;

		checks(agent, arg, rounds, cmd);
		now = counted(counter) - start;
		best = now < best ? now : best;
	}
	return (double)best;
}

static double per_call(int counter, int agent, struct gdl_check *arg, unsigned long cmd)
{
	return (least(counter, agent, arg, cmd, LOOP + 100) -
		       least(counter, agent, arg, cmd, 100)) /
	       LOOP;
}

int test_cost(void)
{
	struct gdl_device device = pci_device(0, 0, 0, 0);
	struct gdl_check arg = {.size = sizeof(arg), .device = device};
	struct metric *whole, *alone, *time;
	struct memory memory;
	int agent = new_agent(0), counter = open_counter();

	if (counter >= 0 && !counts_instructions(counter)) {
		close(counter);
		counter = -1;
	}
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED), 1);
	arg.handle = memory.handle;
	EXPECT(call(agent, GDL_IOC_CHECK, &arg), GDL_MAY_MAP | GDL_MAY_UNTRANSLATED);
	if (counter < 0 && !counts_instructions(-1))
		return skip("no counter of instructions (perf, or QEMU's -icount shift=0); "
			    "time is not claimable here");
	whole = add_metric("dma_check_instructions", "insns", false);
	alone = add_metric("dma_check_alone_instructions", "insns", false);
	time = counter >= 0 ? add_metric("dma_check_time", "ns", false) : NULL;
	for (int i = 0; i < SAMPLES; i++) {
		/* And an ioctl that is refused at the door: the same way in and out. */
		double check = per_call(counter, agent, &arg, GDL_IOC_CHECK);
		double door = per_call(counter, agent, &arg, _IO(GDL_IOC_MAGIC, 255));
		uint64_t start = now_ns();

		whole->samples[whole->count++] = check;
		alone->samples[alone->count++] = check - door;
		checks(agent, &arg, LOOP, GDL_IOC_CHECK);
		if (time)
			time->samples[time->count++] = (double)(now_ns() - start) / LOOP;
	}
	REQUIRE(median(alone->samples, alone->count) > 0,
		"CHECK costs nothing: nothing was counted");
	return 0;
}

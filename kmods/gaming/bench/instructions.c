/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kmods/gaming/bench/instructions.h"

#if defined(__x86_64__)

static uint64_t machine_count(void)
{
	return __builtin_ia32_rdtsc();
}

static void two_a_round(volatile uint64_t *rounds)
{
	__asm__ volatile("1: incq %0\n\tjmp 1b" : "+m"(*rounds));
}

/* As many instructions as it is told, two a round. */
static void known_loop(uint64_t rounds)
{
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds)::"cc");
}

#else

static uint64_t machine_count(void)
{
	return 0;
}

static void two_a_round(volatile uint64_t *rounds)
{
	for (;;)
		pause();
}

static void known_loop(uint64_t rounds)
{
}

#endif

bool machine_counts(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t start = machine_count();

		known_loop(100000);
		start = machine_count() - start;
		best = start < best ? start : best;
	}
	return best > 199000 && best < 202000 && sysconf(_SC_NPROCESSORS_ONLN) == 1;
}

bool instructions_begin(struct instructions *in)
{
	if (!machine_counts())
		return false;
	in->rounds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	in->spinner = in->rounds == MAP_FAILED ? -1 : fork();
	if (!in->spinner) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
		two_a_round(in->rounds);
	}
	return in->spinner > 0;
}

void instructions_end(struct instructions *in)
{
	kill(in->spinner, SIGKILL);
}

double instructions_now(const struct instructions *in)
{
	return (double)machine_count() - 2.0 * (double)*in->rounds;
}

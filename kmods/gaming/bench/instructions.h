/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions of the whole machine, interrupts and kernel threads included, but for
 * those of a spinner that runs when nothing else does: in QEMU with -icount shift=0 and
 * one CPU the TSC counts instructions, and each round of the spinner has two. So the
 * time that a device takes costs nothing, and all that it makes the CPU do does.
 */
#ifndef GAMING_BENCH_INSTRUCTIONS_H
#define GAMING_BENCH_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct instructions {
	volatile uint64_t *rounds;
	pid_t spinner;
};

/* Is the counter one of instructions? A known loop is off by less than 1 %. */
bool machine_counts(void);

/* False where instructions cannot be counted. */
bool instructions_begin(struct instructions *in);

/* Ends the spinner. */
void instructions_end(struct instructions *in);

/* So many since the machine began; only differences mean something. */
double instructions_now(const struct instructions *in);

#endif

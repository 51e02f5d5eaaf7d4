/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did the machine let this program run? A test that fails, and a time that is measured, while
 * something else has the CPUs say nothing of what they are about.
 *
 * Three witnesses. Steal, of /proc/stat: what a hypervisor that tells it kept for others.
 * Jumps: threads that do nothing but read the clock, one on each CPU, see it go by a part of a
 * millisecond at once; so an emulated CPU learns of its host, which tells it nothing, and of
 * other processes of its own system. Stalls, of /proc/pressure/cpu, are told and decide
 * nothing: a test that polls with more threads than there are CPUs brings them about itself.
 */
#ifndef KMODS_SELFTEST_STARVED_H
#define KMODS_SELFTEST_STARVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct starved_mark {
	uint64_t time_ns;
	uint64_t stolen, ticks; /* /proc/stat: of all CPUs, USER_HZ */
	uint64_t stalled_us;	/* /proc/pressure/cpu: some; 0 where there is none */
};

/* Shares of a time, 0 to 1. */
struct starved_shares {
	double stolen;	/* of all CPUs' time, by a hypervisor */
	double stalled; /* while which a thread that could run had no CPU */
	double jumped;	/* of a thread that only looks at the clock, now; the worst CPU's */
};

/* From here on. Kernels without these files count as undisturbed. */
void starved_begin(struct starved_mark *ret_mark);

/* Since then. With @probe_ms all CPUs of the process are looked at for as long. */
void starved_since(
	const struct starved_mark *mark, unsigned int probe_ms, struct starved_shares *ret_shares);

/* Is what was left too little to judge by: a quarter stolen, or jumped? @ret_why: in words. */
bool starved_is(const struct starved_shares *shares, char *ret_why, size_t size);

/* For tests: the words of /proc/stat and /proc/pressure/cpu. False if there is no such line. */
bool starved_read_stat(const char *text, uint64_t *ret_stolen, uint64_t *ret_ticks);
bool starved_read_pressure(const char *text, uint64_t *ret_us);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer of ioctls: what a device of ours is, for it. A device adds itself to
 * the table in fuzz_ioctl.c.
 */
#ifndef FUZZ_IOCTL_H
#define FUZZ_IOCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Repeatable: the same seed gives the same choices of one thread. */
struct fuzz_random {
	uint64_t state;
};

uint64_t fuzz_next(struct fuzz_random *random);
uint32_t fuzz_below(struct fuzz_random *random, uint32_t limit); /* 0 to limit - 1 */
uint64_t fuzz_value(struct fuzz_random *random); /* mostly one that hurts: 0, -1, 2^n, 2^n - 1 */

/* What one process of the fuzzer has of a device. */
struct fuzz_session {
	struct fuzz_random random;
	int fds[4]; /* of the device, -1 where there is none */
	struct fuzz_mapping {
		void *start;
		size_t size;
		uint64_t user[8]; /* the device's own notes */
	} maps[4];
};

struct fuzz_call {
	const char *name;
	unsigned long cmd;
	size_t size; /* of the argument; 0: it has none */
	bool blocks; /* better called by a thread of its own */
	/* Fills in an argument, all zero before, that the device takes, as often as not. */
	void (*fill)(struct fuzz_session *session, void *arg);
	/* Learns from an argument that the device took. May be NULL. */
	void (*done)(struct fuzz_session *session, int fd, const void *arg);
	/* Errors, ended by 0, that only a call gets which passed all checks of its argument. */
	const int *reached;
};

struct fuzz_device {
	const char *path;
	unsigned char magic; /* of its ioctl numbers */
	const struct fuzz_call *calls;
	unsigned int count;
	/* Something else that a hostile process does: it writes over what it has mapped. May be
	 * NULL. */
	void (*other)(struct fuzz_session *session);
};

extern const struct fuzz_device gaming_fuzz;
extern const struct fuzz_device gaming_hardware_fuzz;
extern const struct fuzz_device gaming_memory_fuzz;
extern const struct fuzz_device gpu_dma_lock_fuzz;
extern const struct fuzz_device xsc_fuzz;

#endif

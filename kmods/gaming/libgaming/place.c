/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system calls themselves: libc's take fixed sets of 1024 CPUs. */
static int get_mask(uint64_t *mask)
{
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(uint64_t) * GAMING_CPU_WORDS, mask);

	return n < 0 ? -errno : 0;
}

static int set_mask(const uint64_t *mask)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(uint64_t) * GAMING_CPU_WORDS, mask) ? -errno
											    : 0;
}

static int choose(const struct gaming *g, uint32_t flags, struct gaming_placed *placed)
{
	placed->departures = 0;
	placed->home = (struct gaming_affinity){
		.size = sizeof(placed->home),
		.flags = flags | GAMING_AFFINITY_WATCH,
		.cpus = (uintptr_t)placed->cpus,
		.cpus_size = sizeof(placed->cpus),
	};
	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_SET_AFFINITY), &placed->home);
}

/* EINVAL: a cpuset has changed since the choice, and allows none of these CPUs. */
static int place(const struct gaming *g, uint32_t flags, struct gaming_placed *placed)
{
	int err;

	for (int tries = 0; tries < 8; tries++) {
		err = choose(g, flags, placed);
		if (!err)
			err = set_mask(placed->cpus);
		if (err != -EINVAL)
			break;
	}
	return err;
}

static int read_watch(const struct gaming *g, uint32_t flags, struct gaming_watch *ret_watch)
{
	struct gaming_watch watch = {.size = sizeof(watch), .flags = flags};
	int err = (int)gaming_ioctl(g, GAMING_IOC_WATCH, &watch);

	if (!err && ret_watch)
		*ret_watch = watch;
	return err;
}

int gaming_place(const struct gaming *g, uint32_t flags, struct gaming_placed *ret_placed)
{
	int err;

	memset(ret_placed, 0, sizeof(*ret_placed));
	err = get_mask(ret_placed->before);
	if (!err)
		err = place(g, flags, ret_placed);
	if (err)
		read_watch(g, GAMING_WATCH_END, NULL);
	return err;
}

int gaming_keep(
	const struct gaming *g, struct gaming_placed *placed, struct gaming_watch *ret_watch)
{
	struct gaming_watch watch;
	uint32_t flags = placed->home.flags;
	int err = read_watch(g, 0, &watch);

	if (err)
		return err;
	if (ret_watch)
		*ret_watch = watch;
	if (watch.departures == placed->departures)
		return 0;
	/* What keeps it away is its mask: the old one, as far as it is allowed, is asked for. */
	err = set_mask(placed->before);
	if (!err)
		err = place(g, flags & ~GAMING_AFFINITY_WATCH, placed);
	return err ? err : 1;
}

int gaming_unplace(
	const struct gaming *g, struct gaming_placed *placed, struct gaming_watch *ret_watch)
{
	int err = read_watch(g, GAMING_WATCH_END, ret_watch);
	int set = set_mask(placed->before);

	return err ? err : set;
}

int gaming_yield_to(const struct gaming *g, int tid)
{
	struct gaming_yield yield = {.size = sizeof(yield), .tid = tid};

	return (int)gaming_ioctl(g, GAMING_IOC(GAMING_CALL_YIELD), &yield);
}

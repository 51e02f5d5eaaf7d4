/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/selftest/starved.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kmods/selftest/report.h"

#define JUMP_NS 300000 /* longer than an interrupt, and than a look at the clock under emulation */
#define PROBES 64

static void read_text(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret_text, size - 1);

	ret_text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

bool starved_read_stat(const char *text, uint64_t *ret_stolen, uint64_t *ret_ticks)
{
	/* user nice system idle iowait irq softirq steal; guest time is in user's. */
	uint64_t n[8] = {0};

	if (sscanf(text,
		    "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		    " %" SCNu64 " %" SCNu64,
		    &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) != 8)
		return false;
	*ret_stolen = n[7];
	*ret_ticks = 0;
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		*ret_ticks += n[i];
	return true;
}

bool starved_read_pressure(const char *text, uint64_t *ret_us)
{
	const char *total = strncmp(text, "some ", 5) ? NULL : strstr(text, " total=");

	return total && sscanf(total, " total=%" SCNu64, ret_us) == 1;
}

void starved_begin(struct starved_mark *ret_mark)
{
	char text[512];

	*ret_mark = (struct starved_mark){.time_ns = now_ns()};
	read_text("/proc/stat", text, sizeof(text));
	starved_read_stat(text, &ret_mark->stolen, &ret_mark->ticks);
	read_text("/proc/pressure/cpu", text, sizeof(text));
	starved_read_pressure(text, &ret_mark->stalled_us);
}

struct probe {
	pthread_t thread;
	int cpu;
	unsigned int ms;
	double jumped;
	bool runs;
};

static void *look_at_clock(void *arg)
{
	struct probe *probe = arg;
	uint64_t start, last, now, jumped = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(probe->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	start = last = now = now_ns();
	while (now - start < probe->ms * 1000000ull) {
		now = now_ns();
		if (now - last > JUMP_NS)
			jumped += now - last;
		last = now;
	}
	probe->jumped = (double)jumped / (double)(now - start);
	return NULL;
}

static double probe_all(unsigned int ms)
{
	struct probe probes[PROBES] = {0};
	double worst = 0;
	cpu_set_t cpus;
	int count = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < PROBES; cpu++) {
		struct probe *probe = &probes[count];

		if (!CPU_ISSET(cpu, &cpus))
			continue;
		*probe = (struct probe){.cpu = cpu, .ms = ms};
		probe->runs = !pthread_create(&probe->thread, NULL, look_at_clock, probe);
		count++;
	}
	for (int i = 0; i < count; i++) {
		if (!probes[i].runs)
			continue;
		pthread_join(probes[i].thread, NULL);
		if (probes[i].jumped > worst)
			worst = probes[i].jumped;
	}
	return worst;
}

void starved_since(
	const struct starved_mark *mark, unsigned int probe_ms, struct starved_shares *ret_shares)
{
	struct starved_mark now;

	starved_begin(&now);
	*ret_shares = (struct starved_shares){0};
	if (now.ticks > mark->ticks)
		ret_shares->stolen =
			(double)(now.stolen - mark->stolen) / (double)(now.ticks - mark->ticks);
	if (now.time_ns > mark->time_ns)
		ret_shares->stalled = (double)(now.stalled_us - mark->stalled_us) * 1000 /
				      (double)(now.time_ns - mark->time_ns);
	if (probe_ms)
		ret_shares->jumped = probe_all(probe_ms);
}

bool starved_is(const struct starved_shares *shares, char *ret_why, size_t size)
{
	snprintf(ret_why, size,
		"%.0f %% of the CPUs' time stolen, threads without a CPU in %.0f %% of the time, "
		"%.0f %% of a busy thread's time gone in jumps",
		shares->stolen * 100, shares->stalled * 100, shares->jumped * 100);
	return shares->stolen >= 0.25 || shares->jumped >= 0.25;
}

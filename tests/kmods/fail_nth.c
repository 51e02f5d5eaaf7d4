/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of the sweeps (see fail_nth.h), and what it prints: TAP. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/kmods/fail_nth.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define POINTS_MAX 5000 /* a sweep that never ends is a fault of its own */
#define HANG_S 60

static const struct sweep_set *const sets[] = {&gaming_sweeps, &gaming_hardware_sweeps,
	&gaming_memory_sweeps, &gpu_dma_lock_sweeps, &xsc_sweeps};

static char hang_text[256]; /* what the alarm has to say */

int fail_open(void)
{
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

void fail_arm(int fd, struct fail_run *run)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", run->nth);

	if (run->nth && write(fd, text, (size_t)length) != length)
		fail_say(run, "fail-nth cannot be set: %m");
}

/* Reading copies to user space, and may be what fails: then nothing did before. */
void fail_disarm(int fd, struct fail_run *run)
{
	char text[16] = "";
	ssize_t n;

	if (!run->nth)
		return;
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n > 0 && atoi(text) == 0)
		run->injected = true;
	/* As may the copy from user space, which disarms all the same. */
	if (pwrite(fd, "0", 1, 0) != 1 && errno != EFAULT)
		fail_say(run, "fail-nth cannot be reset: %m");
}

int fail_say(struct fail_run *run, const char *format, ...)
{
	va_list args;

	if (!run->why[0]) {
		va_start(args, format);
		vsnprintf(run->why, sizeof(run->why), format, args);
		va_end(args);
	}
	return -1;
}

int fail_allow(struct fail_run *run, const char *call, long result)
{
	static const int clean[] = {
		ENOMEM, EFAULT, EAGAIN, ENOBUFS, ENFILE, EMFILE, ENOSPC, EIO, EINTR};

	if (result >= 0)
		return 0;
	for (size_t i = 0; run->nth && i < ARRAY_LEN(clean); i++)
		if (result == -clean[i]) {
			run->refused++;
			return 0;
		}
	return fail_say(run, "%s: %s", call, strerror((int)-result));
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int module_refs(const char *module)
{
	char path[PATH_MAX], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return atoi(text);
}

/* The last reference goes when the last thread is out of the module: it may take a moment. */
static int wait_for_refs(const char *module, int refs)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int now = module_refs(module);

	for (int i = 0; now != refs && i < 5000; i++) {
		nanosleep(&pause, NULL);
		now = module_refs(module);
	}
	return now;
}

static void hung(int signal)
{
	size_t length = strlen(hang_text);

	if (write(STDOUT_FILENO, hang_text, length) < 0)
		_exit(2);
	_exit(1);
}

/* One run, and that it left nothing behind. */
static int run_once(
	const struct sweep_set *set, const struct sweep *sweep, struct fail_run *run, int number)
{
	int fds = count_fds(), refs = module_refs(set->module), now;

	snprintf(hang_text, sizeof(hang_text), "not ok %d - %s\n# point %u: hangs\n", number,
		sweep->name, run->nth);
	alarm(HANG_S);
	sweep->run(run);
	now = wait_for_refs(set->module, refs);
	if (now != refs)
		fail_say(run, "the module has %d references after it, %d before", now, refs);
	now = count_fds();
	if (now != fds)
		fail_say(run, "%d descriptors after it, %d before", now, fds);
	alarm(0);
	return run->why[0] ? -1 : 0;
}

/* All points of one sequence. 0 if it passed. */
static int run_sweep(const struct sweep_set *set, const struct sweep *sweep, int number)
{
	struct fail_run run = {0};
	unsigned int refused = 0, points = 0;

	/* Twice without a failure, so that what is made once (slabs, pages of libraries) is there.
	 */
	for (int i = 0; i < 2 && !run.why[0]; i++)
		run_once(set, sweep, &run, number);
	for (unsigned int nth = 1; !run.why[0]; nth++) {
		run = (struct fail_run){.nth = nth};
		if (run_once(set, sweep, &run, number))
			break;
		if (!run.injected)
			break;
		points++;
		refused += run.refused > 0;
		/* What failed must not be what is broken from then on. */
		run = (struct fail_run){0};
		if (run_once(set, sweep, &run, number)) {
			run.nth = nth;
			printf("# after the failure of point %u, without one:\n", nth);
		}
		if (nth == POINTS_MAX)
			fail_say(&run, "no end after %d points", POINTS_MAX);
	}
	if (!run.why[0] && !refused)
		fail_say(&run, "of %u failures no call said so: nothing was tested", points);

	printf("%s %d - %s: %s\n", run.why[0] ? "not ok" : "ok", number, sweep->name, sweep->what);
	if (run.why[0])
		printf("# point %u: %s\n", run.nth, run.why);
	printf("# %u points made to fail, %u of them said by a call\n", points, refused);
	fflush(stdout);
	return run.why[0] != '\0';
}

/*
 * Allocations that may wait are not made to fail by default. No stack for each
 * failure either: the log is for what is wrong.
 */
static int configure(void)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{"failslab/ignore-gfp-wait", "N"},
		{"failslab/verbose", "0"},
		{"fail_page_alloc/ignore-gfp-wait", "N"},
		{"fail_page_alloc/ignore-gfp-highmem", "N"},
		{"fail_page_alloc/min-order", "0"},
		{"fail_page_alloc/verbose", "0"},
		{"fail_usercopy/verbose", "0"},
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int fd;

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i].path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (write(fd, settings[i].value, strlen(settings[i].value)) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		close(fd);
	}
	return 0;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: fail_nth [SWEEP...]\n"
		"       fail_nth --list | --help\n\n"
		"Makes every allocation and user copy of the modules' calls fail, one at a time,\n"
		"and prints TAP. Needs root and a kernel with fault injection.\n");
	return status;
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(name, argv[i]))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");
	int number = 0, failed = 0;

	if (argc > 1 && !list && argv[1][0] == '-')
		return usage(strcmp(argv[1], "--help") ? 2 : 0);
	if (!list) {
		printf("TAP version 14\n");
		if (configure()) {
			printf("1..0 # SKIP no fault injection below /sys/kernel/debug\n");
			return 0;
		}
		signal(SIGALRM, hung);
	}
	for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
		const struct sweep_set *set = sets[s];

		for (unsigned int i = 0; i < set->count; i++) {
			const struct sweep *sweep = &set->sweeps[i];

			if (list)
				printf("%-12s%s\n", sweep->name, sweep->what);
			else if (!wanted(sweep->name, argc, argv))
				continue;
			else if (access(set->device, F_OK))
				printf("ok %d - %s # SKIP no %s\n", ++number, sweep->name,
					set->device);
			else
				failed += run_sweep(set, sweep, ++number);
		}
	}
	if (!list)
		printf("1..%d\n", number);
	return failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/selftest/runner.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "kmods/selftest/starved.h"

/* YAML's double quotes: nothing in there means anything but itself. */
static void print_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

/* The YAML block of a test: why it failed, and what it measured. */
static void print_details(void)
{
	if (!report->metric_count && !report->why[0])
		return;
	printf("  ---\n");
	if (report->why[0]) {
		printf("  message: ");
		print_quoted(report->why);
		putchar('\n');
	}
	if (report->metric_count)
		printf("  metrics:\n");
	for (int i = 0; i < report->metric_count; i++) {
		struct metric *m = &report->metrics[i];
		double value = median(m->samples, m->count);

		for (int s = 0; m->worst && s < m->count; s++)
			value = m->samples[s] > value ? m->samples[s] : value;
		printf("    - name: %s\n      value: %.6g\n      unit: %s\n      better: %s\n"
		       "      samples: [",
			m->name, value, m->unit, m->higher_is_better ? "higher" : "lower");
		for (int s = 0; s < m->count; s++)
			printf("%s%.6g", s ? ", " : "", m->samples[s]);
		printf("]\n");
	}
	printf("  ...\n");
}

#define PROBE_MS 300

/*
 * A test that failed while the CPUs were somebody else's has found nothing: neither ok nor not
 * ok, but the end of the check, which an agent takes for an error of the lab.
 */
static bool was_starved(const struct test *test, const struct starved_mark *mark)
{
	struct starved_shares shares;
	char why[256];

	starved_since(mark, PROBE_MS, &shares);
	if (!starved_is(&shares, why, sizeof(why)))
		return false;
	printf("# %s: %s\n", test->name, report->why);
	printf("Bail out! starved, in test %s: %s; free the machine's CPUs and run it again\n",
		test->name, why);
	return true;
}

/* 0 if it passed or was skipped, 1 if it failed, RUNNER_STARVED if it could not be said. */
static int run_test(int number, const struct test *test)
{
	struct starved_mark mark;
	sigset_t chld;
	struct timespec limit = {.tv_sec = test->seconds * slowness()};
	int status = 0;
	bool late;
	pid_t child;

	memset(report, 0, sizeof(*report));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	fflush(stdout);
	starved_begin(&mark);
	child = fork();
	if (!child) {
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		_exit(test->run());
	}
	late = child > 0 && sigtimedwait(&chld, NULL, &limit) < 0;
	if (late)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	kill(-child, SIGKILL); /* what it may have left behind */
	while (sigtimedwait(&chld, NULL, &(struct timespec){0}) > 0)
		;

	if (late)
		FAIL("not done after %d s (%s)", (int)limit.tv_sec,
			report->why[0] ? report->why : "nothing was said");
	else if (WIFSIGNALED(status))
		FAIL("killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		FAIL("exit status %d", WEXITSTATUS(status));
	if (report->why[0] && was_starved(test, &mark))
		return RUNNER_STARVED;
	if (report->why[0])
		printf("# %s: %s\n", test->name, report->why);
	printf("%s %d - %s: %s%s%s\n", report->why[0] ? "not ok" : "ok", number, test->name,
		test->what, report->skip[0] ? " # SKIP " : "", report->skip);
	print_details();
	fflush(stdout);
	return report->why[0] != '\0';
}

static const struct test *find_test(const struct check *check, const char *name)
{
	for (size_t i = 0; i < check->count; i++)
		if (!strcmp(check->tests[i].name, name))
			return &check->tests[i];
	return NULL;
}

static int usage(const struct check *check, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [TEST...]\n"
		"       %s --list | --help\n\n"
		"%s Prints TAP 14; all tests, or those named.\n"
		"CHECK_SLOW=N gives each test N times its time.\n"
		"Exit status: 0 all passed (or no %s: skipped), 1 a test failed, 2 wrong use,\n"
		"75 a test failed while the machine did not let it run.\n",
		check->name, check->name, check->what, check->device);
	return status;
}

int run_check(const struct check *check, int argc, char **argv)
{
	bool starved = false;
	int failed = 0, count = argc > 1 ? argc - 1 : (int)check->count;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(check, 0);
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < check->count; i++)
			printf("%-18s %s\n", check->tests[i].name, check->tests[i].what);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (!find_test(check, argv[i])) {
			fprintf(stderr, "%s: no test '%s'; --list names them\n", check->name,
				argv[i]);
			return 2;
		}
	}

	printf("TAP version 14\n");
	if (access(check->device, F_OK)) {
		printf("1..0 # SKIP %s is not there: load %s.ko\n", check->device, check->module);
		return 0;
	}
	report = mmap(
		NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED || (check->begin && check->begin())) {
		printf("Bail out! no page of memory, or no directory in /tmp: %m\n");
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count && !starved; i++) {
		int ret = run_test(
			i + 1, argc > 1 ? find_test(check, argv[i + 1]) : &check->tests[i]);

		starved = ret == RUNNER_STARVED;
		failed += ret != 0;
	}
	if (check->end)
		check->end();
	return starved ? RUNNER_STARVED : failed ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check `latency`: what it makes of the tools' words, and that tools which are not
 * there, fail, lie or leave a CPU out are told as what they are. The tools are scripts
 * first on PATH.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

int latency_main(int argc, char **argv);
#define main latency_main
#include "agent/checks/latency.c"
#include "tests/unit/folder_lab.h"
#undef main

static struct latencies all, other;

static void test_timerlat(void **state)
{
	static const char *const bad[] = {
		"",
		"<idle>-0 [000] d.h1 54.029328: #1 context irq timer_latency\n",
		"<idle>-0 [000] d.h1 54.029328: #1 context irq timer_latency 932 us\n",
		"<idle>-0 d.h1 54.029328: #1 context irq timer_latency 932 ns\n",
		"<idle>-0 [000] d.h1 54.029328: #x context irq timer_latency 932 ns\n",
		"a line of another kind\n",
	};

	all.count = 0;
	assert_int_equal(latency_parse_timerlat("  <idle>-0     [001] d.h1.    54.029328: #1     "
						"context    irq timer_latency       932 ns\n",
				 "irq", &all),
		0);
	/* A task may call itself what it likes. */
	assert_int_equal(
		latency_parse_timerlat("x [7] y-12 [001] ..... 54.029339: #2 context    irq "
				       "timer_latency 11700 ns\n",
			"irq", &all),
		0);
	assert_int_equal(latency_parse_timerlat("a-1 [000] ..... 54.1: #1 context thread "
						"timer_latency 5 ns\n",
				 "irq", &all),
		0);
	assert_int_equal(all.count, 1);
	assert_int_equal(all.cpus[0].cpu, 1);
	assert_int_equal(all.cpus[0].samples, 2);
	assert_float_equal(all.cpus[0].min, 0.932, 1e-9);
	assert_float_equal(all.cpus[0].avg, (0.932 + 11.7) / 2, 1e-9);
	assert_float_equal(all.cpus[0].max, 11.7, 1e-9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (latency_parse_timerlat(bad[i], "irq", &all) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(all.cpus[0].samples, 2);
}

static void test_osnoise(void **state)
{
	static const char *const bad[] = {
		"osnoise/0-966 [000] .... 81.637220: 1000000 190 99.98100 9 18 0 1007 18\n",
		"osnoise/0-966 [000] .... 81.637220: 0 0 0.0 0 0 0 0 0 0\n",
		"osnoise/0-966 [000] .... 81.637220: 100 200 50.0 9 18 0 1007 18 1\n",
		"osnoise/0-966 [000] .... 81.637220: irq_noise: local_timer:236 duration 5 ns\n",
	};

	all.count = other.count = 0;
	assert_int_equal(latency_parse_osnoise("osnoise/3-966 [003] ..... 81.637220: "
					       "1000000        190  99.98100       9     "
					       "18      0   1007     18      1\n",
				 &all, &other),
		0);
	assert_int_equal(all.cpus[0].cpu, 3);
	assert_float_equal(all.cpus[0].max, 9, 1e-9);
	assert_float_equal(other.cpus[0].max, 190, 1e-9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (latency_parse_osnoise(bad[i], &all, &other) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

static int hwlatdetect_of(const char *text, double *us, long long *samples)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int r = latency_parse_hwlatdetect(file, us, samples);

	fclose(file);
	return r;
}

static void test_hwlatdetect(void **state)
{
	long long samples = 77;
	double us = 77;

	assert_int_equal(hwlatdetect_of("hwlatdetect:  test duration 5 seconds\ntest finished\n"
					"Max Latency: Below threshold\nSamples recorded: 0\n"
					"Samples exceeding threshold: 0\n",
				 &us, &samples),
		0);
	assert_float_equal(us, -1, 0);
	assert_int_equal(samples, 0);
	assert_int_equal(
		hwlatdetect_of("Max Latency: 28us\nSamples recorded: 3\n", &us, &samples), 0);
	assert_float_equal(us, 28, 0);
	assert_int_equal(samples, 3);
	assert_int_equal(hwlatdetect_of("Max Latency: 28us\n", &us, &samples), -EINVAL);
	assert_int_equal(hwlatdetect_of("Samples recorded: 3\n", &us, &samples), -EINVAL);
	assert_int_equal(
		hwlatdetect_of("Traceback (most recent call last):\n", &us, &samples), -EINVAL);
}

static char dir[FOLDER_LAB_TEXT];

__attribute__((format(printf, 2, 3))) static void script(const char *name, const char *format, ...)
{
	char path[128];
	va_list args;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n");
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* JSON of a thread on each CPU that may be used, but for the last @without. */
static void make_json(int without)
{
	char path[128];
	cpu_set_t set;
	int left = cpus_allowed(&set) - without;
	FILE *file;

	snprintf(path, sizeof(path), "%s/json", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "{\"thread\": {");
	for (int cpu = 0; left; cpu++)
		if (CPU_ISSET(cpu, &set))
			fprintf(file,
				"\"%d\": {\"cpu\": %d, \"min\": 1, \"avg\": 2.5, \"max\": %d, "
				"\"cycles\": 10, \"histogram\": {\"1\": 10}}%s",
				cpu, cpu, cpu + 3, --left ? "," : "");
	fprintf(file, "}}\n");
	assert_int_equal(fclose(file), 0);
}

/* What the check prints and how it ends with these arguments and only those tools. */
static int run_check(char *text, size_t size, const char *tool, const char *load)
{
	char *argv[] = {
		"latency", "--duration", "1", "--tool", (char *)tool, "--load", (char *)load, NULL};
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		char path[256];

		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		snprintf(path, sizeof(path), "%s:/bin/none", dir);
		setenv("PATH", path, 1);
		status = latency_main(7, argv);
		fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(ends[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void expect(const char *load, int status, const char *what)
{
	char text[4096];
	int got = run_check(text, sizeof(text), "cyclictest", load);

	if (got != status || !strstr(text, what))
		fail_msg("status %d, wanted %d with '%s':\n%s", got, status, what, text);
}

#define FIND_JSON "for a; do case $a in --json=*) json=${a#--json=} ;; esac; done\n"

static void test_tools(void **state)
{
	expect("idle", 0, "# SKIP no cyclictest: put rt-tests");
	script("cyclictest", FIND_JSON "while read -r l; do echo \"$l\"; done < %s/json > $json\n",
		dir);
	make_json(0);
	expect("idle", 0, "name: cyclictest_idle_max_us");
	expect("idle", 0, "\nok 1 - cyclictest, idle");
	make_json(1);
	expect("idle", 1, "\nnot ok 1 - cyclictest, idle");
	script("cyclictest", FIND_JSON "echo '{\"thread\": {\"0\": {}}}' > $json\n");
	expect("idle", 1, "not what rt-tests writes");
	script("cyclictest", FIND_JSON "echo garbage > $json\n");
	expect("idle", 1, "not what rt-tests writes");
	script("cyclictest", "exit 0\n");
	expect("idle", 1, "not what rt-tests writes");
	script("cyclictest", "exit 3\n");
	expect("idle", 1, "exit status 3");
	script("cyclictest", "kill -9 $$\n");
	expect("idle", 1, "signal 9");
}

static void test_load(void **state)
{
	script("cyclictest", FIND_JSON "while read -r l; do echo \"$l\"; done < %s/json > $json\n",
		dir);
	make_json(0);
	expect("stress-ng", 0, "# SKIP no stress-ng");
	/* A load that is over before the tool is. */
	script("stress-ng", "echo $$ > %s/pid\n", dir);
	script("cyclictest",
		FIND_JSON "while read -r l; do echo \"$l\"; done < %s/json > $json\n"
			  "over() { read -r s < /proc/$p/stat && case $s in *') Z '*) ;; *) false "
			  ";; esac; }\n"
			  "until [ -s %s/pid ] && read -r p < %s/pid && over; do :; done\n",
		dir, dir, dir);
	expect("stress-ng", 1, "not ok 2 - stress-ng was a load");
	script("cyclictest", FIND_JSON "while read -r l; do echo \"$l\"; done < %s/json > $json\n",
		dir);
	script("stress-ng", "while :; do :; done\n");
	expect("stress-ng", 0, "\nok 2 - stress-ng was a load");
}

static int make_dir(void **state)
{
	folder_lab_make(dir);
	return 0;
}

static int remove_dir(void **state)
{
	folder_lab_remove(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest units[] = {
		cmocka_unit_test(test_timerlat),
		cmocka_unit_test(test_osnoise),
		cmocka_unit_test(test_hwlatdetect),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(units, make_dir, remove_dir);
}

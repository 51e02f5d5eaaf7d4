/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How late the kernel wakes real-time threads: rt-tests' cyclictest, one thread on each CPU that
 * this process may use, its JSON turned into TAP with metrics in microseconds.
 *
 * What can fail is the measurement (a CPU without samples, samples missing, too short a run), and a
 * limit where one is given; how late is too late is for the plan's limits to say.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/checks/latency/virtual.h"

#define PROGRAM "/usr/bin/cyclictest"
#define HISTOGRAM_US 100000 /* latencies from here on are counted as overflow */
#define INTERVAL_US 1000
#define CPUS_MAX 1024

struct options {
	int duration_s, priority;
	long max_us; /* -1: no limit */
};

struct thread {
	int cpu;
	long long cycles, counted; /* counted: in the histogram */
	double min, avg, max;
};

struct run {
	struct thread threads[CPUS_MAX];
	int count;
	long long histogram[HISTOGRAM_US]; /* of all threads */
	long long cycles, counted;
	double min, avg, max;
};

static const char help[] =
	"cyclictest [OPTION...]: measure wake-up latency with rt-tests' cyclictest; prints TAP "
	"14.\n"
	"\n"
	"  --duration SECONDS  how long (10)\n"
	"  --priority N        SCHED_FIFO priority of the threads, 1..99 (80)\n"
	"  --max-us N          fail where a latency is above N microseconds (no limit)\n"
	"  --help\n";

static const struct option long_options[] = {
	{"duration", required_argument, NULL, 'D'},
	{"priority", required_argument, NULL, 'p'},
	{"max-us", required_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool read_long(const char *text, long min, long max, long *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *ret)
{
	bool good = true;
	long value = 0;
	int option;

	while (good && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'D':
			good = read_long(optarg, 1, 86400, &value);
			ret->duration_s = (int)value;
			break;
		case 'p':
			good = read_long(optarg, 1, 99, &value);
			ret->priority = (int)value;
			break;
		case 'm':
			good = read_long(optarg, 0, HISTOGRAM_US, &ret->max_us);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			good = false;
		}
	}
	if (good && optind == argc)
		return -1;
	fputs("cyclictest: wrong use: try --help\n", stderr);
	return 2;
}

/* The CPUs that we may use, as cyclictest's -a wants them: "0,1,3". Returns how many. */
static int list_cpus(char *text, size_t size)
{
	cpu_set_t set;
	size_t len = 0;
	int count = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && len + 8 < size; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%d", count ? "," : "", cpu);
		count++;
	}
	return count;
}

/* Its own standard output (a histogram of 100,000 lines) goes where nobody reads. */
static void exec_cyclictest(const struct options *options, const char *json)
{
	char duration[16], priority[16], threads[16], histogram[16], interval[16], out[256];
	char affinity[4096];
	int cpus = list_cpus(affinity, sizeof(affinity));

	snprintf(duration, sizeof(duration), "%d", options->duration_s);
	snprintf(priority, sizeof(priority), "%d", options->priority);
	snprintf(threads, sizeof(threads), "-t%d", cpus ? cpus : 1);
	snprintf(histogram, sizeof(histogram), "%d", HISTOGRAM_US);
	snprintf(interval, sizeof(interval), "%d", INTERVAL_US);
	snprintf(out, sizeof(out), "--json=%s", json);
	if (!freopen("/dev/null", "w", stdout))
		_exit(127);
	execl(PROGRAM, "cyclictest", "-D", duration, "-m", "-p", priority, threads, "-a", affinity,
		"-i", interval, "-h", histogram, "-q", out, NULL);
	_exit(127);
}

/* Its exit status; 128 and the signal's number where one ended it. */
static int run_cyclictest(const struct options *options, const char *json)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		exec_cyclictest(options, json);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static long long add_histogram(struct run *run, json_t *histogram)
{
	long long counted = 0;
	const char *key;
	json_t *value;

	json_object_foreach (histogram, key, value) {
		long latency;

		if (!read_long(key, 0, HISTOGRAM_US - 1, &latency))
			continue;
		run->histogram[latency] += json_integer_value(value);
		counted += json_integer_value(value);
	}
	return counted;
}

static int add_thread(struct run *run, const json_t *object)
{
	struct thread thread = {.cpu = -1};
	json_t *histogram;
	json_int_t cycles;

	if (run->count == CPUS_MAX ||
		json_unpack((json_t *)object, "{s:o, s:I, s:F, s:F, s:F, s:i}", "histogram",
			&histogram, "cycles", &cycles, "min", &thread.min, "avg", &thread.avg,
			"max", &thread.max, "cpu", &thread.cpu) < 0)
		return -EINVAL;
	thread.cycles = cycles;
	thread.counted = add_histogram(run, histogram);
	if (!run->count || thread.min < run->min)
		run->min = thread.min;
	if (thread.max > run->max)
		run->max = thread.max;
	run->avg += thread.avg * (double)thread.cycles;
	run->cycles += thread.cycles;
	run->counted += thread.counted;
	run->threads[run->count++] = thread;
	return 0;
}

/* -EINVAL where the file is not what rt-tests writes. */
static int read_run(const char *path, struct run *ret)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	json_t *thread;
	const char *key;
	int r = json ? 0 : -EINVAL;

	json_object_foreach (json_object_get(json, "thread"), key, thread)
		if (r == 0)
			r = add_thread(ret, thread);
	if (r == 0 && !ret->count)
		r = -EINVAL;
	if (ret->cycles)
		ret->avg /= (double)ret->cycles;
	json_decref(json);
	return r;
}

/* The smallest latency that this part of all samples does not exceed. */
static double percentile(const struct run *run, double part)
{
	long long wanted = (long long)ceil(part * (double)run->cycles), seen = 0;

	for (int latency = 0; latency < HISTOGRAM_US; latency++) {
		seen += run->histogram[latency];
		if (seen >= wanted)
			return latency;
	}
	return run->max;
}

static int tests, failures;

__attribute__((format(printf, 2, 3))) static void test(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	failures += !good;
}

static double min_of(const struct thread *thread)
{
	return thread->min;
}

static double avg_of(const struct thread *thread)
{
	return thread->avg;
}

static double max_of(const struct thread *thread)
{
	return thread->max;
}

/* With one sample a CPU, where a function gives them. */
static void print_metric(
	const struct run *run, const char *name, double value, double (*of)(const struct thread *))
{
	printf("    - name: %s\n      value: %.10g\n      unit: us\n      better: lower\n", name,
		value);
	if (!of)
		return;
	printf("      samples: [");
	for (int i = 0; i < run->count; i++)
		printf("%s%.10g", i ? ", " : "", of(&run->threads[i]));
	printf("]\n");
}

static void print_metrics(const struct run *run)
{
	printf("  ---\n  metrics:\n");
	print_metric(run, "latency_min_us", run->min, min_of);
	print_metric(run, "latency_avg_us", run->avg, avg_of);
	print_metric(run, "latency_max_us", run->max, max_of);
	print_metric(run, "latency_p50_us", percentile(run, 0.5), NULL);
	print_metric(run, "latency_p99_us", percentile(run, 0.99), NULL);
	printf("    - name: samples\n      value: %lld\n      unit: wakeups\n"
	       "      better: higher\n  ...\n",
		run->cycles);
}

/*
 * A thread that is late skips cycles, on a busy virtual machine most of them, so the full count is
 * not asked for: this part of it shows that the thread ran.
 */
#define LEAST_PART 10

static const struct thread *least_cycles(const struct run *run)
{
	const struct thread *least = &run->threads[0];

	for (int i = 1; i < run->count; i++)
		if (run->threads[i].cycles < least->cycles)
			least = &run->threads[i];
	return least;
}

static void judge(
	const struct options *options, const struct run *run, int status, double elapsed_s)
{
	long long full = (long long)options->duration_s * 1000000 / INTERVAL_US;
	long long overflow = run->cycles - run->counted;
	char affinity[4096];
	int cpus = list_cpus(affinity, sizeof(affinity));
	const struct thread *least = least_cycles(run);

	test(status == 0, "cyclictest ran to its end (exit status %d)", status);
	test(run->count == cpus, "a thread on each of %d CPUs (%d threads)", cpus, run->count);
	test(elapsed_s >= options->duration_s && least->cycles >= full / LEAST_PART,
		"the full duration on every CPU (CPU %d: %lld of %lld cycles)", least->cpu,
		least->cycles, full);
	test(run->cycles > 0 && overflow >= 0 && (overflow == 0 || run->max >= HISTOGRAM_US),
		"the histogram accounts for every cycle (%lld, %lld above %d us)", run->cycles,
		overflow, HISTOGRAM_US - 1);
	print_metrics(run);
	if (options->max_us >= 0)
		test(run->max <= (double)options->max_us, "no latency above %ld us (%.10g us)",
			options->max_us, run->max);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int measure(const struct options *options)
{
	static struct run run; /* 800 kB are too much for a stack */
	char path[] = "/tmp/cyclictest-XXXXXX";
	int fd = mkstemp(path), status;
	double start = now_s();

	if (fd < 0) {
		printf("Bail out! no temporary file: %s\n", strerror(errno));
		return 1;
	}
	close(fd);
	printf("1..%d\n", options->max_us >= 0 ? 5 : 4);
	status = run_cyclictest(options, path);
	if (read_run(path, &run) < 0) {
		unlink(path);
		printf("Bail out! cyclictest gave no result (exit status %d): may it use "
		       "SCHED_FIFO and mlock?\n",
			status);
		return 1;
	}
	unlink(path);
	judge(options, &run, status, now_s() - start);
	return failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options options = {.duration_s = 10, .priority = 80, .max_us = -1};
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	puts("TAP version 14");
	if (access(PROGRAM, X_OK) < 0) {
		puts("1..0 # SKIP no " PROGRAM ": put rt-tests into the image");
		return 0;
	}
	tell_if_virtual();
	return measure(&options);
}

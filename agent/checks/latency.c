/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How late this machine is, by the tools of others: rt-tests' cyclictest, oslat and
 * hwlatdetect, the kernel's timerlat and osnoise tracers; idle, and under stress-ng.
 *
 * What can fail is a measurement: a tool that ends badly, says nothing that can be
 * understood, or leaves a CPU out; a load that was none. How late is too late is for
 * a plan's limits to say. What the machine or its kernel lacks is skipped, with the
 * reason: Debian's kernels have none of the tracers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/checks/latency/parse.h"
#include "agent/checks/latency/run.h"
#include "agent/checks/latency/virtual.h"

struct options {
	int duration_s;
	const char *tool, *load; /* NULL: all */
};

struct load {
	const char *name;
	pid_t pid; /* of stress-ng */
};

static const char help[] =
	"latency [OPTION...]: how late this machine is, by the tools of others; prints TAP 14.\n"
	"\n"
	"  --duration SECONDS  of each tool (10)\n"
	"  --tool NAME         one only; --list names them\n"
	"  --load NAME         idle or stress-ng only\n"
	"  --list\n"
	"  --help\n";

static const struct option long_options[] = {
	{"duration", required_argument, NULL, 'D'},
	{"tool", required_argument, NULL, 't'},
	{"load", required_argument, NULL, 'l'},
	{"list", no_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int tests, failures;

static void print_metric(const char *tool, const char *what, const struct load *load,
	const char *unit, const struct latencies *all, double (*of)(const struct latency *),
	double (*join)(double, double))
{
	double value = of(&all->cpus[0]);

	for (int i = 1; i < all->count; i++)
		value = join(value, of(&all->cpus[i]));
	printf("    - name: %s_%s_%s\n      value: %.10g\n      unit: %s\n      better: lower\n"
	       "      samples: [",
		tool, *load->name == 'i' ? "idle" : "stress", what, value, unit);
	for (int i = 0; i < all->count; i++)
		printf("%s%.10g", i ? ", " : "", of(&all->cpus[i]));
	printf("]\n");
}

static double avg_of(const struct latency *l)
{
	return l->avg;
}

static double max_of(const struct latency *l)
{
	return l->max;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static int cpus_allowed(cpu_set_t *set)
{
	CPU_ZERO(set);
	return sched_getaffinity(0, sizeof(*set), set) ? 0 : CPU_COUNT(set);
}

/* "0,1,3" */
static void cpu_list(char *text, size_t size)
{
	cpu_set_t set;
	size_t len = 0;

	cpus_allowed(&set);
	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && len + 8 < size; cpu++)
		if (CPU_ISSET(cpu, &set))
			len += (size_t)snprintf(
				text + len, size - len, "%s%d", len ? "," : "", cpu);
}

/* -1: a CPU is left out, or there are samples of one that nobody has asked for. */
static int check_cpus(const struct latencies *all)
{
	cpu_set_t set;
	int cpus = cpus_allowed(&set);

	for (int i = 0; i < all->count; i++) {
		const struct latency *l = &all->cpus[i];

		if (l->cpu < 0 || l->cpu >= CPU_SETSIZE || !CPU_ISSET(l->cpu, &set))
			return say("samples of CPU %d, which it was not to run on", l->cpu);
		if (l->samples <= 0)
			return say("no sample of CPU %d", l->cpu);
		if (l->min > l->avg || l->avg > l->max)
			return say("CPU %d: minimum %g, average %g, maximum %g us", l->cpu, l->min,
				l->avg, l->max);
	}
	return all->count == cpus ? 0 : say("samples of %d CPUs, not of %d", all->count, cpus);
}

/* cyclictest and oslat: both write JSON, one entry a thread. */
static int run_rt(const struct load *load, int seconds, const char *name,
	const char *const *arguments, const char *unit_name)
{
	static struct latencies all;
	char out[] = "/tmp/latency-XXXXXX", json[64], option[80];
	const char *argv[24] = {name, option};
	int fd = mkstemp(out), status;

	if (fd < 0)
		return say("no temporary file: %s", strerror(errno));
	close(fd);
	snprintf(json, sizeof(json), "%s.json", out);
	snprintf(option, sizeof(option), "--json=%s", json);
	for (int i = 0; arguments[i]; i++)
		argv[i + 2] = arguments[i];
	status = run_program(argv, out, seconds);
	if (status > 0)
		say("exit status %d: may it use SCHED_FIFO and lock memory?", status);
	else if (!status && latency_parse_json(json, &all))
		status = say("its JSON is not what rt-tests writes");
	unlink(json);
	unlink(out);
	if (status || check_cpus(&all))
		return -1;
	printf("ok %d - %s, %s: a result of each of %d CPUs\n  ---\n  metrics:\n", ++tests, name,
		load->name, all.count);
	print_metric(name, "avg_us", load, "us", &all, avg_of, larger);
	print_metric(name, unit_name, load, "us", &all, max_of, larger);
	printf("  ...\n");
	return 0;
}

static int run_cyclictest(const struct load *load, int seconds)
{
	char duration[16], threads[16], cpus[4096];
	cpu_set_t set;

	snprintf(duration, sizeof(duration), "%d", seconds);
	snprintf(threads, sizeof(threads), "-t%d", cpus_allowed(&set));
	cpu_list(cpus, sizeof(cpus));
	return run_rt(load, seconds, "cyclictest",
		(const char *const[]){"-q", "-m", "-p", "80", "-h", "1000", "-i", "1000", "-D",
			duration, threads, "-a", cpus, NULL},
		"max_us");
}

/* Of no real-time priority: it spins on every CPU, and would lock the machine up. */
static int run_oslat(const struct load *load, int seconds)
{
	char duration[16], cpus[4096];

	snprintf(duration, sizeof(duration), "%d", seconds);
	cpu_list(cpus, sizeof(cpus));
	return run_rt(load, seconds, "oslat",
		(const char *const[]){"-q", "-z", "-D", duration, "-c", cpus, NULL}, "max_us");
}

static int run_hwlatdetect(const struct load *load, int seconds)
{
	char out[] = "/tmp/latency-XXXXXX", duration[32];
	int fd = mkstemp(out), status;
	long long samples = 0;
	double us = 0;
	FILE *file;

	if (fd < 0)
		return say("no temporary file: %s", strerror(errno));
	close(fd);
	snprintf(duration, sizeof(duration), "--duration=%d", seconds);
	status = run_program((const char *const[]){"hwlatdetect", duration, "--threshold=1",
				     "--hardlimit=1000000000", NULL},
		out, seconds);
	file = fopen(out, "re");
	if (status > 0)
		say("exit status %d", status);
	else if (!status && (!file || latency_parse_hwlatdetect(file, &us, &samples)))
		status = say("its summary is not what hwlatdetect prints");
	if (file)
		fclose(file);
	unlink(out);
	if (status)
		return -1;
	printf("ok %d - hwlatdetect, %s: ran to its end, %lld samples above 1 us\n  ---\n"
	       "  metrics:\n    - name: hwlatdetect_%s_max_us\n      value: %.10g\n      unit: us\n"
	       "      better: lower\n  ...\n",
		++tests, load->name, samples, *load->name == 'i' ? "idle" : "stress",
		us < 0 ? 0 : us);
	return 0;
}

struct timerlat {
	struct latencies irq, thread;
};

static int timerlat_line(const char *text, void *arg)
{
	struct timerlat *t = arg;
	int r = latency_parse_timerlat(text, "irq", &t->irq);

	return r ? r : latency_parse_timerlat(text, "thread", &t->thread);
}

static int run_timerlat(const struct load *load, int seconds)
{
	static struct timerlat t;

	t.irq.count = t.thread.count = 0;
	if (run_tracer("timerlat", seconds, timerlat_line, &t) || check_cpus(&t.irq) ||
		check_cpus(&t.thread))
		return -1;
	printf("ok %d - timerlat, %s: interrupt and thread on each of %d CPUs\n  ---\n  metrics:\n",
		++tests, load->name, t.thread.count);
	print_metric("timerlat", "irq_avg_us", load, "us", &t.irq, avg_of, larger);
	print_metric("timerlat", "irq_max_us", load, "us", &t.irq, max_of, larger);
	print_metric("timerlat", "thread_avg_us", load, "us", &t.thread, avg_of, larger);
	print_metric("timerlat", "thread_max_us", load, "us", &t.thread, max_of, larger);
	printf("  ...\n");
	return 0;
}

struct osnoise {
	struct latencies longest, share;
};

static int osnoise_line(const char *text, void *arg)
{
	struct osnoise *o = arg;

	return latency_parse_osnoise(text, &o->longest, &o->share);
}

/* Its periods are a second each: there is nothing before the first is over. */
static int run_osnoise(const struct load *load, int seconds)
{
	static struct osnoise o;

	o.longest.count = o.share.count = 0;
	if (run_tracer("osnoise", seconds < 3 ? 3 : seconds, osnoise_line, &o) ||
		check_cpus(&o.longest))
		return -1;
	printf("ok %d - osnoise, %s: periods on each of %d CPUs\n  ---\n  metrics:\n", ++tests,
		load->name, o.longest.count);
	print_metric("osnoise", "single_max_us", load, "us", &o.longest, max_of, larger);
	print_metric("osnoise", "share_avg", load, "millionths", &o.share, avg_of, larger);
	printf("  ...\n");
	return 0;
}

static int need_cyclictest(void)
{
	return need_program("cyclictest", "rt-tests");
}

static int need_oslat(void)
{
	return need_program("oslat", "rt-tests");
}

static int need_hwlatdetect(void)
{
	if (need_tracer("hwlat") || need_program("hwlatdetect", "rt-tests"))
		return -1;
	return need_program("python3", "python3");
}

static int need_timerlat(void)
{
	return need_tracer("timerlat");
}

static int need_osnoise(void)
{
	return need_tracer("osnoise");
}

static const struct tool {
	const char *name, *what;
	int (*need)(void);
	/* 0: told as a test that is ok; -1 with why. */
	int (*run)(const struct load *load, int seconds);
} tools[] = {
	{"cyclictest", "how late threads of real-time priority wake", need_cyclictest,
		run_cyclictest},
	{"oslat", "how long a thread that spins is interrupted", need_oslat, run_oslat},
	{"timerlat", "how late a timer's interrupt and its thread are", need_timerlat,
		run_timerlat},
	{"osnoise", "how much of a CPU the kernel takes for itself", need_osnoise, run_osnoise},
	{"hwlatdetect", "how long the hardware holds a CPU up", need_hwlatdetect, run_hwlatdetect},
};

#define TOOLS (sizeof(tools) / sizeof(tools[0]))

static void stop(int signal)
{
	stopped = 1;
}

/* -1 with why. */
static int load_begin(struct load *load)
{
	if (need_program("stress-ng", "stress-ng"))
		return -1;
	fflush(stdout);
	load->pid = fork();
	if (!load->pid) {
		int null = open("/dev/null", O_WRONLY);
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("stress-ng", "stress-ng", "--quiet", "--temp-path", "/tmp", "--cpu", "0",
			"--switch", "1", "--timer", "1", "--vm", "1", "--vm-bytes", "32M", NULL);
		_exit(127);
	}
	return load->pid < 0 ? say("fork: %s", strerror(errno)) : 0;
}

/* Ends it, and tells whether it was one: alive to the end, with CPU time to show for it. */
static void load_end(struct load *load, double seconds)
{
	struct rusage usage = {0};
	bool alive = waitpid(load->pid, NULL, WNOHANG) == 0;
	double used;

	if (alive) {
		kill(load->pid, SIGTERM);
		wait4(load->pid, NULL, 0, &usage);
	}
	used = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
	alive = alive && used >= seconds / 10;
	failures += !alive;
	printf("%sok %d - stress-ng was a load to the end (%.0f s of CPU time in %.0f s)\n",
		alive ? "" : "not ", ++tests, used, seconds);
}

static void run_tool(const struct tool *tool, const struct load *load, int seconds)
{
	if (tool->need()) {
		printf("ok %d - %s, %s # SKIP %s\n", ++tests, tool->name, load->name, why);
	} else if (tool->run(load, seconds)) {
		printf("# %s: %s\nnot ok %d - %s, %s\n", tool->name, why, ++tests, tool->name,
			load->name);
		failures++;
	}
	fflush(stdout);
}

static bool wanted(const char *name, const char *only)
{
	return !only || !strcmp(name, only);
}

static void run_load(const struct options *options, struct load *load, bool busy)
{
	struct timespec start, end;

	if (busy && load_begin(load)) {
		printf("ok %d - %s # SKIP %s\n", ++tests, load->name, why);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < TOOLS && !stopped; i++)
		if (wanted(tools[i].name, options->tool))
			run_tool(&tools[i], load, options->duration_s);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (busy)
		load_end(load, (double)(end.tv_sec - start.tv_sec));
}

static int list(void)
{
	for (size_t i = 0; i < TOOLS; i++)
		printf("%-14s%s\n", tools[i].name, tools[i].what);
	return 0;
}

static bool known_tool(const char *name)
{
	for (size_t i = 0; i < TOOLS; i++)
		if (!strcmp(tools[i].name, name))
			return true;
	return false;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *ret)
{
	bool good = true;
	int option;
	char *end;

	while (good && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'D':
			errno = 0;
			ret->duration_s = (int)strtol(optarg, &end, 10);
			good = !errno && !*end && ret->duration_s >= 1 && ret->duration_s <= 3600;
			break;
		case 't':
			ret->tool = optarg;
			good = known_tool(optarg);
			break;
		case 'l':
			ret->load = optarg;
			good = !strcmp(optarg, "idle") || !strcmp(optarg, "stress-ng");
			break;
		case 'L':
			return list();
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			good = false;
		}
	}
	if (good && optind == argc)
		return -1;
	fputs("latency: wrong use: try --help\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {.duration_s = 10};
	struct load idle = {.name = "idle"}, busy = {.name = "stress-ng"};
	struct sigaction action = {.sa_handler = stop};
	sigset_t chld;
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	/* A tracer must not stay on, nor stress-ng. */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	if (!getenv("PATH"))
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	puts("TAP version 14");
	tell_if_virtual();
	if (wanted(idle.name, options.load))
		run_load(&options, &idle, false);
	if (wanted(busy.name, options.load) && !stopped)
		run_load(&options, &busy, true);
	if (stopped) {
		puts("Bail out! stopped by a signal");
		return 1;
	}
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unmodified programs under the preload library: the same bytes as without it,
 * how much of their I/O goes over a ring (counted by ptrace), and their time.
 *
 * Each test runs one line of sh, or one probe of this program, in a folder of its
 * own, with and without LD_PRELOAD. The library is in this program.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kmods/xsc/preload/probes.h"
#include "kmods/xsc/preload/programs.h"
#include "kmods/xsc/preload/traced.h"

#define ROUNDS 3
#define LIMIT_S 240
#define PROBE_LIMIT_S 60

extern const char _binary_libxsc_preload_so_start[], _binary_libxsc_preload_so_end[];

static char top[] = "/tmp/xsc_preload.XXXXXX";
static char library[PATH_MAX], self[PATH_MAX], port[16];

static int write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	bool whole = fd >= 0 && write(fd, data, size) == (ssize_t)size;

	return fd < 0 || close(fd) || !whole ? -1 : 0;
}

static void write_input(void)
{
	static char big[1 << 20];
	FILE *lines = fopen("lines", "we");
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < sizeof(big); i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		big[i] = (char)x;
	}
	for (int i = 0; lines && i < 5000; i++)
		fprintf(lines, "%u line %d\n", (x = x * 1664525 + 1013904223) % 100000, i);
	if (!lines || fclose(lines) || write_file("big", big, sizeof(big)) ||
		write_file("small", "a few bytes\n", 12))
		abort();
}

/* A server of one file: HTTP/1.0, as long as this program lives. */
static void serve_http(int listener)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\n";
	char buf[16384];

	for (;;) {
		int client = accept(listener, NULL, NULL), fd = open("big", O_RDONLY);
		ssize_t n = read(client, buf, sizeof(buf));

		if (n > 0 && write(client, head, sizeof(head) - 1) > 0)
			while ((n = read(fd, buf, sizeof(buf))) > 0 &&
				write(client, buf, (size_t)n) == n)
				;
		close(fd);
		close(client);
	}
}

static pid_t start_server(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t child;

	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16) ||
		getsockname(listener, (struct sockaddr *)&address, &size))
		return -1;
	snprintf(port, sizeof(port), "%d", ntohs(address.sin_port));
	child = fork();
	if (!child)
		serve_http(listener);
	close(listener);
	return child;
}

struct run {
	const char *line;  /* for sh, or */
	const char *probe; /* a probe's name */
	const char *mode;  /* XSC_PRELOAD, or NULL: without the library */
	bool traced;
};

struct outcome {
	int status;
	uint64_t ns;
	struct traced traced; /* if it was */
};

/* In the child. What it prints goes to the file of this mode. */
static void become(const struct run *run)
{
	char folder[PATH_MAX], name[PATH_MAX + 8];
	int out;

	snprintf(folder, sizeof(folder), "%s/run", top);
	snprintf(name, sizeof(name), "%s/out.%s", top, run->mode ? "ring" : "plain");
	out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0 || dup2(out, 1) < 0 || mkdir(folder, 0777) || chmod(folder, 0777) ||
		chdir(folder))
		_exit(126);
	close(out);
	write_input();
	setpgid(0, 0);
	setenv("PORT", port, 1);
	unsetenv("LD_PRELOAD");
	if (run->mode) {
		snprintf(name, sizeof(name), "%s/stats", top);
		setenv("LD_PRELOAD", library, 1);
		setenv("XSC_PRELOAD", run->mode, 1);
		setenv("XSC_PRELOAD_STATS", name, 1);
	}
	if (run->traced)
		traced_begin();
	if (run->probe)
		execl(self, "xsc_preload", "--probe", run->probe, (char *)NULL);
	else
		execlp("sh", "sh", "-c", run->line, (char *)NULL);
	_exit(127);
}

static void remove_run(void)
{
	char command[PATH_MAX + 32];

	snprintf(command, sizeof(command), "rm -rf %s/run", top);
	if (system(command))
		abort();
}

static struct outcome carry_out(const struct run *run)
{
	struct outcome outcome = {0};
	struct timespec ts[2];
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		become(run);
	alarm(LIMIT_S);
	clock_gettime(CLOCK_MONOTONIC, &ts[0]);
	if (run->traced)
		outcome.status = traced_run(child, &outcome.traced);
	else
		waitpid(child, &outcome.status, 0);
	clock_gettime(CLOCK_MONOTONIC, &ts[1]);
	alarm(0);
	kill(-child, SIGKILL);
	outcome.ns = (uint64_t)(ts[1].tv_sec - ts[0].tv_sec) * 1000000000u +
		     (uint64_t)(ts[1].tv_nsec - ts[0].tv_nsec);
	remove_run();
	return outcome;
}

/* Sums of what the library wrote at each exit. */
static void read_stats(unsigned long *ret_ring, unsigned long *ret_plain)
{
	char path[PATH_MAX], line[1024];
	FILE *file;
	unsigned long ring, plain;

	*ret_ring = *ret_plain = 0;
	snprintf(path, sizeof(path), "%s/stats", top);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "xsc-preload: %*[^:]: %lu by ring, %lu", &ring, &plain) == 2)
			*ret_ring += ring, *ret_plain += plain;
	if (file)
		fclose(file);
	unlink(path);
}

static bool same_output(void)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cmp %s/out.plain %s/out.ring", top, top);
	return system(command) == 0;
}

static bool has_output(void)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/out.plain", top);
	return !stat(path, &st) && st.st_size > 0;
}

static void show_difference(void)
{
	char command[2 * PATH_MAX + 64];

	fflush(stdout);
	snprintf(command, sizeof(command),
		"diff -a %s/out.plain %s/out.ring | cut -c1-200 | head -n 12 | sed 's/^/# /'", top,
		top);
	if (system(command))
		printf("# no diff\n");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_metric(
	const char *name, const char *unit, const char *better, double *samples, int count)
{
	double sorted[ROUNDS];

	memcpy(sorted, samples, (size_t)count * sizeof(*samples));
	qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
	printf("    - name: %s\n      value: %.4g\n      unit: %s\n      better: %s\n      "
	       "samples: [",
		name, sorted[count / 2], unit, better);
	for (int i = 0; i < count; i++)
		printf("%s%.4g", i ? ", " : "", samples[i]);
	printf("]\n");
}

/* Whole runs, in auto mode, A B B A. */
static void measure_time(const char *line)
{
	struct run plain = {.line = line}, ring = {.line = line, .mode = "auto"};
	double ratios[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double a = (double)carry_out(&ring).ns, b = (double)carry_out(&plain).ns;

		b += (double)carry_out(&plain).ns;
		a += (double)carry_out(&ring).ns;
		ratios[i] = a / b;
	}
	print_metric("time_auto_vs_libc", "ratio", "lower", ratios, ROUNDS);
}

/* 0 passed, 1 failed. */
static int run_test(int number, const char *name, const struct program *program)
{
	struct run plain = {.line = program ? program->line : NULL, .probe = program ? NULL : name},
		   ring = plain;
	struct outcome a, b, c, d;
	unsigned long by_ring, by_call;
	double share;
	bool ok;

	ring.mode = "always";
	a = carry_out(&plain);
	b = carry_out(&ring);
	read_stats(&by_ring, &by_call);
	ok = a.status == b.status && same_output() && has_output();
	printf("%s %d - %s: the same bytes over the ring\n", ok ? "ok" : "not ok", number, name);
	printf("# %s: %lu calls by ring, %lu by system call; status %d, %d\n", name, by_ring,
		by_call, a.status, b.status);
	if (!ok) {
		show_difference();
		return 1;
	}
	if (!program)
		return 0;
	plain.traced = ring.traced = true;
	c = carry_out(&plain);
	d = carry_out(&ring);
	read_stats(&by_ring, &by_call);
	printf("  ---\n  metrics:\n");
	share = c.traced.io ? (double)by_ring / (double)(by_ring + d.traced.io) : 0;
	print_metric("io_over_ring", "share", "higher", &share, 1);
	share = c.traced.all ? (double)by_ring / (double)c.traced.all : 0;
	print_metric("of_all_system_calls", "share", "higher", &share, 1);
	print_metric("io_traps_libc", "traps", "lower", (double[]){(double)c.traced.io}, 1);
	print_metric("io_traps_ring", "traps", "lower", (double[]){(double)d.traced.io}, 1);
	print_metric("ring_waits", "traps", "lower", (double[]){(double)d.traced.ring}, 1);
	if (program->measured)
		measure_time(program->line);
	printf("  ...\n");
	return 0;
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	char all[4096], *rest = all, *folder, file[PATH_MAX];

	snprintf(all, sizeof(all), "%s", path ? path : "/usr/bin:/bin");
	while ((folder = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", folder, name);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

static bool chosen(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

static int run_probe(const char *name)
{
	alarm(PROBE_LIMIT_S);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strcmp(probes[i].name, name)) {
			probes[i].run();
			return 0;
		}
	fprintf(stderr, "xsc_preload: no probe '%s'\n", name);
	return 2;
}

static int usage(void)
{
	printf("usage: xsc_preload [TEST...]\n\n"
	       "Runs unmodified programs with the preload library of XSC and without it,\n"
	       "compares their output byte for byte, and prints TAP 14 with metrics.\nTests:");
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		printf(" %s", programs[i].name);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		printf(" %s", probes[i].name);
	printf("\nExit status: 0 all passed or skipped, 1 a test failed.\n");
	return 0;
}

/* --bare: programs are told of no ring (no /dev/xsc needed): the check must still pass. */
int main(int argc, char **argv)
{
	size_t program_count = sizeof(programs) / sizeof(programs[0]);
	size_t probe_count = sizeof(probes) / sizeof(probes[0]);
	int number = 0, failed = 0;
	pid_t server;

	if (argc == 3 && !strcmp(argv[1], "--probe"))
		return run_probe(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage();
	if (argc >= 2 && !strcmp(argv[1], "--bare")) {
		argc--;
		argv++;
	} else if (access("/dev/xsc", F_OK)) {
		printf("TAP version 14\n1..0 # SKIP /dev/xsc is not there: load xsc.ko\n");
		return 0;
	}
	printf("TAP version 14\n");
	if (!mkdtemp(top) || chmod(top, 0755) ||
		readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
		printf("Bail out! no folder in /tmp: %m\n");
		return 1;
	}
	snprintf(library, sizeof(library), "%s/libxsc-preload.so", top);
	server = chdir(top) ? -1 : 0;
	write_input();
	server = server ? -1 : start_server();
	if (server < 0 || write_file(library, _binary_libxsc_preload_so_start,
				  (size_t)(_binary_libxsc_preload_so_end -
					   _binary_libxsc_preload_so_start))) {
		printf("Bail out! no server or no library: %m\n");
		return 1;
	}
	for (size_t i = 0; i < probe_count; i++)
		if (chosen(argc, argv, probes[i].name))
			failed += run_test(++number, probes[i].name, NULL);
	for (size_t i = 0; i < program_count; i++) {
		if (!chosen(argc, argv, programs[i].name))
			continue;
		if (in_path(programs[i].needs))
			failed += run_test(++number, programs[i].name, &programs[i]);
		else
			printf("ok %d - %s # SKIP no %s in this image\n", ++number,
				programs[i].name, programs[i].needs);
		fflush(stdout);
	}
	printf("1..%d\n", number);
	kill(server, SIGKILL);
	if (chdir("/") || (snprintf(self, sizeof(self), "rm -rf %s", top), system(self)))
		return 1;
	return failed ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unmodified programs under the preload library: the same bytes as without it,
 * how much of their I/O goes over a ring (counted by ptrace), and their time.
 *
 * Each test runs one line of sh, or one probe of this program, in a folder of its
 * own, with and without LD_PRELOAD. The library is in this program.
 *
 * Bytes and counts decide; time is a metric, for a plan's limits where they make
 * sense.
 */
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmods/xsc/preload/selftest/measured.h"
#include "kmods/xsc/preload/selftest/probes.h"
#include "kmods/xsc/preload/selftest/programs.h"
#include "kmods/xsc/preload/selftest/runs.h"
#include "kmods/xsc/preload/selftest/socket_cost.h"

#define PROBE_LIMIT_S 60

extern const char _binary_libxsc_preload_so_start[], _binary_libxsc_preload_so_end[];

static bool same_output(void)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cmp %s/out.plain %s/out.ring", top, top);
	return system(command) == 0;
}

static unsigned long lines_out(void)
{
	char path[PATH_MAX];
	unsigned long lines = 0;
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "%s/out.plain", top);
	file = fopen(path, "re");
	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
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

/* 0 passed, 1 failed. */
static int run_test(int number, const char *name, const struct program *program)
{
	struct run plain = {.line = program ? program->line : NULL, .probe = program ? NULL : name},
		   ring = plain;
	struct outcome a, b;
	unsigned long by_ring, by_call;
	bool ok;

	ring.mode = "always";
	a = carry_out(&plain);
	b = carry_out(&ring);
	read_stats(&by_ring, &by_call);
	ok = a.status == b.status && same_output() && has_output();
	printf("%s %d - %s: the same bytes over the ring\n", ok ? "ok" : "not ok", number, name);
	printf("# %s: %lu calls by ring, %lu by system call; status %d, %d; %lu lines, %.1f and "
	       "%.1f s\n",
		name, by_ring, by_call, a.status, b.status, lines_out(), (double)a.ns / 1e9,
		(double)b.ns / 1e9);
	if (!ok) {
		show_difference();
		return 1;
	}
	if (program && rounds && (program->counted || program->timed)) {
		printf("  ---\n  metrics:\n");
		if (program->counted)
			measure_traps(program->line);
		if (program->timed)
			measure_time(program->line);
		printf("  ...\n");
	}
	return 0;
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	char all[4096], *rest = all, *folder, file[PATH_MAX];

	if (*name == '/')
		return !access(name, R_OK);
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
	for (size_t i = 0; i < probe_count; i++)
		if (!strcmp(probes[i].name, name)) {
			probes[i].run();
			return 0;
		}
	fprintf(stderr, "xsc_preload: no probe '%s'\n", name);
	return 2;
}

static int usage(void)
{
	printf("usage: xsc_preload [--rounds N] [--library FILE] [--bare] [TEST...]\n\n"
	       "Runs unmodified programs with the preload library of XSC and without it,\n"
	       "compares their output byte for byte, and prints TAP 14 with metrics.\n\n"
	       "  --rounds N      rounds of A B B A when time is measured (3), 0: bytes only\n"
	       "  --library FILE  that library, not the one in this program\n"
	       "  --bare          also where there is no /dev/xsc: the library steps aside\n"
	       "  --list          the tests\n\n"
	       "Exit status: 0 all passed or skipped, 1 a test failed.\n");
	return 0;
}

static int list(void)
{
	for (size_t i = 0; i < probe_count; i++)
		printf("%s\n", probes[i].name);
	printf("socket-calls\n");
	for (size_t i = 0; i < program_count; i++)
		printf("%s\n", programs[i].name);
	return 0;
}

/* The library under test becomes @library. */
static int place_library(const char *from)
{
	char command[2 * PATH_MAX];

	snprintf(library, sizeof(library), "%s/libxsc-preload.so", top);
	if (from) {
		snprintf(command, sizeof(command), "cp '%s' %s", from, library);
		return system(command) ? -1 : 0;
	}
	return write_file(library, _binary_libxsc_preload_so_start,
		(size_t)(_binary_libxsc_preload_so_end - _binary_libxsc_preload_so_start));
}

int main(int argc, char **argv)
{
	int number = 0, failed = 0;
	const char *from = NULL;
	bool bare = false;
	pid_t server;

	if (argc == 3 && !strcmp(argv[1], "--probe"))
		return run_probe(argv[2]);
	for (; argc >= 2 && !strncmp(argv[1], "--", 2); argc--, argv++) {
		if (!strcmp(argv[1], "--help"))
			return usage();
		if (!strcmp(argv[1], "--list"))
			return list();
		if (!strcmp(argv[1], "--bare")) {
			bare = true;
		} else if (argc >= 3 && !strcmp(argv[1], "--rounds")) {
			rounds = atoi(argv[2]);
			argc--, argv++;
		} else if (argc >= 3 && !strcmp(argv[1], "--library")) {
			from = argv[2];
			argc--, argv++;
		} else {
			rounds = -1;
			break;
		}
	}
	if (rounds < 0 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "xsc_preload: see --help\n");
		return 2;
	}
	if (!bare && access("/dev/xsc", F_OK)) {
		printf("TAP version 14\n1..0 # SKIP /dev/xsc is not there: load xsc.ko\n");
		return 0;
	}
	printf("TAP version 14\n");
	if (!mkdtemp(top) || chmod(top, 0755) || place_library(from) ||
		readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || chdir(top)) {
		printf("Bail out! no folder or no library: %m\n");
		return 1;
	}
	snprintf(suite, sizeof(suite), "%s/suite.py", top);
	setenv("SUITE", suite, 1);
	write_input();
	server = start_server();
	if (server < 0 || write_file(suite, python_suite, strlen(python_suite))) {
		printf("Bail out! no server or no file: %m\n");
		return 1;
	}
	for (size_t i = 0; i < probe_count; i++)
		if (chosen(argc, argv, probes[i].name))
			failed += run_test(++number, probes[i].name, NULL);
	if (chosen(argc, argv, "socket-calls"))
		failed += test_socket_calls(++number);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/preload/selftest/runs.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S 240

char top[] = "/tmp/xsc_preload.XXXXXX";
char library[PATH_MAX], self[PATH_MAX], suite[PATH_MAX];
static char port[16];

int write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	bool whole = fd >= 0 && write(fd, data, size) == (ssize_t)size;

	return fd < 0 || close(fd) || !whole ? -1 : 0;
}

void write_input(void)
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

pid_t start_server(void)
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

/* The folder that a run begins in. */
static void make_run(void)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/run", top);
	if (mkdir(folder, 0777) || chmod(folder, 0777) || chdir(folder))
		abort();
	write_input();
}

/* In the child. What it prints goes to the file of this mode. */
static void become(const struct run *run)
{
	char name[PATH_MAX + 8];
	int out;

	snprintf(name, sizeof(name), "%s/out.%s", top, run->mode ? "ring" : "plain");
	out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0 || dup2(out, 1) < 0)
		_exit(126);
	close(out);
	setpgid(0, 0);
	setenv("PORT", port, 1);
	unsetenv("LD_PRELOAD");
	if (run->mode) {
		snprintf(name, sizeof(name), "%s/stats", top);
		setenv("LD_PRELOAD", library, 1);
		setenv("XSC_PRELOAD", run->mode, 1);
		if (!run->timed)
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
	if (chdir(top) || system(command))
		abort();
}

struct outcome carry_out(const struct run *run)
{
	struct outcome outcome = {0};
	struct timespec ts[2];
	pid_t child;

	fflush(stdout);
	make_run();
	alarm(LIMIT_S);
	clock_gettime(CLOCK_MONOTONIC, &ts[0]);
	child = fork();
	if (!child)
		become(run);
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

void read_stats(unsigned long *ret_ring, unsigned long *ret_plain)
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

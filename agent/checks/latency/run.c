/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checks/latency/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/rigproof"
#define GRACE_S 60 /* that a tool may take longer than it was told */

char why[256];
volatile sig_atomic_t stopped;

int say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return -1;
}

int run_program(const char *const *argv, const char *path, int seconds)
{
	struct timespec limit = {.tv_sec = seconds + GRACE_S};
	sigset_t chld;
	int status;
	pid_t child;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	fflush(stdout);
	child = fork();
	if (!child) {
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		if (!freopen(path, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
			_exit(127);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	/* stress-ng is a child too: not every SIGCHLD is of this one. */
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigtimedwait(&chld, NULL, &limit) < 0 && (errno == EAGAIN || stopped)) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return say("not done after %ld s", (long)limit.tv_sec);
		}
	}
	if (!WIFEXITED(status))
		return say("ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? say("%s: %s", path, strerror(errno)) : 0;
}

int run_tracer(const char *tracer, int seconds, int (*line)(const char *text, void *arg), void *arg)
{
	struct timespec now, end;
	char text[1024];
	FILE *pipe;
	int r;

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return say("%s: %s", INSTANCE, strerror(errno));
	r = put(INSTANCE "/current_tracer", tracer);
	pipe = r ? NULL : fopen(INSTANCE "/trace_pipe", "re");
	if (!r && !pipe)
		r = say("%s: %s", INSTANCE "/trace_pipe", strerror(errno));
	if (pipe)
		fcntl(fileno(pipe), F_SETFL, O_NONBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do {
		if (!r && !fgets(text, sizeof(text), pipe)) {
			clearerr(pipe);
			usleep(10000);
		} else if (!r && !strstr(text, "LOST") && line(text, arg)) {
			r = say("not what %s prints: %.100s", tracer, text);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!r && !stopped &&
		 (now.tv_sec < end.tv_sec ||
			 (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec)));
	if (pipe)
		fclose(pipe);
	put(INSTANCE "/current_tracer", "nop");
	rmdir(INSTANCE);
	return r;
}

static bool have_tracer(const char *name)
{
	FILE *file = fopen(TRACING "/available_tracers", "re");
	char tracer[64];
	bool found = false;

	while (file && !found && fscanf(file, "%63s", tracer) == 1)
		found = !strcmp(tracer, name);
	if (file)
		fclose(file);
	return found;
}

int need_program(const char *name, const char *package)
{
	const char *path = getenv("PATH");
	char file[512];

	for (const char *at = path ? path : ""; *at; at += strspn(at, ":")) {
		size_t len = strcspn(at, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, at, name);
		if (!access(file, X_OK))
			return 0;
		at += len;
	}
	return say("no %s: put %s into the image", name, package);
}

int need_tracer(const char *name)
{
	if (access(TRACING "/available_tracers", F_OK) &&
		mount("tracefs", TRACING, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return say("no tracefs at " TRACING ": %s", strerror(errno));
	if (access(TRACING "/available_tracers", R_OK))
		return say("tracefs is not for this user");
	return have_tracer(name) ? 0
				 : say("this kernel has no %s tracer (Debian's have not)", name);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/tftpd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"

enum {
	PORT_TFTP = 69,
	PAUSE_MIN_MS = 500,
	PAUSE_MAX_MS = 30000,
	STEADY_S = 60, /* a child that lived so long starts anew without a pause */
	END_WAIT_MS = 1000,
};

/*
 * Names as ROMs ask for them (in.tftpd(8), FILENAME REMAPPING). Those that take option 67 of a DHCP
 * server for a C string go on into what follows it, mostly the end, 255; Windows' boot files are
 * told with backslashes.
 */
const char rp_tftpd_names[] = "rg \\\\ /\n"
			      "r [^[:print:]].*$\n"
			      "r [[:space:]]+$\n";

#define MAP_FD 3

struct rp_tftpd {
	struct event_base *base;
	char *program, *root, *listen, *user;
	void (*event)(void *ctx, enum rp_tftpd_event what, const char *text);
	void *ctx;
	int map;	     /* rp_tftpd_names as a file; -1: none */
	pid_t pid;	     /* -1: none */
	int pidfd;	     /* -1: none */
	int output;	     /* the child's standard error; -1: none */
	struct event *ended; /* pidfd is readable */
	struct event *start_again;
	int64_t started; /* monotonic */
	int pause_ms;
};

static void tell(const struct rp_tftpd *tftpd, enum rp_tftpd_event what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(const struct rp_tftpd *tftpd, enum rp_tftpd_event what, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!tftpd->event)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tftpd->event(tftpd->ctx, what, text);
}

static char *find_program(void)
{
	static const char sbin[] = "/usr/local/sbin:/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	rp_cleanup(free) char *all = rp_path("%s:%s", path ? path : "", sbin);
	char *save = NULL;

	for (char *folder = all ? strtok_r(all, ":", &save) : NULL; folder;
		folder = strtok_r(NULL, ":", &save)) {
		rp_cleanup(free) char *program = rp_path("%s/in.tftpd", folder);

		if (program && access(program, X_OK) == 0)
			return rp_steal(program);
	}
	return NULL;
}

/* In the child, after fork: only calls that are safe there. */
static void become(const struct rp_tftpd *tftpd, pid_t parent, int output)
{
	const char *argv[] = {tftpd->program, "-L", "--ipv4", "--secure", "--user", tftpd->user,
		"--address", tftpd->listen, "--map-file", "/dev/fd/3", tftpd->root, NULL};
	const char *environment[] = {"LC_ALL=C", NULL}; /* names are bytes to its rules */
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* If we are killed, nobody else would free the port for our next start. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(output, 2) < 0)
		_exit(127);
	if (tftpd->map == MAP_FD ? fcntl(MAP_FD, F_SETFD, 0) < 0 : dup2(tftpd->map, MAP_FD) < 0)
		_exit(127);
	close_range(MAP_FD + 1, ~0U, 0);
	execve(tftpd->program, (char *const *)argv, (char *const *)environment);
	_exit(127);
}

/* In memory: no path that a chroot, a full disk or another program could take away. */
static int make_map(int *ret_fd)
{
	rp_cleanup(fd) int fd = memfd_create("tftp names", MFD_CLOEXEC);
	const size_t len = strlen(rp_tftpd_names);

	if (fd < 0)
		return -errno;
	if (write(fd, rp_tftpd_names, len) != (ssize_t)len)
		return -EIO;
	*ret_fd = rp_steal_fd(fd);
	return 0;
}

static void on_ended(evutil_socket_t fd, short what, void *arg);

/* Start a child and watch it. Negative errno where that was not possible. */
static int start(struct rp_tftpd *tftpd)
{
	rp_cleanup(fd) int read_end = -1;
	rp_cleanup(fd) int write_end = -1;
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	read_end = ends[0];
	write_end = ends[1];
	tftpd->pid = fork();
	if (tftpd->pid < 0)
		return -errno;
	if (tftpd->pid == 0)
		become(tftpd, parent, write_end);
	tftpd->started = rp_clock_monotonic();
	tftpd->pidfd = pidfd_open(tftpd->pid, 0);
	if (tftpd->pidfd < 0)
		return -errno;
	tftpd->ended = event_new(tftpd->base, tftpd->pidfd, EV_READ, on_ended, tftpd);
	if (!tftpd->ended || event_add(tftpd->ended, NULL) < 0)
		return -ENOMEM;
	tftpd->output = rp_steal_fd(read_end);
	return 0;
}

/* Forget the child, which must have been waited for. */
static void forget(struct rp_tftpd *tftpd)
{
	if (tftpd->ended)
		event_free(tftpd->ended);
	if (tftpd->pidfd >= 0)
		close(tftpd->pidfd);
	if (tftpd->output >= 0)
		close(tftpd->output);
	tftpd->ended = NULL;
	tftpd->pidfd = tftpd->output = -1;
	tftpd->pid = -1;
}

static void stop(struct rp_tftpd *tftpd)
{
	struct pollfd wait = {.fd = tftpd->pidfd, .events = POLLIN};
	int n;

	if (tftpd->pid > 0) {
		kill(tftpd->pid, SIGTERM);
		do
			n = tftpd->pidfd < 0 ? 0 : poll(&wait, 1, END_WAIT_MS);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			kill(tftpd->pid, SIGKILL);
		while (waitpid(tftpd->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	forget(tftpd);
}

static void again_later(struct rp_tftpd *tftpd, enum rp_tftpd_event what, const char *why)
{
	struct timeval pause;

	if (rp_clock_monotonic() - tftpd->started > STEADY_S * RP_SECOND)
		tftpd->pause_ms = PAUSE_MIN_MS;
	pause = (struct timeval){tftpd->pause_ms / 1000, tftpd->pause_ms % 1000 * 1000};
	tell(tftpd, what, "in.tftpd %s, again in %d.%d s", why, tftpd->pause_ms / 1000,
		tftpd->pause_ms % 1000 / 100);
	tftpd->pause_ms *= 2;
	if (tftpd->pause_ms > PAUSE_MAX_MS)
		tftpd->pause_ms = PAUSE_MAX_MS;
	event_add(tftpd->start_again, &pause);
}

/* The last line of what it wrote: where it cannot bind, in.tftpd says so there and in syslog. */
static void last_line(int fd, char text[256])
{
	ssize_t n = fd < 0 ? 0 : read(fd, text, 255);
	char *end, *line;

	text[n > 0 ? n : 0] = '\0';
	end = text + strlen(text);
	while (end > text && end[-1] == '\n')
		*--end = '\0';
	line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line + 1) + 1);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct rp_tftpd *tftpd = arg;
	char line[256], why[512];
	int status = 0;

	while (waitpid(tftpd->pid, &status, 0) < 0 && errno == EINTR)
		;
	last_line(tftpd->output, line);
	snprintf(why, sizeof(why), "ended with %s %d%s%s",
		WIFSIGNALED(status) ? "signal" : "exit status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *line ? ": " : "",
		line);
	forget(tftpd);
	again_later(tftpd, RP_TFTPD_ENDED, why);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct rp_tftpd *tftpd = arg;
	int r = start(tftpd);

	if (r < 0) {
		stop(tftpd);
		again_later(tftpd, RP_TFTPD_START_FAILED, strerror(-r));
		return;
	}
	tell(tftpd, RP_TFTPD_STARTED, "in.tftpd serves %s on %s", tftpd->root, tftpd->listen);
}

struct rp_tftpd *rp_tftpd_free(struct rp_tftpd *tftpd)
{
	if (!tftpd)
		return NULL;
	stop(tftpd);
	if (tftpd->start_again)
		event_free(tftpd->start_again);
	if (tftpd->map >= 0)
		close(tftpd->map);
	free(tftpd->program);
	free(tftpd->root);
	free(tftpd->listen);
	free(tftpd->user);
	free(tftpd);
	return NULL;
}

static const char *default_user(void)
{
	return getpwnam("tftp") ? "tftp" : "nobody";
}

int rp_tftpd_start(struct event_base *base, const struct rp_tftpd_config *config,
	struct rp_tftpd **ret, struct rp_error *err)
{
	rp_cleanup(tftpd) struct rp_tftpd *tftpd = calloc(1, sizeof(*tftpd));
	const char *user = config->user ? config->user : default_user();
	const char *address = config->address && *config->address ? config->address : "0.0.0.0";
	struct stat status;
	int r;

	if (!tftpd)
		return rp_error_memory(err);
	tftpd->map = tftpd->pid = tftpd->pidfd = tftpd->output = -1;
	tftpd->base = base;
	tftpd->event = config->event;
	tftpd->ctx = config->ctx;
	tftpd->pause_ms = PAUSE_MIN_MS;

	tftpd->program = config->program ? strdup(config->program) : find_program();
	if (!tftpd->program || access(tftpd->program, X_OK) < 0)
		return rp_error_set(err, -ENOENT,
			"in.tftpd is not installed: apt-get install tftpd-hpa, or set `tftp: "
			"external` and serve %s by another TFTP server",
			config->root);
	if (stat(config->root, &status) < 0)
		return rp_error_set(err, -errno, "%s: %s", config->root, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return rp_error_set(err, -ENOTDIR, "%s: not a folder", config->root);
	if (!getpwnam(user))
		return rp_error_set(err, -EINVAL, "in.tftpd: no user %s", user);

	/* in.tftpd changes its directory before it looks at the name. */
	tftpd->root = realpath(config->root, NULL);
	tftpd->user = strdup(user);
	tftpd->listen = rp_path("%s:%u", address, config->port ? config->port : PORT_TFTP);
	tftpd->start_again = event_new(base, -1, 0, on_start, tftpd);
	if (!tftpd->root || !tftpd->user || !tftpd->listen || !tftpd->start_again)
		return rp_error_memory(err);
	r = make_map(&tftpd->map);
	if (r < 0)
		return rp_error_set(err, r, "rules for in.tftpd: %s", strerror(-r));
	r = start(tftpd);
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", tftpd->program, strerror(-r));
	tell(tftpd, RP_TFTPD_STARTED, "in.tftpd serves %s on %s", tftpd->root, tftpd->listen);
	*ret = rp_steal(tftpd);
	return 0;
}

int rp_tftpd_pid(const struct rp_tftpd *tftpd)
{
	return tftpd->pid;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"

#define OUTPUT_MAX (16u << 20)
#define COMPLAINT_MAX 4096

struct output {
	int fd; /* -1: closed, or dropped */
	char *data;
	size_t len, size;
};

struct run {
	const struct rp_process *process;
	int input; /* a memfd: nothing to feed, so nothing can deadlock or SIGPIPE */
	struct output out, complaint; /* standard output whole, standard error's end */
	int child_out, child_complaint;
	pid_t pid;
	int pidfd;
	int64_t deadline; /* monotonic; INT64_MAX: never */
	struct rp_error *err;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void rp_cleanup_run(struct run *run)
{
	close_fd(&run->input);
	close_fd(&run->out.fd);
	close_fd(&run->complaint.fd);
	close_fd(&run->child_out);
	close_fd(&run->child_complaint);
	close_fd(&run->pidfd);
	free(run->out.data);
	free(run->complaint.data);
}

static int fail(const struct run *run, int code, const char *what, int reason)
{
	return rp_error_set(
		run->err, code, "%s: %s: %s", run->process->argv[0], what, strerror(reason));
}

static int open_input(struct run *run)
{
	const char *data = run->process->input;
	int r;

	if (!data || !run->process->input_len) {
		run->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return run->input < 0 ? fail(run, -EIO, "/dev/null", errno) : 0;
	}
	run->input = memfd_create("input", MFD_CLOEXEC);
	if (run->input < 0)
		return fail(run, -EIO, "standard input", errno);
	r = rp_fd_write(run->input, data, run->process->input_len);
	if (r < 0)
		return fail(run, -EIO, "standard input", -r);
	lseek(run->input, 0, SEEK_SET);
	return 0;
}

static int open_pipe(const struct run *run, int *ret_ours, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(run, -EIO, "pipe", errno);
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static int open_outputs(struct run *run, int wanted)
{
	int r = open_pipe(run, &run->complaint.fd, &run->child_complaint);

	if (r < 0)
		return r;
	if (wanted)
		return open_pipe(run, &run->out.fd, &run->child_out);
	run->child_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return run->child_out < 0 ? fail(run, -EIO, "/dev/null", errno) : 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int is_overridden(const char *variable, const char *const *env)
{
	size_t len = strcspn(variable, "=") + 1;

	for (; env && *env; env++)
		if (strncmp(variable, *env, len) == 0)
			return 1;
	return 0;
}

/* The strings are borrowed; the array is the caller's to free. */
static char **merge_environment(const char *const *env)
{
	size_t own = count(env), n = own;
	char **merged = calloc(own + count((const char *const *)environ) + 1, sizeof(*merged));

	if (!merged)
		return NULL;
	if (own)
		memcpy(merged, env, own * sizeof(*merged));
	for (char **variable = environ; variable && *variable; variable++)
		if (!is_overridden(*variable, env))
			merged[n++] = *variable;
	return merged;
}

static int set_actions(const struct run *run, posix_spawn_file_actions_t *actions)
{
	int r = posix_spawn_file_actions_adddup2(actions, run->input, STDIN_FILENO);

	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, run->child_out, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, run->child_complaint, STDERR_FILENO);
	/* Foreign libraries open descriptors without close-on-exec. */
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	if (!r && run->process->directory)
		r = posix_spawn_file_actions_addchdir_np(actions, run->process->directory);
	return r;
}

/* A group of its own, so that a timeout also ends its children; no signal state of a daemon. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct run *run, char **env)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return r;
	r = posix_spawnattr_init(&attributes);
	if (!r) {
		r = set_actions(run, &actions);
		if (!r)
			r = set_attributes(&attributes);
		if (!r)
			r = posix_spawnp(&run->pid, run->process->argv[0], &actions, &attributes,
				(char *const *)run->process->argv, env);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int start(struct run *run)
{
	const struct rp_process *process = run->process;
	rp_cleanup(free) char **env = merge_environment(process->env);
	int r;

	if (!env)
		return rp_error_set(run->err, -ENOMEM, "%s: no memory", process->argv[0]);
	if (process->directory && access(process->directory, X_OK) < 0)
		return fail(run, -EIO, process->directory, errno);
	r = spawn(run, env);
	if (r == ENOENT)
		return rp_error_set(run->err, -ENOENT,
			"%s: no such program: install the package that has it", process->argv[0]);
	if (r)
		return fail(run, -EIO, "cannot start", r);
	close_fd(&run->child_out);
	close_fd(&run->child_complaint);
	if (process->timeout_s > 0)
		run->deadline = rp_clock_monotonic() + process->timeout_s * RP_SECOND;
	run->pidfd = pidfd_open(run->pid, 0);
	return run->pidfd < 0 ? fail(run, -EIO, "pidfd_open", errno) : 0;
}

static int reserve(struct output *output)
{
	size_t size = output->size ? 2 * output->size : 4096;
	char *grown;

	if (output->len + 1 < output->size)
		return 0;
	grown = realloc(output->data, size);
	if (!grown)
		return -ENOMEM;
	output->data = grown;
	output->size = size;
	return 0;
}

/* What there is now. Returns 1 while the pipe is open. */
static int drain(struct output *output, size_t max)
{
	while (output->fd >= 0) {
		ssize_t n;

		if (reserve(output) < 0)
			return -ENOMEM;
		n = read(output->fd, output->data + output->len, output->size - output->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n <= 0) {
			close_fd(&output->fd);
			break;
		}
		output->len += (size_t)n;
		if (output->len > max)
			return -EFBIG;
	}
	return 0;
}

/* Standard error: only its end is kept, so it has no limit. */
static int drain_complaint(struct output *complaint)
{
	int r;

	do {
		r = drain(complaint, 2 * COMPLAINT_MAX);
		if (complaint->len > COMPLAINT_MAX) {
			memmove(complaint->data, complaint->data + complaint->len - COMPLAINT_MAX,
				COMPLAINT_MAX);
			complaint->len = COMPLAINT_MAX;
		}
	} while (r == -EFBIG);
	return r;
}

static int drain_both(struct run *run)
{
	int r = drain(&run->out, OUTPUT_MAX);

	if (r == -EFBIG)
		return rp_error_set(run->err, -EIO, "%s: more than %u bytes of output",
			run->process->argv[0], OUTPUT_MAX);
	if (r >= 0)
		r = drain_complaint(&run->complaint);
	return r < 0 ? rp_error_set(run->err, r, "%s: no memory", run->process->argv[0]) : 0;
}

static int time_left_ms(const struct run *run)
{
	int64_t left = run->deadline - rp_clock_monotonic();

	if (run->deadline == INT64_MAX)
		return -1;
	if (left <= 0)
		return 0;
	return left / 1000 >= INT32_MAX ? INT32_MAX : (int)(left / 1000) + 1;
}

/*
 * Until the process ends. The pipes may close earlier (it closed them) or later (a child of its
 * holds them): neither is its end.
 */
static int follow(struct run *run)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = run->pidfd, .events = POLLIN},
			{.fd = run->out.fd, .events = POLLIN},
			{.fd = run->complaint.fd, .events = POLLIN}};
		int n = poll(fds, 3, time_left_ms(run));
		int r;

		if (n < 0 && errno != EINTR)
			return fail(run, -EIO, "poll", errno);
		r = drain_both(run);
		if (r < 0)
			return r;
		if (n > 0 && fds[0].revents)
			return 0;
		if (time_left_ms(run) == 0)
			return rp_error_set(run->err, -ETIMEDOUT, "%s: killed after %d s",
				run->process->argv[0], run->process->timeout_s);
	}
}

static int reap(struct run *run)
{
	int status;

	while (waitpid(run->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static const char *last_line(struct output *complaint)
{
	char *line;

	if (!complaint->len)
		return "";
	complaint->data[complaint->len] = '\0';
	while (complaint->len && strchr("\r\n\t ", complaint->data[complaint->len - 1]))
		complaint->data[--complaint->len] = '\0';
	line = strrchr(complaint->data, '\n');
	return line ? line + 1 : complaint->data;
}

static int judge(struct run *run, int status)
{
	const char *name = run->process->argv[0];
	const char *line = last_line(&run->complaint);
	const char *colon = *line ? ": " : "";

	if (status == -1)
		return rp_error_set(run->err, -EIO, "%s: its exit status was lost", name);
	if (WIFSIGNALED(status))
		return rp_error_set(run->err, -EIO, "%s: killed by signal %d (%s)%s%s", name,
			WTERMSIG(status), strsignal(WTERMSIG(status)), colon, line);
	if (WEXITSTATUS(status))
		return rp_error_set(run->err, -EIO, "%s: exit status %d%s%s", name,
			WEXITSTATUS(status), colon, line);
	return 0;
}

static int run_to_end(struct run *run)
{
	int r = start(run);

	if (r < 0 && run->pid <= 0)
		return r;
	if (r == 0)
		r = follow(run);
	if (r < 0) {
		kill(-run->pid, SIGKILL);
		reap(run);
		return r;
	}
	return judge(run, reap(run));
}

int rp_process_run(
	const struct rp_process *process, char **ret_output, size_t *ret_len, struct rp_error *err)
{
	rp_cleanup(run) struct run run = {
		.process = process,
		.input = -1,
		.out.fd = -1,
		.complaint.fd = -1,
		.child_out = -1,
		.child_complaint = -1,
		.pidfd = -1,
		.deadline = INT64_MAX,
		.err = err,
	};
	int r;

	r = open_input(&run);
	if (r == 0)
		r = open_outputs(&run, ret_output != NULL);
	if (r == 0 && ret_output && reserve(&run.out) < 0)
		r = rp_error_set(err, -ENOMEM, "%s: no memory", process->argv[0]);
	if (r == 0)
		r = run_to_end(&run);
	if (r < 0)
		return r;
	if (ret_output) {
		run.out.data[run.out.len] = '\0';
		*ret_output = rp_steal(run.out.data);
	}
	if (ret_len)
		*ret_len = run.out.len;
	return 0;
}

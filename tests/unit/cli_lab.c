/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli_lab.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "lib/log.h"
#include "server/cas/uploads.h"
#include "server/cli/cli.h"
#include "server/power/power.h"

#define WORDS_MAX 24

static struct {
	struct rig_lab rig;
	struct event_base *base;
	struct rp_https *https;
	struct event *stopped;
	pthread_t thread;
	int stop[2];
} lab;

char *cli_out, *cli_errors;

static void stop_loop(evutil_socket_t fd, short what, void *context)
{
	event_base_loopbreak(lab.base);
}

static void *serve(void *context)
{
	event_base_dispatch(lab.base);
	return NULL;
}

static void state_file(const char *name, const char *text)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", lab.rig.dir, name);
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_file_write(path, 0644, text, strlen(text), &err));
}

static void start_front(void)
{
	static const struct rp_route *const tables[] = {
		rp_artefact_routes, rp_rig_routes, rp_operator_routes, NULL};
	rp_cleanup(free) char *root = NULL;
	rp_cleanup(free) char *address = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_https_config config = {.base = lab.base,
		.context = &lab.rig.server,
		.artefacts = lab.rig.server.artefacts,
		.metrics = lab.rig.server.metrics,
		.keys_dir = lab.rig.keys,
		.routes = tables,
		.token_role = rp_tokens_role};
	char name[64];

	lab_ok(rp_https_listen("127.0.0.1:0", &config.fd, name, &err));
	lab_ok(rp_https_start(&config, &lab.https, &err));
	lab_ok(rp_pki_chain_pem(lab.rig.keys, "root", &root, &err));
	address = rp_path("https://%s\n", name);
	state_file("address", address);
	state_file("root.crt", root);
}

int cli_lab_setup(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	signal(SIGPIPE, SIG_IGN);
	rp_log_set_level(RP_LOG_ERROR);
	lab_begin(&lab.rig);
	lab_ok(rp_uploads_new(
		lab.rig.server.artefacts, lab.rig.server.metrics, &lab.rig.server.uploads, &err));
	lab.base = event_base_new();
	lab.rig.server.power = rp_power_new(lab.base, lab.rig.server.metrics);
	start_front();
	assert_int_equal(pipe(lab.stop), 0);
	lab.stopped = event_new(lab.base, lab.stop[0], EV_READ, stop_loop, NULL);
	event_add(lab.stopped, NULL);
	*state = &lab.rig;
	return pthread_create(&lab.thread, NULL, serve, NULL);
}

int cli_lab_teardown(void **state)
{
	close(lab.stop[1]);
	pthread_join(lab.thread, NULL);
	close(lab.stop[0]);
	event_free(lab.stopped);
	rp_https_free(lab.https);
	rp_power_free(lab.rig.server.power);
	event_base_free(lab.base);
	lab.rig.server.uploads = rp_uploads_free(lab.rig.server.uploads);
	lab_end(&lab.rig);
	free(cli_out);
	free(cli_errors);
	cli_out = cli_errors = NULL;
	return 0;
}

/* All that was written into fd, which ends with it. */
static char *take(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	assert_int_equal(pread(fd, text, (size_t)size, 0), size);
	close(fd);
	return text;
}

static int run(char *line)
{
	char *argv[WORDS_MAX + 1] = {(char *)"rigproof"};
	int argc = 1, status, screen;
	int out = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	size_t size;
	FILE *errors;
	char *rest;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = word;
	}
	free(cli_out);
	free(cli_errors);
	cli_out = cli_errors = NULL;
	errors = open_memstream(&cli_errors, &size);
	fflush(stdout);
	screen = dup(STDOUT_FILENO);
	assert_true(screen >= 0 && out >= 0 && dup2(out, STDOUT_FILENO) >= 0);
	status = rp_cli_main(argc, argv, stdout, errors);
	fflush(stdout);
	dup2(screen, STDOUT_FILENO);
	close(screen);
	fclose(errors);
	cli_out = take(out);
	return status;
}

int cli_run(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	size_t len;

	va_start(arguments, format);
	len = (size_t)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	assert_true(len < sizeof(line) - 80);
	snprintf(line + len, sizeof(line) - len, " --state %s", lab.rig.dir);
	return run(line);
}

int cli_run_alone(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	assert_true(vsnprintf(line, sizeof(line), format, arguments) < (int)sizeof(line));
	va_end(arguments);
	return run(line);
}

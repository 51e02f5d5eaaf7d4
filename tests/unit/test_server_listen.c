/* SPDX-License-Identifier: Apache-2.0 */
/* Where rigproofd listens, and how it says that rigs reach it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "server/http/https.h"
#include "server/server.h"
#include "server/site.h"
#include "tests/unit/folder_lab.h"

static char folder[FOLDER_LAB_TEXT];

/* The keys' tls.crt names 127.0.0.1 and localhost. */
static int make_folder(void **state)
{
	rp_cleanup(free) char *keys = NULL;
	struct rp_error err = RP_ERROR_NONE;

	rp_log_set_level(RP_LOG_WARNING);
	folder_lab_make(folder);
	keys = rp_path("%s/keys", folder);
	return rp_pki_init(keys, NULL, &err);
}

static int remove_folder(void **state)
{
	folder_lab_remove(folder);
	return 0;
}

/* Load a site and listen, as the daemon does. site: lines of its manifest; "": all defaults. */
static int start(
	struct rp_server *server, const char *site, const char *listen, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/site.yaml", folder);
	rp_cleanup(free) char *text = rp_path("kind: site\nname: lab\n%s", site);
	struct rp_site_options options = {.state = folder, .listen = listen};
	int r = rp_file_write(path, 0644, text, strlen(text), err);

	*err = RP_ERROR_NONE;
	if (r == 0)
		r = rp_site_load(server, &options, err);
	return r < 0 ? r : rp_site_listen(server, &options, err);
}

/* The same with what it logs. The caller frees *ret_log. */
static int start_logged(struct rp_server *server, const char *site, const char *listen,
	struct rp_error *err, char **ret_log)
{
	int log = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), screen = dup(STDERR_FILENO),
	    r;
	char *text = calloc(1, 4096);

	assert_true(log >= 0 && screen >= 0 && dup2(log, STDERR_FILENO) >= 0);
	r = start(server, site, listen, err);
	dup2(screen, STDERR_FILENO);
	close(screen);
	assert_true(pread(log, text, 4095, 0) >= 0);
	close(log);
	*ret_log = text;
	return r;
}

/* The port at the end of a URL. */
static int port_of(const char *url)
{
	return atoi(strrchr(url, ':') + 1);
}

static void addresses(void **state)
{
	static const struct {
		const char *site, *listen;
		const char *address;   /* as rigs reach us */
		const char *listening; /* "https://ADDR:" for the CLI of this machine */
	} cases[] = {
		{"", "127.0.0.1:0", "127.0.0.1", "https://127.0.0.1:"},
		{"", "0.0.0.0:0", "127.0.0.1", "https://127.0.0.1:"},
		{"", "[::1]:0", "127.0.0.1", "https://[::1]:"},
		{"https_port: 0\n", NULL, "127.0.0.1", "https://127.0.0.1:"},
		{"interface: lo\nhttps_port: 0\n", NULL, "127.0.0.1", "https://127.0.0.1:"},
		{"address: 127.0.0.1\nhttps_port: 0\n", NULL, "127.0.0.1", "https://127.0.0.1:"},
		{"address: localhost\nhttps_port: 0\n", NULL, "localhost", "https://localhost:"},
		{"address: \"::1\"\n", "127.0.0.1:0", "::1", "https://127.0.0.1:"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_server server = {0};
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(free) char *url = NULL;
		int r = start(&server, cases[i].site, cases[i].listen, &err);

		if (r < 0 && cases[i].listen && cases[i].listen[0] == '[' &&
			access("/proc/net/if_inet6", F_OK) < 0) {
			rp_site_done(&server); /* a kernel without IPv6 */
			continue;
		}
		if (r < 0)
			fail_msg("%zu: %s", i, err.text);
		assert_string_equal(server.address, cases[i].address);
		if (strncmp(server.listening, cases[i].listening, strlen(cases[i].listening)) != 0)
			fail_msg("%zu: listens on %s", i, server.listening);
		url = rp_path(strchr(cases[i].address, ':') ? "https://[%s]:%d" : "https://%s:%d",
			cases[i].address, port_of(server.listening));
		assert_string_equal(server.url, url);
		assert_true(port_of(server.url) > 0);
		assert_null(server.http_url);
		rp_site_done(&server);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *site, *listen;
		int error;
		const char *text;
	} cases[] = {
		{"interface: none0\n", NULL, -ENODEV, "interface none0 has no IPv4 address"},
		{"address: 192.0.2.1\n", NULL, -EADDRNOTAVAIL,
			"192.0.2.1:8443: this machine does not have that address"},
		{"", "192.0.2.1:0", -EADDRNOTAVAIL, "or use --listen"},
		{"", "nowhere", -EINVAL, "nowhere: not an address to listen on"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_server server = {0};
		struct rp_error err = RP_ERROR_NONE;

		assert_int_equal(
			start(&server, cases[i].site, cases[i].listen, &err), cases[i].error);
		if (!strstr(err.text, cases[i].text))
			fail_msg("%zu: %s", i, err.text);
		rp_site_done(&server);
	}
}

/* A free port now; nobody holds it. */
static int free_port(void)
{
	struct rp_error err;
	char name[64];
	int fd;

	assert_int_equal(rp_https_listen("127.0.0.1:0", &fd, name, &err), 0);
	close(fd);
	return port_of(name);
}

static void plain_port(void **state)
{
	int port = free_port();
	rp_cleanup(free) char *site = rp_path("http_port: %d\n", port);
	rp_cleanup(free) char *url = rp_path("http://127.0.0.1:%d", port);
	struct rp_server server = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (start(&server, site, "127.0.0.1:0", &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(server.http_url, url);
	assert_non_null(server.http);
	rp_site_done(&server);
}

/* Rigs would only say "Permission denied". */
static void certificate_without_the_address(void **state)
{
	static const struct {
		const char *site;
		const char *missing; /* NULL: the certificate names it */
	} cases[] = {
		{"", NULL},
		{"address: localhost\n", NULL},
		{"address: 10.77.0.1\n", "tls.crt does not name 10.77.0.1, so rigs will refuse"},
		{"address: lab.example\n",
			"tls.crt does not name lab.example, so rigs will refuse"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(free) char *log = NULL;
		struct rp_server server = {0};
		struct rp_error err = RP_ERROR_NONE;

		if (start_logged(&server, cases[i].site, "127.0.0.1:0", &err, &log) < 0)
			fail_msg("%s", err.text);
		if (cases[i].missing ? !strstr(log, cases[i].missing)
				     : strstr(log, "does not name") != NULL)
			fail_msg("%zu: logged %s", i, log);
		rp_site_done(&server);
	}
}

/*
 * In a child with the descriptors from 3 on and LISTEN_* as systemd passes them: "URL HTTP_URL" or
 * the error. The sockets are copies, ours stay. The caller frees it.
 */
static char *start_passed(const char *names, const int *fds, int count)
{
	char *text = calloc(1, 1024);
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rp_server server = {0};
		struct rp_error err = RP_ERROR_NONE;
		int out = fcntl(pipes[1], F_DUPFD_CLOEXEC, 100), high[4];
		char number[16];

		for (int i = 0; i < count; i++)
			high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
		for (int i = 0; i < count; i++)
			dup2(high[i], 3 + i);
		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
		snprintf(number, sizeof(number), "%d", count);
		setenv("LISTEN_FDS", number, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		if (start(&server, "", NULL, &err) < 0)
			dprintf(out, "%s", err.text);
		else
			dprintf(out, "%s %s%s", server.url, server.http_url ? server.http_url : "-",
				getenv("LISTEN_FDS") ? " LISTEN_FDS" : "");
		rp_site_done(&server);
		_exit(0);
	}
	close(pipes[1]);
	for (ssize_t len = 0, n; (n = read(pipes[0], text + len, (size_t)(1023 - len))) > 0;)
		len += n;
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return text;
}

static void passed_sockets(void **state)
{
	rp_cleanup(free) char *both = NULL;
	rp_cleanup(free) char *unnamed = NULL;
	rp_cleanup(free) char *strange = NULL;
	rp_cleanup(free) char *no_listener = NULL;
	rp_cleanup(free) char *two = NULL;
	rp_cleanup(free) char *one = NULL;
	struct rp_error err;
	char names[2][64];
	int fds[2], pair[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(rp_https_listen("127.0.0.1:0", &fds[i], names[i], &err), 0);
	two = rp_path(
		"https://127.0.0.1:%d http://127.0.0.1:%d", port_of(names[1]), port_of(names[0]));
	one = rp_path("https://127.0.0.1:%d -", port_of(names[0]));

	both = start_passed("http:https", fds, 2);
	assert_string_equal(both, two);
	unnamed = start_passed("unknown", fds, 1);
	assert_string_equal(unnamed, one);
	strange = start_passed("https:web", fds, 2);
	assert_non_null(strstr(strange, "systemd passed a socket named web"));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	no_listener = start_passed("https", pair, 1);
	assert_non_null(strstr(no_listener, "something else than a listening TCP socket"));
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(pair[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(refusals),
		cmocka_unit_test(plain_port),
		cmocka_unit_test(certificate_without_the_address),
		cmocka_unit_test(passed_sockets),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watching, with scripts in in.tftpd's place: one that fails at once, one that stays. Where
 * tftpd-hpa is installed and we are root, the real one serves a file too.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "pxe/tftpd.h"
#include "tests/unit/folder_lab.h"

struct lab {
	struct event_base *base;
	char dir[FOLDER_LAB_TEXT], program[128];
	int started, ended;
	int stop_after; /* events of the kind that ends the loop */
	char last[512];
};

static void on_event(void *ctx, enum rp_tftpd_event what, const char *text)
{
	struct lab *lab = ctx;

	if (what == RP_TFTPD_STARTED)
		lab->started++;
	else
		lab->ended++;
	snprintf(lab->last, sizeof(lab->last), "%s", text);
	if (lab->ended >= lab->stop_after)
		event_base_loopbreak(lab->base);
}

static int set_up(void **state)
{
	static struct lab lab;

	lab = (struct lab){.base = event_base_new()};
	if (!lab.base)
		return -1;
	folder_lab_make(lab.dir);
	snprintf(lab.program, sizeof(lab.program), "%s/in.tftpd", lab.dir);
	*state = &lab;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *lab = *state;

	event_base_free(lab->base);
	folder_lab_remove(lab->dir);
	return 0;
}

static void write_program(const struct lab *lab, const char *text)
{
	struct rp_error err = RP_ERROR_NONE;

	if (rp_file_write(lab->program, 0755, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

static struct rp_tftpd_config config(struct lab *lab)
{
	return (struct rp_tftpd_config){.root = lab->dir,
		.address = "127.0.0.1",
		.port = 6969,
		.user = "nobody",
		.program = lab->program,
		.event = on_event,
		.ctx = lab};
}

static void what_it_is_started_with(void **state)
{
	struct lab *lab = *state;
	const struct rp_tftpd_config settings = config(lab);
	rp_cleanup(tftpd) struct rp_tftpd *tftpd = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char expected[512];

	write_program(lab, "#!/bin/sh\necho \"not this line\" >&2\necho \"$*\" >&2\nexit 71\n");
	lab->stop_after = 1;
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), 0);
	assert_int_equal(event_base_dispatch(lab->base), 0);
	snprintf(expected, sizeof(expected),
		"in.tftpd ended with exit status 71: -L --ipv4 --secure --user nobody --address "
		"127.0.0.1:6969 --map-file /dev/fd/3 %s, again in 0.5 s",
		lab->dir);
	assert_string_equal(lab->last, expected);
	assert_int_equal(rp_tftpd_pid(tftpd), -1);
}

static void it_is_started_again_with_growing_pauses(void **state)
{
	struct lab *lab = *state;
	const struct rp_tftpd_config settings = config(lab);
	rp_cleanup(tftpd) struct rp_tftpd *tftpd = NULL;
	struct rp_error err = RP_ERROR_NONE;

	write_program(lab, "#!/bin/sh\nkill -9 $$\n");
	lab->stop_after = 2;
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), 0);
	assert_int_equal(event_base_dispatch(lab->base), 0);
	assert_int_equal(lab->started, 2);
	assert_string_equal(lab->last, "in.tftpd ended with signal 9, again in 1.0 s");
}

static void it_goes_with_us(void **state)
{
	struct lab *lab = *state;
	const struct rp_tftpd_config settings = config(lab);
	rp_cleanup(tftpd) struct rp_tftpd *tftpd = NULL;
	struct rp_error err = RP_ERROR_NONE;
	pid_t pid;

	write_program(lab, "#!/bin/sh\nexec cat /dev/zero >/dev/null\n");
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), 0);
	pid = rp_tftpd_pid(tftpd);
	assert_int_equal(kill(pid, 0), 0);
	tftpd = rp_tftpd_free(tftpd);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void what_cannot_be_started(void **state)
{
	struct lab *lab = *state;
	struct rp_tftpd_config settings = config(lab);
	struct rp_error err = RP_ERROR_NONE;
	struct rp_tftpd *tftpd = NULL;

	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), -ENOENT);
	assert_non_null(strstr(err.text, "apt-get install tftpd-hpa"));
	write_program(lab, "#!/bin/sh\n");
	settings.root = "/nonexistent";
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), -ENOENT);
	settings.root = lab->program;
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), -ENOTDIR);
	settings.root = lab->dir;
	settings.user = "no-such-user";
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), -EINVAL);
	assert_null(tftpd);
}

/* One read request for name, which has any bytes but 0, repeated until the server has come up. */
static ssize_t fetch(uint16_t port, const char *name, uint8_t reply[600])
{
	static const char mode[] = "octet";
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_usec = 200000};
	rp_cleanup(fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const size_t name_size = strlen(name) + 1;
	char request[128] = "\0\x01";

	assert_true(name_size <= sizeof(request) - 2 - sizeof(mode));
	memcpy(request + 2, name, name_size);
	memcpy(request + 2 + name_size, mode, sizeof(mode));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 50; i++) {
		ssize_t n;

		sendto(fd, request, 2 + name_size + sizeof(mode), 0, (struct sockaddr *)&to,
			sizeof(to));
		n = recv(fd, reply, 600, 0);
		if (n >= 0)
			return n;
	}
	return -1;
}

static void the_real_one_serves(void **state)
{
	static const struct {
		const char *name;
		bool served;
	} cases[] = {
		{"hello.efi", true},
		{"/hello.efi", true},
		/* option 67 without a NUL behind it, and what may follow there */
		{"hello.efi\xff", true},
		{"hello.efi\xff\xff\xff", true},
		{"hello.efi\xff\x2e\x2e/x", true},
		{"hello.efi\x0d\x0a", true},
		{"hello.efi ", true},
		{"\\hello.efi", true},
		{"sub\\hello.efi\xff", true},
		{"\xff", false},
		{"hello", false},
		{"..\\outside", false},
		{"HELLO.EFI", false},
	};
	struct lab *lab = *state;
	struct rp_tftpd_config settings = config(lab);
	rp_cleanup(tftpd) struct rp_tftpd *tftpd = NULL;
	rp_cleanup(free) char *file = rp_path("%s/root/hello.efi", lab->dir);
	rp_cleanup(free) char *sub = rp_path("%s/root/sub", lab->dir);
	rp_cleanup(free) char *deep = rp_path("%s/root/sub/hello.efi", lab->dir);
	rp_cleanup(free) char *outside = rp_path("%s/outside", lab->dir);
	rp_cleanup(free) char *root = rp_path("%s/root", lab->dir);
	struct rp_error err = RP_ERROR_NONE;

	if (geteuid() != 0 || access("/usr/sbin/in.tftpd", X_OK) < 0)
		skip();
	/*
	 * Only the folder itself must be open: as `nobody` in a chroot the way to it
	 * does not matter.
	 */
	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(rp_file_write(file, 0644, "TFTP", 4, &err), 0);
	assert_int_equal(rp_file_write(deep, 0644, "TFTP", 4, &err), 0);
	assert_int_equal(rp_file_write(outside, 0644, "TFTP", 4, &err), 0);
	settings.root = root;
	settings.program = NULL;
	settings.port = (uint16_t)(20000 + getpid() % 20000);
	assert_int_equal(rp_tftpd_start(lab->base, &settings, &tftpd, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t reply[600];
		ssize_t n = fetch(settings.port, cases[i].name, reply);
		bool served = n == 8 && memcmp(reply, "\0\x03\0\x01TFTP", 8) == 0;

		if (served != cases[i].served || (!served && (n < 4 || reply[1] != 5)))
			fail_msg("case %zu, '%s': %zd bytes, opcode %d", i, cases[i].name, n,
				reply[1]);
	}
}

/* What an installed server's unit gives to in.tftpd. */
static void the_file_has_the_same_rules(void **state)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_file_read("pxe/tftp-names", 4096, &text, NULL, &err), 0);
	assert_string_equal(text, rp_tftpd_names);
}

int main(void)
{
#define on_lab(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_has_the_same_rules),
		on_lab(what_it_is_started_with),
		on_lab(it_is_started_again_with_growing_pauses),
		on_lab(it_goes_with_us),
		on_lab(what_cannot_be_started),
		on_lab(the_real_one_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server is: options before environment before file; and who may read a token. */
#include "tests/unit/cli_lab.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/cli.h"
#include "server/cli/settings.h"

static const char *const variables[] = {"RIGPROOF_STATE", "RIGPROOF_SERVER", "RIGPROOF_ROOT",
	"RIGPROOF_TOKEN", "RIGPROOF_TOKEN_FILE", "NO_COLOR", "XDG_CONFIG_HOME"};

static void forget(void)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	setenv("HOME", "/nonexistent", 1);
}

/* The configuration file of this test's user. */
static void put_config(struct rig_lab *lab, const char *text)
{
	rp_cleanup(free) char *folder = rp_path("%s/xdg/rigproof", lab->dir);
	rp_cleanup(free) char *xdg = rp_path("%s/xdg", lab->dir);
	rp_cleanup(free) char *path = rp_path("%s/config", folder);
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_file_make_directories(folder, 0755, &err));
	lab_ok(rp_file_write(path, 0644, text, strlen(text), &err));
	setenv("XDG_CONFIG_HOME", xdg, 1);
}

static char *read_file(struct rig_lab *lab, const char *name)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", lab->dir, name);
	struct rp_error err = RP_ERROR_NONE;
	char *text = NULL;

	lab_ok(rp_file_read(path, 1 << 16, &text, NULL, &err));
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* Each source alone is enough. */
static void each_source_finds_it(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *address = read_file(lab, "address");
	rp_cleanup(free) char *token = read_file(lab, "operator.token");
	rp_cleanup(free) char *root = rp_path("%s/root.crt", lab->dir);
	rp_cleanup(free) char *token_file = rp_path("%s/operator.token", lab->dir);
	rp_cleanup(free) char *config = NULL;

	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_USAGE);
	assert_complained("where is the server? Add --state DIR");

	assert_int_equal(cli_run_alone("rig list --server %s --root %s --token-file %s", address,
				 root, token_file),
		0);
	setenv("RIGPROOF_SERVER", address, 1);
	setenv("RIGPROOF_ROOT", root, 1);
	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_USAGE); /* who asks? */
	setenv("RIGPROOF_TOKEN", token, 1);
	assert_int_equal(cli_run_alone("rig list"), 0);
	unsetenv("RIGPROOF_TOKEN");
	setenv("RIGPROOF_TOKEN_FILE", token_file, 1);
	assert_int_equal(cli_run_alone("rig list"), 0);
	forget();
	setenv("RIGPROOF_STATE", lab->dir, 1);
	assert_int_equal(cli_run_alone("rig list"), 0);
	forget();

	config = rp_path("kind: client\nserver: %s\nroot: ../../root.crt\n"
			 "token_file: ../../operator.token\n",
		address);
	put_config(lab, config);
	assert_int_equal(cli_run_alone("rig list"), 0);
	put_config(lab, "kind: client\nstate: ../..\n");
	assert_int_equal(cli_run_alone("rig list"), 0);
	/* in the home folder, where XDG says nothing of use */
	setenv("XDG_CONFIG_HOME", "xdg", 1);
	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_USAGE);
}

static void first(const struct rp_settings *settings, enum rp_setting which, const char *from)
{
	assert_non_null(settings->values[which].from);
	assert_string_equal(settings->values[which].from, from);
}

static void load(const char *typed, struct rp_settings *ret)
{
	char line[256];
	char *argv[16] = {(char *)"rigproof"};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_cli cli;
	char *rest;
	int argc = 1;

	snprintf(line, sizeof(line), "%s", typed);
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	assert_int_equal(rp_cli_parse(argc, argv, stdout, &cli, &err), 1);
	lab_ok(rp_settings_load(&cli, ret, &err));
	rp_cli_done(&cli);
}

static void the_first_that_says_has_it(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *config = rp_path("%s/xdg/rigproof/config", lab->dir);
	struct rp_settings settings;

	put_config(lab, "kind: client\nserver: https://c\nroot: c.crt\ntoken_file: c.token\n"
			"state: c\ncolor: always\n");
	load("rig list", &settings);
	for (int i = 0; i < RP_SETTINGS; i++)
		first(&settings, i, config);
	assert_int_equal(settings.color, RP_COLOR_ALWAYS);
	rp_settings_done(&settings);

	/* a folder in the environment goes before all of the file, and after what stands beside it */
	setenv("RIGPROOF_STATE", "/e", 1);
	setenv("RIGPROOF_ROOT", "/e.crt", 1);
	setenv("NO_COLOR", "1", 1);
	load("rig list", &settings);
	first(&settings, RP_SETTING_SERVER, "RIGPROOF_STATE");
	first(&settings, RP_SETTING_ROOT, "RIGPROOF_ROOT");
	first(&settings, RP_SETTING_TOKEN, "RIGPROOF_STATE");
	assert_string_equal(settings.values[RP_SETTING_TOKEN].path, "/e/operator.token");
	assert_string_equal(settings.state, "/e");
	assert_int_equal(settings.color, RP_COLOR_NEVER);
	rp_settings_done(&settings);

	load("rig list --state /o --server https://o --color auto", &settings);
	first(&settings, RP_SETTING_SERVER, "--server");
	first(&settings, RP_SETTING_ROOT, "--state");
	first(&settings, RP_SETTING_TOKEN, "--state");
	assert_string_equal(settings.state, "/o");
	assert_int_equal(settings.color, RP_COLOR_AUTO);
	rp_settings_done(&settings);

	/* empty variables say nothing */
	forget();
	setenv("RIGPROOF_STATE", "/e", 1);
	setenv("RIGPROOF_SERVER", "", 1);
	load("rig list --token-file /o.token", &settings);
	first(&settings, RP_SETTING_SERVER, "RIGPROOF_STATE");
	first(&settings, RP_SETTING_TOKEN, "--token-file");
	rp_settings_done(&settings);
}

static void what_is_wrong_is_said(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *token_file = rp_path("%s/operator.token", lab->dir);

	put_config(lab, "kind: client\nstate: ../..\ntoken_fil: x\n");
	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_FAILED);
	assert_complained("/rigproof/config:3:1: token_fil: found an unknown key");
	put_config(lab, "kind: site\n");
	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_FAILED);
	put_config(lab, "kind: client\nstate: ../..\n");
	assert_int_equal(cli_run_alone("rig list"), 0);
	for (int mode = 0604; mode <= 0660; mode += 0660 - 0604) {
		assert_int_equal(chmod(token_file, (mode_t)mode), 0);
		assert_int_equal(cli_run_alone("rig list"), RP_EXIT_FAILED);
		assert_complained("operator.token");
		assert_complained("0600");
	}
	assert_int_equal(chmod(token_file, 0600), 0);
	setenv("RIGPROOF_TOKEN_FILE", "/nonexistent", 1);
	assert_int_equal(cli_run_alone("rig list"), RP_EXIT_FAILED);
	assert_complained("RIGPROOF_TOKEN_FILE: /nonexistent");
}

#define GREEN "\x1b[32mready\x1b[0m"

static void colours(void **state)
{
	struct rig_lab *lab = *state;

	ready_rig(lab, "alpha", "none");
	assert_int_equal(cli_run("rig list"), 0);
	assert_null(strchr(cli_out, '\x1b')); /* it is a file */
	assert_int_equal(cli_run("rig list --color=always"), 0);
	assert_printed("alpha  " GREEN "  " MAC);
	assert_null(strstr(cli_out, "\x1b[0mSTATE"));
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(cli_run("rig list --color=always"), 0);
	assert_printed(GREEN);
	unsetenv("NO_COLOR");
	assert_int_equal(cli_run("rig list --color=always --json"), 0);
	assert_null(strchr(cli_out, '\x1b'));
	put_config(lab, "kind: client\ncolor: always\n");
	assert_int_equal(cli_run("rig list"), 0);
	assert_printed(GREEN);
	assert_int_equal(cli_run("rig list --color=never"), 0);
	assert_null(strchr(cli_out, '\x1b'));
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(cli_run("rig list"), 0);
	assert_null(strchr(cli_out, '\x1b'));
}

/* On a terminal: colours, unless somebody wants none. */
static void on_a_terminal(void **state)
{
	struct rig_lab *lab = *state;
	static const struct {
		const char *term, *no_color;
		bool coloured;
	} rows[] = {{"xterm", "", true}, {"xterm", "1", false}, {"dumb", "", false}};

	ready_rig(lab, "alpha", "none");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *argv[] = {(char *)"rigproof", (char *)"rig", (char *)"list", NULL};
		char text[1024] = "";
		int mine, theirs;
		size_t len = 0;
		ssize_t n;
		FILE *out;

		setenv("RIGPROOF_STATE", lab->dir, 1);
		setenv("TERM", rows[i].term, 1);
		setenv("NO_COLOR", rows[i].no_color, 1);
		assert_int_equal(openpty(&mine, &theirs, NULL, NULL, NULL), 0);
		out = fdopen(theirs, "w");
		assert_int_equal(rp_cli_main(3, argv, out, stderr), 0);
		fclose(out); /* what was written stays to be read; then EIO */
		while (len < sizeof(text) - 1 &&
			(n = read(mine, text + len, sizeof(text) - 1 - len)) > 0)
			len += (size_t)n;
		close(mine);
		if (!strstr(text, rows[i].coloured ? GREEN : "  ready  "))
			fail_msg("TERM=%s NO_COLOR=%s: %s", rows[i].term, rows[i].no_color, text);
	}
}

static int setup(void **state)
{
	forget();
	return cli_lab_setup(state);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, cli_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SERVER(each_source_finds_it),
		ON_SERVER(the_first_that_says_has_it),
		ON_SERVER(what_is_wrong_is_said),
		ON_SERVER(colours),
		ON_SERVER(on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

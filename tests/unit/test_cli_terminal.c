/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine or a file says of itself comes to a terminal as text, whatever is in it. */
#include "tests/unit/cli_lab.h"
#include "tests/unit/keys_lab.h"

#include <unistd.h>

#include "lib/printable.h"
#include "server/cli/cli.h"
#include "server/cli/screen.h"

/* Title, clear screen, C1 CSI, override, isolate, what is no UTF-8 goes only into file names. */
#define HOSTILE                                                                                    \
	"\x1b]0;x\x07\x1b[2J\x7f\xc2\x9b"                                                          \
	"2J\xd8\x9c\xe2\x80\xae"                                                                   \
	"cod.\xe2\x81\xa6"

static void is_clean(const char *what, const char *text)
{
	const char *at = text;

	for (size_t n; *at; at += n) {
		n = rp_printable_length(at, strlen(at));
		if (!n && *at == '\n')
			n = 1;
		if (!n)
			fail_msg("%s: byte 0x%02x at %zu of: %s", what, (unsigned char)*at,
				(size_t)(at - text), text);
	}
}

/* Runs the command, in both forms; what it prints must show `seen`. */
static void is_shown(const char *words, const char *argument, const char *seen)
{
	char line[512];

	snprintf(line, sizeof(line), "%s%s", words, argument);
	cli_run("%s", line);
	is_clean(line, cli_out);
	is_clean(line, cli_errors);
	if (!strstr(cli_out, seen) && !strstr(cli_errors, seen))
		fail_msg("%s: \"%s\" is not in: %s%s", line, seen, cli_out, cli_errors);
	cli_run("%s --json", line);
	is_clean(line, cli_out);
	is_clean(line, cli_errors);
}

/* An unknown machine's inventory, a rig's events and diagnosis. */
static void a_machine_speaks(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	rp_cleanup(json) json_t *document = NULL;
	struct answer answer;
	json_t *body;
	char name[64];

	answer = fetch_script(lab, &agent);
	answer_done(&answer);
	body = hello_body(&agent);
	json_object_set_new(body, "inventory",
		json_pack("{s:s, s:s}", "serial", HOSTILE "serial", "product", HOSTILE));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 202);
	agent_done(&agent);

	assert_int_equal(cli_run("rig list --json"), 0);
	document = json_loads(cli_out, 0, NULL);
	snprintf(name, sizeof(name), "%s",
		rp_json_string_or(
			json_array_get(json_object_get(document, "rigs"), 0), "name", ""));
	is_shown("rig show ", name, "serial\"");
	/* what is escaped is not lost */
	json_decref(document);
	document = json_loads(cli_out, 0, NULL);
	assert_string_equal(rp_json_string_or(json_object_get(document, "inventory"), "serial", ""),
		HOSTILE "serial");
	is_shown("rig list", "", name);
}

static void a_rig_tells(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	char job[27];

	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_int_equal(
		status_of(lab, "POST", "/rig/v1/event",
			json_pack("{s:s, s:s}", "stage", "checks", "message", HOSTILE "event"),
			agent.cert),
		204);
	agent_done(&agent);
	is_shown("job timeline ", job, "cod.");
	is_shown("job show ", job, job);
	is_shown("rig boots ", "alpha", "job");
}

static struct keys_lab keys;

static void hostile_facts(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *check = json_array_get(checks, 0);
	json_t *test = json_array_get(json_object_get(check, "tests"), 0);

	json_object_set_new(check, "message", json_string(HOSTILE "diagnosis\nproven: all"));
	json_object_set_new(test, "description", json_string(HOSTILE));
	json_object_set_new(
		json_array_get(json_object_get(check, "metrics"), 0), "unit", json_string(HOSTILE));
	json_object_set_new(kernel, "command_line", json_string(HOSTILE));
}

static void evidence_speaks(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *path = rp_path("%s/evidence.json", lab->dir);
	rp_cleanup(free) char *words = rp_path("verify --root %s/root.crt ", keys.dir);
	rp_cleanup(free) char *text = draft_make(&(struct draft){.facts = hostile_facts}, &keys);
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_file_write(path, 0644, text, strlen(text), &err));
	is_shown(words, path, "diagnosis?proven: all"); /* no line of its own */
	assert_int_equal(cli_run("%s%s --json", words, path), 0);
	assert_printed("\\u009b2J\\u061c\\u202ecod.\\u2066");
}

/* Names of files, in messages and in what is found in them. */
static void a_file_is_named(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *path = rp_path("%s/" HOSTILE "\xff\nimage.iso", lab->dir);
	rp_cleanup(free) char *good = rp_path("%s/" HOSTILE "\xff\nok.yaml", lab->dir);
	static const char site[] = "kind: site\n";
	static const char unknown[] = "kind: site\n\"max\\e[2J\\u202E\": 1\n";
	struct rp_error err = RP_ERROR_NONE;

	is_shown("manifest check ", path, "?image.iso");
	is_shown("image add ", path, "?image.iso");
	is_shown("verify ", path, "?image.iso");
	is_shown("claim list ", path, "?image.iso");
	is_shown("keys show ", path, "?image.iso");
	assert_ok(rp_file_write(good, 0644, site, strlen(site), &err));
	is_shown("manifest check ", good, "?ok.yaml: site lab: good\n");
	assert_ok(rp_file_write(good, 0644, unknown, strlen(unknown), &err));
	is_shown("manifest check ", good, "?ok.yaml:2:1: found a control character");
	assert_int_equal(cli_run("manifest check %s --json", good), 1);
	assert_printed("?ok.yaml\"");
}

/* The filter below all of it, with each character cut at each place. */
static void nothing_passes_the_screen(void **state)
{
	static const char text[] =
		HOSTILE "\tok \xe2\x82\xac \xf0\x9f\x8e\xae \xff\xe2\x82 end\n\xe2";
	static const char want[] = "?]0;x??[2J???2J?????cod.???\tok \xe2\x82\xac \xf0\x9f\x8e\xae "
				   "??? end\n?";

	for (size_t cut = 0; cut < sizeof(text); cut++)
		for (size_t step = 1; step < 4; step++) {
			rp_cleanup(free) char *out_text = NULL;
			rp_cleanup(free) char *errors_text = NULL;
			size_t size, errors_size;
			FILE *out = open_memstream(&out_text, &size);
			FILE *errors = open_memstream(&errors_text, &errors_size);

			assert_int_equal(rp_screen_begin(out, errors, NULL), 0);
			fwrite(text, 1, cut, stdout);
			fflush(stdout);
			for (size_t i = cut; i < sizeof(text) - 1; i += step) {
				const size_t left = sizeof(text) - 1 - i;

				fwrite(text + i, 1, left < step ? left : step, stdout);
				fflush(stdout);
			}
			fputs(text, stderr);
			assert_int_equal(rp_screen_end(), 0);
			fclose(out);
			fclose(errors);
			if (strcmp(out_text, want) != 0)
				fail_msg("cut at %zu by %zu: %s", cut, step, out_text);
			assert_string_equal(errors_text, want);
		}
}

static void a_full_disk_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	rp_cleanup(free) char *said = NULL;
	size_t size;
	FILE *errors = open_memstream(&said, &size);
	char *argv[] = {(char *)"rigproof", (char *)"--version", NULL};

	assert_non_null(full);
	assert_int_equal(rp_cli_main(2, argv, full, errors), RP_EXIT_FAILED);
	fclose(errors);
	fclose(full);
	assert_string_equal(said, "rigproof: standard output: No space left on device\n");
}

static int make_keys(void **state)
{
	keys_lab_init(&keys);
	return 0;
}

static int remove_keys(void **state)
{
	keys_lab_done(&keys);
	return 0;
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, cli_lab_setup, cli_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SERVER(a_machine_speaks),
		ON_SERVER(a_rig_tells),
		ON_SERVER(evidence_speaks),
		ON_SERVER(a_file_is_named),
		cmocka_unit_test(nothing_passes_the_screen),
		cmocka_unit_test(a_full_disk_is_told),
	};

	unsetenv("RIGPROOF_STATE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Commands against a server: what they print, how they exit, and what a refusal looks like. */
#include "tests/unit/cli_lab.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"

#define NO_JOB "01ARZ3NDEKTSV4RRFFQ69G5FAV"

/* A file in the lab's folder; its path. The caller frees it. */
static char *file(struct rig_lab *lab, const char *name, const char *text)
{
	char *path = rp_path("%s/%s", lab->dir, name);
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_file_write(path, 0644, text, strlen(text), &err));
	return path;
}

/* A list's JSON document: how many rows it has below key. */
static size_t rows(const char *key)
{
	rp_cleanup(json) json_t *document = json_loads(cli_out, 0, NULL);

	assert_true(json_is_array(json_object_get(document, key)));
	return json_array_size(json_object_get(document, key));
}

static void rigs(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *manifest = file(lab, "alpha.yaml",
		"kind: rig\nname: alpha\nmac:\n  - \"" MAC "\"\nuuid: " UUID "\n");
	rp_cleanup(free) char *wrong = file(lab, "wrong.yaml", "kind: rig\nname: alpha\nmax: 1\n");

	assert_int_equal(cli_run("rig list"), 0);
	assert_string_equal(cli_out, "no rigs yet: rigproof rig add FILE\n");
	assert_int_equal(cli_run("rig list --json"), 0);
	assert_int_equal(rows("rigs"), 0);

	assert_int_equal(cli_run("rig add %s", manifest), 0);
	assert_string_equal(cli_out, "rig alpha: enrolled\n"
				     "it has no power driver: type `rigproof rig announce alpha` "
				     "and press its button, now "
				     "and whenever a job asks for it\n");
	assert_int_equal(cli_run("rig list"), 0);
	assert_string_equal(cli_out,
		"RIG    STATE     MAC                POWER  LAST SEEN (UTC)  REASON\n"
		"alpha  enrolled  " MAC "  none   -                -\n");
	assert_int_equal(cli_run("rig list --json"), 0);
	assert_int_equal(rows("rigs"), 1);
	assert_int_equal(cli_run("rig show alpha"), 0);
	assert_printed("\"name\": \"alpha\"");
	assert_int_equal(cli_run("rig boots alpha"), 0);
	assert_string_equal(cli_out, "it was never booted\n");

	assert_int_equal(cli_run("rig state alpha quarantined"), 0);
	assert_string_equal(cli_out, "rig alpha: quarantined\n");
	assert_int_equal(cli_run("rig state alpha ready"), 0);
	assert_int_equal(cli_run("rig retire alpha"), 0);
	assert_string_equal(cli_out, "rig alpha: retired\n");

	assert_int_equal(cli_run("rig add %s", wrong), 1);
	assert_complained("max");
	assert_string_equal(cli_out, "");
	assert_int_equal(cli_run("rig state alpha flying"), 2);
	assert_int_equal(cli_run("rig show beta"), 1);
	assert_complained("beta");
	assert_int_equal(cli_run("rig show beta --json"), 1);
	assert_int_equal(strncmp(cli_errors, "{\"error\":", 9), 0);
	assert_int_equal(cli_run("rig show ../jobs"), 2);
	assert_complained("not a name");
	assert_int_equal(cli_run("rig power alpha explode"), 2);
	assert_complained("none of on|off|cycle|status");
	assert_int_equal(cli_run("rig power alpha on"), 1);
}

/* A machine that nobody registered says hello and is kept waiting for an operator. */
static void approval(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	rp_cleanup(json) json_t *document = NULL;
	const char *name;

	answer_done(&(struct answer[]){fetch_script(lab, &agent)}[0]);
	assert_int_equal(hello(lab, &agent), 202);
	agent_done(&agent);
	assert_int_equal(cli_run("rig list --json"), 0);
	assert_int_equal(rows("rigs"), 1);
	document = json_loads(cli_out, 0, NULL);
	name = rp_json_string_or(json_array_get(json_object_get(document, "rigs"), 0), "name", "");
	assert_printed("\"state\": \"pending\"");

	assert_int_equal(cli_run("rig approve nobody"), 1);
	assert_complained("nobody");
	assert_int_equal(cli_run("rig approve %s", name), 0);
	assert_printed(": enrolled\n");
	assert_int_equal(cli_run("rig approve %s", name), 1); /* it is not pending any more */
}

static void jobs(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *plan = file(lab, "plan.yaml",
		"kind: plan\nname: ring\nmodules:\n  - name: xsc\nchecks:\n  - name: ring\n"
		"    exec: [xsc_ring_test]\n");
	struct agent agent = {0};
	char job[27] = "";

	ready_rig(lab, "alpha", "none");
	assert_int_equal(cli_run("job list"), 0);
	assert_string_equal(cli_out, "no jobs yet: rigproof job submit --plan FILE --rig NAME\n");
	assert_int_equal(cli_run("job submit --plan %s --rig beta --image node", plan), 1);
	assert_complained("beta");
	assert_int_equal(cli_run("job submit --plan %s --rig alpha --image nada", plan), 1);
	assert_complained("nada");
	assert_int_equal(cli_run("job submit --plan %s --rig alpha --module xsc", plan), 2);
	assert_complained("type --module NAME=FILE.ko");
	assert_int_equal(cli_run("job submit --plan %s --rig alpha --image node", plan), 0);
	assert_int_equal(sscanf(cli_out, "job %26s\n", job), 1);
	assert_printed("\nfollow it: rigproof job wait ");

	assert_int_equal(cli_run("job list"), 0);
	assert_int_equal(strncmp(cli_out, "JOB                         CREATED (UTC)", 41), 0);
	assert_printed(job);
	assert_printed("alpha  ring  node   ");
	assert_int_equal(cli_run("job list --json"), 0);
	assert_int_equal(rows("jobs"), 1);
	assert_int_equal(cli_run("job show %s", job), 0);
	assert_printed("\"plan\": \"ring\"");
	assert_int_equal(cli_run("job timeline %s", NO_JOB), 1);
	assert_true(script_boots(lab, &agent));
	assert_int_equal(cli_run("job timeline %s", job), 0);
	assert_printed("rig alpha  boot ");
	assert_printed("  script ");
	assert_int_equal(cli_run("job timeline %s --json", job), 0);
	assert_printed("\"stages\"");
	assert_int_equal(cli_run("rig boots alpha"), 0);
	assert_printed("2026-11-18 11:06:40  job      open   kernel  none       -\n");
	agent_done(&agent);

	assert_int_equal(cli_run("job cancel %s", job), 0);
	assert_int_equal(strncmp(cli_out + 4, job, 26), 0);
	assert_printed(": cancelled\n");
	assert_int_equal(cli_run("job cancel %s", NO_JOB), 1);
	assert_complained(NO_JOB);
	assert_int_equal(cli_run("job cancel ../rigs"), 2);
	assert_complained("not a job id");
}

static void results(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *path = rp_path("%s/evidence.json", lab->dir);
	rp_cleanup(free) char *page = rp_path("%s/report.html", lab->dir);
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char job[27], *at;
	size_t len;

	ready_rig(lab, "alpha", "none");
	assert_int_equal(cli_run("result list"), 0);
	assert_string_equal(cli_out, "no results yet\n");
	assert_int_equal(cli_run("result refused"), 0);
	assert_string_equal(cli_out, "nothing was refused\n");
	assert_int_equal(cli_run("result evidence %s", NO_JOB), 1);

	finish_job(lab, "alpha", "pass", job);
	assert_int_equal(cli_run("job wait %s", job), 0);
	assert_printed("verdict: pass\n");
	assert_int_equal(cli_run("result list"), 0);
	assert_printed(job);
	assert_printed("  pass ");
	assert_int_equal(cli_run("result list --json"), 0);
	assert_int_equal(rows("results"), 1);

	assert_int_equal(cli_run("result evidence %s -o %s", job, path), 0);
	assert_printed("verify it anywhere: rigproof verify --root root.crt ");
	assert_int_equal(cli_run("result evidence %s", job), 0);
	lab_ok(rp_file_read(path, 1 << 20, &text, &len, &err));
	assert_string_equal(cli_out, text);
	assert_int_equal(cli_run("verify %s", path), 0);
	assert_printed("pass");
	assert_int_equal(cli_run("result report %s -o %s", job, page), 0);
	assert_int_equal(access(page, R_OK), 0);

	/* one character of what was signed */
	at = strstr(text, "\"payload\": \"");
	assert_non_null(at);
	at[12] = at[12] == 'e' ? 'f' : 'e';
	at[40] = at[40] == 'A' ? 'B' : 'A';
	lab_ok(rp_file_write(path, 0644, text, len, &err));
	assert_int_equal(cli_run("verify %s", path), 1);
	assert_complained("proves nothing");
	assert_string_equal(cli_out, "");
}

static void exit_status_is_the_verdict(void **state)
{
	struct rig_lab *lab = *state;
	char job[27];

	ready_rig(lab, "alpha", "none");
	finish_job(lab, "alpha", "fail", job);
	assert_int_equal(cli_run("job wait %s", job), 1);
	assert_printed("verdict: fail\n");
	assert_int_equal(cli_run("job wait %s --json", job), 1);
	assert_printed("\"verdict\":\"fail\"");
	assert_int_equal(cli_run("job wait %s", NO_JOB), 1);
	assert_complained(NO_JOB);
}

static void the_log(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *seen = rp_path("%s/log.seen", lab->dir);
	rp_cleanup(free) char *before = NULL;
	struct rp_error err = RP_ERROR_NONE;
	char job[27], second[27];

	ready_rig(lab, "alpha", "none");
	finish_job(lab, "alpha", "pass", job);
	assert_int_equal(cli_run("log checkpoint"), 0);
	assert_printed("\n1\n");
	assert_int_equal(cli_run("log checkpoint --json"), 0);
	assert_printed("\"size\": 1");
	assert_int_equal(cli_run("log check"), 0);
	assert_int_equal(strncmp(cli_out, "1 entries; signed, and remembered in ", 37), 0);
	lab_ok(rp_file_read(seen, 4096, &before, NULL, &err));

	finish_job(lab, "alpha", "pass", second);
	assert_int_equal(cli_run("log check"), 0);
	assert_string_equal(
		cli_out, "2 entries; the first 1 are those signed when last looked at\n");
	assert_int_equal(cli_run("log prove %s", job), 0);
	assert_int_equal(cli_run("log prove %s", second), 0);
	assert_int_equal(cli_run("log prove %s", NO_JOB), 1);

	/* what was remembered is not of this log's key */
	before[0] ^= 1;
	lab_ok(rp_file_write(seen, 0644, before, strlen(before), &err));
	assert_int_equal(cli_run("log check"), 1);
	assert_complained("log.seen");
}

static void images(void **state)
{
	assert_int_equal(cli_run("image list"), 0);
	assert_int_equal(
		strncmp(cli_out, "IMAGE  SIZE    MODULES  SHA256\nnode   0.0 MB  xsc      ", 55),
		0);
	assert_int_equal(cli_run("image list --json"), 0);
	assert_int_equal(rows("images"), 1);
	assert_int_equal(cli_run("image show node"), 0);
	assert_printed("\"command_line\": \"rigproof=1\"");
	assert_int_equal(cli_run("image show nada"), 1);
	assert_complained("image nada: not there, see: rigproof image list");
	assert_int_equal(cli_run("image add nada"), 1);
	assert_complained("not the NAME.json");
}

/* An image from its files: checked against its description, uploaded, registered. */
static void image_is_added(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *uki = file(lab, "other.efi", "MZ other");
	rp_cleanup(free) char *module = file(lab, "xsc.ko", "a module");
	rp_cleanup(free) char *text = NULL;
	rp_cleanup(free) char *description = NULL;
	char uki_sha256[65], module_sha256[65];

	assert_int_equal(rp_sha256_hex("MZ other", 8, uki_sha256), 0);
	assert_int_equal(rp_sha256_hex("a module", 8, module_sha256), 0);
	text = rp_path("{\"name\": \"other\", \"sha256\": \"%s\", \"size\": 8, \"command_line\": "
		       "\"a=b\", \"modules\": [{\"name\": \"xsc\", \"file\": \"xsc.ko\", "
		       "\"sha256\": \"%s\"}]}",
		uki_sha256, module_sha256);
	description = file(lab, "other.json", text);
	assert_int_equal(cli_run("image add %s", description), 0);
	assert_printed("image other is on the server, sha256 ");
	assert_int_equal(rp_artefacts_has(lab->server.artefacts, uki_sha256), 1);
	assert_int_equal(rp_artefacts_has(lab->server.artefacts, module_sha256), 1);
	assert_int_equal(cli_run("image show other"), 0);

	free(file(lab, "xsc.ko", "another module"));
	assert_int_equal(cli_run("image add %s", description), 1);
	assert_complained("has changed since the image was built");
}

static void who_may(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *viewer = rp_path("%s/viewer.token", lab->dir);
	rp_cleanup(free) char *wrong = file(lab, "wrong.token",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
	rp_cleanup(free) char *away = NULL;

	ready_rig(lab, "alpha", "none");
	assert_int_equal(chmod(wrong, 0600), 0);
	assert_int_equal(cli_run("rig list --token-file %s", viewer), 0);
	assert_int_equal(cli_run("rig state alpha retired --token-file %s", viewer), 1);
	assert_complained("this token may look, not change");
	assert_int_equal(cli_run("rig list --token-file %s", wrong), 1);
	assert_complained("this token is not known");
	assert_int_equal(chmod(wrong, 0644), 0);
	assert_int_equal(cli_run("rig list --token-file %s", wrong), 1);
	assert_complained("0600");

	assert_int_equal(cli_run_alone("rig list"), 2);
	assert_complained("--state DIR");
	assert_int_equal(cli_run_alone("rig list --state /nonexistent"), 1);
	assert_complained("has rigproofd --state /nonexistent been started once?");
	assert_int_equal(cli_run("rig list --server https://127.0.0.1:1"), 1);
	assert_string_equal(cli_out, "");
}

static void keys(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *folder = rp_path("%s/made", lab->dir);

	assert_int_equal(cli_run_alone("keys init %s --address 127.0.0.1", folder), 0);
	assert_printed("the lab's keys, readable by you alone\n");
	assert_int_equal(cli_run_alone("keys init %s", folder), 1);
	assert_complained(folder);
	assert_int_equal(cli_run_alone("keys show %s", folder), 0);
	assert_int_equal(strncmp(cli_out, "KEY      TYPE", 13), 0);
	assert_printed("\nboot-ca  EC-256");
	assert_printed("\nroot certificate, SHA-256: ");
	assert_int_equal(cli_run_alone("keys show %s --json", folder), 0);
	assert_int_equal(rows("keys"), 9);
	assert_int_equal(cli_run_alone("keys tls %s --address 10.77.0.1", folder), 0);
	assert_printed("/tls.crt is new; start rigproofd again\n");
	assert_int_equal(cli_run_alone("keys show %s/none", folder), 1);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, cli_lab_setup, cli_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SERVER(rigs),
		ON_SERVER(approval),
		ON_SERVER(jobs),
		ON_SERVER(results),
		ON_SERVER(exit_status_is_the_verdict),
		ON_SERVER(the_log),
		ON_SERVER(images),
		ON_SERVER(image_is_added),
		ON_SERVER(who_may),
		ON_SERVER(keys),
	};

	unsetenv("RIGPROOF_STATE");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* claim judge as the shell sees it: what it prints and how it exits. */
#include "tests/unit/keys_lab.h"

#include "lib/file.h"
#include "server/cli/cli.h"

static struct keys_lab lab;
static char evidence[80], bent[80], root[80], claims[80];

#define MAX_ARGS 12

/* Runs the words; *ret_out is what came to standard output. */
static int run(char **ret_out, const char *const *words)
{
	rp_cleanup(free) char *path = rp_path("%s/out", lab.dir);
	rp_cleanup(free) char *said = NULL;
	char *argv[MAX_ARGS + 1] = {(char *)"rigproof"};
	struct rp_error err = RP_ERROR_NONE;
	size_t size;
	FILE *errors = open_memstream(&said, &size);
	int saved = dup(STDOUT_FILENO);
	int argc = 1, status;

	while (*words && argc < MAX_ARGS)
		argv[argc++] = (char *)*words++;
	fflush(stdout);
	assert_non_null(freopen(path, "w", stdout));
	status = rp_cli_main(argc, argv, stdout, errors);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	fclose(errors);
	assert_ok(rp_file_read(path, 1 << 20, ret_out, NULL, &err));
	return status;
}

#define RUN(out, ...) run(out, (const char *const[]){__VA_ARGS__, NULL})

static void contains(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in:\n%s", words, text);
}

static void it_says_each_outcome(void **state)
{
	rp_cleanup(free) char *out = NULL;

	assert_int_equal(
		RUN(&out, "claim", "judge", "--root", root, "--claims", claims, evidence), 0);
	contains(out,
		"fast: refuted\n    \"It is fast.\"\n    a paper\n    decided by latency/max at "
		"most 10 us: measured 41.5 us\n    evidence sha256 ");
	contains(out,
		"free: proven\n    \"No traps.\"\n    decided by ring/traps_per_op at most 0: "
		"measured 0 traps\n    module:xsc sha256 " SHA_B "\n    evidence sha256 ");
	contains(out,
		"later: not measured\n    \"All is well.\"\n    decided by ring: all\n    check "
		"ring has no test all\n    needs: time\n");
	contains(out, "never: not measurable here\n    \"It boots.\"\n    no check can judge it "
		      "here\n    needs: the ISO\n    needs: a drive\n");
	contains(out, "\n4 claims: 1 proven, 1 refuted, 1 not measured, 1 not measurable here\n");
	contains(out, "verdict pass, assurance secure-boot, rig " RIG ", job " JOB);
}

static void it_says_so_in_json(void **state)
{
	rp_cleanup(free) char *out = NULL;
	rp_cleanup(json) json_t *document = NULL;
	const json_t *list, *exhibit, *fast, *never;

	assert_int_equal(
		RUN(&out, "claim", "judge", "--json", "--root", root, "--claims", claims, evidence),
		0);
	document = json_of(out);
	exhibit = json_array_get(json_object_get(document, "evidence"), 0);
	list = json_object_get(document, "claims");
	assert_int_equal(json_array_size(list), 4);
	fast = json_array_get(list, 0);
	assert_string_equal(rp_json_string_or(fast, "name", ""), "fast");
	assert_string_equal(rp_json_string_or(fast, "outcome", ""), "refuted");
	assert_true(json_number_value(json_object_get(fast, "value")) == 41.5);
	assert_int_equal(json_integer_value(json_object_get(fast, "threshold")), 10);
	assert_string_equal(
		rp_json_string_or(fast, "evidence", ""), rp_json_string_or(exhibit, "sha256", "?"));
	never = json_array_get(list, 3);
	assert_string_equal(rp_json_string_or(never, "outcome", ""), "not measurable here");
	assert_true(json_is_null(json_object_get(never, "value")));
	assert_true(json_is_null(json_object_get(never, "evidence")));
}

/* One bent file among good ones: nothing is judged. */
static void invalid_evidence_judges_nothing(void **state)
{
	rp_cleanup(free) char *out = NULL;
	rp_cleanup(free) char *none = NULL;

	assert_int_equal(
		RUN(&out, "claim", "judge", "--root", root, "--claims", claims, evidence, bent), 1);
	assert_string_equal(out, "");
	assert_int_equal(RUN(&none, "claim", "judge", "--claims", claims), 2);
}

static void it_lists(void **state)
{
	rp_cleanup(free) char *out = NULL;

	assert_int_equal(RUN(&out, "claim", "list", claims), 0);
	contains(out, "fast   latency/max at most 10 us    It is fast.\n");
	contains(out, "never  nothing here                 It boots.\n");
}

static void put(const char *path, const char *text)
{
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_file_write(path, 0644, text, strlen(text), &err));
}

static void put_claim(const char *name, const char *rest)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.yaml", claims, name);
	rp_cleanup(free) char *text = NULL;

	assert_true(asprintf(&text, "kind: claim\nname: %s\n%s", name, rest) > 0);
	put(path, text);
}

static int setup(void **state)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;

	keys_lab_init(&lab);
	snprintf(evidence, sizeof(evidence), "%s/evidence.json", lab.dir);
	snprintf(bent, sizeof(bent), "%s/bent.json", lab.dir);
	snprintf(root, sizeof(root), "%s/root.crt", lab.dir);
	snprintf(claims, sizeof(claims), "%s.claims", lab.dir);
	assert_ok(rp_file_make_directories(claims, 0755, &err));
	text = draft_make(&(struct draft){0}, &lab);
	put(evidence, text);
	*strstr(text, "payload") = 'P';
	put(bent, text);
	put_claim("fast", "sentence: It is fast.\nsource: a paper\ncheck: latency\nmetric: max\n"
			  "op: at_most\nthreshold: 10\nunit: us\n");
	put_claim("free", "sentence: No traps.\nsubject: module:xsc\ncheck: ring\n"
			  "metric: traps_per_op\nop: at_most\nthreshold: 0\n");
	put_claim("later", "sentence: All is well.\ncheck: ring\ntests: [all]\nneeds: [time]\n");
	put_claim("never", "sentence: It boots.\nneeds: [the ISO, a drive]\n");
	return 0;
}

static int teardown(void **state)
{
	folder_lab_remove(claims);
	keys_lab_done(&lab);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_each_outcome),
		cmocka_unit_test(it_says_so_in_json),
		cmocka_unit_test(invalid_evidence_judges_nothing),
		cmocka_unit_test(it_lists),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

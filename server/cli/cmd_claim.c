/* SPDX-License-Identifier: Apache-2.0 */
/* Offline: reads claims, evidence and a root certificate, and talks to nobody. */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"
#include "manifests/claim_judge.h"
#include "manifests/claim_set.h"
#include "server/cli/beside.h"
#include "server/cli/evidence.h"
#include "server/cli/table.h"

/* Those that came with this program, where nobody names others. */
static int add_ours(struct rp_claim_set *set, struct rp_error *err)
{
	static const char *const folders[] = {
		"../../manifests/claims", "../share/rigproof/claims", NULL};
	rp_cleanup(free) char *folder = rp_cli_beside_us(folders, ".");

	if (!folder)
		return rp_error_set(
			err, -ENOENT, "no claims came with this program: name their folder");
	return rp_claim_set_add(set, folder, err);
}

static const char *op_words(enum rp_claim_op op)
{
	static const char *const words[] = {
		[RP_CLAIM_AT_MOST] = "at most",
		[RP_CLAIM_AT_LEAST] = "at least",
		[RP_CLAIM_EQUALS] = "exactly",
	};

	return words[op];
}

/* Text of a manifest or a rig as one line that cannot steer a terminal. Caller frees. */
static char *one_line(const char *text)
{
	char *line = strdup(text);

	if (!line)
		return NULL;
	for (size_t len = strlen(line); len && line[len - 1] == '\n';)
		line[--len] = '\0';
	for (char *at = line; (at = strchr(at, '\n'));)
		*at = ' ';
	rp_printable(line);
	return line;
}

/* "a, b". Caller frees. */
static char *join(char *const *texts, unsigned count)
{
	char *joined = NULL;
	size_t size;
	FILE *out = open_memstream(&joined, &size);

	if (!out)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? ", " : "", texts[i]);
	fclose(out);
	return joined;
}

/* What decides: "xsc-ring/traps_per_op at most 0 traps". Caller frees. */
static char *decides(const struct rp_claim *claim)
{
	rp_cleanup(free) char *tests = join(claim->tests, claim->tests_count);
	char *text = NULL;
	int r;

	if (!tests)
		return NULL;
	if (*claim->metric)
		r = asprintf(&text, "%s/%s %s %.10g%s%s", claim->check, claim->metric,
			op_words(claim->op), *claim->threshold, *claim->unit ? " " : "",
			claim->unit);
	else if (*claim->check)
		r = asprintf(&text, "%s: %s", claim->check, tests);
	else
		r = asprintf(&text, "nothing here");
	return r < 0 ? NULL : text;
}

static int list_as_json(const struct rp_claim_set *set, struct rp_error *err)
{
	rp_cleanup(json) json_t *claims = json_array();
	rp_cleanup(json) json_t *document = NULL;

	for (size_t i = 0; i < set->count; i++)
		if (json_array_append_new(claims, rp_manifest_to_json(set->items[i])) < 0)
			return -ENOMEM;
	document = json_pack("{s:O}", "claims", claims);
	return document ? rp_cli_print_json(document, err) : -ENOMEM;
}

static int run_list(const struct rp_cli *cli, struct rp_error *err)
{
	static const char *const headings[] = {"CLAIM", "DECIDED BY", "SENTENCE", NULL};
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	rp_cleanup(table) struct rp_table *table = NULL;
	int r = cli->operands_count ? 0 : add_ours(&set, err);

	for (size_t i = 0; r >= 0 && i < cli->operands_count; i++)
		r = rp_claim_set_add(&set, cli->operands[i], err);
	if (r < 0)
		return r;
	if (cli->json)
		return list_as_json(&set, err);
	table = rp_table_new(headings);
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < set.count; i++) {
		const struct rp_claim *claim = set.items[i]->claim;
		rp_cleanup(free) char *by = decides(claim);
		rp_cleanup(free) char *sentence = one_line(claim->sentence);

		if (!by || !sentence ||
			rp_table_add(table, (const char *[]){claim->name, by, sentence}) < 0)
			return -ENOMEM;
	}
	rp_table_print(table, stdout, "no claims");
	return RP_EXIT_OK;
}

/* Evidence that holds, and the files it came from. */
struct exhibits {
	struct rp_verified *verified;
	char (*sha256)[RP_SHA256_HEX]; /* of the file's bytes */
	const char **paths;	       /* borrowed */
	size_t count;
};

static void exhibits_done(struct exhibits *exhibits)
{
	for (size_t i = 0; i < exhibits->count; i++)
		rp_verified_done(&exhibits->verified[i]);
	free(exhibits->verified);
	free(exhibits->sha256);
}

static int verify_one(struct exhibits *exhibits, const char *path, X509 *root, struct rp_error *err)
{
	rp_cleanup(free) char *text = NULL;
	size_t at = exhibits->count;
	size_t len;
	int r = rp_file_read(path, RP_EVIDENCE_MAX, &text, &len, err);

	if (r >= 0 && rp_sha256_hex(text, len, exhibits->sha256[at]) < 0)
		r = rp_error_set(err, -ENOMEM, "%s: no digest", path);
	if (r < 0)
		return r;
	r = rp_evidence_verify(text, len, root, &exhibits->verified[at], err);
	if (r < 0) {
		rp_error_prefix(err, "%s: proves nothing", path);
		return r;
	}
	exhibits->count++;
	return 0;
}

/* All of them, or nothing is judged. */
static int verify_all(const struct rp_cli *cli, struct exhibits *ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	int r = rp_cli_root_cert(cli, &root, err);

	if (r < 0)
		return r;
	ret->paths = cli->operands;
	ret->verified = calloc(cli->operands_count, sizeof(*ret->verified));
	ret->sha256 = calloc(cli->operands_count, sizeof(*ret->sha256));
	if (!ret->verified || !ret->sha256)
		return rp_error_memory(err);
	for (size_t i = 0; r >= 0 && i < cli->operands_count; i++)
		r = verify_one(ret, cli->operands[i], root, err);
	return r;
}

static json_t *exhibits_as_json(const struct exhibits *exhibits)
{
	rp_cleanup(json) json_t *list = json_array();

	for (size_t i = 0; i < exhibits->count; i++) {
		const struct rp_verified *v = &exhibits->verified[i];
		json_t *entry = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}}",
			"file", rp_json_text(exhibits->paths[i]), "sha256", exhibits->sha256[i],
			"result_sha256", v->result_sha256, "verdict", v->verdict, "assurance",
			v->assurance, "rig", v->rig, "job", v->job_id, "image", "name",
			v->image_name, "sha256", v->image_sha256);

		if (json_array_append_new(list, entry) < 0)
			return NULL;
	}
	return rp_steal(list);
}

/* The claim as its manifest has it, with what was found. */
static json_t *finding_as_json(const struct rp_manifest *manifest,
	const struct rp_claim_finding *finding, const struct exhibits *exhibits)
{
	rp_cleanup(json) json_t *entry = rp_manifest_to_json(manifest);
	rp_cleanup(free) char *reason = one_line(finding->reason);
	rp_cleanup(json) json_t *found = json_pack("{s:s, s:s?, s:s, s:s?}", "outcome",
		rp_claim_outcome_name(finding->outcome), "reason", reason, "subject_sha256",
		finding->subject_sha256, "evidence",
		finding->evidence < exhibits->count ? exhibits->sha256[finding->evidence] : NULL);

	if (!entry || !found || json_object_update(entry, found) < 0 ||
		json_object_set_new(entry, "value",
			finding->measured ? json_real(finding->value) : json_null()) < 0)
		return NULL;
	json_object_del(entry, "kind");
	return rp_steal(entry);
}

static void print_exhibits(const struct exhibits *exhibits)
{
	for (size_t i = 0; i < exhibits->count; i++) {
		const struct rp_verified *v = &exhibits->verified[i];

		rp_printable_line(stdout, "evidence   %s", exhibits->paths[i]);
		rp_printable_line(stdout, "           sha256 %s", exhibits->sha256[i]);
		rp_printable_line(stdout,
			"           verdict %s, assurance %s, rig %s, job %s, image %s", v->verdict,
			v->assurance, v->rig, v->job_id, v->image_name);
	}
}

/* A manifest's words as they stand there, line by line. */
static void print_lines(const char *what, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		rp_printable_line(stdout, "    %s%.*s", what, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static int print_finding(const struct rp_claim *claim, const struct rp_claim_finding *finding,
	const struct exhibits *exhibits)
{
	rp_cleanup(free) char *sentence = one_line(claim->sentence);
	rp_cleanup(free) char *reason = one_line(finding->reason);
	rp_cleanup(free) char *by = decides(claim);
	rp_cleanup(free) char *unit = one_line(finding->unit);
	bool decided = finding->outcome == RP_CLAIM_PROVEN || finding->outcome == RP_CLAIM_REFUTED;

	if (!sentence || !reason || !by || !unit)
		return -ENOMEM;
	putchar('\n');
	rp_printable_line(stdout, "%s: %s", claim->name, rp_claim_outcome_name(finding->outcome));
	rp_printable_line(stdout, "    \"%s\"", sentence);
	print_lines("", claim->source);
	if (*claim->check && finding->measured)
		rp_printable_line(stdout, "    decided by %s: measured %.10g%s%s", by,
			finding->value, *unit ? " " : "", unit);
	else if (*claim->check)
		rp_printable_line(stdout, "    decided by %s", by);
	if (!decided || !finding->measured)
		rp_printable_line(stdout, "    %s", reason);
	for (unsigned i = 0; !decided && i < claim->needs_count; i++)
		print_lines("needs: ", claim->needs[i]);
	if (*finding->subject_sha256)
		rp_printable_line(
			stdout, "    %s sha256 %s", claim->subject, finding->subject_sha256);
	if (finding->evidence < exhibits->count)
		rp_printable_line(
			stdout, "    evidence sha256 %s", exhibits->sha256[finding->evidence]);
	return 0;
}

static int run_judge(const struct rp_cli *cli, struct rp_error *err)
{
	__attribute__((cleanup(exhibits_done))) struct exhibits exhibits = {0};
	rp_cleanup(claim_set) struct rp_claim_set set = {0};
	const char *claims = rp_cli_value(cli, "--claims");
	rp_cleanup(json) json_t *found = json_array();
	rp_cleanup(json) json_t *document = NULL;
	size_t counts[RP_CLAIM_REFUTED + 1] = {0};
	int r = verify_all(cli, &exhibits, err);

	if (r >= 0)
		r = claims ? rp_claim_set_add(&set, claims, err) : add_ours(&set, err);
	if (r < 0)
		return r;
	if (!cli->json)
		print_exhibits(&exhibits);
	for (size_t i = 0; i < set.count; i++) {
		struct rp_claim_finding finding;

		rp_claim_judge(set.items[i]->claim, exhibits.verified, exhibits.count, &finding);
		counts[finding.outcome]++;
		if (!cli->json)
			r = print_finding(set.items[i]->claim, &finding, &exhibits);
		else
			r = json_array_append_new(
				found, finding_as_json(set.items[i], &finding, &exhibits));
		if (r < 0)
			return rp_error_memory(err);
	}
	if (!cli->json) {
		printf("\n%zu claims: %zu proven, %zu refuted, %zu not measured, %zu not "
		       "measurable here\n",
			set.count, counts[RP_CLAIM_PROVEN], counts[RP_CLAIM_REFUTED],
			counts[RP_CLAIM_NOT_MEASURED], counts[RP_CLAIM_NOT_MEASURABLE]);
		return RP_EXIT_OK;
	}
	document =
		json_pack("{s:o, s:O}", "evidence", exhibits_as_json(&exhibits), "claims", found);
	return document ? rp_cli_print_json(document, err) : -ENOMEM;
}

const struct rp_cli_command rp_cli_claim[] = {
	{"claim", "list", "[FILE|DIR...]", "list claims and what decides each", run_list},
	{"claim", "judge", "[--root CRT] [--claims DIR] EVIDENCE...",
		"verify evidence, then hold claims against it, offline", run_judge},
	{NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verified evidence in plain words. Nothing may be said here that rp_evidence_verify did not show.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "keys/evidence.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/printable.h"

static const char *string_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* What the lab server's word amounts to, one entry for each assurance that can be verified. */
static const struct {
	const char *word, *stated, *open;
} assurances[] = {
	{"secure-boot",
		"secure-boot: the lab server states that the rig's Secure Boot was on with keys "
		"that the lab had enrolled, and that it certified this boot key once, within "
		"this boot.",
		"Secure Boot's state is what the booted image reported, and what the server "
		"remembers of enrolling its keys."},
	{"boot-token",
		"boot-token: the lab server states that it certified this boot key for a machine "
		"that returned the secret of this boot, given to it in the boot script.",
		"Without Secure Boot the rig's firmware did not check what it started: that the "
		"image ran unchanged is not proven."},
	{"none",
		"none: the lab server states only that a machine at the address of this boot asked "
		"for the certificate.",
		"Nothing ties this result to the rig or to the image: the boot was not "
		"authenticated."},
};

static size_t find_assurance(const char *word)
{
	size_t i = 0;

	while (i + 1 < sizeof(assurances) / sizeof(assurances[0]) &&
		strcmp(assurances[i].word, word) != 0)
		i++;
	return i; /* an unknown word is worth nothing: "none" is last */
}

static const json_t *seen_of(const struct rp_verified *v)
{
	return json_object_get(v->boot, "seen");
}

/* What the server states that it saw itself, whatever the rig says. */
static json_t *say_seen(const struct rp_verified *v)
{
	const json_t *seen = seen_of(v);
	const char *script = string_at(seen, "script"), *image = string_at(seen, "image");
	const json_t *announced = json_object_get(seen, "announced");
	char power[256];

	if (strcmp(string_at(seen, "power"), "driver") == 0)
		snprintf(power, sizeof(power),
			"it had the rig switched on for this boot by its power driver");
	else if (announced)
		snprintf(power, sizeof(power),
			"a person with the token %.64s announced at %s that the rig was about to "
			"be "
			"switched on (that it was, the server did not see)",
			string_at(announced, "by"), string_at(announced, "at"));
	else
		snprintf(power, sizeof(power),
			"nobody that it knows of switched the rig on for this boot");
	return json_sprintf("Seen by the lab server itself: %s; %s%s%s; %s%s%s.", power,
		*script ? "one address had the boot script, or began UEFI HTTP boot, at "
			: "nobody had the boot script",
		script, *script ? " (a second one would have ended the boot)" : "",
		*image ? "the same address had all bytes of the image, at "
		       : "nobody had the whole image",
		image, *image ? "" : " by then");
}

static json_t *say_unseen(const struct rp_verified *v)
{
	rp_cleanup(free) char *words = NULL;
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(seen_of(v), "missing"), i, item) {
		char *more = NULL;

		if (asprintf(&more, "%s%s%s", words ? words : "", words ? ", " : "",
			    json_string_value(item)) < 0)
			return NULL;
		free(words);
		words = more;
	}
	return json_sprintf(
		"Not seen by the lab server: %s.", words ? words : "nothing that it looks for");
}

static json_t *say_proven(const struct rp_verified *v)
{
	return json_pack("[o, o, o, o, s, o]",
		json_sprintf("The lab with root key %.16s ordered this job: %s on rig %s, image %s "
			     "with digest %s (signed by its job key %.16s).",
			v->root_keyid, v->job_id, v->rig, v->image_name, v->image_sha256,
			v->job_keyid),
		json_sprintf(
			"The result was signed by the boot key %.16s, which the lab certified for "
			"rig %s and boot %s and no other; it answers this job and its nonce, and "
			"not a byte was changed since.",
			v->boot_keyid, v->rig, v->boot_id),
		json_sprintf(
			"The verdict \"%s\" follows from the tests, limits, modules and kernel "
			"reports in the result: it was derived again here.",
			v->verdict),
		json_sprintf("The result is entry %" PRId64 " of the log %s, under a signed "
			     "checkpoint of %" PRId64 " entries: the log cannot drop or change it "
			     "without contradicting that signature.",
			v->log_index, v->log_origin, v->log_size),
		assurances[find_assurance(v->assurance)].stated, say_seen(v));
}

static json_t *say_not_proven(const struct rp_verified *v)
{
	return json_pack("[s, s, o, s, s, s]",
		"No TPM quote: nothing in this file proves by the rig's hardware that this machine "
		"and no other ran it. A machine on the rig's network that sends with its MAC "
		"could have been the rig.",
		assurances[find_assurance(v->assurance)].open, say_unseen(v),
		"The numbers are as honest as the image and the checks named here: raw outputs are "
		"not in this file, only their digests.",
		"Times are those of the server's and the rig's clocks; nobody else vouches for "
		"them.",
		"Whoever holds the lab's private keys can make such a file; and that nobody is "
		"shown "
		"another log takes comparing checkpoints (rigproof log check).");
}

static json_t *explain_check(const json_t *check)
{
	json_t *metrics = json_array();
	const json_t *item;
	size_t i, ok = 0, n = 0;

	json_array_foreach (json_object_get(check, "tests"), i, item) {
		n++;
		ok += json_is_true(json_object_get(item, "ok"));
	}
	json_array_foreach (json_object_get(check, "metrics"), i, item)
		json_array_append_new(
			metrics, json_pack("{s:O, s:O, s:O}", "name", json_object_get(item, "name"),
					 "value", json_object_get(item, "value"), "unit",
					 json_object_get(item, "unit")));
	return json_pack("{s:O, s:O, s:O, s:O, s:I, s:I, s:o, s:O}", "name",
		json_object_get(check, "name"), "verdict", json_object_get(check, "verdict"),
		"message", json_object_get(check, "message"), "duration_ms",
		json_object_get(check, "duration_ms"), "tests", (json_int_t)n, "tests_ok",
		(json_int_t)ok, "metrics", metrics, "limits", json_object_get(check, "limits"));
}

static json_t *explain_checks(const struct rp_verified *v)
{
	json_t *checks = json_array();
	const json_t *check;
	size_t i;

	json_array_foreach (rp_statement_checks(v->statement), i, check)
		json_array_append_new(checks, explain_check(check));
	return checks;
}

json_t *rp_evidence_explain_json(const struct rp_verified *v)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:O, s:o, s:O, s:O*, s:O?,"
			 " s:{s:s, s:I, s:I, s:s}, s:s, s:{s:s, s:s, s:s, s:s}, s:o, s:o}",
		"verdict", v->verdict, "assurance", v->assurance, "rig", v->rig, "job", v->job_id,
		"boot", v->boot_id, "nonce", v->nonce, "image", "name", v->image_name, "sha256",
		v->image_sha256, "modules", rp_statement_modules(v->statement), "checks",
		explain_checks(v), "kernel", rp_statement_kernel(v->statement), "expected_reports",
		json_object_get(v->job, "expected_reports"), "error",
		rp_statement_error(v->statement), "log", "origin", v->log_origin, "index",
		(json_int_t)v->log_index, "size", (json_int_t)v->log_size, "root", v->log_root,
		"result_sha256", v->result_sha256, "keys", "root", v->root_keyid, "job",
		v->job_keyid, "log", v->log_keyid, "boot", v->boot_keyid, "proven", say_proven(v),
		"not_proven", say_not_proven(v));
}

/* A number as it stands in the JSON, "none" for null. */
static void format_number(const json_t *value, char *ret, size_t size)
{
	if (json_is_integer(value))
		snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(ret, size, "%.6g", json_real_value(value));
	else
		snprintf(ret, size, "none");
}

static void print_check(const json_t *check, FILE *out)
{
	const json_t *item;
	char number[64], bound[64];
	size_t i;

	fprintf(out,
		"    %-5s  %s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " tests ok%s%s\n",
		string_at(check, "verdict"), string_at(check, "name"),
		json_integer_value(json_object_get(check, "tests_ok")),
		json_integer_value(json_object_get(check, "tests")),
		*string_at(check, "message") ? ": " : "", string_at(check, "message"));
	json_array_foreach (json_object_get(check, "metrics"), i, item) {
		format_number(json_object_get(item, "value"), number, sizeof(number));
		fprintf(out, "             %s = %s %s\n", string_at(item, "name"), number,
			string_at(item, "unit"));
	}
	json_array_foreach (json_object_get(check, "limits"), i, item) {
		const char *kind = json_object_get(item, "max") ? "max" : "min";

		format_number(json_object_get(item, "value"), number, sizeof(number));
		format_number(json_object_get(item, kind), bound, sizeof(bound));
		fprintf(out, "             limit %s %s %s: %s (%s)\n", string_at(item, "metric"),
			strcmp(kind, "max") == 0 ? "at most" : "at least", bound,
			json_is_true(json_object_get(item, "met")) ? "met" : "not met", number);
	}
}

static void print_list(const char *title, const json_t *list, FILE *out)
{
	const json_t *item;
	size_t i;

	fprintf(out, "\n%s\n", title);
	json_array_foreach (list, i, item)
		fprintf(out, "  - %s\n", json_string_value(item));
}

static void print(const json_t *all, FILE *out)
{
	const json_t *image = json_object_get(all, "image"), *log = json_object_get(all, "log");
	const json_t *kernel = json_object_get(all, "kernel"),
		     *error = json_object_get(all, "error");
	const json_t *item;
	size_t i;

	fprintf(out, "verdict    %s\nassurance  %s\njob        %s\nrig        %s\nboot       %s\n",
		string_at(all, "verdict"), string_at(all, "assurance"), string_at(all, "job"),
		string_at(all, "rig"), string_at(all, "boot"));
	fprintf(out, "image      %s  sha256 %s\n", string_at(image, "name"),
		string_at(image, "sha256"));
	json_array_foreach (json_object_get(all, "modules"), i, item)
		fprintf(out, "module     %s  sha256 %s  %s\n", string_at(item, "name"),
			string_at(item, "sha256"),
			json_is_true(json_object_get(item, "loaded")) ? "loaded" : "not loaded");
	fprintf(out, "kernel     %s, %zu reports", string_at(kernel, "release"),
		json_array_size(json_object_get(kernel, "reports")));
	json_array_foreach (json_object_get(all, "expected_reports"), i, item)
		fprintf(out, "%s%s", i ? ", " : "; the plan expects ", json_string_value(item));
	fputc('\n', out);
	if (json_is_object(error))
		fprintf(out, "error      at stage %s: %s\n", string_at(error, "stage"),
			string_at(error, "message"));
	fprintf(out,
		"log        %s, entry %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		"\nresult     sha256 %s\nchecks\n",
		string_at(log, "origin"), json_integer_value(json_object_get(log, "index")),
		json_integer_value(json_object_get(log, "size")), string_at(all, "result_sha256"));
	json_array_foreach (json_object_get(all, "checks"), i, item)
		print_check(item, out);
	print_list("Proven:", json_object_get(all, "proven"), out);
	print_list("Not proven:", json_object_get(all, "not_proven"), out);
}

/* Names and messages are a rig's bytes: none may steer a terminal or forge a line. */
static void flatten(json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value)) {
		rp_cleanup(free) char *text = strdup(json_string_value(value));

		if (text) {
			rp_printable(text);
			json_string_set_nocheck(value, text);
		}
	}
	json_object_foreach (value, key, item)
		flatten(item);
	json_array_foreach (value, i, item)
		flatten(item);
}

int rp_evidence_explain(const struct rp_verified *verified, FILE *out)
{
	rp_cleanup(json) json_t *shared = rp_evidence_explain_json(verified);
	rp_cleanup(json) json_t *all = json_deep_copy(shared);

	if (!all)
		return -ENOMEM;
	flatten(all);
	print(all, out);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

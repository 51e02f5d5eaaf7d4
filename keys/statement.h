/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a job as an in-toto Statement v1 with predicate test-result v0.1. It is made from
 * facts; everything that is a judgement (each check's verdict, limits, the test lists, result,
 * verdict) is derived here, and derived again by whoever verifies: a statement that says other
 * than what follows from its own facts and its job is refused.
 *
 * Judgements, the worst wins (error, fail, skip, pass):
 *
 *   error  the caller gave an error;
 *          a module of the job is missing or was not loaded;
 *          a check of the job is missing, or was given as error (it could not be run);
 *          a check that would pass, without the digest of its output;
 *          a kernel log without its digest (it was never read), or a part of it lost
 *          (RP_REPORT_LOST)
 *   fail   a check given as fail;
 *          an exit_result other than "success", or an exit status other than 0 (but for a check
 *          given as skip: rp_statement_exit_skips);
 *          a test that is neither ok nor "todo";
 *          a pass without any test;
 *          a limit exceeded, or without its metric;
 *          a kernel report, but of a kind that the job expects ("expected_reports"): its checks
 *          provoke it, and have to ask for it themselves;
 *          a taint of the kernel that the job's modules, loaded, do not explain (they do explain
 *          "out-of-tree" and "unsigned")
 *   skip   every check skipped, or nothing to test at all
 *   pass   all else
 *
 * Refused, for it cannot be: a finish before the start; a stage that ends before its start, or that is
 * not in the order of a boot; a module that was loaded with an error number, or not loaded without one;
 * tests of a check that are not numbered 1 to N, each once (in any order);
 * a metric whose value is not the minimum, median, maximum or mean of its samples, where its name says
 * it is ("latency_max_us"), or lies outside of them, where it says nothing; a metric with another unit
 * or direction than one of the same name before it, or with another direction than the plan's limit on
 * it has (max: lower is better; min: higher). Plans name no units.
 */
#ifndef RP_KEYS_STATEMENT_H
#define RP_KEYS_STATEMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/must_use.h"

#define RP_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define RP_STATEMENT_PREDICATE "https://in-toto.io/attestation/test-result/v0.1"

/* Everything is borrowed. The forms are the tables of keys/statement.c. */
struct rp_statement_parts {
	const void *job_payload; /* the signed job's exact bytes */
	size_t job_payload_len;
	const json_t *job; /* the same, parsed */
	/* [{"name","sha256","loaded","errno","message"}], in the job's order */
	const json_t *modules;
	/*
	 * [{"name","verdict","message","exit_status","exit_result","started","duration_ms",
	 *   "output_sha256","tests","metrics"}], in the job's order. "verdict" is what the check's
	 * output and end said; "limits" may be there and is made anew.
	 */
	const json_t *checks;
	/* {"release","command_line","log_sha256","reports":[{"kind","line"}],"tainted"} */
	const json_t *kernel;
	/* [{"stage","start","end"}]; NULL: none */
	const json_t *stages;
	const char *started, *finished; /* rp_clock_format */
	/*
	 * {"stage","message"} where the lab failed; NULL: none. Where the verdict is error and this
	 * is NULL, one is made that names the module or check.
	 */
	const json_t *error;
};

/*
 * *ret is a new reference; sign it with rp_dsse_sign_json(boot_key, RP_TYPE_INTOTO, ...).
 * -EINVAL, naming the place, where a part has not the form above, or names a module or check
 * that the job does not (or with another digest, or twice, or out of order), or says what cannot
 * be; -ENOMEM.
 */
int rp_statement_make(const struct rp_statement_parts *parts, json_t **ret, struct rp_error *err);

/*
 * Check a statement that was received against the job it answers (whose exact bytes are
 * job_payload): its form, that it is for this job, rig, boot, nonce, image and modules, and that
 * all its judgements follow from its facts. -EINVAL (form), -EACCES (another job, or a judgement
 * that does not follow; err says which).
 */
RP_MUST_USE int rp_statement_check(const json_t *statement, const void *job_payload,
	size_t job_payload_len, struct rp_error *err);

/*
 * Whether this end is a program's way to say that it skipped: it exited with 4 (kselftest's
 * KSFT_SKIP) or 77 (automake, Meson). No proof by itself: the output
 * has to say so, too.
 */
bool rp_statement_exit_skips(const char *exit_result, json_int_t exit_status);

/*
 * What a statement that rp_statement_check took says, borrowed: its verdict ("pass", "fail", "error" or
 * "skip"), and modules, checks, kernel and error in the forms of struct rp_statement_parts. The error is
 * NULL where there was none.
 */
const char *rp_statement_verdict(const json_t *statement);
const json_t *rp_statement_modules(const json_t *statement);
const json_t *rp_statement_checks(const json_t *statement);
const json_t *rp_statement_kernel(const json_t *statement);
const json_t *rp_statement_error(const json_t *statement);

#endif

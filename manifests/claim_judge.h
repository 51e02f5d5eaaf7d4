/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A claim against evidence that rp_evidence_verify took. Who judges here trusts nothing else: not
 * the name of a file, not the job's verdict, not a figure of a check that failed.
 *
 *   proven          the check passed, on the claim's subject, kernel and plan; the kernel reported
 *                   no problem; every value of the metric is within the threshold, in the claim's
 *                   unit; or all tests that it names were run and are ok
 *   refuted         a value is beyond the threshold, or a test that it names is not ok, in a check
 *                   that ran to its end. Also where the check failed: what it found is why
 *   not measurable  no check of ours can judge it; or it must not be judged on a virtual rig, and
 *                   this one is (check "machine" found a hypervisor)
 *   not measured    all else, and why
 *
 * Nothing in a job that ended in "error" (the lab was wrong) proves or refutes. A claim for
 * physical rigs needs a passed check "machine" with metric "hypervisor" = 0 in the same evidence:
 * without it the rig is not taken for physical. Figures that do not count are not handed out.
 */
#ifndef RP_MANIFESTS_CLAIM_JUDGE_H
#define RP_MANIFESTS_CLAIM_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/evidence.h"
#include "manifests/manifest.h"

#define RP_CLAIM_MACHINE_CHECK "machine"
#define RP_CLAIM_MACHINE_METRIC "hypervisor"

/* In order of weight: of several pieces of evidence the heaviest outcome stands. */
enum rp_claim_outcome {
	RP_CLAIM_NOT_MEASURED,
	RP_CLAIM_NOT_MEASURABLE,
	RP_CLAIM_PROVEN,
	RP_CLAIM_REFUTED,
};

struct rp_claim_finding {
	enum rp_claim_outcome outcome;
	/*
	 * Which of the evidence said so; count of it where the claim alone did (no
	 * check, or no evidence at all).
	 */
	size_t evidence;
	bool measured; /* value and unit are of the metric that decided */
	double value;
	const char *unit; /* borrowed from the evidence */
	/* Of the claim's subject, borrowed; "": it has none, or the result is not about it. */
	const char *subject_sha256;
	/* How far it came: of two that measured nothing the farther one stands. */
	unsigned progress;
	char reason[256]; /* one line; may quote the rig's bytes: make it printable */
};

/* One claim against all evidence, which lives as long as the finding. */
void rp_claim_judge(const struct rp_claim *claim, const struct rp_verified *evidence, size_t count,
	struct rp_claim_finding *ret);

/* "proven", "refuted", "not measured", "not measurable here" */
const char *rp_claim_outcome_name(enum rp_claim_outcome outcome);

#endif

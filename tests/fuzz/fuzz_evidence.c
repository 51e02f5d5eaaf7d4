/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: the whole verification; and, for what no fuzzer can sign, the readers behind the
 * signatures on the payloads as they come.
 */
#include <stdint.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/evidence.h"
#include "keys/pem.h"
#include "keys/record.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/fuzz/keys_public.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static X509 *root_cert(void)
{
	static X509 *cert;

	if (!cert && rp_pem_read_cert(root_pem, &cert, NULL) < 0)
		abort();
	return cert;
}

/* The payload of an envelope, or the value itself, so that a mutation need not pass base64. */
static int unwrap(const json_t *value, char **ret, size_t *ret_len)
{
	uint8_t *payload;

	if (rp_dsse_peek(value, &payload, ret_len, NULL) == 0) {
		*ret = (char *)payload;
		return 0;
	}
	*ret = rp_json_canonical(value);
	*ret_len = *ret ? strlen(*ret) : 0;
	return *ret ? 0 : -1;
}

static void read_payloads(const json_t *evidence)
{
	rp_cleanup(free) char *result = NULL;
	rp_cleanup(free) char *job = NULL;
	rp_cleanup(free) char *boot = NULL;
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(json) json_t *record = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t result_len, job_len, boot_len;

	if (unwrap(json_object_get(evidence, "boot"), &boot, &boot_len) == 0 &&
		rp_json_parse(boot, boot_len, &record, &err) == 0) {
		int r = rp_record_check_boot(record, &err);

		if (r != 0 && r != -EINVAL && r != -ENOTSUP)
			abort();
	}
	if (unwrap(json_object_get(evidence, "result"), &result, &result_len) < 0 ||
		unwrap(json_object_get(evidence, "job"), &job, &job_len) < 0 ||
		rp_json_parse(result, result_len, &statement, &err) < 0)
		return;
	if (rp_statement_check(statement, job, job_len, &err) == 0 &&
		!rp_verdict_valid(rp_statement_verdict(statement)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(json) json_t *evidence = NULL;
	rp_cleanup(verified) struct rp_verified verified = {0};
	struct rp_error err = RP_ERROR_NONE;

	if (rp_evidence_verify((const char *)data, size, root_cert(), &verified, &err) == 0) {
		rp_cleanup(json) json_t *explained = rp_evidence_explain_json(&verified);

		if (!explained)
			abort();
	}
	if (rp_json_parse((const char *)data, size, &evidence, &err) == 0)
		read_payloads(evidence);
	return 0;
}

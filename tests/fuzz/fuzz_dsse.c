/* SPDX-License-Identifier: Apache-2.0 */
/* DSSE envelopes: parse and verify; what verifies must read the same when peeked at. */
#include <stdint.h>
#include <string.h>

#include "keys/dsse.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "tests/fuzz/keys_public.h"

#include <openssl/pem.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *job_key(void)
{
	static EVP_PKEY *key;

	if (!key) {
		rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(job_pem, -1);

		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		if (!key)
			abort();
	}
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(json) json_t *envelope = NULL;
	rp_cleanup(json) json_t *json = NULL;
	rp_cleanup(free) uint8_t *peeked = NULL;
	rp_cleanup(free) uint8_t *payload = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t peeked_len = 0, len = 0;

	if (rp_json_parse((const char *)data, size, &envelope, &err) < 0)
		return 0;
	rp_dsse_peek(envelope, &peeked, &peeked_len, &err);
	if (rp_dsse_verify(envelope, job_key(), RP_TYPE_JOB, &payload, &len, &err) == 0 &&
		(!peeked || len != peeked_len || memcmp(payload, peeked, len) != 0))
		abort();
	if (rp_dsse_verify_json(envelope, job_key(), RP_TYPE_BOOT, &json, &err) < 0 && json)
		abort();
	return 0;
}

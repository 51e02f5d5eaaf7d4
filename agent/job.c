/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/record.h"
#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"

/* The key of the certificate that came along, if it may sign jobs. */
static int check_same(
	const char *what, const char *found, const char *expected, struct rp_error *err)
{
	if (strcmp(found, expected) == 0)
		return 0;
	return rp_error_set(
		err, -EACCES, "the job is for the %s %s, but this is %s", what, found, expected);
}

static int check_for_us(
	const json_t *job, const struct rp_job_expected *expected, struct rp_error *err)
{
	const json_t *image = json_object_get(job, "image");
	int r;

	r = check_same("rig", json_string_value(json_object_get(job, "rig")), expected->rig, err);
	if (r == 0)
		r = check_same("boot", json_string_value(json_object_get(job, "boot")),
			expected->boot, err);
	return r < 0 ? r
		     : check_same("image", json_string_value(json_object_get(image, "name")),
			       expected->image, err);
}

int rp_job_verify(const json_t *answer, const struct rp_job_expected *expected,
	struct rp_signed_job *ret, struct rp_error *err)
{
	rp_cleanup(signed_job) struct rp_signed_job job = {0};
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	struct rp_job_offer offer;
	int r;

	r = rp_job_offer_read(answer, &offer, err);
	if (r == 0)
		r = rp_pki_role_key(offer.certificate, expected->root, RP_ROLE_JOB, &key, err);
	if (r == 0)
		r = rp_dsse_verify(
			offer.job, key, RP_TYPE_JOB, &job.payload, &job.payload_len, err);
	if (r == 0)
		r = rp_json_parse((const char *)job.payload, job.payload_len, &job.json, err);
	if (r == 0)
		r = rp_record_check_job(job.json, err);
	if (r == 0)
		r = check_for_us(job.json, expected, err);
	if (r < 0)
		return r;
	job.id = json_string_value(json_object_get(job.json, "job"));
	job.nonce = json_string_value(json_object_get(job.json, "nonce"));
	*ret = job;
	job = (struct rp_signed_job){0};
	return 0;
}

void rp_signed_job_done(struct rp_signed_job *job)
{
	json_decref(job->json);
	free(job->payload);
	*job = (struct rp_signed_job){0};
}

int rp_job_claim_nonce(const char *dir, const char *nonce, struct rp_error *err)
{
	rp_cleanup(free) char *path = NULL;
	int r;

	if (!rp_sha256_hex_valid(nonce))
		return rp_error_set(err, -EINVAL, "the nonce is not 32 bytes in hexadecimal");
	r = rp_file_make_directories(dir, 0700, err);
	if (r < 0)
		return r;
	path = rp_path("%s/%s", dir, nonce);
	if (!path)
		return rp_error_set(err, -ENOMEM, "%s: no memory", dir);
	return rp_file_create(path, 0600, "", 0, err);
}

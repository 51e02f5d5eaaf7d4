/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/record.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"

#define SUFFIX ".json"

static char *path_of(const char *dir, const char *job, const char *suffix)
{
	return rp_path("%s/%s%s", dir, job, suffix);
}

int rp_spool_put(const char *dir, const char *job, const json_t *envelope, struct rp_error *err)
{
	rp_cleanup(free) char *path = path_of(dir, job, SUFFIX);
	rp_cleanup(free) char *text = rp_json_canonical(envelope);
	int r;

	if (!path || !text)
		return rp_error_set(err, -ENOMEM, "%s: no memory", dir);
	r = rp_file_make_directories(dir, 0700, err);
	return r < 0 ? r : rp_file_create(path, 0600, text, strlen(text), err);
}

int rp_spool_has(const char *dir, const char *job)
{
	rp_cleanup(free) char *path = path_of(dir, job, SUFFIX);

	return path && access(path, F_OK) == 0;
}

/* 1 where name is that of a spooled result (a temporary file is none). */
static int parse_name(const char *name, char ret_job[RP_ID_TEXT])
{
	char job[RP_ID_TEXT];

	if (strlen(name) != RP_ID_TEXT - 1 + strlen(SUFFIX) ||
		strcmp(name + RP_ID_TEXT - 1, SUFFIX) != 0)
		return 0;
	memcpy(job, name, RP_ID_TEXT - 1);
	job[RP_ID_TEXT - 1] = '\0';
	if (!rp_id_valid(job))
		return 0;
	memcpy(ret_job, job, RP_ID_TEXT);
	return 1;
}

/* Job ids sort by time. 1 where there is one. */
static int find_oldest(const char *dir, char ret_job[RP_ID_TEXT])
{
	rp_cleanup(dir) DIR *entries = opendir(dir);
	const struct dirent *entry;
	char job[RP_ID_TEXT];
	int found = 0;

	while (entries && (entry = readdir(entries)))
		if (parse_name(entry->d_name, job) && (!found || strcmp(job, ret_job) < 0)) {
			memcpy(ret_job, job, RP_ID_TEXT);
			found = 1;
		}
	return found;
}

static int read_result(const char *dir, const char *job, char **ret_text, struct rp_error *err)
{
	rp_cleanup(free) char *path = path_of(dir, job, SUFFIX);
	rp_cleanup(json) json_t *envelope = NULL;
	char *text;
	int r;

	if (!path)
		return rp_error_set(err, -ENOMEM, "%s: no memory", dir);
	r = rp_json_parse_file(path, &envelope, err);
	if (r < 0)
		return r;
	text = rp_json_canonical(envelope);
	if (!text)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	*ret_text = text;
	return 0;
}

int rp_spool_next(const char *dir, char ret_job[RP_ID_TEXT], char **ret_text, struct rp_error *err)
{
	char job[RP_ID_TEXT];

	while (find_oldest(dir, job)) {
		int r = read_result(dir, job, ret_text, err);

		if (r == 0)
			memcpy(ret_job, job, RP_ID_TEXT);
		if (r != -EINVAL)
			return r < 0 ? r : 1;
		/* Not ours: out of the way, or it would be found for ever. */
		r = rp_spool_set_aside(dir, job, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int verify_ack(
	const struct rp_receipt *receipt, X509 *root, json_t **ret, struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(json) json_t *ack = NULL;
	int r;

	r = rp_pki_role_key(receipt->certificate, root, RP_ROLE_LOG, &key, err);
	if (r < 0)
		return r;
	r = rp_dsse_verify_json(receipt->ack, key, RP_TYPE_ACK, &ack, err);
	if (r == 0)
		r = rp_record_check_ack(ack, err);
	if (r == 0)
		*ret = rp_steal(ack);
	return r;
}

int rp_spool_acknowledge(const char *dir, const char *job, const struct rp_receipt *receipt,
	X509 *root, struct rp_error *err)
{
	rp_cleanup(free) char *path = path_of(dir, job, SUFFIX);
	rp_cleanup(free) char *text = NULL;
	rp_cleanup(json) json_t *ack = NULL;
	char sha256[RP_SHA256_HEX];
	int r;

	r = verify_ack(receipt, root, &ack, err);
	if (r == 0)
		r = read_result(dir, job, &text, err);
	if (r == 0)
		r = rp_sha256_hex(text, strlen(text), sha256);
	if (r < 0)
		return r;
	if (strcmp(rp_json_string_or(ack, "result", ""), job) != 0)
		return rp_error_set(err, -EACCES, "the acknowledgement is for another job");
	if (strcmp(rp_json_string_or(ack, "sha256", ""), sha256) != 0)
		return rp_error_set(err, -EACCES,
			"the acknowledgement is for other bytes than those of our result");
	if (!path || unlink(path) < 0)
		return rp_error_set(err, -EIO, "%s: cannot be deleted: %s", job, strerror(errno));
	return 0;
}

int rp_spool_set_aside(const char *dir, const char *job, struct rp_error *err)
{
	rp_cleanup(free) char *from = path_of(dir, job, SUFFIX);
	rp_cleanup(free) char *to = path_of(dir, job, ".refused");

	if (!from || !to || rename(from, to) < 0)
		return rp_error_set(
			err, -EIO, "%s/%s: cannot be renamed: %s", dir, job, strerror(errno));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A lab's keys and what its server would sign, for the agent's tests. */
#ifndef RP_TESTS_AGENT_LAB_H
#define RP_TESTS_AGENT_LAB_H

#include <jansson.h>
#include <openssl/x509.h>

#include "tests/unit/folder_lab.h"

#define LAB_RIG "rig-1"
#define LAB_BOOT "01JD0000000000000000000B00"
#define LAB_JOB "01JD0000000000000000000J00"
#define LAB_NONCE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LAB_DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LAB_TIME "2026-11-20T12:00:00.000Z"

struct lab {
	char dir[FOLDER_LAB_TEXT], keys[64];
	X509 *root;
};

/* Keys in a folder of their own. 0, or -1 with the reason on standard error. */
int lab_make(struct lab *lab);

/* 0. */
int lab_remove(struct lab *lab);

/* dir/name; caller frees. */
char *lab_path(const struct lab *lab, const char *name);

/* {what: envelope of payload, "certificates": {key: certificate}}, as the server answers. */
json_t *lab_answer(const struct lab *lab, const char *what, const char *key, const char *type,
	const json_t *payload);

/* The admission of a boot key, whose certificate is for LAB_RIG whatever rig says. */
json_t *lab_admission(const struct lab *lab, EVP_PKEY *key, const char *rig, const char *action);

/* A job for LAB_RIG with one module and one check, as the server would sign it. */
json_t *lab_job(void);

#endif

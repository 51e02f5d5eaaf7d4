/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lab for the tests of keys/: keys of a temporary folder, and evidence built from a draft that a
 * test may bend at any step before it is signed.
 */
#ifndef RP_TESTS_KEYS_LAB_H
#define RP_TESTS_KEYS_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/checkpoint.h"
#include "keys/dsse.h"
#include "keys/evidence.h"
#include "keys/pki.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/json.h"
#include "tests/unit/folder_lab.h"

#define JOB "01JD0000000000000000000001"
#define JOB2 "01JD0000000000000000000002"
#define BOOT "01JD000000000000000000000A"
#define BOOT2 "01JD000000000000000000000B"
#define RIG "rig-1"
#define T0 "2026-11-20T12:00:00.000Z"
#define T1 "2026-11-20T12:00:01.000Z"
#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SHA_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define NONCE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define assert_ok(expression)                                                                      \
	do {                                                                                       \
		int ok_ = (expression);                                                            \
		if (ok_ < 0)                                                                       \
			fail_msg("%s: %d %s", #expression, ok_, err.text);                         \
	} while (0)

/* The text of a test's own, parsed. A new reference. */
json_t *json_of(const char *text);

struct keys_lab {
	char dir[FOLDER_LAB_TEXT];
	EVP_PKEY *job_key, *log_key, *boot_ca_key, *boot_key;
	X509 *root, *job, *log, *boot_ca, *boot;
};

/* All keys of a lab in a folder of its own, and a boot key certified for RIG and BOOT. */
void keys_lab_init(struct keys_lab *lab);
void keys_lab_done(struct keys_lab *lab);

/* The parts of a good evidence, new references: what RIG did for JOB in BOOT. */
json_t *draft_job(void);
json_t *draft_modules(void);
json_t *draft_checks(void);
json_t *draft_kernel(void);
json_t *draft_boot(struct keys_lab *lab);

/* What is signed and put together; every edit may be NULL. */
struct draft {
	void (*job)(json_t *job);
	void (*answered)(json_t *job); /* the job that the result says it answers, where another */
	void (*facts)(json_t *modules, json_t *checks, json_t *kernel);
	void (*statement)(json_t *statement);
	void (*boot)(json_t *boot);
	void (*evidence)(json_t *evidence);
	EVP_PKEY *job_signer, *boot_signer, *log_signer; /* NULL: the right ones */
	X509 *job_cert, *log_cert, *boot_ca_cert, *boot_cert;
	const char *result_type;
	size_t checkpoint_size; /* 0: all of the log */
};

#define LOG_SIZE 7
#define LOG_AT 4

/* The statement of a draft for this job. A new reference. */
json_t *draft_statement(const struct draft *draft, const json_t *job);

/* The text of evidence.json. Caller frees. */
char *draft_make(const struct draft *draft, struct keys_lab *lab);

#endif

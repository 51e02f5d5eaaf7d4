/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rigs and the server say to each other: the paths, the words, and the closed form of each
 * message. Both sides read with these functions and write with these functions, so that neither
 * can say what the other would not take. HTTPS and JSON below RP_RIG_V1:
 *
 *   POST hello         hello       200 admission; 202 pending: again, with the same key
 *   -- from here with the boot certificate of the admission (mutual TLS) --
 *   GET  enrolment                 200 enrolment
 *   POST enrolled      enrolled    200 next: poweroff, reboot
 *   GET  job                       200 job offer; 204: none yet
 *   POST heartbeat     heartbeat   200 next: continue, cancel
 *   POST event         event       204
 *   PUT  result/JOB    a result    200 receipt
 *
 * A result is a DSSE envelope (keys/dsse.h) of an in-toto statement (keys/statement.h) as its exact
 * bytes. Any other status is {"error","remedy"}; Retry-After says when to come again.
 *
 * rp_X_read: json is exactly an X (no unknown key, none missing, each of its type, each word one of
 * its words), else -EINVAL with the path of what is wrong: "heartbeat.done: missing". json NULL
 * (no JSON at all) is -EINVAL as well. What *ret points to is borrowed from json. Not checked here:
 * signatures, certificates, base64, and whether it is true.
 *
 * rp_X_write: a new reference. NULL: no memory, or a text that is not UTF-8.
 */
#ifndef RP_KEYS_RIG_PROTOCOL_H
#define RP_KEYS_RIG_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

#define RP_RIG_V1 "/rig/v1/"
#define RP_RIG_PATH_HELLO RP_RIG_V1 "hello"
#define RP_RIG_PATH_ENROLMENT RP_RIG_V1 "enrolment"
#define RP_RIG_PATH_ENROLLED RP_RIG_V1 "enrolled"
#define RP_RIG_PATH_JOB RP_RIG_V1 "job"
#define RP_RIG_PATH_HEARTBEAT RP_RIG_V1 "heartbeat"
#define RP_RIG_PATH_EVENT RP_RIG_V1 "event"
#define RP_RIG_PATH_RESULT RP_RIG_V1 "result/" /* and the job's id */

/* ---- words ---- */

/* What the rig does next. */
enum rp_action {
	RP_ACTION_ENROL,    /* write the lab's keys into the firmware, say so, then as told */
	RP_ACTION_JOB,	    /* fetch the job and run it */
	RP_ACTION_WAIT,	    /* hello again after a while */
	RP_ACTION_POWEROFF, /* this boot is over */
	RP_ACTION_REBOOT,   /* this boot is over, another follows */
	RP_ACTION_CONTINUE, /* to a heartbeat: go on */
	RP_ACTION_CANCEL,   /* to a heartbeat: the job was given up */
	RP_ACTIONS,
};

const char *rp_action_text(enum rp_action action);
int rp_action_parse(const char *text, enum rp_action *ret) __attribute__((warn_unused_result));

/* The stages of a boot, in their order. */
enum rp_stage {
	RP_STAGE_POWER,
	RP_STAGE_DHCP,
	RP_STAGE_LOADER,
	RP_STAGE_SCRIPT,
	RP_STAGE_KERNEL,
	RP_STAGE_AGENT,
	RP_STAGE_CHECKS,
	RP_STAGE_REPORT,
	RP_STAGES,
};

const char *rp_stage_text(enum rp_stage stage);
int rp_stage_parse(const char *text, enum rp_stage *ret) __attribute__((warn_unused_result));

/* The words themselves, for closed forms elsewhere (keys/shape.h); NULL-terminated. */
extern const char *const rp_stage_words[];
extern const char *const rp_assurance_words[];

/* ---- a machine introduces itself ---- */

struct rp_firmware {
	bool enabled, setup_mode; /* Secure Boot, as its variables say */
};

struct rp_hello {
	const char *csr;   /* PEM, signed by the boot key */
	json_t *macs;	   /* of all NICs: ["52:54:00:..."] */
	const char *uuid;  /* of SMBIOS, lower case; "" unknown */
	const char *token; /* of the boot script; "" where there was none */
	struct rp_firmware secure_boot;
	json_t *inventory; /* agent/inventory.h; what is not known may be missing */
	const char *agent; /* its version */
	const char *image; /* name of the image that it came with */
};

int rp_hello_read(const json_t *json, struct rp_hello *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_hello_write(const struct rp_hello *hello);

/* An operator has to approve the rig first. */
struct rp_pending {
	const char *reason;
};

int rp_pending_read(const json_t *json, struct rp_pending *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_pending_write(const struct rp_pending *pending);

struct rp_admission {
	const char *rig, *boot;	 /* name, ULID; the certificate says the same */
	const char *certificate; /* PEM: the boot certificate, then all above it */
	const char *assurance;	 /* one of rp_assurance_words */
	enum rp_action action;	 /* enrol, job, wait, poweroff, reboot */
};

int rp_admission_read(const json_t *json, struct rp_admission *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_admission_write(const struct rp_admission *admission);

/* ---- Secure Boot ---- */

struct rp_enrolment {
	const char *db, *kek, *pk; /* base64 of .auth files (keys/efi_auth.h) */
};

int rp_enrolment_read(const json_t *json, struct rp_enrolment *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_enrolment_write(const struct rp_enrolment *enrolment);

/* The keys are in; this is what the firmware says now. */
struct rp_enrolled {
	struct rp_firmware secure_boot;
};

int rp_enrolled_read(const json_t *json, struct rp_enrolled *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_enrolled_write(const struct rp_enrolled *enrolled);

/* ---- a job ---- */

struct rp_job_offer {
	json_t *job;		 /* DSSE envelope of RP_TYPE_JOB */
	const char *certificate; /* PEM, of the key that signed it */
};

int rp_job_offer_read(const json_t *json, struct rp_job_offer *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_job_offer_write(const struct rp_job_offer *offer);

struct rp_heartbeat {
	enum rp_stage stage;
	const char *check; /* that runs; "" none */
	int done, total;   /* checks of the job, 0..100000 */
};

int rp_heartbeat_read(const json_t *json, struct rp_heartbeat *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_heartbeat_write(const struct rp_heartbeat *heartbeat);

struct rp_event {
	enum rp_stage stage;
	const char *message; /* one line for the boot's history */
};

int rp_event_read(const json_t *json, struct rp_event *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_event_write(const struct rp_event *event);

struct rp_receipt {
	json_t *ack;		 /* DSSE envelope of RP_TYPE_ACK */
	const char *certificate; /* PEM, of the log's key */
	enum rp_action action;	 /* poweroff, reboot, wait */
};

int rp_receipt_read(const json_t *json, struct rp_receipt *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_receipt_write(const struct rp_receipt *receipt);

/* ---- an action alone ---- */

int rp_enrolled_answer_read(const json_t *json, enum rp_action *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
int rp_heartbeat_answer_read(const json_t *json, enum rp_action *ret, struct rp_error *err)
	__attribute__((warn_unused_result));
json_t *rp_action_write(enum rp_action action);

#endif

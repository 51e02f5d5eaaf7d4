/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/rig_protocol.h"

#include <errno.h>
#include <string.h>

#include "keys/shape.h"

#define COUNT_MAX 100000
#define BIT(action) (1u << (action))

/* ---- words ---- */

static const char *const action_words[] = {
	[RP_ACTION_ENROL] = "enrol",
	[RP_ACTION_JOB] = "job",
	[RP_ACTION_WAIT] = "wait",
	[RP_ACTION_POWEROFF] = "poweroff",
	[RP_ACTION_REBOOT] = "reboot",
	[RP_ACTION_CONTINUE] = "continue",
	[RP_ACTION_CANCEL] = "cancel",
	[RP_ACTIONS] = NULL,
};

const char *const rp_stage_words[] = {
	[RP_STAGE_POWER] = "power",
	[RP_STAGE_DHCP] = "dhcp",
	[RP_STAGE_LOADER] = "loader",
	[RP_STAGE_SCRIPT] = "script",
	[RP_STAGE_KERNEL] = "kernel",
	[RP_STAGE_AGENT] = "agent",
	[RP_STAGE_CHECKS] = "checks",
	[RP_STAGE_REPORT] = "report",
	[RP_STAGES] = NULL,
};

const char *const rp_assurance_words[] = {"none", "boot-token", "secure-boot", "attested", NULL};

/* The index of text in words, or -EINVAL. */
static int find_word(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

const char *rp_action_text(enum rp_action action)
{
	return action_words[action];
}

int rp_action_parse(const char *text, enum rp_action *ret)
{
	int found = find_word(text, action_words);

	if (found < 0)
		return found;
	*ret = (enum rp_action)found;
	return 0;
}

const char *rp_stage_text(enum rp_stage stage)
{
	return rp_stage_words[stage];
}

int rp_stage_parse(const char *text, enum rp_stage *ret)
{
	int found = find_word(text, rp_stage_words);

	if (found < 0)
		return found;
	*ret = (enum rp_stage)found;
	return 0;
}

/* ---- forms ---- */

static const struct rp_shape firmware_shape[] = {
	{"enabled", RP_SHAPE_BOOL},
	{"setup_mode", RP_SHAPE_BOOL},
	{NULL},
};

static const struct rp_shape nic_shape[] = {
	{"name", RP_SHAPE_STRING},
	{"mac", RP_SHAPE_STRING},
	{"driver", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape disk_shape[] = {
	{"name", RP_SHAPE_STRING},
	{"size_mb", RP_SHAPE_INT},
	{"model", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape gpu_shape[] = {
	{"address", RP_SHAPE_STRING},
	{"vendor", RP_SHAPE_STRING},
	{"device", RP_SHAPE_STRING},
	{"driver", RP_SHAPE_STRING},
	{NULL},
};

static const char *const secure_boot_words[] = {"enabled", "disabled", "setup mode", "none", NULL};

static const struct rp_shape inventory_shape[] = {
	{"manufacturer", RP_SHAPE_STRING, .optional = true},
	{"product", RP_SHAPE_STRING, .optional = true},
	{"serial", RP_SHAPE_STRING, .optional = true},
	{"uuid", RP_SHAPE_STRING, .optional = true},
	{"cpu", RP_SHAPE_STRING, .optional = true},
	{"cpus", RP_SHAPE_INT, .optional = true},
	{"memory_mb", RP_SHAPE_INT, .optional = true},
	{"kernel", RP_SHAPE_STRING, .optional = true},
	{"secure_boot", RP_SHAPE_WORD, .optional = true, .words = secure_boot_words},
	{"tpm", RP_SHAPE_BOOL, .optional = true},
	{"nics", RP_SHAPE_OBJECTS, .optional = true, .fields = nic_shape},
	{"disks", RP_SHAPE_OBJECTS, .optional = true, .fields = disk_shape},
	{"gpus", RP_SHAPE_OBJECTS, .optional = true, .fields = gpu_shape},
	{NULL},
};

static const struct rp_shape hello_shape[] = {
	{"csr", RP_SHAPE_STRING},
	{"mac", RP_SHAPE_STRINGS},
	{"uuid", RP_SHAPE_STRING},
	{"token", RP_SHAPE_STRING},
	{"secure_boot", RP_SHAPE_OBJECT, .fields = firmware_shape},
	{"inventory", RP_SHAPE_OBJECT, .fields = inventory_shape},
	{"agent", RP_SHAPE_STRING},
	{"image", RP_SHAPE_NAME},
	{NULL},
};

static const char *const pending_words[] = {"pending", NULL};

static const struct rp_shape pending_shape[] = {
	{"state", RP_SHAPE_WORD, .words = pending_words},
	{"reason", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape admission_shape[] = {
	{"rig", RP_SHAPE_NAME},
	{"boot", RP_SHAPE_ID},
	{"certificate", RP_SHAPE_STRING},
	{"assurance", RP_SHAPE_WORD, .words = rp_assurance_words},
	{"action", RP_SHAPE_WORD, .words = action_words},
	{NULL},
};

static const struct rp_shape enrolment_shape[] = {
	{"db", RP_SHAPE_STRING},
	{"KEK", RP_SHAPE_STRING},
	{"PK", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape enrolled_shape[] = {
	{"secure_boot", RP_SHAPE_OBJECT, .fields = firmware_shape},
	{NULL},
};

static const struct rp_shape job_certificate_shape[] = {
	{"job", RP_SHAPE_STRING},
	{NULL},
};

/* Envelopes have their own strict reader: keys/dsse.h. */
static const struct rp_shape job_offer_shape[] = {
	{"job", RP_SHAPE_ANY},
	{"certificates", RP_SHAPE_OBJECT, .fields = job_certificate_shape},
	{NULL},
};

static const struct rp_shape heartbeat_shape[] = {
	{"stage", RP_SHAPE_WORD, .words = rp_stage_words},
	{"check", RP_SHAPE_NAME, .empty = true},
	{"done", RP_SHAPE_INT, .min = 0, .max = COUNT_MAX},
	{"total", RP_SHAPE_INT, .min = 0, .max = COUNT_MAX},
	{NULL},
};

static const struct rp_shape event_shape[] = {
	{"stage", RP_SHAPE_WORD, .words = rp_stage_words},
	{"message", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape log_certificate_shape[] = {
	{"log", RP_SHAPE_STRING},
	{NULL},
};

static const struct rp_shape receipt_shape[] = {
	{"ack", RP_SHAPE_ANY},
	{"certificates", RP_SHAPE_OBJECT, .fields = log_certificate_shape},
	{"action", RP_SHAPE_WORD, .words = action_words},
	{NULL},
};

static const struct rp_shape action_shape[] = {
	{"action", RP_SHAPE_WORD, .words = action_words},
	{NULL},
};

/* ---- values of what has its form ---- */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static int int_of(const json_t *object, const char *key)
{
	return (int)json_integer_value(json_object_get(object, key));
}

static struct rp_firmware firmware_of(const json_t *object)
{
	const json_t *state = json_object_get(object, "secure_boot");

	return (struct rp_firmware){
		.enabled = json_is_true(json_object_get(state, "enabled")),
		.setup_mode = json_is_true(json_object_get(state, "setup_mode")),
	};
}

static enum rp_stage stage_of(const json_t *object)
{
	return (enum rp_stage)find_word(text_of(object, "stage"), rp_stage_words);
}

/* An action is one of those that this message may carry, as bits. */
static int take_action(const json_t *object, const char *where, unsigned int allowed,
	enum rp_action *ret, struct rp_error *err)
{
	const char *text = text_of(object, "action");
	enum rp_action action;
	int r = rp_action_parse(text, &action);

	if (r < 0 || !(allowed & BIT(action)))
		return rp_error_set(
			err, -EINVAL, "%s.action: \"%s\" is no answer here", where, text);
	*ret = action;
	return 0;
}

static json_t *write_firmware(const struct rp_firmware *state)
{
	return json_pack("{s:b, s:b}", "enabled", state->enabled, "setup_mode", state->setup_mode);
}

/* ---- messages ---- */

int rp_hello_read(const json_t *json, struct rp_hello *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, hello_shape, "hello", err);

	if (r < 0)
		return r;
	*ret = (struct rp_hello){
		.csr = text_of(json, "csr"),
		.macs = json_object_get(json, "mac"),
		.uuid = text_of(json, "uuid"),
		.token = text_of(json, "token"),
		.secure_boot = firmware_of(json),
		.inventory = json_object_get(json, "inventory"),
		.agent = text_of(json, "agent"),
		.image = text_of(json, "image"),
	};
	return 0;
}

json_t *rp_hello_write(const struct rp_hello *hello)
{
	return json_pack("{s:s, s:O, s:s, s:s, s:o, s:O, s:s, s:s}", "csr", hello->csr, "mac",
		hello->macs, "uuid", hello->uuid, "token", hello->token, "secure_boot",
		write_firmware(&hello->secure_boot), "inventory", hello->inventory, "agent",
		hello->agent, "image", hello->image);
}

int rp_pending_read(const json_t *json, struct rp_pending *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, pending_shape, "pending", err);

	if (r < 0)
		return r;
	ret->reason = text_of(json, "reason");
	return 0;
}

json_t *rp_pending_write(const struct rp_pending *pending)
{
	return json_pack("{s:s, s:s}", "state", "pending", "reason", pending->reason);
}

int rp_admission_read(const json_t *json, struct rp_admission *ret, struct rp_error *err)
{
	struct rp_admission admission;
	int r = rp_shape_check(json, admission_shape, "admission", err);

	if (r == 0)
		r = take_action(json, "admission",
			BIT(RP_ACTION_ENROL) | BIT(RP_ACTION_JOB) | BIT(RP_ACTION_WAIT) |
				BIT(RP_ACTION_POWEROFF) | BIT(RP_ACTION_REBOOT),
			&admission.action, err);
	if (r < 0)
		return r;
	admission.rig = text_of(json, "rig");
	admission.boot = text_of(json, "boot");
	admission.certificate = text_of(json, "certificate");
	admission.assurance = text_of(json, "assurance");
	*ret = admission;
	return 0;
}

json_t *rp_admission_write(const struct rp_admission *admission)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "rig", admission->rig, "boot",
		admission->boot, "certificate", admission->certificate, "assurance",
		admission->assurance, "action", rp_action_text(admission->action));
}

int rp_enrolment_read(const json_t *json, struct rp_enrolment *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, enrolment_shape, "enrolment", err);

	if (r < 0)
		return r;
	*ret = (struct rp_enrolment){
		.db = text_of(json, "db"),
		.kek = text_of(json, "KEK"),
		.pk = text_of(json, "PK"),
	};
	return 0;
}

json_t *rp_enrolment_write(const struct rp_enrolment *enrolment)
{
	return json_pack(
		"{s:s, s:s, s:s}", "db", enrolment->db, "KEK", enrolment->kek, "PK", enrolment->pk);
}

int rp_enrolled_read(const json_t *json, struct rp_enrolled *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, enrolled_shape, "enrolled", err);

	if (r < 0)
		return r;
	ret->secure_boot = firmware_of(json);
	return 0;
}

json_t *rp_enrolled_write(const struct rp_enrolled *enrolled)
{
	return json_pack("{s:o}", "secure_boot", write_firmware(&enrolled->secure_boot));
}

int rp_job_offer_read(const json_t *json, struct rp_job_offer *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, job_offer_shape, "job offer", err);

	if (r < 0)
		return r;
	ret->job = json_object_get(json, "job");
	ret->certificate = text_of(json_object_get(json, "certificates"), "job");
	return 0;
}

json_t *rp_job_offer_write(const struct rp_job_offer *offer)
{
	return json_pack(
		"{s:O, s:{s:s}}", "job", offer->job, "certificates", "job", offer->certificate);
}

int rp_heartbeat_read(const json_t *json, struct rp_heartbeat *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, heartbeat_shape, "heartbeat", err);

	if (r < 0)
		return r;
	*ret = (struct rp_heartbeat){
		.stage = stage_of(json),
		.check = text_of(json, "check"),
		.done = int_of(json, "done"),
		.total = int_of(json, "total"),
	};
	return 0;
}

json_t *rp_heartbeat_write(const struct rp_heartbeat *heartbeat)
{
	return json_pack("{s:s, s:s, s:i, s:i}", "stage", rp_stage_text(heartbeat->stage), "check",
		heartbeat->check, "done", heartbeat->done, "total", heartbeat->total);
}

int rp_event_read(const json_t *json, struct rp_event *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, event_shape, "event", err);

	if (r < 0)
		return r;
	ret->stage = stage_of(json);
	ret->message = text_of(json, "message");
	return 0;
}

json_t *rp_event_write(const struct rp_event *event)
{
	return json_pack(
		"{s:s, s:s}", "stage", rp_stage_text(event->stage), "message", event->message);
}

int rp_receipt_read(const json_t *json, struct rp_receipt *ret, struct rp_error *err)
{
	enum rp_action action;
	int r = rp_shape_check(json, receipt_shape, "receipt", err);

	if (r == 0)
		r = take_action(json, "receipt",
			BIT(RP_ACTION_POWEROFF) | BIT(RP_ACTION_REBOOT) | BIT(RP_ACTION_WAIT),
			&action, err);
	if (r < 0)
		return r;
	*ret = (struct rp_receipt){
		.ack = json_object_get(json, "ack"),
		.certificate = text_of(json_object_get(json, "certificates"), "log"),
		.action = action,
	};
	return 0;
}

json_t *rp_receipt_write(const struct rp_receipt *receipt)
{
	return json_pack("{s:O, s:{s:s}, s:s}", "ack", receipt->ack, "certificates", "log",
		receipt->certificate, "action", rp_action_text(receipt->action));
}

static int read_action(const json_t *json, const char *where, unsigned int allowed,
	enum rp_action *ret, struct rp_error *err)
{
	int r = rp_shape_check(json, action_shape, where, err);

	return r < 0 ? r : take_action(json, where, allowed, ret, err);
}

int rp_enrolled_answer_read(const json_t *json, enum rp_action *ret, struct rp_error *err)
{
	return read_action(json, "answer to enrolled",
		BIT(RP_ACTION_POWEROFF) | BIT(RP_ACTION_REBOOT), ret, err);
}

int rp_heartbeat_answer_read(const json_t *json, enum rp_action *ret, struct rp_error *err)
{
	return read_action(json, "answer to heartbeat",
		BIT(RP_ACTION_CONTINUE) | BIT(RP_ACTION_CANCEL), ret, err);
}

json_t *rp_action_write(enum rp_action action)
{
	return json_pack("{s:s}", "action", rp_action_text(action));
}

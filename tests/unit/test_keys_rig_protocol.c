/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each message of the rig protocol: one good text, read and written again; then everything that can
 * be wrong with its form, one thing at a time, refused by the name of the key.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/* Reads json as this message and writes it again; NULL with err where it is refused. */
#define AGAIN(name)                                                                                \
	static json_t *again_##name(const json_t *json, struct rp_error *err)                      \
	{                                                                                          \
		struct rp_##name message;                                                          \
		return rp_##name##_read(json, &message, err) < 0 ? NULL                            \
								 : rp_##name##_write(&message);    \
	}

AGAIN(hello)
AGAIN(pending)
AGAIN(admission)
AGAIN(enrolment)
AGAIN(enrolled)
AGAIN(job_offer)
AGAIN(heartbeat)
AGAIN(event)
AGAIN(receipt)

static json_t *again_enrolled_answer(const json_t *json, struct rp_error *err)
{
	enum rp_action action;

	return rp_enrolled_answer_read(json, &action, err) < 0 ? NULL : rp_action_write(action);
}

static json_t *again_heartbeat_answer(const json_t *json, struct rp_error *err)
{
	enum rp_action action;

	return rp_heartbeat_answer_read(json, &action, err) < 0 ? NULL : rp_action_write(action);
}

#define BOOT "01JD0000000000000000000B00"

static const struct message {
	const char *where; /* as errors begin */
	json_t *(*again)(const json_t *json, struct rp_error *err);
	const char *good;
} messages[] = {
	{"hello", again_hello,
		"{'csr':'c','mac':['52:54:00:12:34:56'],'uuid':'u','token':'','secure_boot':"
		"{'enabled':true,'setup_mode':false},'inventory':{'manufacturer':'QEMU','product':"
		"'Q35','serial':'1','uuid':'u','cpu':'one','cpus':2,'memory_mb':512,'kernel':'6.1',"
		"'secure_boot':'setup mode','tpm':false,'nics':[{'name':'eth0','mac':'m','driver':"
		"'virtio_net'}],'disks':[{'name':'sda','size_mb':1,'model':''}],'gpus':[{'address':"
		"'0','vendor':'1','device':'2','driver':''}]},'agent':'1','image':'node'}"},
	{"pending", again_pending, "{'state':'pending','reason':'an operator has to'}"},
	{"admission", again_admission,
		"{'rig':'rig-1','boot':'" BOOT "','certificate':'c','assurance':'secure-boot',"
		"'action':'job'}"},
	{"enrolment", again_enrolment, "{'db':'a','KEK':'b','PK':'c'}"},
	{"enrolled", again_enrolled, "{'secure_boot':{'enabled':false,'setup_mode':true}}"},
	{"answer to enrolled", again_enrolled_answer, "{'action':'reboot'}"},
	{"job offer", again_job_offer, "{'job':{'payload':'x'},'certificates':{'job':'c'}}"},
	{"heartbeat", again_heartbeat, "{'stage':'checks','check':'ring','done':1,'total':100000}"},
	{"answer to heartbeat", again_heartbeat_answer, "{'action':'cancel'}"},
	{"event", again_event, "{'stage':'report','message':'signed'}"},
	{"receipt", again_receipt,
		"{'ack':{'payload':'x'},'certificates':{'log':'c'},'action':'poweroff'}"},
};

#define MESSAGES (sizeof(messages) / sizeof(*messages))

/* text with ' for ". */
static json_t *json_of(const char *text)
{
	rp_cleanup(free) char *copy = strdup(text);
	json_t *json = NULL;
	struct rp_error err = RP_ERROR_NONE;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (rp_json_parse(copy, strlen(copy), &json, &err) < 0)
		fail_msg("%s: %s", copy, err.text);
	return json;
}

static void read_and_written_again(void **state)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		rp_cleanup(json) json_t *good = json_of(messages[i].good);
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(json) json_t *again = messages[i].again(good, &err);

		if (!again || !json_equal(good, again))
			fail_msg("%s: %s", messages[i].where, err.text);
	}
}

/* ---- one wrong thing at a time ---- */

static size_t refused; /* how many were tried: a walk that finds nothing proves nothing */

static void expect_refusal(const struct message *message, const json_t *bad, const char *text)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(json) json_t *again = message->again(bad, &err);

	refused++;
	if (again || err.code != -EINVAL || !strstr(err.text, text))
		fail_msg("%s: \"%s\" does not say \"%s\"", message->where, err.text, text);
}

/* An envelope is read elsewhere, and an inventory may lack what is not known. */
static bool any_value(const char *path)
{
	return strcmp(path, "job offer.job") == 0 || strcmp(path, "receipt.ack") == 0;
}

static bool optional(const char *path)
{
	return strncmp(path, "hello.inventory.", 16) == 0 && !strchr(path, '[');
}

static void bend(const struct message *message, json_t *whole, json_t *object, const char *where);

static void bend_value(const struct message *message, json_t *whole, json_t *object,
	const char *key, const char *path)
{
	rp_cleanup(json) json_t *value = json_incref(json_object_get(object, key));
	char text[256];

	if (any_value(path))
		return;
	if (json_is_object(value))
		bend(message, whole, value, path);
	if (json_is_object(json_array_get(value, 0))) {
		snprintf(text, sizeof(text), "%s[0]", path);
		bend(message, whole, json_array_get(value, 0), text);
	}
	snprintf(text, sizeof(text), "%s: expected", path);
	json_object_set_new(object, key, json_null());
	expect_refusal(message, whole, text);
	json_object_set_new(object, key, json_is_string(value) ? json_integer(1) : json_string(""));
	expect_refusal(message, whole, text);
	json_object_set(object, key, value);
}

/* object is a part of whole, which is put right again after each bending. */
static void bend(const struct message *message, json_t *whole, json_t *object, const char *where)
{
	rp_cleanup(json) json_t *keys = json_array();
	char text[256];
	const char *key;
	json_t *value;
	size_t i;

	json_object_set_new(object, "surprise", json_true());
	snprintf(text, sizeof(text), "%s: there is no key \"surprise\"", where);
	expect_refusal(message, whole, text);
	json_object_del(object, "surprise");
	json_object_foreach (object, key, value)
		json_array_append_new(keys, json_string(key));
	json_array_foreach (keys, i, value) {
		rp_cleanup(json) json_t *kept = NULL;
		char path[200];

		key = json_string_value(value);
		snprintf(path, sizeof(path), "%s.%s", where, key);
		bend_value(message, whole, object, key, path);
		if (optional(path))
			continue;
		kept = json_incref(json_object_get(object, key));
		json_object_del(object, key);
		snprintf(text, sizeof(text), "%s: missing", path);
		expect_refusal(message, whole, text);
		json_object_set(object, key, kept);
	}
}

static void refused_by_the_key(void **state)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		rp_cleanup(json) json_t *whole = json_of(messages[i].good);
		rp_cleanup(json) json_t *array = json_array();

		bend(&messages[i], whole, whole, messages[i].where);
		expect_refusal(&messages[i], NULL, messages[i].where);
		expect_refusal(&messages[i], array, "expected an object");
	}
	assert_true(refused > 180);
}

/* Right in form, wrong in value. */
static void refused_values(void **state)
{
	static const struct {
		const char *where, *key, *value;
	} values[] = {
		{"hello", "image", "'No Name'"},
		{"hello", "mac", "[1]"},
		{"pending", "state", "'ready'"},
		{"admission", "rig", "'../rig'"},
		{"admission", "boot", "'1'"},
		{"admission", "assurance", "'full'"},
		{"admission", "action", "'dance'"},
		{"admission", "action", "'continue'"},
		{"admission", "action", "'cancel'"},
		{"answer to enrolled", "action", "'job'"},
		{"answer to enrolled", "action", "'wait'"},
		{"answer to heartbeat", "action", "'poweroff'"},
		{"receipt", "action", "'job'"},
		{"receipt", "action", "'cancel'"},
		{"heartbeat", "stage", "'Checks'"},
		{"heartbeat", "check", "'a b'"},
		{"heartbeat", "done", "-1"},
		{"heartbeat", "done", "1.0"},
		{"heartbeat", "total", "100001"},
		{"event", "stage", "''"},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		for (size_t m = 0; m < MESSAGES; m++) {
			rp_cleanup(json) json_t *whole = NULL;
			char path[64], text[64];

			if (strcmp(messages[m].where, values[i].where) != 0)
				continue;
			whole = json_of(messages[m].good);
			snprintf(text, sizeof(text), "[%s]", values[i].value);
			{
				rp_cleanup(json) json_t *list = json_of(text);

				json_object_set(whole, values[i].key, json_array_get(list, 0));
			}
			snprintf(path, sizeof(path), "%s.%s: ", values[i].where, values[i].key);
			expect_refusal(&messages[m], whole, path);
		}
}

/* A machine of which nothing is known may say hello. */
static void inventory_may_lack_all(void **state)
{
	rp_cleanup(json) json_t *hello = json_of(messages[0].good);
	struct rp_hello read;
	struct rp_error err = RP_ERROR_NONE;

	json_object_set_new(hello, "inventory", json_object());
	assert_int_equal(rp_hello_read(hello, &read, &err), 0);
	assert_int_equal(json_object_size(read.inventory), 0);
	assert_true(read.secure_boot.enabled);
	assert_false(read.secure_boot.setup_mode);
}

static void words(void **state)
{
	enum rp_action action = RP_ACTION_WAIT;
	enum rp_stage stage = RP_STAGE_DHCP;

	for (int i = 0; i < RP_ACTIONS; i++) {
		assert_int_equal(rp_action_parse(rp_action_text((enum rp_action)i), &action), 0);
		assert_int_equal(action, i);
	}
	for (int i = 0; i < RP_STAGES; i++) {
		assert_int_equal(rp_stage_parse(rp_stage_text((enum rp_stage)i), &stage), 0);
		assert_int_equal(stage, i);
	}
	assert_int_equal(rp_stage_parse("power", &stage), 0);
	assert_int_equal(stage, RP_STAGE_POWER);
	assert_int_equal(rp_stage_parse("Power", &stage), -EINVAL);
	assert_int_equal(rp_stage_parse("", &stage), -EINVAL);
	assert_int_equal(stage, RP_STAGE_POWER);
	assert_int_equal(rp_action_parse("dance", &action), -EINVAL);
	assert_null(rp_stage_words[RP_STAGES]);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(read_and_written_again),
		cmocka_unit_test(refused_by_the_key),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(inventory_may_lack_all),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("keys/rig_protocol", all, NULL, NULL);
}

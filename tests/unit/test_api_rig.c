/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a rig from an unknown machine to verified evidence, through the handlers. */
#include "tests/unit/server_lab.h"

static void verify_evidence(struct rig_lab *lab, const char *job, const char *assurance)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(verified) struct rp_verified verified = {0};
	struct answer answer;
	char path[96];

	snprintf(path, sizeof(path), "/api/v1/jobs/%s/evidence", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	lab_ok(rp_evidence_verify(
		answer.text, strlen(answer.text), lab->server.root_cert, &verified, &err));
	assert_string_equal(verified.verdict, "pass");
	assert_string_equal(verified.assurance, assurance);
	assert_string_equal(verified.job_id, job);
	answer_done(&answer);
}

/* unknown -> pending -> approved -> keys enrolled -> trained -> job -> evidence, Secure Boot on */
static void whole_life(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {.setup_mode = 1};
	json_t *result, *ack;
	char job[27];

	assert_true(script_boots(lab, &agent));
	assert_true(agent.token[0]);
	assert_int_equal(hello(lab, &agent), 202);
	assert_int_equal(hello(lab, &agent), 202);
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs/rig-525400123456/approve",
			json_pack("{s:o}", "manifest", rig_manifest("alpha", "qemu")), NULL),
		200);
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.rig, "alpha");
	/* it came by itself: what it says of its firmware is believed when the server powers it */
	assert_string_equal(agent.action, "poweroff");
	agent_done(&agent);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 1);
	lab_power_answer(lab, 0, "running");
	agent = (struct agent){.setup_mode = 1};
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "enrol");
	assert_string_equal(agent.assurance, "boot-token");
	assert_int_equal(status_of(lab, "GET", "/rig/v1/enrolment", NULL, agent.cert), 200);
	assert_int_equal(status_of(lab, "GET", "/rig/v1/job", NULL, agent.cert), 204);
	assert_int_equal(
		status_of(lab, "POST", "/rig/v1/enrolled",
			json_pack("{s:{s:b, s:b}}", "secure_boot", "enabled", 0, "setup_mode", 1),
			agent.cert),
		409);
	assert_int_equal(
		status_of(lab, "POST", "/rig/v1/enrolled",
			json_pack("{s:{s:b, s:b}}", "secure_boot", "enabled", 0, "setup_mode", 0),
			agent.cert),
		200);
	agent_done(&agent);

	/* the server switches it on for its training boot, by itself */
	assert_int_equal(lab->cycles, 1);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 2);
	lab_power_answer(lab, 0, "running");
	agent = (struct agent){.enabled = 1};
	assert_true(script_boots(lab, &agent));
	assert_string_equal(agent.token, "");
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.assurance, "secure-boot");
	assert_string_equal(agent.action, "poweroff");
	agent_done(&agent);

	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->cycles, 3);
	assert_job(lab, job, "state", "running");
	lab_power_answer(lab, 0, "running");
	agent = (struct agent){.enabled = 1};
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.action, "job");
	result = make_result(lab, &agent, "pass");
	assert_int_equal(status_of(lab, "POST", "/rig/v1/heartbeat",
				 json_pack("{s:s, s:s, s:i, s:i}", "stage", "checks", "check",
					 "ring", "done", 0, "total", 1),
				 agent.cert),
		200);
	assert_int_equal(
		status_of(lab, "POST", "/rig/v1/event",
			json_pack("{s:s, s:s}", "stage", "report", "message", "done"), agent.cert),
		204);
	assert_int_equal(put_result(lab, &agent, job, result, &ack), 200);
	assert_job(lab, job, "state", "done");
	assert_job(lab, job, "verdict", "pass");
	verify_evidence(lab, job, "secure-boot");

	/* and it is switched off */
	lab_pass(lab, RP_JOB_SETTLE_S);
	assert_int_equal(lab->offs, 1);
	json_decref(result);
	json_decref(ack);
	agent_done(&agent);
	assert_int_equal(refusals(lab), 0);
}

/* It registered by one interface, and has another that is a rig: whoever approves it is told. */
static void one_machine_as_two_rigs(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(rig) struct rp_rig *other = NULL;
	struct rp_error err = RP_ERROR_NONE;
	json_t *body;

	lab_ok(rp_rigs_register(&lab->server, "52:54:00:12:34:57", UUID, "", &other, &err));
	assert_true(script_boots(lab, &agent));
	body = hello_body(&agent);
	json_array_append_new(json_object_get(body, "mac"), json_string("52:54:00:12:34:57"));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 202);
	assert_int_equal(rp_rigs_get(&lab->server, "rig-525400123456", &rig), 1);
	assert_int_equal(rig->state, RP_RIG_PENDING);
	assert_non_null(strstr(rig->reason, "52:54:00:12:34:57"));
	assert_non_null(strstr(rig->reason, "rig rig-525400123457"));
	agent_done(&agent);
}

static void same_key_same_certificate(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0}, other = {0};
	X509 *first;
	char boot[27];

	lab->server.site->approve = RP_APPROVE_AUTOMATIC;
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	first = X509_dup(agent.cert);
	strcpy(boot, agent.boot);
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.boot, boot);
	assert_int_equal(X509_cmp(agent.cert, first), 0);
	/* another key for the same boot */
	assert_int_equal(hello(lab, &other), 403);
	assert_int_equal(refusals(lab), 1);
	X509_free(first);
	agent_done(&agent);
	agent_done(&other);
}

static void strangers(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	json_t *body;

	lab->server.site->approve = RP_APPROVE_AUTOMATIC;
	/* nobody fetched a script */
	assert_int_equal(hello(lab, &agent), 403);
	assert_true(script_boots(lab, &agent));
	/* from another address */
	body = hello_body(&agent);
	answer = ask_from(lab, "10.77.0.51", "POST", "/rig/v1/hello", body, NULL);
	assert_int_equal(answer.status, 403);
	answer_done(&answer);
	/* a wrong token, another UUID, another MAC, no certificate request */
	json_object_set_new(body, "token", json_string("00"));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", json_incref(body), NULL), 403);
	json_object_set_new(body, "token", json_string(""));
	json_object_set_new(body, "uuid", json_string("11111111-2222-3333-4444-666666666666"));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", json_incref(body), NULL), 403);
	json_object_set_new(body, "uuid", json_string(UUID));
	json_object_set_new(body, "mac", json_pack("[s]", "52:54:00:00:00:01"));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", json_incref(body), NULL), 403);
	json_object_set_new(body, "csr", json_string("none"));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 400);
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", NULL, NULL), 400);
	assert_int_equal(refusals(lab), 7);
	/* too late */
	lab->now += (lab->server.site->stages.kernel_s + 1) * RP_SECOND;
	assert_int_equal(hello(lab, &agent), 403);
	agent_done(&agent);
}

static void assurance_none_without_token(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};

	lab->server.site->approve = RP_APPROVE_AUTOMATIC;
	assert_true(script_boots(lab, &agent));
	agent.token[0] = '\0';
	agent.enabled = 1; /* with keys that are not ours */
	assert_int_equal(hello(lab, &agent), 200);
	assert_string_equal(agent.assurance, "none");
	agent_done(&agent);
}

/* Somebody else on the network who gives a rig's MAC does not end what that rig is doing. */
static void anothers_mac(void **state)
{
	static const char script[] = "/boot/v1/script?mac=" MAC "&uuid=" UUID "&arch=x86_64";
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct answer answer;
	char job[27];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	lab_power_answer(lab, 0, "running");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	lab->now += 20 * RP_SECOND;
	answer = ask_from(lab, "10.77.0.99", "GET", script, NULL, NULL);
	assert_null(strstr(answer.text, "/cas/"));
	assert_non_null(strstr(answer.text, "sleep"));
	answer_done(&answer);
	assert_job(lab, job, "state", "running");
	assert_int_equal(lab->cycles, 1);
	assert_int_equal(refusals(lab), 1);
	/* an agent that is not heard any more may well have come up under another address */
	lab->now += 20 * RP_SECOND;
	answer = ask_from(lab, "10.77.0.99", "GET", script, NULL, NULL);
	assert_null(strstr(answer.text, "/cas/"));
	answer_done(&answer);
	assert_job(lab, job, "state", "queued");
	agent_done(&agent);
}

/* What a machine tells about itself before anybody approved it is bounded. */
static void inventory_is_bounded(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	rp_cleanup(free) char *large = calloc(1, 200 << 10);
	json_t *body, *macs;

	memset(large, 'x', (200 << 10) - 1);
	assert_true(script_boots(lab, &agent));
	body = hello_body(&agent);
	json_object_set_new(body, "inventory", json_pack("{s:s}", "cpu", large));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 400);
	body = hello_body(&agent);
	json_object_set_new(
		json_object_get(body, "secure_boot"), "more", json_pack("{s:s}", "x", large));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 400);
	/* as many as a machine has, not as many as fit: each is compared with each open boot */
	macs = json_array();
	for (int i = 0; i < 65; i++)
		json_array_append_new(macs, json_string("02:00:00:00:00:00"));
	body = hello_body(&agent);
	json_object_set_new(body, "mac", macs);
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 400);
	assert_int_equal(hello(lab, &agent), 202);
	agent_done(&agent);
}

/* One message with one wrong thing in it: 400, and the key is named. */
static void assert_refused(struct rig_lab *lab, const char *path, const json_t *good,
	const char *key, json_t *value, X509 *cert, const char *text)
{
	json_t *bad = json_deep_copy(good);
	struct answer answer;

	if (value)
		json_object_set_new(bad, key, value);
	else
		json_object_del(bad, key);
	answer = ask(lab, "POST", path, bad, cert);
	if (answer.status != 400 || !strstr(rp_json_string_or(answer.json, "error", ""), text))
		fail_msg("%s: %d \"%s\" does not say \"%s\"", path, answer.status,
			rp_json_string_or(answer.json, "error", ""), text);
	answer_done(&answer);
}

/* Rigs are read strictly: no unknown key, none missing, each of its type. */
static void closed_forms(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	rp_cleanup(json) json_t *event =
		json_pack("{s:s, s:s}", "stage", "agent", "message", "here");
	rp_cleanup(json) json_t *beat = json_pack(
		"{s:s, s:s, s:i, s:i}", "stage", "checks", "check", "", "done", 0, "total", 1);
	rp_cleanup(json) json_t *enrolled =
		json_pack("{s:{s:b, s:b}}", "secure_boot", "enabled", 0, "setup_mode", 0);
	rp_cleanup(json) json_t *said = NULL;
	char job[27];

	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	lab_power_answer(lab, -ENOTSUP, "none");
	assert_true(script_boots(lab, &agent));
	said = hello_body(&agent);
	assert_refused(lab, RP_RIG_PATH_HELLO, said, "more", json_true(), NULL, "\"more\"");
	assert_refused(lab, RP_RIG_PATH_HELLO, said, "csr", NULL, NULL, "hello.csr: missing");
	assert_refused(lab, RP_RIG_PATH_HELLO, said, "mac", json_string("m"), NULL, "hello.mac: ");
	assert_refused(lab, RP_RIG_PATH_HELLO, said, "inventory", json_pack("{s:s}", "pets", "two"),
		NULL, "hello.inventory: there is no key \"pets\"");
	assert_refused(lab, RP_RIG_PATH_HELLO, said, "secure_boot",
		json_pack("{s:b}", "enabled", 1), NULL, "hello.secure_boot.setup_mode: missing");
	assert_int_equal(refusals(lab), 5);
	assert_int_equal(hello(lab, &agent), 200);
	assert_refused(lab, RP_RIG_PATH_EVENT, event, "more", json_true(), agent.cert, "\"more\"");
	assert_refused(lab, RP_RIG_PATH_EVENT, event, "message", NULL, agent.cert, "event.message");
	assert_refused(lab, RP_RIG_PATH_EVENT, event, "stage", json_string("no"), agent.cert,
		"event.stage");
	assert_refused(
		lab, RP_RIG_PATH_HEARTBEAT, beat, "more", json_true(), agent.cert, "\"more\"");
	assert_refused(lab, RP_RIG_PATH_HEARTBEAT, beat, "done", json_string("1"), agent.cert,
		"heartbeat.done: ");
	assert_refused(lab, RP_RIG_PATH_HEARTBEAT, beat, "total", json_integer(-1), agent.cert,
		"heartbeat.total: ");
	assert_refused(lab, RP_RIG_PATH_HEARTBEAT, beat, "check", NULL, agent.cert,
		"heartbeat.check: missing");
	assert_refused(
		lab, RP_RIG_PATH_ENROLLED, enrolled, "more", json_true(), agent.cert, "\"more\"");
	assert_refused(lab, RP_RIG_PATH_ENROLLED, enrolled, "secure_boot", json_true(), agent.cert,
		"enrolled.secure_boot: ");
	agent_done(&agent);
}

static void bad_scripts(void **state)
{
	static const char *const queries[] = {
		"/boot/v1/script?mac=&uuid=",
		"/boot/v1/script?mac=52-54-00-12-34-56&uuid=",
		"/boot/v1/script?mac=52:54:00:12:34:5G&uuid=",
		"/boot/v1/script?mac=52:54:00:12:34:567&uuid=",
		"/boot/v1/script?mac=" MAC "&uuid=1",
	};
	struct rig_lab *lab = *state;

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct answer answer = ask(lab, "GET", queries[i], NULL, NULL);

		assert_int_equal(answer.status, 200);
		assert_null(strstr(answer.text, "/cas/"));
		assert_non_null(strstr(answer.text, "#!ipxe"));
		answer_done(&answer);
	}
	assert_int_equal(refusals(lab), 5);
	assert_int_equal(
		status_of(lab, "GET", "/boot/v1/failed?boot=x&step=image&error=1", NULL, NULL),
		204);
}

#define RAW "00112233-4455-6677-8899-aabbccddeeff" /* as iPXE and Linux print it below SMBIOS 2.6 */
#define SWAPPED "33221100-5544-7766-8899-aabbccddeeff" /* as option 97 is read */
#define CHANGED "00112233-4455-6677-8899-aabbccddee00"

/* Whether the script for this UUID boots an image. */
static bool boots_with(struct rig_lab *lab, const char *uuid)
{
	struct answer answer;
	char path[128];
	bool boots;

	snprintf(path, sizeof(path), "/boot/v1/script?mac=" MAC "&uuid=%s&arch=x86_64", uuid);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	boots = strstr(answer.text, "/cas/sha256/") != NULL;
	answer_done(&answer);
	return boots;
}

static void assert_uuid_of(struct rig_lab *lab, const char *name, const char *uuid)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;

	assert_int_equal(rp_rigs_get(&lab->server, name, &rig), 1);
	assert_string_equal(rig->manifest->rig->uuid, uuid);
}

/* DHCP registers a rig with one text, iPXE asks for its script with the other. */
static void a_uuid_in_either_byte_order(void **state)
{
	const struct rp_pxe_client client = {
		.mac = MAC, .uuid = SWAPPED, .arch = 7, .kind = RP_PXE_UEFI};
	struct rig_lab *lab = *state;
	struct rp_pxe_answer pxe = {0};

	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), 0);
	assert_true(boots_with(lab, RAW));
	assert_uuid_of(lab, "rig-525400123456", SWAPPED);
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs/rig-525400123456/approve", NULL, NULL), 200);
	assert_true(boots_with(lab, RAW));
	assert_true(boots_with(lab, SWAPPED));
	assert_false(boots_with(lab, CHANGED));
}

/* iPXE printed the bytes as they stand, the kernel that it booted did not. */
static void hello_in_either_byte_order(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	json_t *body;

	lab->server.site->approve = RP_APPROVE_AUTOMATIC;
	assert_true(boots_with(lab, RAW));
	body = hello_body(&agent);
	json_object_set_new(body, "uuid", json_string(CHANGED));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", json_incref(body), NULL), 403);
	json_object_set_new(body, "uuid", json_string(SWAPPED));
	assert_int_equal(status_of(lab, "POST", "/rig/v1/hello", body, NULL), 200);
	agent_done(&agent);
}

/* Its firmware was set up otherwise before anybody approved it; after that its UUID is asked. */
static void a_pending_rig_has_the_uuid_it_says(void **state)
{
	struct rig_lab *lab = *state;
	struct answer answer;
	const char *reason;

	assert_true(boots_with(lab, RAW));
	assert_true(boots_with(lab, CHANGED));
	assert_uuid_of(lab, "rig-525400123456", CHANGED);
	assert_true(boots_with(lab, "")); /* it says none now, which is no other one */
	assert_uuid_of(lab, "rig-525400123456", CHANGED);
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs/rig-525400123456/approve", NULL, NULL), 200);
	assert_int_equal(refusals(lab), 0);
	assert_false(boots_with(lab, RAW));
	assert_uuid_of(lab, "rig-525400123456", CHANGED);

	/* operators read which rig it was and both UUIDs; the machine is not told what to say */
	answer = ask(lab, "GET", "/api/v1/refused", NULL, NULL);
	reason = rp_json_string_or(
		json_array_get(json_object_get(answer.json, "refused"), 0), "reason", "");
	assert_string_equal(reason,
		"rig rig-525400123456: its UUID is " RAW ", the rig's manifest has " CHANGED
		": if its firmware changed it, correct `uuid:` there and `rigproof rig add` it");
	answer_done(&answer);
	answer = ask(lab, "GET", "/boot/v1/script?mac=" MAC "&uuid=" RAW, NULL, NULL);
	assert_non_null(strstr(answer.text, "the UUID is not that of the rig with this MAC"));
	assert_null(strstr(answer.text, CHANGED));
	answer_done(&answer);
}

/* Boards of many machines have it: it holds none of them off another's place. */
static void an_example_uuid_is_none(void **state)
{
	struct rig_lab *lab = *state;

	assert_true(boots_with(lab, "03000200-0400-0500-0006-000700080009"));
	assert_uuid_of(lab, "rig-525400123456", "");
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs/rig-525400123456/approve", NULL, NULL), 200);
	assert_true(boots_with(lab, RAW));
}

/* A serial number or an asset tag may have any length: the beginning of each is kept. */
static void long_smbios_strings(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_boot boot;
	rp_cleanup(json) json_t *timeline = NULL;
	rp_cleanup(free) char *script = NULL;
	char product[640] = "", serial[1200], expected[256];
	const struct rp_script_request request = {.mac = MAC,
		.uuid = UUID,
		.arch = "x86_64",
		.platform = "efi",
		.manufacturer = "%s & \xe2\x84\xa2",
		.product = product,
		.serial = serial,
		.asset = serial,
		.peer = PEER};

	/* of two bytes each behind one of one: a cut falls between two */
	for (size_t i = 0; i < 200; i++)
		strcat(product, i ? "\xc3\xa9" : "p");
	memset(serial, 's', sizeof(serial) - 1);
	serial[sizeof(serial) - 1] = '\0';
	assert_int_equal(rp_policy_script(&lab->server, &request, &script), 0);
	assert_non_null(strstr(script, "/cas/sha256/"));
	assert_int_equal(refusals(lab), 0);

	assert_true(rp_boots_open_of_rig(&lab->server, "rig-525400123456", &boot) > 0);
	assert_int_equal(rp_boots_timeline(&lab->server, &boot, &timeline), 0);
	snprintf(expected, sizeof(expected),
		"script fetched by " PEER " (%%s & ??? p%.63s %.64s, efi x86_64)",
		"???????????????????????????????????????????????????????????????", serial);
	assert_string_equal(
		rp_json_string_or(
			json_array_get(json_object_get(timeline, "events"), 0), "message", ""),
		expected);
}

/* What a script was refused for is an event of the boot that waits, and the diagnosis of its end. */
static void a_refusal_explains_the_time_out(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_boot boot;
	char job[27], text[RP_BOOT_MESSAGE_MAX];

	ready_rig(lab, "alpha", "qemu");
	submit_job(lab, "alpha", job);
	lab_pass(lab, RP_JOB_SETTLE_S);
	lab_power_answer(lab, 0, "running");
	assert_true(rp_boots_open_of_rig(&lab->server, "alpha", &boot) > 0);
	assert_int_equal(rp_boots_reach(&lab->server, &boot, RP_STAGE_SCRIPT), 0);
	assert_false(boots_with(lab, CHANGED));
	rp_boots_explain_timeout(&lab->server, &boot, text, sizeof(text));
	assert_non_null(strstr(text, "script refused to " PEER ": its UUID is " CHANGED));
	assert_non_null(strstr(text, "; the loader asked for its script and was refused"));
	assert_false(boots_with(lab, "1"));
	rp_boots_explain_timeout(&lab->server, &boot, text, sizeof(text));
	assert_non_null(strstr(text, "script refused to " PEER ": the UUID is malformed"));
}

static void ignored_and_idle(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	struct rp_pxe_client client = {.mac = MAC, .uuid = UUID, .arch = 7, .kind = RP_PXE_UEFI};
	struct rp_pxe_answer pxe = {0};
	json_t *manifest;

	lab->server.site->unknown = RP_UNKNOWN_IGNORE;
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), -ENOENT);
	assert_false(script_boots(lab, &agent));
	ready_rig(lab, "alpha", "qemu");
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), -ENOENT);
	assert_false(script_boots(lab, &agent));
	force_state(lab, "alpha", RP_RIG_TRAINING);
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), 0);
	assert_string_equal(pxe.loader, "ipxe.efi");
	client.kind = RP_PXE_BIOS;
	client.arch = 0;
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), -ENOENT);
	client.kind = RP_PXE_UEFI;
	client.arch = 7;
	manifest = rig_manifest("alpha", "qemu");
	json_object_set_new(manifest, "ignore", json_true());
	assert_int_equal(status_of(lab, "POST", "/api/v1/rigs", manifest, NULL), 200);
	assert_int_equal(rp_policy_boot_for(&lab->server, &client, &pxe), -ENOENT);
	assert_false(script_boots(lab, &agent));
}

/* A boot's certificate reaches its own job only. */
static void no_job_for_others(void **state)
{
	struct rig_lab *lab = *state;
	struct agent agent = {0};
	char job[27], path[96];

	ready_rig(lab, "alpha", "none");
	submit_job(lab, "alpha", job);
	lab_pass(lab, 0);
	lab_power_answer(lab, -ENOTSUP, "none");
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	assert_int_equal(status_of(lab, "GET", "/rig/v1/enrolment", NULL, agent.cert), 403);
	assert_int_equal(status_of(lab, "POST", "/rig/v1/enrolled", NULL, agent.cert), 400);
	assert_int_equal(status_of(lab, "POST", "/rig/v1/heartbeat", NULL, agent.cert), 400);
	assert_int_equal(status_of(lab, "POST", "/rig/v1/event",
				 json_pack("{s:s, s:s}", "stage", "no", "message", ""), agent.cert),
		400);
	snprintf(path, sizeof(path), "/rig/v1/result/%s", "01JD0000000000000000000001");
	assert_int_equal(status_of(lab, "PUT", path, json_object(), agent.cert), 403);
	/* cancelled: the agent hears it with its next heartbeat */
	snprintf(path, sizeof(path), "/api/v1/jobs/%s/cancel", job);
	assert_int_equal(status_of(lab, "POST", path, NULL, NULL), 200);
	assert_int_equal(status_of(lab, "POST", path, NULL, NULL), 409);
	assert_job(lab, job, "verdict", "skip");
	assert_int_equal(status_of(lab, "GET", "/rig/v1/job", NULL, agent.cert), 409);
	agent_done(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_life, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(one_machine_as_two_rigs, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(same_key_same_certificate, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(strangers, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			assurance_none_without_token, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(anothers_mac, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(closed_forms, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(inventory_is_bounded, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(bad_scripts, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			a_uuid_in_either_byte_order, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			hello_in_either_byte_order, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			a_pending_rig_has_the_uuid_it_says, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(an_example_uuid_is_none, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(long_smbios_strings, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(
			a_refusal_explains_the_time_out, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(ignored_and_idle, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(no_job_for_others, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/hello.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hardware_id.h"
#include "lib/json.h"
#include "lib/metrics.h"
#include "lib/openssl_cleanup.h"
#include "server/boot/certify.h"
#include "server/boot/facts.h"
#include "server/jobs/jobs.h"
#include "server/boot/policy.h"
#include "server/state/refused.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

#define CSR_MAX 8192
#define INVENTORY_MAX (192 << 10) /* as JSON; the whole hello has 256 KiB */
#define MACS_MAX 64
#define ASK_AGAIN_S 5
#define MACS_LOOKED_AT 16 /* as many as a manifest has */

/* One hello while it is worked on. What it says is borrowed from the request. */
struct hello {
	const struct rp_request *request;
	struct rp_hello said;
	char key[RP_SHA256_HEX]; /* of the request's public key */
	struct rp_boot boot;
	struct rp_rig *rig; /* owned */
	const char *assurance;
	enum rp_action action;
};

static int refuse(struct rp_server *server, const struct hello *hello, struct rp_reply *reply,
	int status, const char *remedy, const char *reason)
{
	rp_refused_add(server, "hello", hello->boot.job, hello->boot.id, hello->request->peer,
		hello->request->body, hello->request->body_len, reason);
	return rp_reply_error(reply, status, remedy, "%s", reason);
}

static int csr_key(const char *csr, char ret_key[RP_SHA256_HEX], struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(csr, -1);
	rp_cleanup(x509_req) X509_REQ *request =
		bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;

	if (!key || X509_REQ_verify(request, key) != 1)
		return rp_error_openssl(err, -EINVAL, "csr: not a signed certificate request");
	return rp_pki_keyid(key, ret_key);
}

static int parse(struct hello *hello, struct rp_error *err)
{
	struct rp_hello *said = &hello->said;
	int r = rp_hello_read(hello->request->json, said, err);

	if (r < 0)
		return r;
	if (strlen(said->csr) > CSR_MAX)
		return rp_error_set(err, -EINVAL, "hello.csr: longer than %d bytes", CSR_MAX);
	if (json_array_size(said->macs) > MACS_MAX)
		return rp_error_set(err, -EINVAL, "hello.mac: more than %d", MACS_MAX);
	/* Anyone who can fetch a boot script can say hello, and what he tells is kept. */
	if (json_dumpb(said->inventory, NULL, 0, JSON_COMPACT) > INVENTORY_MAX)
		return rp_error_set(
			err, -EINVAL, "hello.inventory: more than %d bytes", INVENTORY_MAX);
	said->uuid = rp_uuid_known(said->uuid);
	if (*said->uuid && !rp_uuid_valid(said->uuid))
		return rp_error_set(err, -EINVAL, "hello.uuid: not a UUID in lower case");
	return csr_key(said->csr, hello->key, err);
}

static bool has_mac(const struct hello *hello, const char *mac)
{
	size_t i;
	json_t *value;

	json_array_foreach (hello->said.macs, i, value) {
		if (json_is_string(value) && strcmp(json_string_value(value), mac) == 0)
			return true;
	}
	return false;
}

/* The open boot whose script this machine fetched. NULL, or why there is none. */
static const char *identify(struct rp_server *server, struct hello *hello)
{
	rp_cleanup(free) struct rp_boot *boots = NULL;
	size_t count = 0, i;

	if (rp_boots_collect(server, RP_SQL_BOOT_OPEN_AT_ADDRESS, hello->request->peer, 0, &boots,
		    &count) < 0)
		return "the store could not be read";
	for (i = 0; i < count; i++) {
		if (has_mac(hello, boots[i].mac))
			break;
	}
	if (i == count)
		return "no machine with this address and MAC fetched a boot script and is still to "
		       "say hello";
	hello->boot = boots[i];
	if (*hello->boot.uuid && !rp_uuid_same(hello->boot.uuid, hello->said.uuid))
		return "the UUID is not that of the machine that fetched the boot script";
	if (hello->boot.certified_at)
		return "this boot has certified another key already";
	if (hello->boot.stage_deadline && hello->boot.stage_deadline <= rp_store_now(server->store))
		return "this boot's time is over";
	if (*hello->said.token && (strlen(hello->said.token) != strlen(hello->boot.token) ||
					  CRYPTO_memcmp(hello->said.token, hello->boot.token,
						  strlen(hello->said.token)) != 0))
		return "the boot token is not the one that this boot was given";
	return NULL;
}

static int note_inventory(struct rp_server *server, const struct hello *hello)
{
	rp_cleanup(free) char *inventory = rp_json_canonical(hello->said.inventory);
	rp_cleanup(free) char *secure_boot =
		rp_json_canonical(json_object_get(hello->request->json, "secure_boot"));

	if (!inventory || !secure_boot)
		return -ENOMEM;
	return rp_store_run(server->store, RP_SQL_RIG_SET_INVENTORY, RP_TEXT(hello->boot.rig),
		RP_TEXT(inventory), RP_TEXT(secure_boot), RP_INT(rp_store_now(server->store)));
}

static int read_rig(struct rp_server *server, struct hello *hello)
{
	struct rp_rig *rig = NULL;
	int r = rp_rigs_get(server, hello->boot.rig, &rig);

	if (r <= 0)
		return r < 0 ? r : -EINVAL;
	rp_rig_free(hello->rig);
	hello->rig = rig;
	return 0;
}

/*
 * A machine that registered by one interface and has another that is a rig, too: whoever approves it
 * is told. What it says is a hint, so nothing else follows.
 */
static int note_other_rig(struct rp_server *server, const struct hello *hello)
{
	char reason[sizeof(hello->rig->reason)];
	size_t i;
	json_t *value;

	json_array_foreach (hello->said.macs, i, value) {
		rp_cleanup(rig) struct rp_rig *other = NULL;
		const char *mac = json_string_value(value);
		int r = mac && rp_mac_valid(mac) ? rp_rigs_get_by_mac(server, mac, &other) : 0;

		if (r < 0)
			return r;
		if (i == MACS_LOOKED_AT)
			return 0;
		if (r == 0 || strcmp(other->name, hello->rig->name) == 0 ||
			other->state == RP_RIG_RETIRED)
			continue;
		snprintf(reason, sizeof(reason),
			"it says that it has %s, too, which is rig %s: one machine is one rig, "
			"with "
			"both in `mac:` of its manifest",
			mac, other->name);
		return strcmp(reason, hello->rig->reason) == 0
			       ? 0
			       : rp_rigs_set_state(
					 server, hello->rig->name, RP_RIG_PENDING, reason);
	}
	return 0;
}

static int wait_for_approval(struct rp_server *server, struct hello *hello, struct rp_reply *reply)
{
	int r = rp_boots_reach(server, &hello->boot, RP_STAGE_AGENT);

	if (r == 0 && hello->boot.stage == RP_STAGE_AGENT)
		r = rp_boots_extend(server, &hello->boot, server->site->stages.agent_s);
	if (r == 0)
		r = note_other_rig(server, hello);
	if (r < 0)
		return r;
	reply->status = 202;
	reply->retry_after_s = ASK_AGAIN_S;
	reply->json = rp_pending_write(&(struct rp_pending){
		.reason = "an operator has to approve this rig: rigproof rig approve NAME"});
	return reply->json ? 0 : -ENOMEM;
}

/* Where the step leaves the rig: approved, one clean boot further, ready. */
static int move_rig(struct rp_server *server, struct hello *hello, const struct rp_step *step)
{
	const struct rp_rig *rig = hello->rig;
	int r = 0;

	if (step->clean_boot) {
		r = rp_store_run(server->store, RP_SQL_RIG_SET_TRAINING, RP_TEXT(rig->name),
			RP_INT(rig->training_left > 0 ? rig->training_left - 1 : 0));
		if (r >= 0)
			r = rp_store_run(server->store, RP_SQL_RIG_SET_ERRORS, RP_TEXT(rig->name),
				RP_INT(0));
	}
	return r < 0 ? r : rp_rigs_set_state(server, rig->name, step->rig, "");
}

/* Inside of the transaction. */
static int carry_out(struct rp_server *server, struct hello *hello, const struct rp_step *step,
	const struct rp_job *job)
{
	int r = move_rig(server, hello, step);

	if (r < 0)
		return r;
	switch (step->next) {
	case RP_NEXT_JOB:
		hello->action = RP_ACTION_JOB;
		return 0;
	case RP_NEXT_BEGIN_JOB:
		hello->action = RP_ACTION_JOB;
		return rp_jobs_begin(server, job, &hello->boot, &hello->boot, NULL);
	case RP_NEXT_ENROL:
		hello->action = RP_ACTION_ENROL;
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_PURPOSE, RP_TEXT(hello->boot.id),
			RP_TEXT(rp_boot_purpose_text(RP_BOOT_FOR_ENROL)));
		return r < 0 ? r : 0;
	case RP_NEXT_REBOOT:
		hello->action = RP_ACTION_REBOOT;
		return 0;
	default:
		hello->action = RP_ACTION_POWEROFF;
		return 0;
	}
}

/* Actions with which a boot is over. */
static bool ends(enum rp_action action)
{
	return action == RP_ACTION_POWEROFF || action == RP_ACTION_REBOOT;
}

static int say_not_believed(struct rp_server *server, const struct hello *hello)
{
	const char *rig = hello->boot.rig;

	if (hello->rig->manifest->rig->power.driver != RP_POWER_NONE)
		return rp_boots_event(server, &hello->boot,
			"Setup Mode is believed in a boot that the server powers: that comes next");
	return rp_boots_event(server, &hello->boot,
		"Setup Mode is believed in a boot that a person announces: rigproof rig announce "
		"%s, then switch it on",
		rig);
}

/* The transaction: the rig's next step, its certificate, what that means for the boot. */
static int admit(struct rp_server *server, struct hello *hello, const struct rp_step *step,
	const struct rp_job *job, char **ret_chain, struct rp_error *err)
{
	rp_cleanup(free) char *chain = NULL;
	struct rp_introduction from = {&hello->said, hello->key, &hello->boot, hello->rig};
	int r;

	hello->assurance = rp_certify_assurance(server, &from);
	r = rp_boots_reach(server, &hello->boot, RP_STAGE_AGENT);
	if (r == 0)
		r = carry_out(server, hello, step, job);
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	r = rp_certify(server, &from, &chain, err);
	if (r < 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_ACTION, RP_TEXT(hello->boot.id),
		RP_TEXT(rp_action_text(hello->action)));
	if (r >= 0)
		r = rp_boots_event(server, &hello->boot, "agent certified, assurance %s: %s",
			hello->assurance, rp_action_text(hello->action));
	if (r >= 0 && step->rig == RP_RIG_ENROLLED && hello->said.secure_boot.setup_mode &&
		hello->action == RP_ACTION_POWEROFF)
		r = say_not_believed(server, hello);
	if (r >= 0 && ends(hello->action)) {
		r = rp_boots_close(server, &hello->boot, RP_BOOT_DONE, "");
		if (r == 0)
			r = rp_rigs_settle(server, hello->boot.rig, RP_JOB_SETTLE_S,
				hello->action == RP_ACTION_POWEROFF);
	}
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	*ret_chain = rp_steal(chain);
	return 0;
}

static int reply_admission(const struct rp_boot *boot, const char *chain, const char *assurance,
	enum rp_action action, struct rp_reply *reply)
{
	reply->json = rp_admission_write(&(struct rp_admission){
		.rig = boot->rig,
		.boot = boot->id,
		.certificate = chain,
		.assurance = assurance,
		.action = action,
	});
	return reply->json ? 0 : -ENOMEM;
}

/* The answer was lost, or one of us started again: the same key gets the same certificate. */
static int answer_again(struct rp_server *server, struct hello *hello, struct rp_reply *reply)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	enum rp_action action;
	int r;

	if (strcmp(hello->boot.address, hello->request->peer) != 0)
		return refuse(server, hello, reply, 403, "start the rig again",
			"this key was certified for a machine at another address");
	r = rp_store_first(server->store, &row, RP_SQL_BOOT_PAPERS, RP_TEXT(hello->boot.id));
	if (r <= 0)
		return r < 0 ? r : -EINVAL;
	if (rp_action_parse(rp_column_text(row, 2), &action) < 0 ||
		(hello->boot.state != RP_BOOT_OPEN && !ends(action)))
		action = RP_ACTION_POWEROFF;
	return reply_admission(
		&hello->boot, rp_column_text(row, 0), hello->boot.assurance, action, reply);
}

/* What next.c is to know: all of the rig, and what this hello says. */
static int gather(
	struct rp_server *server, struct hello *hello, struct rp_facts *ret, struct rp_job *ret_job)
{
	int r = rp_facts_gather(server, hello->rig, ret, ret_job);

	if (r < 0)
		return r;
	ret->job_here = hello->boot.job[0] != '\0';
	ret->setup_mode = hello->said.secure_boot.setup_mode;
	ret->ours = rp_facts_boot_is_ours(&hello->boot);
	ret->job_same_image =
		ret->job_waits && strcmp(ret_job->image_sha256, hello->boot.image_sha256) == 0;
	return 0;
}

/* Everything that needs the rig: approval, certificate. */
static int welcome(struct rp_server *server, struct hello *hello, struct rp_reply *reply)
{
	rp_cleanup(job) struct rp_job job = {0};
	rp_cleanup(free) char *chain = NULL;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_facts facts;
	struct rp_step step;
	char name[RP_RIG_TEXT];
	int r = read_rig(server, hello);

	if (r == 0 && !rp_policy_uuid_fits(hello->rig, hello->said.uuid))
		return refuse(server, hello, reply, 403, "correct uuid: in the rig's manifest",
			"the UUID is not the one of the rig's manifest");
	if (r == 0 && !rp_policy_serial_fits(
			      hello->rig, rp_json_string_or(hello->said.inventory, "serial", "")))
		return refuse(server, hello, reply, 403, "correct serial: in the rig's manifest",
			"the serial number is not the one of the rig's manifest");
	if (r == 0)
		r = note_inventory(server, hello);
	if (r >= 0)
		r = read_rig(server, hello);
	if (r == 0)
		r = gather(server, hello, &facts, &job);
	if (r < 0)
		return r;
	step = rp_next(RP_AT_HELLO, &facts);
	if (step.next == RP_NEXT_TURN_AWAY)
		return refuse(server, hello, reply, 403, "power off", "this rig is out of service");
	if (step.next == RP_NEXT_APPROVAL)
		return wait_for_approval(server, hello, reply);
	if (facts.rig == RP_RIG_PENDING) {
		r = rp_rigs_approve(server, hello->rig->name, NULL, name, &err);
		if (r == 0)
			r = read_rig(server, hello);
		if (r < 0)
			return r;
	}
	r = rp_store_begin(server->store);
	if (r < 0)
		return r;
	r = rp_store_end(server->store, admit(server, hello, &step, &job, &chain, &err));
	if (r == -EACCES || (r == -EINVAL && err.text[0]))
		return refuse(server, hello, reply, 403, "start the rig again", err.text);
	if (r < 0)
		return r;
	rp_metrics_add(server->metrics, "boots_certified_total", 1);
	rp_jobs_kick(server);
	return reply_admission(&hello->boot, chain, hello->assurance, hello->action, reply);
}

int rp_hello_answer(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	struct hello hello = {.request = request};
	struct rp_error err = RP_ERROR_NONE;
	const char *why;
	int r;

	if (parse(&hello, &err) < 0)
		return refuse(server, &hello, reply, 400, "run an agent of this server's version",
			err.text);
	r = rp_boots_by_key(server, hello.key, &hello.boot);
	if (r > 0)
		return answer_again(server, &hello, reply);
	if (r < 0)
		return r;
	why = identify(server, &hello);
	if (why)
		return refuse(server, &hello, reply, 403, "start the rig again", why);
	r = welcome(server, &hello, reply);
	rp_rig_free(hello.rig);
	return r;
}

static int enrolled(struct rp_server *server, struct rp_boot *boot, const struct rp_rig *rig,
	const char *secure_boot, const struct rp_step *step, enum rp_action action)
{
	char digest[RP_SHA256_HEX];
	int r = rp_rigs_db_digest(server, digest);

	if (r == 0)
		r = rp_store_run(server->store, RP_SQL_RIG_SET_KEYS, RP_TEXT(rig->name),
			RP_TEXT(digest), RP_TEXT(secure_boot));
	if (r >= 0)
		r = rp_rigs_set_state(server, rig->name, step->rig, "");
	if (r >= 0)
		r = rp_boots_event(server, boot, "the lab's keys are enrolled");
	if (r >= 0)
		r = rp_boots_close(server, boot, RP_BOOT_DONE, "");
	if (r >= 0)
		r = rp_store_run(server->store, RP_SQL_BOOT_SET_ACTION, RP_TEXT(boot->id),
			RP_TEXT(rp_action_text(action)));
	if (r >= 0)
		r = rp_rigs_settle(
			server, rig->name, RP_JOB_SETTLE_S, action == RP_ACTION_POWEROFF);
	return r;
}

int rp_hello_enrolled(struct rp_server *server, struct rp_boot *boot, const json_t *body,
	enum rp_action *ret_action, struct rp_error *err)
{
	rp_cleanup(rig) struct rp_rig *rig = NULL;
	rp_cleanup(free) char *text = NULL;
	enum rp_action action;
	struct rp_facts facts;
	struct rp_step step;
	struct rp_enrolled said;
	int r = rp_enrolled_read(body, &said, err);

	if (r < 0)
		return r;
	if (boot->purpose != RP_BOOT_FOR_ENROL || !rp_facts_boot_is_ours(boot))
		return rp_error_set(err, -ENOTSUP, "this boot was not to enrol keys");
	if (said.secure_boot.setup_mode)
		return rp_error_set(
			err, -EAGAIN, "the firmware is still in Setup Mode: PK was not written");
	r = rp_rigs_get(server, boot->rig, &rig);
	if (r > 0)
		r = rp_facts_gather(server, rig, &facts, NULL);
	if (r < 0 || !rig)
		return rp_error_set(err, r < 0 ? r : -ENOENT, "%s", rp_store_reason(server->store));
	step = rp_next(RP_AT_ENROLLED, &facts);
	action = step.next == RP_NEXT_REBOOT ? RP_ACTION_REBOOT : RP_ACTION_POWEROFF;
	if (boot->state == RP_BOOT_OPEN) {
		text = rp_json_canonical(json_object_get(body, "secure_boot"));
		r = text ? rp_store_begin(server->store) : -ENOMEM;
		if (r == 0)
			r = rp_store_end(
				server->store, enrolled(server, boot, rig, text, &step, action));
		if (r < 0)
			return rp_error_set(err, r, "%s", rp_store_reason(server->store));
		rp_metrics_add(server->metrics, "rigs_enrolled_total", 1);
		rp_jobs_kick(server);
	}
	*ret_action = action;
	return 0;
}

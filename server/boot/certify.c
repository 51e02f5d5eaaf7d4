/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/certify.h"

#include <errno.h>

#include "keys/assurance.h"
#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/record.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "server/boot/policy.h"
#include "server/server.h"
#include "server/store/store.h"

static struct rp_assurance_facts facts_of(
	struct rp_server *server, const struct rp_introduction *from)
{
	const struct rp_boot *boot = from->boot;

	return (struct rp_assurance_facts){
		.seen = {[RP_SEEN_POWER] =
				 boot->power == RP_BOOT_POWER_DRIVER || boot->announced_by[0],
			[RP_SEEN_OFFER] = boot->offered_at != 0,
			[RP_SEEN_IMAGE] = boot->script_at && boot->image_at >= boot->script_at,
			[RP_SEEN_UUID] = rp_policy_uuid_fits(from->rig, from->said->uuid),
			[RP_SEEN_KEYS] = rp_rig_has_our_keys(server, from->rig) > 0},
		.token = *from->said->token,
		.secure_boot =
			from->said->secure_boot.enabled && !from->said->secure_boot.setup_mode,
	};
}

const char *rp_certify_assurance(struct rp_server *server, const struct rp_introduction *from)
{
	const struct rp_assurance_facts facts = facts_of(server, from);

	return rp_assurance_of(&facts);
}

static void time_or_empty(int64_t time, char ret[RP_TIME_TEXT])
{
	ret[0] = '\0';
	if (time)
		rp_clock_format(time, ret);
}

/* What the server saw of this boot itself. NULL: no memory. */
static json_t *seen_json(struct rp_server *server, const struct rp_introduction *from)
{
	const struct rp_assurance_facts facts = facts_of(server, from);
	char offer[RP_TIME_TEXT], script[RP_TIME_TEXT], image[RP_TIME_TEXT], at[RP_TIME_TEXT];
	json_t *missing = json_array(), *announced = NULL;
	const char *power = "none";

	for (int i = 0; i < RP_SEENS; i++) {
		if (!facts.seen[i])
			json_array_append_new(missing, json_string(rp_seen_words[i]));
	}
	time_or_empty(from->boot->offered_at, offer);
	time_or_empty(from->boot->script_at, script);
	time_or_empty(from->boot->image_at, image);
	if (from->boot->power != RP_BOOT_POWER_DRIVER && from->boot->announced_by[0]) {
		rp_clock_format(from->boot->announced_at, at);
		announced = json_pack("{s:s, s:s}", "by", from->boot->announced_by, "at", at);
		power = "announced";
	} else if (from->boot->power == RP_BOOT_POWER_DRIVER) {
		power = "driver";
	}
	return json_pack("{s:s, s:o*, s:s, s:s, s:s, s:o}", "power", power, "announced", announced,
		"offer", offer, "script", script, "image", image, "missing", missing);
}

static int make_record(struct rp_server *server, const struct rp_introduction *from, char **ret,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *stages = NULL;
	rp_cleanup(json) json_t *record = NULL;
	rp_cleanup(json) json_t *envelope = NULL;
	const struct rp_boot *boot = from->boot;
	char started[RP_TIME_TEXT], certified[RP_TIME_TEXT];
	int r = rp_boots_stages(server, boot->id, &stages);

	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	rp_clock_format(boot->started, started);
	rp_clock_format(rp_store_wall(server->store), certified);
	record = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, "
			   "s:{s:b, s:b, s:b}, s:s, s:s, s:s, s:O, s:o}",
		"version", 1, "boot", boot->id, "rig", boot->rig, "job", boot->job, "assurance",
		rp_certify_assurance(server, from), "mac", boot->mac, "uuid", from->said->uuid,
		"address", boot->address, "image", "name", boot->image, "sha256",
		boot->image_sha256, "loader", "name", boot->loader, "sha256", boot->loader_sha256,
		"secure_boot", "enabled", from->said->secure_boot.enabled, "setup_mode",
		from->said->secure_boot.setup_mode, "keys_enrolled_by_us",
		rp_rig_has_our_keys(server, from->rig), "boot_key", from->key, "started", started,
		"certified", certified, "stages", stages, "seen", seen_json(server, from));
	if (!record)
		return rp_error_memory(err);
	r = rp_record_check_boot(record, err);
	if (r == 0)
		r = rp_dsse_sign_json(server->job_key, RP_TYPE_BOOT, record, &envelope, err);
	if (r < 0)
		return r;
	*ret = rp_json_canonical(envelope);
	return *ret ? 0 : rp_error_memory(err);
}

/* The certificate, then all above it: what TLS sends and what the agent keeps. */
static int issue(struct rp_server *server, const struct rp_introduction *from, char **ret_chain,
	struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *ca_key = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *leaf = NULL;
	rp_cleanup(free) char *above = NULL;
	char *chain;
	int r;

	r = rp_pki_load_key(server->keys_dir, "boot-ca", &ca_key, err);
	if (r == 0)
		r = rp_pki_issue_boot(ca_key, server->boot_ca_cert, from->said->csr,
			from->boot->rig, from->boot->id, &cert, err);
	if (r == 0)
		r = rp_pki_chain_pem(server->keys_dir, "boot-ca", &above, err);
	if (r < 0)
		return r;
	leaf = rp_pem_write_cert(cert);
	if (!leaf || asprintf(&chain, "%s%s", leaf, above) < 0)
		return rp_error_memory(err);
	*ret_chain = chain;
	return 0;
}

int rp_certify(struct rp_server *server, const struct rp_introduction *from, char **ret_chain,
	struct rp_error *err)
{
	rp_cleanup(free) char *chain = NULL;
	rp_cleanup(free) char *record = NULL;
	int r = issue(server, from, &chain, err);

	if (r == 0)
		r = make_record(server, from, &record, err);
	if (r < 0)
		return r;
	r = rp_store_run(server->store, RP_SQL_BOOT_SET_CERTIFIED, RP_TEXT(from->boot->id),
		RP_TEXT(from->key), RP_TEXT(rp_certify_assurance(server, from)), RP_TEXT(chain),
		RP_TEXT(record), RP_INT(rp_store_now(server->store)));
	if (r < 0)
		return rp_error_set(err, r, "%s", rp_store_reason(server->store));
	*ret_chain = rp_steal(chain);
	return 0;
}

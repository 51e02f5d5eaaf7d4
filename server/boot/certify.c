/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot/certify.h"

#include <errno.h>

#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/record.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "server/server.h"
#include "server/store/store.h"

const char *rp_certify_assurance(struct rp_server *server, const struct rp_introduction *from)
{
	if (from->said->secure_boot.enabled && !from->said->secure_boot.setup_mode &&
		rp_rig_has_our_keys(server, from->rig) > 0)
		return "secure-boot";
	return *from->said->token ? "boot-token" : "none";
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
	rp_clock_format(rp_store_now(server->store), certified);
	record = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, "
			   "s:{s:b, s:b, s:b}, s:s, s:s, s:s, s:O}",
		"version", 1, "boot", boot->id, "rig", boot->rig, "job", boot->job, "assurance",
		rp_certify_assurance(server, from), "mac", boot->mac, "uuid", from->said->uuid,
		"address", boot->address, "image", "name", boot->image, "sha256",
		boot->image_sha256, "loader", "name", boot->loader, "sha256", boot->loader_sha256,
		"secure_boot", "enabled", from->said->secure_boot.enabled, "setup_mode",
		from->said->secure_boot.setup_mode, "keys_enrolled_by_us",
		rp_rig_has_our_keys(server, from->rig), "boot_key", from->key, "started", started,
		"certified", certified, "stages", stages);
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

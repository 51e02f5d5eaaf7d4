/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "keys/efi_auth.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "server/cli/cli.h"
#include "server/cli/list.h"

static const struct {
	const char *name, *purpose;
} keys[] = {
	{"root", "the lab: everything below is checked against it"},
	{"tls", "HTTPS server"},
	{"job", "signs jobs and boot records"},
	{"log", "signs the log of results"},
	{"boot-ca", "certifies the key of each boot"},
	{"PK", "UEFI platform key"},
	{"KEK", "UEFI key exchange key"},
	{"db", "signs loaders and images"},
	{"module", "signs kernel modules"},
};

#define KEYS_COUNT (sizeof(keys) / sizeof(*keys))

/* --host and --address mean the same to us; people expect to find the one that they have. */
static void collect_hosts(const struct rp_cli *cli, const char *hosts[RP_CLI_OPTIONS_MAX + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < cli->options_count; i++)
		if (!strcmp(cli->options[i].name, "--host") ||
			!strcmp(cli->options[i].name, "--address"))
			hosts[count++] = cli->options[i].value;
	hosts[count] = NULL;
}

static int describe(const char *dir, json_t **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *list = json_array();
	rp_cleanup(json) json_t *document = NULL;
	uint8_t fingerprint[RP_SHA256_LEN];
	char fingerprint_hex[RP_SHA256_HEX] = "";

	for (size_t i = 0; i < KEYS_COUNT; i++) {
		rp_cleanup(x509) X509 *cert = NULL;
		EVP_PKEY *key;
		char keyid[RP_SHA256_HEX];
		char type[32];
		int r = rp_pki_load_cert(dir, keys[i].name, &cert, err);

		if (r < 0)
			return r;
		key = X509_get0_pubkey(cert);
		if (!key || rp_pki_keyid(key, keyid) < 0)
			return rp_error_openssl(
				err, -EINVAL, "%s/%s.crt: no usable key in it", dir, keys[i].name);
		snprintf(type, sizeof(type), "%s-%d",
			EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "?",
			EVP_PKEY_get_bits(key));
		if (i == 0) {
			r = rp_pki_fingerprint(cert, fingerprint);
			if (r < 0)
				return rp_error_set(err, r, "%s/root.crt: no fingerprint", dir);
			rp_hex_encode(fingerprint, sizeof(fingerprint), fingerprint_hex);
		}
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "name", keys[i].name, "type", type,
				      "keyid", keyid, "purpose", keys[i].purpose));
	}
	document = json_pack("{s:o, s:s, s:O}", "folder", rp_json_text(dir), "root_fingerprint",
		fingerprint_hex, "keys", list);
	if (!document || json_array_size(list) != KEYS_COUNT)
		return rp_error_memory(err);
	*ret = rp_steal(document);
	return 0;
}

/* Enough of it to tell keys apart. */
static char *short_id(const json_t *key, const char *field)
{
	return rp_path("%.16s", rp_json_string_or(key, field, ""));
}

static int run_show(const struct rp_cli *cli, struct rp_error *err)
{
	static const struct rp_list list = {
		.key = "keys",
		.empty = "no keys",
		.columns = {{"KEY", "name"}, {"TYPE", "type"}, {"ID", "keyid", short_id},
			{"PURPOSE", "purpose"}},
	};
	rp_cleanup(json) json_t *document = NULL;
	int r = describe(cli->operands[0], &document, err);

	if (r >= 0)
		r = rp_list_print(cli, &list, document, err);
	if (r == RP_EXIT_OK && !cli->json)
		printf("\nroot certificate, SHA-256: %s\n",
			rp_json_string_or(document, "root_fingerprint", ""));
	return r;
}

static int run_init(const struct rp_cli *cli, struct rp_error *err)
{
	const char *hosts[RP_CLI_OPTIONS_MAX + 1];
	const char *dir = cli->operands[0];
	int r;

	collect_hosts(cli, hosts);
	r = rp_pki_init(dir, hosts, err);
	if (r >= 0)
		r = rp_efi_auth_make(dir, err);
	if (r < 0)
		return r;
	if (cli->json)
		return run_show(cli, err);
	printf("%s: the lab's keys, readable by you alone\n"
	       "give away: %s/root.crt, with which anyone verifies this lab's evidence\n"
	       "keep safe and elsewhere: a copy of this folder\n"
	       "take away from the server: %s/" RP_PKI_OFFLINE
	       ", which it never needs; the root's key "
	       "certifies\n"
	       "  (keys tls), module's signs modules (image build), PK's and KEK's change rigs' "
	       "keys\n",
		dir, dir, dir);
	return RP_EXIT_OK;
}

static int run_tls(const struct rp_cli *cli, struct rp_error *err)
{
	const char *hosts[RP_CLI_OPTIONS_MAX + 1];
	int r;

	collect_hosts(cli, hosts);
	r = rp_pki_issue_tls(cli->operands[0], hosts, err);
	if (r < 0)
		return r;
	if (cli->json)
		return run_show(cli, err);
	printf("%s/tls.crt is new; start rigproofd again\n", cli->operands[0]);
	return RP_EXIT_OK;
}

const struct rp_cli_command rp_cli_keys[] = {
	{"keys", "init", "DIR [--host NAME]... [--address IP]...",
		"make a lab's keys and certificates in a new folder", run_init},
	{"keys", "show", "DIR", "list the keys of a folder", run_show},
	{"keys", "tls", "DIR [--host NAME]... [--address IP]...",
		"certify the server for other names or addresses", run_tls},
	{NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/agent_lab.h"

#include <stdio.h>
#include <string.h>

#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"

int lab_make(struct lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;

	*lab = (struct lab){0};
	folder_lab_make(lab->dir);
	snprintf(lab->keys, sizeof(lab->keys), "%s/keys", lab->dir);
	if (rp_pki_init(lab->keys, NULL, &err) < 0 ||
		rp_pki_load_cert(lab->keys, "root", &lab->root, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return 0;
}

int lab_remove(struct lab *lab)
{
	X509_free(lab->root);
	folder_lab_remove(lab->dir);
	return 0;
}

char *lab_path(const struct lab *lab, const char *name)
{
	return rp_path("%s/%s", lab->dir, name);
}

json_t *lab_answer(const struct lab *lab, const char *what, const char *key, const char *type,
	const json_t *payload)
{
	rp_cleanup(pkey) EVP_PKEY *signer = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *pem = NULL;
	json_t *envelope = NULL;

	if (rp_pki_load_key(lab->keys, key, &signer, NULL) < 0 ||
		rp_pki_load_cert(lab->keys, key, &cert, NULL) < 0 ||
		rp_dsse_sign_json(signer, type, payload, &envelope, NULL) < 0)
		return NULL;
	pem = rp_pem_write_cert(cert);
	if (strcmp(what, "ack") == 0)
		return json_pack("{s:o, s:{s:s}, s:s}", what, envelope, "certificates", "log", pem,
			"action", "poweroff");
	return json_pack("{s:o, s:{s:s}}", what, envelope, "certificates", "job", pem);
}

json_t *lab_admission(const struct lab *lab, EVP_PKEY *key, const char *rig, const char *action)
{
	rp_cleanup(pkey) EVP_PKEY *ca_key = NULL;
	rp_cleanup(x509) X509 *ca = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *csr = NULL;
	rp_cleanup(free) char *leaf = NULL;
	rp_cleanup(free) char *chain = NULL;

	if (rp_pki_load_key(lab->keys, "boot-ca", &ca_key, NULL) < 0 ||
		rp_pki_load_cert(lab->keys, "boot-ca", &ca, NULL) < 0 ||
		rp_pki_make_csr(key, &csr, NULL) < 0 ||
		rp_pki_issue_boot(ca_key, ca, csr, LAB_RIG, LAB_BOOT, &cert, NULL) < 0 ||
		rp_pki_chain_pem(lab->keys, "boot-ca", &chain, NULL) < 0)
		return NULL;
	leaf = rp_pem_write_cert(cert);
	return json_pack("{s:s, s:s, s:s+, s:s, s:s}", "rig", rig, "boot", LAB_BOOT, "certificate",
		leaf, chain, "assurance", "secure-boot", "action", action);
}

json_t *lab_job(void)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:[{s:s, s:s, s:s}], "
			 "s:[{s:s, s:[s], s:i, s:i, s:s, s:s, s:i, s:s}], s:[], s:s, s:i}",
		"version", 1, "job", LAB_JOB, "rig", LAB_RIG, "boot", LAB_BOOT, "nonce", LAB_NONCE,
		"created", LAB_TIME, "plan", "first", "image", "name", "node", "sha256", LAB_DIGEST,
		"modules", "name", "xsc", "sha256", LAB_DIGEST, "parameters", "", "checks", "name",
		"ring", "exec", "xsc_ring_test", "timeout_s", 60, "memory_mb", 0, "cpus", "",
		"scheduler", "other", "priority", 0, "user", "", "limits", "disks", "never",
		"timeout_s", 300);
}

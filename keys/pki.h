/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's keys: one folder, made once, read by everything that signs or verifies.
 *
 *   name      key       certificate
 *   root      RSA-3072  self-signed CA                          signs tls, job, log, boot-ca
 *   tls       RSA-3072  by root, serverAuth, names in the SAN   the HTTPS server
 *   job       P-256     by root, role "job"                     jobs and boot records
 *   log       Ed25519   by root, role "log"                     checkpoints and acknowledgements
 *   boot-ca   P-256     by root, CA of path length 0            certifies boot keys
 *   PK KEK db RSA-2048  self-signed                             UEFI Secure Boot variables
 *   module    RSA-2048  self-signed                             kernel modules (also in UEFI db)
 *
 * The server works without the keys of root, PK, KEK and module: they are made in the folder offline/, which
 * can be taken away and kept elsewhere, and are read from there or from beside the others.
 *
 * NAME.key has mode 0600 and is refused otherwise; NAME.crt is PEM. All certificates run from
 * 1970-01-01T00:00:00Z to 2099-12-31T23:59:59Z: a rig's clock may be dead (UEFI firmware then begins
 * in 1998), trust comes from keys.
 * iPXE 1.21 takes RSA only and no critical extension but basicConstraints, keyUsage, extKeyUsage
 * and subjectAltName; it checks OCSP where a certificate names a responder, so none does.
 *
 * `rigproof keys init` is rp_pki_init, then rp_efi_auth_make (keys/efi_auth.h).
 */
#ifndef RP_KEYS_PKI_H
#define RP_KEYS_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/digest.h"
#include "lib/error.h"
#include "lib/id.h"
#include "lib/must_use.h"

#define RP_PKI_OFFLINE "offline" /* in a key folder: the keys that a server does not need */

#define RP_RIG_TEXT 64 /* a rig's name (rp_name_valid) and NUL */

/*
 * What a certificate may be used for: its place in the chain (directly below the root, or below
 * boot-ca), its key usage, and the one URI in its subjectAltName: rigproof:role:job, :log, :boot-ca,
 * rigproof:boot:BOOT. A certificate of one role never passes for another.
 */
enum rp_role { RP_ROLE_TLS, RP_ROLE_JOB, RP_ROLE_LOG, RP_ROLE_BOOT_CA, RP_ROLE_BOOT };

/*
 * Make the folder dir (0700), and offline/ in it, with all keys and certificates. hosts: NULL-terminated DNS names and
 * IP addresses of the server, NULL for none; rigproof, localhost and 127.0.0.1 are always added.
 * -EEXIST, with nothing changed, where dir exists and is not empty. Takes a second or two (RSA).
 */
int rp_pki_init(const char *dir, const char *const *hosts, struct rp_error *err);

/*
 * Make tls.crt anew for these hosts, for the same tls.key. A server takes it up when it starts
 * again. -ENOENT where dir is no key folder, -EINVAL for what is neither a DNS name nor an address.
 */
int rp_pki_issue_tls(const char *dir, const char *const *hosts, struct rp_error *err);

/*
 * Where NAME's key is: dir/NAME.key, else dir/offline/NAME.key for a key that may be kept there. One that is
 * in neither place, or not to be seen, has the path where it is made. Caller frees; NULL: no memory.
 */
char *rp_pki_key_path(const char *dir, const char *name);

/*
 * The next key, from *at on (0 at first), that a server does not need and this process can read. Caller
 * frees the path; NULL: no more.
 */
char *rp_pki_next_exposed(const char *dir, size_t *at);

/*
 * The key at rp_pki_key_path. -EPERM unless its mode has no group or other bits; -ENOENT, which for a key
 * that is kept elsewhere says so; -EINVAL.
 */
RP_MUST_USE int rp_pki_load_key(
	const char *dir, const char *name, EVP_PKEY **ret, struct rp_error *err);

/* dir/NAME.crt. -ENOENT, -EINVAL. */
RP_MUST_USE int rp_pki_load_cert(
	const char *dir, const char *name, X509 **ret, struct rp_error *err);

/*
 * NAME's certificate and all above it, the root included (iPXE needs it sent), as PEM.
 * For root itself: the root alone. Caller frees.
 */
int rp_pki_chain_pem(const char *dir, const char *name, char **ret_pem, struct rp_error *err);

/*
 * Verify leaf for role: signed by root directly (tls, job, log, boot-ca) or through exactly one
 * boot-ca certificate of untrusted (boot), with the role's key usage. Time is not checked (dates
 * are the same for all and rigs' clocks may be dead); there is no revocation: a new lab, a new
 * root. root is trusted as given. untrusted may be NULL. -EACCES, with the reason, where it does
 * not hold.
 */
RP_MUST_USE int rp_pki_verify(X509 *leaf, STACK_OF(X509) * untrusted, X509 *root, enum rp_role role,
	struct rp_error *err);

/*
 * From a certificate to the key that may speak in its role: the first certificate of pem, verified
 * as rp_pki_verify does, for a role directly below the root. *ret is a new reference. -EINVAL (not
 * PEM, no usable key), -EACCES.
 */
RP_MUST_USE int rp_pki_role_key(
	const char *pem, X509 *root, enum rp_role role, EVP_PKEY **ret, struct rp_error *err);

/*
 * SHA-256 of the public key (DER SubjectPublicKeyInfo), lower-case hex: the name of a
 * key everywhere.
 */
int rp_pki_keyid(EVP_PKEY *key, char ret_hex[RP_SHA256_HEX]);

/* SHA-256 of the certificate's DER: what iPXE is re-keyed with, for the root. */
int rp_pki_fingerprint(X509 *cert, uint8_t ret_digest[RP_SHA256_LEN]);

/* The agent's key of one boot, P-256, in memory only. */
int rp_pki_new_boot_key(EVP_PKEY **ret, struct rp_error *err);

/* A certificate request that proves possession of key and says nothing else. Caller frees. */
int rp_pki_make_csr(EVP_PKEY *key, char **ret_pem, struct rp_error *err);

/*
 * Certify the key of a request for one boot of one rig: CN = rig, SAN URI rigproof:boot:BOOT,
 * which is its role, key usage clientAuth. Nothing but the public key is taken from the request, whose
 * signature must verify; it must be P-256. ca_key, ca_cert: "boot-ca". Whether this rig may have a
 * certificate is the caller's question. -EINVAL (request, names), -EACCES (signature).
 */
int rp_pki_issue_boot(EVP_PKEY *ca_key, X509 *ca_cert, const char *csr_pem, const char *rig,
	const char *boot, X509 **ret, struct rp_error *err);

/*
 * The inverse: rig and boot id of a boot certificate. It does not verify: call after rp_pki_verify
 * with RP_ROLE_BOOT, or on a TLS peer verified up to boot-ca. -EINVAL where it names none or
 * several.
 */
RP_MUST_USE int rp_pki_boot_identity(
	X509 *cert, char ret_rig[RP_RIG_TEXT], char ret_boot[RP_ID_TEXT], struct rp_error *err);

#endif

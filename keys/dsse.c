/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/dsse.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keys/certificate.h"
#include "keys/ecdsa.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"

int rp_dsse_pae(const char *type, const void *payload, size_t len, uint8_t **ret, size_t *ret_len)
{
	char head[512];
	int head_len = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(type), type, len);
	uint8_t *bytes;

	if (head_len < 0 || (size_t)head_len >= sizeof(head))
		return -EINVAL;
	bytes = malloc((size_t)head_len + len + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, head, (size_t)head_len);
	if (len)
		memcpy(bytes + head_len, payload, len);
	*ret = bytes;
	*ret_len = (size_t)head_len + len;
	return 0;
}

/* What the key hashes with: NULL for Ed25519, which hashes itself. */
static int digest_of(EVP_PKEY *key, const EVP_MD **ret, struct rp_error *err)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		*ret = NULL;
	else if (rp_key_is_p256(key))
		*ret = EVP_sha256();
	else
		return rp_error_set(
			err, -ENOTSUP, "envelopes are signed with P-256 or Ed25519 keys only");
	return 0;
}

static int sign(EVP_PKEY *key, const char *type, const void *payload, size_t len, char **ret_sig,
	struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	rp_cleanup(free) uint8_t *pae = NULL;
	const EVP_MD *digest = NULL;
	uint8_t sig[256];
	size_t pae_len, sig_len = sizeof(sig);
	int r;

	r = digest_of(key, &digest, err);
	if (r < 0)
		return r;
	r = rp_dsse_pae(type, payload, len, &pae, &pae_len);
	if (r < 0)
		return rp_error_set(err, r, "cannot make an envelope of %zu bytes", len);
	if (!ctx || EVP_DigestSignInit(ctx, NULL, digest, NULL, key) != 1 ||
		EVP_DigestSign(ctx, sig, &sig_len, pae, pae_len) != 1)
		return rp_error_openssl(err, -EIO, "cannot sign");
	if (EVP_PKEY_is_a(key, "EC") && rp_ecdsa_lower(sig, &sig_len) < 0)
		return rp_error_set(err, -EIO, "cannot sign: no signature came out");
	*ret_sig = rp_base64_encode(sig, sig_len);
	return *ret_sig ? 0 : rp_error_memory(err);
}

int rp_dsse_sign(EVP_PKEY *key, const char *type, const void *payload, size_t len,
	json_t **ret_envelope, struct rp_error *err)
{
	rp_cleanup(free) char *sig = NULL;
	rp_cleanup(free) char *text = NULL;
	char keyid[RP_SHA256_HEX];
	json_t *envelope;
	int r;

	r = sign(key, type, payload, len, &sig, err);
	if (r < 0)
		return r;
	r = rp_pki_keyid(key, keyid);
	if (r < 0)
		return rp_error_openssl(err, r, "cannot read the key");
	text = rp_base64_encode(payload, len);
	if (!text)
		return rp_error_memory(err);
	envelope = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payload", text, "payloadType", type,
		"signatures", "keyid", keyid, "sig", sig);
	if (!envelope)
		return rp_error_memory(err);
	*ret_envelope = envelope;
	return 0;
}

int rp_dsse_sign_json(EVP_PKEY *key, const char *type, const json_t *payload, json_t **ret_envelope,
	struct rp_error *err)
{
	rp_cleanup(free) char *text = rp_json_canonical(payload);

	if (!text)
		return rp_error_memory(err);
	return rp_dsse_sign(key, type, text, strlen(text), ret_envelope, err);
}

/* The four strings of an envelope; borrowed. */
struct envelope {
	const char *payload, *type, *keyid, *sig;
	size_t payload_len, type_len, keyid_len, sig_len;
};

static int unpack(const json_t *json, struct envelope *ret, struct rp_error *err)
{
	json_t *signatures;

	if (json_unpack_ex((json_t *)json, NULL, JSON_STRICT, "{s:s%, s:s%, s:o}", "payload",
		    &ret->payload, &ret->payload_len, "payloadType", &ret->type, &ret->type_len,
		    "signatures", &signatures) < 0 ||
		json_array_size(signatures) != 1 ||
		json_unpack_ex(json_array_get(signatures, 0), NULL, JSON_STRICT, "{s:s%, s:s%}",
			"keyid", &ret->keyid, &ret->keyid_len, "sig", &ret->sig, &ret->sig_len) < 0)
		return rp_error_set(err, -EINVAL,
			"not a DSSE envelope {payload, payloadType, signatures: [{keyid, sig}]}");
	if (!rp_sha256_hex_valid(ret->keyid))
		return rp_error_set(
			err, -EINVAL, "keyid: expected 64 lower-case hexadecimal digits");
	return 0;
}

static int verify(const struct envelope *envelope, EVP_PKEY *key, const char *type,
	const uint8_t *payload, size_t len, struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	rp_cleanup(free) uint8_t *pae = NULL;
	rp_cleanup(free) uint8_t *sig = NULL;
	char keyid[RP_SHA256_HEX];
	const EVP_MD *digest = NULL;
	size_t pae_len, sig_len;
	int r;

	if (strcmp(envelope->type, type) != 0)
		return rp_error_set(
			err, -EACCES, "payloadType: expected %s, found %s", type, envelope->type);
	r = digest_of(key, &digest, err);
	if (r < 0)
		return r;
	r = rp_pki_keyid(key, keyid);
	if (r < 0)
		return rp_error_openssl(err, r, "cannot read the key");
	if (strcmp(envelope->keyid, keyid) != 0)
		return rp_error_set(err, -EACCES, "signed by the key %.16s..., not by %.16s...",
			envelope->keyid, keyid);
	r = rp_base64_decode(envelope->sig, envelope->sig_len, &sig, &sig_len);
	if (r < 0)
		return rp_error_set(err, r, "sig: not base64 in its one form");
	r = rp_dsse_pae(type, payload, len, &pae, &pae_len);
	if (r < 0)
		return rp_error_set(err, r, "cannot verify an envelope of %zu bytes", len);
	if (EVP_PKEY_is_a(key, "EC") && !rp_ecdsa_is_low(sig, sig_len))
		return rp_error_set(err, -EACCES,
			"the signature is not in its one form (DER, low s): it was changed after "
			"signing, "
			"or made by an older rigproof");
	if (!ctx || EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) != 1)
		return rp_error_openssl(err, -EIO, "cannot verify with this key");
	if (EVP_DigestVerify(ctx, sig, sig_len, pae, pae_len) != 1) {
		ERR_clear_error();
		return rp_error_set(err, -EACCES, "the signature does not hold");
	}
	return 0;
}

static int decode(
	const struct envelope *envelope, uint8_t **ret, size_t *ret_len, struct rp_error *err)
{
	int r = rp_base64_decode(envelope->payload, envelope->payload_len, ret, ret_len);

	return r < 0 ? rp_error_set(err, r, "payload: not base64 in its one form") : 0;
}

int rp_dsse_verify(const json_t *json, EVP_PKEY *key, const char *type, uint8_t **ret_payload,
	size_t *ret_len, struct rp_error *err)
{
	rp_cleanup(free) uint8_t *payload = NULL;
	struct envelope envelope;
	size_t len;
	int r;

	r = unpack(json, &envelope, err);
	if (r == 0)
		r = decode(&envelope, &payload, &len, err);
	if (r == 0)
		r = verify(&envelope, key, type, payload, len, err);
	if (r < 0)
		return r;
	*ret_payload = rp_steal(payload);
	*ret_len = len;
	return 0;
}

int rp_dsse_verify_json(const json_t *envelope, EVP_PKEY *key, const char *type,
	json_t **ret_payload, struct rp_error *err)
{
	rp_cleanup(free) uint8_t *payload = NULL;
	rp_cleanup(json) json_t *json = NULL;
	size_t len;
	int r;

	r = rp_dsse_verify(envelope, key, type, &payload, &len, err);
	if (r == 0)
		r = rp_json_parse((const char *)payload, len, &json, err);
	if (r < 0)
		return r;
	if (!json_is_object(json))
		return rp_error_set(err, -EINVAL, "payload: expected a JSON object");
	*ret_payload = rp_steal(json);
	return 0;
}

int rp_dsse_peek(const json_t *json, uint8_t **ret_payload, size_t *ret_len, struct rp_error *err)
{
	struct envelope envelope;
	int r = unpack(json, &envelope, err);

	return r < 0 ? r : decode(&envelope, ret_payload, ret_len, err);
}

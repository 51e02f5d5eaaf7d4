/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/checkpoint.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/openssl_cleanup.h"

#define ED25519_KEY 32
#define ED25519_SIG 64
#define KEY_HASH 4
#define ALG_ED25519 0x01	 /* signed-note's signature type */
#define SIGNATURE_MARK "\u2014 " /* em dash, space */
#define BODY_MAX 256

int rp_checkpoint_origin(EVP_PKEY *log_key, char ret_origin[RP_CHECKPOINT_ORIGIN])
{
	char keyid[RP_SHA256_HEX];
	int r = rp_pki_keyid(log_key, keyid);

	if (r < 0)
		return r;
	snprintf(ret_origin, RP_CHECKPOINT_ORIGIN, "rigproof/log/%.16s", keyid);
	return 0;
}

/* SHA-256(name, newline, type, public key), its first four bytes */
static int key_hash(EVP_PKEY *key, const char *origin, uint8_t ret[KEY_HASH])
{
	uint8_t bytes[RP_CHECKPOINT_ORIGIN + 2 + ED25519_KEY], digest[RP_SHA256_LEN];
	size_t n = strlen(origin), len = ED25519_KEY;
	int r;

	if (!EVP_PKEY_is_a(key, "ED25519"))
		return -EINVAL;
	/* Bytes to be hashed, not text. */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(bytes, origin, n);
	bytes[n] = '\n';
	bytes[n + 1] = ALG_ED25519;
	if (EVP_PKEY_get_raw_public_key(key, bytes + n + 2, &len) != 1 || len != ED25519_KEY)
		return -EINVAL;
	r = rp_sha256(bytes, n + 2 + len, digest);
	if (r < 0)
		return r;
	memcpy(ret, digest, KEY_HASH);
	return 0;
}

/* The signed text. */
static int body(const char *origin, uint64_t size, const rp_merkle_hash root, char ret[BODY_MAX])
{
	rp_cleanup(free) char *base64 = rp_base64_encode(root, RP_SHA256_LEN);

	if (!base64)
		return -ENOMEM;
	snprintf(ret, BODY_MAX, "%s\n%llu\n%s\n", origin, (unsigned long long)size, base64);
	return 0;
}

int rp_checkpoint_sign(EVP_PKEY *log_key, uint64_t size, const rp_merkle_hash root, char **ret_note,
	struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	rp_cleanup(free) char *base64 = NULL;
	uint8_t signature[KEY_HASH + ED25519_SIG];
	char origin[RP_CHECKPOINT_ORIGIN], text[BODY_MAX];
	size_t len = ED25519_SIG;
	char *note;

	if (size > INT64_MAX)
		return rp_error_set(err, -EINVAL, "a log of this size has no checkpoint");
	if (rp_checkpoint_origin(log_key, origin) < 0 || key_hash(log_key, origin, signature) < 0)
		return rp_error_set(err, -EINVAL, "checkpoints are signed with Ed25519 keys only");
	if (body(origin, size, root, text) < 0)
		return rp_error_memory(err);
	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, log_key) != 1 ||
		EVP_DigestSign(
			ctx, signature + KEY_HASH, &len, (const uint8_t *)text, strlen(text)) != 1)
		return rp_error_openssl(err, -EIO, "cannot sign");
	base64 = rp_base64_encode(signature, sizeof(signature));
	if (!base64 || asprintf(&note, "%s\n" SIGNATURE_MARK "%s %s\n", text, origin, base64) < 0)
		return rp_error_memory(err);
	*ret_note = note;
	return 0;
}

/* One line of at most max bytes without its newline; *text moves behind it. NULL: none such. */
static const char *take_line(const char **text, char *ret, size_t max)
{
	const char *end = strchr(*text, '\n');
	size_t len = end ? (size_t)(end - *text) : 0;

	if (!end || len >= max)
		return NULL;
	memcpy(ret, *text, len);
	ret[len] = '\0';
	*text = end + 1;
	return ret;
}

/* Decimal without leading zeros, below 2^63. */
static int parse_size(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
			value > ((uint64_t)INT64_MAX - (uint64_t)(*text - '0')) / 10)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret = value;
	return 0;
}

static int decode_exactly(const char *text, uint8_t *ret, size_t len)
{
	rp_cleanup(free) uint8_t *data = NULL;
	size_t n;

	if (rp_base64_decode(text, strlen(text), &data, &n) < 0 || n != len)
		return -EINVAL;
	memcpy(ret, data, len);
	return 0;
}

struct note {
	const char *text; /* the signed bytes */
	size_t text_len;
	char origin[RP_CHECKPOINT_ORIGIN];
	uint64_t size;
	rp_merkle_hash root;
	uint8_t signature[KEY_HASH + ED25519_SIG];
};

static int parse(const char *text, struct note *ret)
{
	char line[2 * BODY_MAX];
	const char *at = text;
	size_t mark = strlen(SIGNATURE_MARK), name;

	ret->text = text;
	if (!take_line(&at, ret->origin, sizeof(ret->origin)) || !*ret->origin ||
		!take_line(&at, line, sizeof(line)) || parse_size(line, &ret->size) < 0 ||
		!take_line(&at, line, sizeof(line)) ||
		decode_exactly(line, ret->root, sizeof(ret->root)) < 0)
		return -EINVAL;
	ret->text_len = (size_t)(at - text);
	if (!take_line(&at, line, sizeof(line)) || *line || !take_line(&at, line, sizeof(line)) ||
		*at)
		return -EINVAL;
	name = strlen(ret->origin);
	if (strncmp(line, SIGNATURE_MARK, mark) != 0 ||
		strncmp(line + mark, ret->origin, name) != 0 || line[mark + name] != ' ')
		return -EINVAL;
	return decode_exactly(line + mark + name + 1, ret->signature, sizeof(ret->signature));
}

int rp_checkpoint_verify(const char *note, EVP_PKEY *log_key, uint64_t *ret_size,
	rp_merkle_hash ret_root, struct rp_error *err)
{
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char origin[RP_CHECKPOINT_ORIGIN];
	uint8_t hash[KEY_HASH];
	struct note parsed;

	if (parse(note, &parsed) < 0)
		return rp_error_set(err, -EINVAL, "not a checkpoint with one signature");
	if (rp_checkpoint_origin(log_key, origin) < 0)
		return rp_error_openssl(err, -EINVAL, "cannot read the log's key");
	if (strcmp(parsed.origin, origin) != 0)
		return rp_error_set(err, -EACCES, "the checkpoint is of the log %s, not of %s",
			parsed.origin, origin);
	if (key_hash(log_key, origin, hash) < 0)
		return rp_error_set(err, -EINVAL, "checkpoints are signed with Ed25519 keys only");
	if (memcmp(hash, parsed.signature, sizeof(hash)) != 0)
		return rp_error_set(err, -EACCES, "the checkpoint is signed by another key");
	if (!ctx || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, log_key) != 1)
		return rp_error_openssl(err, -EIO, "cannot verify with the log's key");
	if (EVP_DigestVerify(ctx, parsed.signature + KEY_HASH, ED25519_SIG,
		    (const uint8_t *)parsed.text, parsed.text_len) != 1) {
		ERR_clear_error();
		return rp_error_set(err, -EACCES, "the checkpoint's signature does not hold");
	}
	*ret_size = parsed.size;
	memcpy(ret_root, parsed.root, RP_SHA256_LEN);
	return 0;
}

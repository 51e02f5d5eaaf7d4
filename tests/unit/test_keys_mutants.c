/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 10,000 changed evidences, all different, drawn from a fixed seed: none verifies but those of the
 * table of harmless ones, which gives the reason. Who makes the change has no key, or one that is
 * the wrong one for it, or is the log that takes whatever it is given; with a key of its own the rig
 * may say what it alone knows, the server what it alone saw, and nothing beyond.
 */
#include "tests/unit/keys_lab.h"

#include <fnmatch.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "keys/certificate.h"
#include "keys/pem.h"
#include "lib/openssl_cleanup.h"
#include "tests/unit/mutant_lab.h"

#define SEED UINT64_C(20261128)
#define MUTANTS 10000
/* OpenSSL asks for memory so often that the sanitizer takes a minute for them all. */
#ifdef __SANITIZE_ADDRESS__
#define ONE_OF 10
#else
#define ONE_OF 1
#endif
#define BOOT_OF_B "01JD000000000000000000000C"

static struct keys_lab lab, stranger; /* stranger: another lab, with keys of all roles */
static EVP_PKEY *boot_key_b;
static X509 *boot_cert_b;

/* Three good ones: of this lab, of another job and boot of it, of the other lab. */
static char *good[3];
static json_t *good_json[3];

/* One changed evidence. */
struct mutant {
	struct dice dice;
	json_t *json;  /* the evidence, to be changed; then text is made of it */
	uint8_t *text; /* or its bytes, where the change is in these */
	size_t len;
	char where[MUTANT_PATH]; /* what was changed, for the table of harmless ones */
	bool is_same;		 /* nothing was: what it exchanged was equal */
};

/* ---- parts ---- */

static const char *const envelopes[] = {"result", "job", "boot"};

static const char *type_of(const char *envelope)
{
	return strcmp(envelope, "job") == 0    ? RP_TYPE_JOB
	       : strcmp(envelope, "boot") == 0 ? RP_TYPE_BOOT
					       : RP_TYPE_INTOTO;
}

static json_t *signature_of(json_t *evidence, const char *envelope)
{
	return json_array_get(
		json_object_get(json_object_get(evidence, envelope), "signatures"), 0);
}

static void payload_of(json_t *evidence, const char *envelope, uint8_t **ret, size_t *ret_len)
{
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_dsse_peek(json_object_get(evidence, envelope), ret, ret_len, &err));
}

static json_t *payload_json(json_t *evidence, const char *envelope)
{
	rp_cleanup(free) uint8_t *payload = NULL;
	size_t len;

	payload_of(evidence, envelope, &payload, &len);
	return json_of((const char *)payload);
}

static void seal(
	json_t *evidence, const char *envelope, const void *payload, size_t len, EVP_PKEY *key)
{
	struct rp_error err = RP_ERROR_NONE;
	json_t *sealed = NULL;

	assert_ok(rp_dsse_sign(key, type_of(envelope), payload, len, &sealed, &err));
	json_object_set_new(evidence, envelope, sealed);
}

static void seal_json(json_t *evidence, const char *envelope, const json_t *payload, EVP_PKEY *key)
{
	rp_cleanup(free) char *text = rp_json_canonical(payload);

	seal(evidence, envelope, text, strlen(text), key);
}

/* Change a payload somewhere, and note where. */
static void change(struct mutant *mutant, json_t *payload)
{
	rp_cleanup(json) json_t *before = json_deep_copy(payload);

	mutate_json(&mutant->dice, payload, mutant->where);
	mutant->is_same = json_equal(before, payload);
}

/* The log has taken this result, as the first of a new tree, and another one after it. */
static void log_takes(json_t *evidence, EVP_PKEY *log_key)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *leaf = rp_json_canonical(json_object_get(evidence, "result"));
	rp_cleanup(free) char *note = NULL;
	rp_merkle_hash hashes[2], root;
	char second[RP_SHA256_HEX];

	if (!leaf) /* it is no JSON text of its own */
		return;
	assert_int_equal(rp_merkle_leaf_hash(leaf, strlen(leaf), hashes[0]), 0);
	assert_int_equal(rp_merkle_leaf_hash("other", 5, hashes[1]), 0);
	assert_int_equal(rp_merkle_root(hashes, 2, root), 0);
	assert_ok(rp_checkpoint_sign(log_key, 2, root, &note, &err));
	rp_hex_encode(hashes[1], sizeof(hashes[1]), second);
	json_object_set_new(evidence, "log",
		json_pack("{s:i, s:s, s:[s]}", "index", 0, "checkpoint", note, "proof", second));
}

static void set_certificate(json_t *evidence, const char *role, X509 *cert)
{
	rp_cleanup(free) char *pem = rp_pem_write_cert(cert);

	json_object_set_new(json_object_get(evidence, "certificates"), role, json_string(pem));
}

static void set_where(struct mutant *mutant, const char *part, const char *name)
{
	snprintf(mutant->where, sizeof(mutant->where), "%s%s%s", part, *name ? " " : "", name);
}

/* ---- kinds: who has no key ---- */

static void bytes_of_file(struct mutant *mutant)
{
	mutant->len = strlen(good[0]);
	mutant->text = malloc(mutant->len + 1);
	memcpy(mutant->text, good[0], mutant->len + 1);
	mutate_bytes(&mutant->dice, &mutant->text, &mutant->len);
}

/* Everything that is in the file beside payloads, in its one form again. */
static void parts_of_bundle(struct mutant *mutant)
{
	const json_t *result;

	mutate_json(&mutant->dice, mutant->json, mutant->where);
	result = json_object_get(mutant->json, "result");
	if (!json_equal(result, json_object_get(good_json[0], "result")) &&
		json_is_object(result) && dice_below(&mutant->dice, 2))
		log_takes(mutant->json, lab.log_key);
}

static void bytes_of_payload(struct mutant *mutant)
{
	const char *envelope = envelopes[dice_below(&mutant->dice, 3)];
	json_t *sealed = json_object_get(mutant->json, envelope);
	rp_cleanup(free) uint8_t *payload = NULL;
	rp_cleanup(free) char *base64 = NULL;
	size_t len;

	payload_of(mutant->json, envelope, &payload, &len);
	mutate_bytes(&mutant->dice, &payload, &len);
	base64 = rp_base64_encode(payload, len);
	mutant->is_same =
		strcmp(base64, json_string_value(json_object_get(sealed, "payload"))) == 0;
	json_object_set_new(sealed, "payload", json_string(base64));
	log_takes(mutant->json, lab.log_key);
	set_where(mutant, envelope, "");
}

/* All that names one boot comes from this good one. */
static bool is_all_of(json_t *evidence, json_t *one)
{
	for (size_t i = 0; i < 3; i++)
		if (!json_equal(json_object_get(evidence, envelopes[i]),
			    json_object_get(one, envelopes[i])))
			return false;
	return json_equal(json_object_get(json_object_get(evidence, "certificates"), "boot"),
		json_object_get(json_object_get(one, "certificates"), "boot"));
}

/* Envelopes, certificates and log of several evidences put together; at times one in another's place.
 */
static void exchanged(struct mutant *mutant)
{
	static const char *const certificates[] = {"job", "log", "boot_ca", "boot"};
	json_t *mine = json_object_get(mutant->json, "certificates");

	for (size_t i = 0; i < 3; i++) {
		json_t *from = good_json[dice_below(&mutant->dice, 3)];
		size_t which = dice_below(&mutant->dice, 4) ? i : dice_below(&mutant->dice, 3);

		json_object_set_new(mutant->json, envelopes[i],
			json_deep_copy(json_object_get(from, envelopes[which])));
	}
	for (size_t i = 0; i < 4; i++) {
		json_t *from = good_json[dice_below(&mutant->dice, 3)];
		size_t which = dice_below(&mutant->dice, 4) ? i : dice_below(&mutant->dice, 4);

		json_object_set(mine, certificates[i],
			json_object_get(
				json_object_get(from, "certificates"), certificates[which]));
	}
	for (size_t i = 0; i < 3; i++) /* that would be the other one itself */
		if (is_all_of(mutant->json, good_json[i]))
			json_object_set(mutant->json, "result",
				json_object_get(good_json[(i + 1) % 3], "result"));
	if (dice_below(&mutant->dice, 3))
		log_takes(mutant->json, lab.log_key);
	else
		json_object_set_new(mutant->json, "log",
			json_deep_copy(
				json_object_get(good_json[dice_below(&mutant->dice, 3)], "log")));
}

/* An integer of DER, with as many needless zeros before it. */
static size_t der_integer(const BIGNUM *number, size_t zeros, uint8_t *ret)
{
	uint8_t bytes[64];
	size_t len = (size_t)BN_bn2bin(number, bytes), sign = len == 0 || bytes[0] & 0x80;

	ret[0] = 0x02;
	ret[1] = (uint8_t)(zeros + sign + len);
	memset(ret + 2, 0, zeros + sign);
	memcpy(ret + 2 + zeros + sign, bytes, len);
	return 2 + ret[1];
}

/* The same r and s, or with n - s for s, or exchanged, in DER of another length. */
static size_t encode_again(struct dice *dice, const ECDSA_SIG *signature, uint8_t *ret)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	const BIGNUM *r = ECDSA_SIG_get0_r(signature), *s = ECDSA_SIG_get0_s(signature);
	BIGNUM *other = BN_new();
	uint8_t body[256];
	size_t len, head = 2, way = dice_below(dice, 8);

	BN_sub(other, EC_GROUP_get0_order(group), way & 1 ? s : r);
	len = der_integer(way == 2 ? s : way == 4 ? other : r, dice_below(dice, 3), body);
	len += der_integer(way & 1 ? other : way == 2 ? r : s, dice_below(dice, 3), body + len);
	if (way == 6) /* something behind it, within the sequence */
		body[len++] = (uint8_t)dice_below(dice, 256);
	ret[0] = 0x30;
	if (dice_below(dice, 3) == 0) { /* a length in the long form */
		ret[1] = 0x81;
		ret[2] = (uint8_t)len;
		head = 3;
	} else {
		ret[1] = (uint8_t)len;
	}
	memcpy(ret + head, body, len);
	if (way == 7) /* or outside of it */
		ret[head + len++] = (uint8_t)dice_below(dice, 256);
	BN_free(other);
	EC_GROUP_free(group);
	return head + len;
}

static void encoded_signatures(struct mutant *mutant)
{
	const char *envelope = envelopes[dice_below(&mutant->dice, 3)];
	json_t *signature = signature_of(mutant->json, envelope);
	const char *text = json_string_value(json_object_get(signature, "sig"));
	rp_cleanup(free) uint8_t *bytes = NULL;
	rp_cleanup(free) char *base64 = NULL;
	const unsigned char *at;
	ECDSA_SIG *parsed;
	uint8_t again[300];
	size_t len;

	assert_int_equal(rp_base64_decode(text, strlen(text), &bytes, &len), 0);
	at = bytes;
	parsed = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(parsed);
	len = encode_again(&mutant->dice, parsed, again);
	ECDSA_SIG_free(parsed);
	base64 = rp_base64_encode(again, len);
	switch (dice_below(&mutant->dice, 6)) {
	case 0: /* base64 without its end, in its other alphabet, or with a line's end */
		base64[strcspn(base64, "=")] = '\0';
		break;
	case 1:
		for (char *c = base64; *c; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		break;
	default:
		break;
	}
	mutant->is_same = strcmp(base64, text) == 0;
	json_object_set_new(signature, "sig", json_string(base64));
	log_takes(mutant->json, lab.log_key);
	set_where(mutant, envelope, "");
}

/* The certificate with its ECDSA signature encoded again; DER. */
static size_t sign_again(struct dice *dice, X509 *cert, uint8_t **ret)
{
	X509 *copy = X509_dup(cert);
	const ASN1_BIT_STRING *signature;
	const unsigned char *at;
	ECDSA_SIG *parsed;
	uint8_t again[300];
	size_t len;
	int n;

	X509_get0_signature(&signature, NULL, copy);
	at = ASN1_STRING_get0_data(signature);
	parsed = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(signature));
	assert_non_null(parsed);
	len = encode_again(dice, parsed, again);
	ECDSA_SIG_free(parsed);
	assert_int_equal(ASN1_BIT_STRING_set((ASN1_BIT_STRING *)signature, again, (int)len), 1);
	*ret = NULL;
	n = i2d_X509(copy, ret);
	X509_free(copy);
	return (size_t)n;
}

/* A certificate's own signature, and its text. */
static void encoded_certificates(struct mutant *mutant)
{
	static const char *const roles[] = {"boot", "job", "log", "boot_ca"};
	const char *role = roles[dice_below(&mutant->dice, 4)];
	X509 *const certs[] = {lab.boot, lab.job, lab.log, lab.boot_ca};
	json_t *certificates = json_object_get(mutant->json, "certificates");
	rp_cleanup(free) uint8_t *der = NULL;
	rp_cleanup(free) char *base64 = NULL;
	rp_cleanup(free) char *pem = NULL;
	X509 *cert = NULL;
	size_t at = 0, len;
	FILE *out;

	for (size_t i = 0; i < 4; i++)
		cert = strcmp(roles[i], role) == 0 ? certs[i] : cert;
	len = (size_t)i2d_X509(cert, &der);
	if (strcmp(role, "boot") == 0 && dice_below(&mutant->dice, 2)) {
		OPENSSL_free(der);
		len = sign_again(&mutant->dice, cert, &der);
	} else if (dice_below(&mutant->dice, 10)) {
		/* in the signature, or in what it is of */
		uint8_t *bytes = malloc(len + 1);

		memcpy(bytes, der, len);
		OPENSSL_free(der);
		der = bytes;
		if (dice_below(&mutant->dice, 2))
			der[len - 1 - dice_below(&mutant->dice, 70)] ^=
				(uint8_t)(1 + dice_below(&mutant->dice, 255));
		else
			mutate_bytes(&mutant->dice, &der, &len);
	} else {
		uint8_t *bytes = malloc(len + 8);

		memcpy(bytes, der, len);
		OPENSSL_free(der);
		der = bytes;
		der[len++] = (uint8_t)dice_below(&mutant->dice, 256);
	}
	base64 = rp_base64_encode(der, len);
	len = strlen(base64);
	out = open_memstream(&pem, &at);
	fprintf(out, "-----BEGIN CERTIFICATE-----\n");
	for (size_t i = 0; i < len; i += 64)
		fprintf(out, "%.64s\n", base64 + i);
	fprintf(out, "-----END CERTIFICATE-----\n");
	fclose(out);
	mutant->is_same = strcmp(pem, json_string_value(json_object_get(certificates, role))) == 0;
	json_object_set_new(certificates, role, json_string(pem));
	set_where(mutant, role, "");
}

/* ---- kinds: who has a key, and not the one for it ---- */

static void wrong_signers(struct mutant *mutant)
{
	EVP_PKEY *const keys[] = {lab.job_key, lab.log_key, lab.boot_ca_key, lab.boot_key,
		boot_key_b, stranger.job_key, stranger.log_key, stranger.boot_ca_key,
		stranger.boot_key};
	X509 *const certs[] = {lab.job, lab.log, lab.boot_ca, lab.boot, boot_cert_b, stranger.job,
		stranger.log, stranger.boot_ca, stranger.boot};
	static const char *const cert_of[] = {"boot", "job", "job"};
	size_t which = dice_below(&mutant->dice, 3);
	const char *envelope = envelopes[which];
	EVP_PKEY *right = which == 0 ? lab.boot_key : lab.job_key;
	size_t wrong = dice_below(&mutant->dice, 9);
	rp_cleanup(json) json_t *payload = payload_json(mutant->json, envelope);
	json_t *keyid =
		json_deep_copy(json_object_get(signature_of(mutant->json, envelope), "keyid"));

	if (keys[wrong] == right)
		wrong = 1;
	if (dice_below(&mutant->dice, 2)) /* what it would like to say is signed, too */
		mutate_json(&mutant->dice, payload, mutant->where);
	seal_json(mutant->json, envelope, payload, keys[wrong]);
	if (dice_below(&mutant->dice, 2))
		json_object_set(signature_of(mutant->json, envelope), "keyid", keyid);
	if (dice_below(&mutant->dice, 2))
		set_certificate(mutant->json, cert_of[which], certs[wrong]);
	if (dice_below(&mutant->dice, 4) == 0)
		set_certificate(mutant->json, "boot_ca", stranger.boot_ca);
	log_takes(mutant->json, dice_below(&mutant->dice, 4) ? lab.log_key : stranger.log_key);
	json_decref(keyid);
	set_where(mutant, envelope, "");
}

/* The right key, in a certificate that makes another role of it, or is of another issuer. */
static void wrong_certificates(struct mutant *mutant)
{
	static const char *const parts[] = {"job", "log", "boot_ca", "boot"};
	static const char *const issuers[] = {"root", "boot-ca", "job", "root"};
	static const char *const names[] = {"URI:" RP_URI_ROLE "job", "URI:" RP_URI_ROLE "log",
		"URI:" RP_URI_ROLE "boot-ca", "URI:" RP_URI_BOOT BOOT, "URI:" RP_URI_BOOT BOOT2,
		"URI:" RP_URI_ROLE "job,URI:" RP_URI_ROLE "log", "URI:" RP_URI_ROLE "",
		"URI:" RP_URI_BOOT, "DNS:rigproof", "URI:RIGPROOF:role:job"};
	static const char *const usages[] = {NULL, "clientAuth", "serverAuth", "codeSigning"};
	EVP_PKEY *const keys[] = {lab.job_key, lab.log_key, lab.boot_ca_key, lab.boot_key};
	size_t part = dice_below(&mutant->dice, 4), name = dice_below(&mutant->dice, 10);
	size_t issuer = dice_below(&mutant->dice, 3), usage = dice_below(&mutant->dice, 4);
	bool is_stranger = dice_below(&mutant->dice, 3) == 0;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(x509) X509 *above = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	bool is_ca = dice_below(&mutant->dice, 4) == 0;
	const char *rig = dice_below(&mutant->dice, 2) ? RIG : "test";

	if (dice_below(&mutant->dice, 3) == 0) { /* all right, but of another rig or boot */
		part = 3;
		issuer = 1;
		usage = 1;
		is_stranger = is_ca = false;
		name = dice_below(&mutant->dice, 2) ? 3 : 4;
		rig = name == 3 ? "rig-2" : RIG;
	} else if (!is_stranger && name == part) { /* made wrong by its issuer */
		issuer = part == 3 ? 0 : 1;
	}
	assert_ok(
		rp_pki_load_key(is_stranger ? stranger.dir : lab.dir, issuers[issuer], &key, &err));
	assert_ok(rp_pki_load_cert(
		is_stranger ? stranger.dir : lab.dir, issuers[issuer], &above, &err));
	assert_ok(rp_certificate_make(
		&(struct rp_certificate){
			.common_name = rig,
			.key = keys[part],
			.issuer = above,
			.issuer_key = key,
			.basic_constraints =
				is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE",
			.key_usage = is_ca ? "critical,keyCertSign" : "critical,digitalSignature",
			.extended_key_usage = usages[usage],
			.alternative_names = names[name],
		},
		&cert, &err));
	set_certificate(mutant->json, parts[part], cert);
	set_where(mutant, parts[part], names[name]);
}

/* ---- kinds: who has the key ---- */

/* The rig says something else, with its own boot key, and the log takes it. */
static void lying_rig(struct mutant *mutant)
{
	rp_cleanup(json) json_t *payload = payload_json(mutant->json, "result");
	rp_cleanup(free) char *text = NULL;

	if (dice_below(&mutant->dice, 40) == 0) {
		text = rp_json_pretty(payload);
		text[strlen(text) - 1 - dice_below(&mutant->dice, 2)] = ' ';
		snprintf(mutant->where, sizeof(mutant->where), "text");
	} else {
		change(mutant, payload);
		text = rp_json_canonical(payload);
	}
	seal(mutant->json, "result", text, strlen(text), lab.boot_key);
	log_takes(mutant->json, lab.log_key);
}

/* The job key signs another job than the one that was answered. */
static void other_job(struct mutant *mutant)
{
	rp_cleanup(json) json_t *payload = payload_json(mutant->json, "job");

	change(mutant, payload);
	seal_json(mutant->json, "job", payload, lab.job_key);
}

/* What a record could say that is in its form, and of something else, or against itself. */
static void of_another(struct mutant *mutant, json_t *record)
{
	static const struct {
		const char *in, *key, *value;
	} values[] = {
		{NULL, "job", JOB2},
		{NULL, "boot", BOOT2},
		{NULL, "rig", "rig-2"},
		{NULL, "boot_key", SHA_B},
		{NULL, "assurance", "attested"},
		{"seen", "power", "none"},
		{"seen", "power", "announced"},
		{"seen", "offer", ""},
		{"seen", "script", ""},
		{"seen", "image", ""},
		{"seen", "image", "1970-01-01T00:00:00.000Z"},
	};
	size_t i = dice_below(&mutant->dice, sizeof(values) / sizeof(*values));
	json_t *in = values[i].in ? json_object_get(record, values[i].in) : record;

	json_object_set_new(in, values[i].key, json_string(values[i].value));
	set_where(mutant, "another", values[i].key);
}

static void other_boot_record(struct mutant *mutant)
{
	static const char *const times[] = {"offer", "script", "image"};
	rp_cleanup(json) json_t *payload = payload_json(mutant->json, "boot");

	if (dice_below(&mutant->dice, 10) == 0)
		of_another(mutant, payload);
	else
		change(mutant, payload);
	for (size_t i = 0; i < 3; i++) /* not to have seen it is more than another time */
		if (!*rp_json_string_or(json_object_get(payload, "seen"), times[i], ""))
			set_where(mutant, "seen", "without a time");
	seal_json(mutant->json, "boot", payload, lab.job_key);
}

/* The log's own signature, of another tree, or of an earlier one; and the note's text. */
static void other_checkpoint(struct mutant *mutant)
{
	struct rp_error err = RP_ERROR_NONE;
	json_t *log = json_object_get(mutant->json, "log");
	const char *old = json_string_value(json_object_get(log, "checkpoint"));
	rp_cleanup(free) uint8_t *bytes = NULL;
	rp_cleanup(free) char *note = NULL;
	rp_merkle_hash root;
	uint64_t size;
	size_t len;

	assert_ok(rp_checkpoint_verify(old, lab.log_key, &size, root, &err));
	snprintf(mutant->where, sizeof(mutant->where), "checkpoint");
	switch (dice_below(&mutant->dice, 5)) {
	case 0:
		bytes = (uint8_t *)strdup(old);
		len = strlen(old);
		mutate_bytes(&mutant->dice, &bytes, &len);
		note = strndup((const char *)bytes, len);
		break;
	case 1:
		root[dice_below(&mutant->dice, sizeof(root))] ^=
			(uint8_t)(1 + dice_below(&mutant->dice, 255));
		assert_ok(rp_checkpoint_sign(lab.log_key, size, root, &note, &err));
		break;
	case 2:
		assert_ok(rp_checkpoint_sign(stranger.log_key,
			size + dice_below(&mutant->dice, 100), root, &note, &err));
		if (dice_below(&mutant->dice, 2))
			set_certificate(mutant->json, "log", stranger.log);
		break;
	case 3:
		size = dice_below(&mutant->dice, 300);
		assert_ok(rp_checkpoint_sign(lab.log_key, size, root, &note, &err));
		snprintf(mutant->where, sizeof(mutant->where), "size %zu", (size_t)size);
		break;
	default:
		note = strdup(old);
		json_object_set_new(log, "index",
			json_integer((json_int_t)dice_below(&mutant->dice, 4 * LOG_SIZE)));
		json_array_insert_new(json_object_get(log, "proof"), dice_below(&mutant->dice, 3),
			json_string(dice_below(&mutant->dice, 2) ? SHA_A : SHA_B));
		break;
	}
	json_object_set_new(log, "checkpoint", json_string(note));
}

static const struct kind {
	const char *name;
	void (*make)(struct mutant *mutant);
	size_t count;
} kinds[] = {
	{"bytes of the file", bytes_of_file, 1400},
	{"unsigned parts of the bundle", parts_of_bundle, 1700},
	{"bytes of a signed payload", bytes_of_payload, 1200},
	{"parts exchanged with other evidences", exchanged, 800},
	{"signatures encoded again", encoded_signatures, 600},
	{"certificates encoded again", encoded_certificates, 500},
	{"signed by a wrong key", wrong_signers, 700},
	{"keys certified for another role", wrong_certificates, 300},
	{"results signed by the rig", lying_rig, 1300},
	{"jobs signed by the lab", other_job, 500},
	{"boot records signed by the lab", other_boot_record, 500},
	{"checkpoints", other_checkpoint, 500},
};

/* ---- those that may verify ---- */

static struct harmless {
	const char *kind, *where; /* fnmatch(3) with FNM_EXTMATCH */
	const char *reason;
	size_t count;
} harmless[] = {
	{"results signed by the rig", "text",
		"white space in signed bytes is signed, too: the file has the same bytes", 0},
	{"results signed by the rig", "predicate.rigproof_checks.*.metrics*",
		"what was measured is the rig's word, where value, samples and limits agree", 0},
	{"results signed by the rig",
		"predicate.@(rigproof_checks.*.tests.*.reason|rigproof_*.*.message)",
		"a remark, on which nothing depends", 0},
	{"results signed by the rig", "predicate.rigproof_checks.*.@(duration_ms|started)",
		"the rig's clock is its own", 0},
	{"results signed by the rig",
		"predicate.@(rigproof_checks.*.output_sha256|rigproof_kernel.log_sha256)",
		"outputs and log are not in the file: their digests are the rig's word", 0},
	{"results signed by the rig", "predicate.rigproof_kernel.@(release|command_line)",
		"what the kernel says of itself; which one it is says the image's digest", 0},
	{"boot records signed by the lab", "@(mac|uuid|address|loader.*)",
		"the server's word of what it saw", 0},
	{"boot records signed by the lab", "@(stages*|started|certified)",
		"the server's clock, in a boot's order", 0},
	{"boot records signed by the lab", "seen.@(offer|script|image)", "the server's clock", 0},
};

static bool may_verify(const struct kind *kind, const struct mutant *mutant)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		if (strcmp(harmless[i].kind, kind->name) == 0 &&
			fnmatch(harmless[i].where, mutant->where, FNM_EXTMATCH) == 0) {
			harmless[i].count++;
			return true;
		}
	}
	return false;
}

/* Whatever it changed: it is the same job on the same rig, in the same boot, of the same image. */
static void is_of_the_same(const struct rp_verified *verified)
{
	assert_string_equal(verified->job_id, JOB);
	assert_string_equal(verified->boot_id, BOOT);
	assert_string_equal(verified->rig, RIG);
	assert_string_equal(verified->nonce, NONCE);
	assert_string_equal(verified->image_sha256, SHA_A);
}

/* ---- all of them ---- */

/* Digests of what was there: open addressing, twice as many places as there can be. */
static uint64_t met[4 * MUTANTS];

static bool is_new(const struct mutant *mutant)
{
	uint8_t digest[RP_SHA256_LEN];
	uint64_t key;
	size_t at;

	assert_int_equal(rp_sha256(mutant->text, mutant->len, digest), 0);
	memcpy(&key, digest, sizeof(key));
	key |= key == 0;
	for (at = key % (4 * MUTANTS); met[at]; at = (at + 1) % (4 * MUTANTS))
		if (met[at] == key)
			return false;
	met[at] = key;
	return true;
}

static void make(const struct kind *kind, uint64_t seed, struct mutant *ret)
{
	*ret = (struct mutant){.dice = dice_of(seed), .json = json_deep_copy(good_json[0])};
	kind->make(ret);
	if (!ret->text) {
		ret->text = (uint8_t *)rp_json_pretty(ret->json);
		ret->len = ret->text ? strlen((const char *)ret->text) : 0;
	}
}

static void mutant_done(struct mutant *mutant)
{
	json_decref(mutant->json);
	free(mutant->text);
}

/* Whether it verified. */
static bool judge(const struct kind *kind, const struct mutant *mutant)
{
	rp_cleanup(verified) struct rp_verified verified = {0};
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_evidence_verify(
		(const char *)mutant->text, mutant->len, lab.root, &verified, &err);

	if (r < 0)
		return false;
	if (!may_verify(kind, mutant))
		fail_msg("%s: verifies, changed at \"%s\":\n%.*s", kind->name, mutant->where,
			(int)mutant->len, (const char *)mutant->text);
	is_of_the_same(&verified);
	return true;
}

static void none_verifies(void **state)
{
	size_t all = 0, all_harmless = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t made = 0, verified = 0;

		for (uint64_t n = 0; made < kinds[i].count / ONE_OF; n++) {
			struct mutant mutant;

			if (n == 100 * kinds[i].count)
				fail_msg("%s: only %zu different ones", kinds[i].name, made);
			make(&kinds[i], SEED + (i << 32) + n, &mutant);
			if (mutant.text && !mutant.is_same && is_new(&mutant)) {
				made++;
				verified += judge(&kinds[i], &mutant);
			}
			mutant_done(&mutant);
		}
		printf("# %-38s %5zu mutants, %5zu refused, %4zu harmless\n", kinds[i].name, made,
			made - verified, verified);
		all += made;
		all_harmless += verified;
	}
	printf("# %-38s %5zu mutants, %5zu refused, %4zu harmless\n", "all", all,
		all - all_harmless, all_harmless);
	assert_int_equal(all, MUTANTS / ONE_OF);
}

/* A row that nothing needed is one that excuses what is refused. */
static void harmless_ones_occur(void **state)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		printf("# harmless: %4zu %s, %s: %s\n", harmless[i].count, harmless[i].kind,
			harmless[i].where, harmless[i].reason);
		if (ONE_OF == 1 && !harmless[i].count)
			fail_msg("%s, %s: is in the table and did not occur", harmless[i].kind,
				harmless[i].where);
	}
}

static void job_of_b(json_t *job)
{
	json_object_set_new(job, "job", json_string(JOB2));
	json_object_set_new(job, "boot", json_string(BOOT_OF_B));
	json_object_set_new(job, "nonce", json_string(SHA_B));
}

static void boot_of_b(json_t *boot)
{
	char keyid[RP_SHA256_HEX];

	assert_int_equal(rp_pki_keyid(boot_key_b, keyid), 0);
	json_object_set_new(boot, "job", json_string(JOB2));
	json_object_set_new(boot, "boot", json_string(BOOT_OF_B));
	json_object_set_new(boot, "boot_key", json_string(keyid));
}

static int set_up(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *csr = NULL;

	keys_lab_init(&lab);
	keys_lab_init(&stranger);
	assert_ok(rp_pki_new_boot_key(&boot_key_b, &err));
	assert_ok(rp_pki_make_csr(boot_key_b, &csr, &err));
	assert_ok(rp_pki_issue_boot(
		lab.boot_ca_key, lab.boot_ca, csr, RIG, BOOT_OF_B, &boot_cert_b, &err));
	good[0] = draft_make(&(struct draft){0}, &lab);
	good[1] = draft_make(&(struct draft){.job = job_of_b,
				     .boot = boot_of_b,
				     .boot_signer = boot_key_b,
				     .boot_cert = boot_cert_b},
		&lab);
	good[2] = draft_make(&(struct draft){0}, &stranger);
	for (size_t i = 0; i < 3; i++) {
		struct mutant mutant = {.text = (uint8_t *)good[i], .len = strlen(good[i])};
		struct rp_verified verified = {0};

		good_json[i] = json_of(good[i]);
		assert_ok(rp_evidence_verify(good[i], strlen(good[i]),
			i == 2 ? stranger.root : lab.root, &verified, &err));
		rp_verified_done(&verified);
		assert_true(is_new(&mutant)); /* what equals them is no mutant */
	}
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		json_decref(good_json[i]);
		free(good[i]);
	}
	EVP_PKEY_free(boot_key_b);
	X509_free(boot_cert_b);
	keys_lab_done(&lab);
	keys_lab_done(&stranger);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_verifies),
		cmocka_unit_test(harmless_ones_occur),
	};

	return cmocka_run_group_tests_name("keys mutants", tests, set_up, tear_down);
}

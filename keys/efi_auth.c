/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/efi_auth.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "lib/process.h"

#define GUID_TEXT 37
#define FILE_MAX (1 << 20)
#define TIMESTAMP "2000-01-01 00:00:00"
#define TOOL_SECONDS 60

static const struct variable {
	const char *name, *signer;
	const char *certs[3]; /* NULL-terminated */
} variables[] = {
	{"PK", "PK", {"PK"}},
	{"KEK", "PK", {"KEK"}},
	{"db", "KEK", {"db", "module"}},
};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* sign-efi-sig-list reads -t as local time. */
static const char *const utc[] = {"TZ=UTC", NULL};

static int run(const char *const *argv, struct rp_error *err)
{
	return rp_process_run(
		&(struct rp_process){.argv = argv, .env = utc, .timeout_s = TOOL_SECONDS}, NULL,
		NULL, err);
}

static bool is_guid(const char *text)
{
	for (size_t i = 0; i < GUID_TEXT - 1; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return text[GUID_TEXT - 1] == '\n' && text[GUID_TEXT] == '\0';
}

/* The owner's GUID of dir/owner.guid, made (random, version 4) where there is none. */
static int owner_guid(const char *dir, char ret[GUID_TEXT], struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/owner.guid", dir);
	rp_cleanup(free) char *text = NULL;
	uint8_t b[16];
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_read(path, GUID_TEXT + 1, &text, NULL, NULL);
	if (r == -ENOENT) {
		if (RAND_bytes(b, sizeof(b)) != 1)
			return rp_error_openssl(err, -EIO, "no random numbers");
		b[6] = (b[6] & 0x0f) | 0x40;
		b[8] = (b[8] & 0x3f) | 0x80;
		text = rp_path(
			"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n",
			b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
			b[12], b[13], b[14], b[15]);
		if (!text)
			return rp_error_memory(err);
		r = rp_file_create(path, 0644, text, strlen(text), err);
		if (r < 0)
			return r;
	} else if (r < 0) {
		return rp_error_set(err, r, "%s: cannot be read", path);
	}
	if (!is_guid(text))
		return rp_error_set(
			err, -EINVAL, "%s: not one lower-case GUID and a newline", path);
	memcpy(ret, text, GUID_TEXT - 1);
	ret[GUID_TEXT - 1] = '\0';
	return 0;
}

/* The signature list of one certificate, appended to list. */
static int append_cert(const char *dir, const char *guid, const char *cert, const char *scratch,
	BIO *list, struct rp_error *err)
{
	rp_cleanup(free) char *crt = rp_path("%s/%s.crt", dir, cert);
	rp_cleanup(free) char *esl = rp_path("%s/%s.esl", scratch, cert);
	rp_cleanup(free) char *data = NULL;
	size_t len;
	int r;

	if (!crt || !esl)
		return rp_error_memory(err);
	r = run((const char *const[]){"cert-to-efi-sig-list", "-g", guid, crt, esl, NULL}, err);
	if (r == 0)
		r = rp_file_read(esl, FILE_MAX, &data, &len, err);
	unlink(esl);
	if (r < 0)
		return r;
	return BIO_write(list, data, (int)len) == (int)len ? 0 : rp_error_memory(err);
}

static int make_list(const char *dir, const char *guid, const struct variable *variable,
	const char *scratch, const char *esl, struct rp_error *err)
{
	rp_cleanup(bio) BIO *list = BIO_new(BIO_s_mem());
	char *data;
	long len;
	int r;

	if (!list)
		return rp_error_memory(err);
	for (size_t i = 0; variable->certs[i]; i++) {
		r = append_cert(dir, guid, variable->certs[i], scratch, list, err);
		if (r < 0)
			return r;
	}
	len = BIO_get_mem_data(list, &data);
	return rp_file_write(esl, 0644, data, (size_t)len, err);
}

static int make_variable(const char *dir, const char *guid, const struct variable *variable,
	const char *scratch, struct rp_error *err)
{
	rp_cleanup(free) char *esl = rp_path("%s/%s.esl", dir, variable->name);
	rp_cleanup(free) char *auth = rp_path("%s/%s.auth", dir, variable->name);
	rp_cleanup(free) char *made = rp_path("%s/auth", scratch);
	rp_cleanup(free) char *key_path = rp_pki_key_path(dir, variable->signer);
	rp_cleanup(free) char *crt_path = rp_path("%s/%s.crt", dir, variable->signer);
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(free) char *data = NULL;
	struct rp_efi_auth parsed;
	size_t len;
	int r;

	if (!esl || !auth || !made || !key_path || !crt_path)
		return rp_error_memory(err);
	/* for the check of its mode, which the tool does not make */
	r = rp_pki_load_key(dir, variable->signer, &key, err);
	if (r == 0)
		r = make_list(dir, guid, variable, scratch, esl, err);
	if (r == 0)
		r = run((const char *const[]){"sign-efi-sig-list", "-t", TIMESTAMP, "-k", key_path,
				"-c", crt_path, variable->name, esl, made, NULL},
			err);
	if (r == 0)
		r = rp_file_read(made, FILE_MAX, &data, &len, err);
	unlink(made);
	if (r == 0 && (r = rp_efi_auth_parse(data, len, &parsed, err)) < 0)
		rp_error_prefix(err, "sign-efi-sig-list made a bad %s.auth", variable->name);
	return r < 0 ? r : rp_file_write(auth, 0644, data, len, err);
}

int rp_efi_auth_make(const char *key_dir, struct rp_error *err)
{
	rp_cleanup(free) char *scratch = rp_path("%s/.auth.XXXXXX", key_dir);
	char guid[GUID_TEXT];
	int r;

	r = owner_guid(key_dir, guid, err);
	if (r < 0)
		return r;
	if (!scratch)
		return rp_error_memory(err);
	if (!mkdtemp(scratch))
		return rp_error_set(err, -errno, "%s: %s", key_dir, strerror(errno));
	for (size_t i = 0; i < VARIABLES && r == 0; i++)
		r = make_variable(key_dir, guid, &variables[i], scratch, err);
	rmdir(scratch);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "keys/pem.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"

#define KEY_FILE_MAX (64 * 1024)

static const char *const offline[] = {"root", "PK", "KEK", "module"};
#define OFFLINE_COUNT (sizeof(offline) / sizeof(offline[0]))

static bool is_offline(const char *name)
{
	for (size_t i = 0; i < OFFLINE_COUNT; i++)
		if (!strcmp(name, offline[i]))
			return true;
	return false;
}

char *rp_pki_key_path(const char *dir, const char *name)
{
	rp_cleanup(free) char *beside = rp_path("%s/%s.key", dir, name);

	if (!beside || !is_offline(name) || faccessat(AT_FDCWD, beside, F_OK, 0) == 0)
		return rp_steal(beside);
	return rp_path("%s/" RP_PKI_OFFLINE "/%s.key", dir, name);
}

char *rp_pki_next_exposed(const char *dir, size_t *at)
{
	while (*at < OFFLINE_COUNT) {
		rp_cleanup(free) char *path = rp_pki_key_path(dir, offline[(*at)++]);

		if (path && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
			return rp_steal(path);
	}
	return NULL;
}

int rp_pki_load_key(const char *dir, const char *name, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_pki_key_path(dir, name);
	rp_cleanup(free) char *text = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_read_secret(path, KEY_FILE_MAX, &text, &len, err);
	if (r == -ENOENT && is_offline(name))
		return rp_error_set(err, r,
			"%s: not there: if it is kept offline, work where it is, or bring it back "
			"for this",
			path);
	if (r < 0)
		return r;
	r = rp_pem_read_key(text, ret, err);
	OPENSSL_cleanse(text, len);
	if (r < 0)
		rp_error_prefix(err, "%s", path);
	return r;
}

int rp_pki_load_cert(const char *dir, const char *name, X509 **ret, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.crt", dir, name);
	rp_cleanup(free) char *text = NULL;
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_read(path, KEY_FILE_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	r = rp_pem_read_cert(text, ret, err);
	if (r < 0)
		rp_error_prefix(err, "%s", path);
	return r;
}

int rp_pki_chain_pem(const char *dir, const char *name, char **ret_pem, struct rp_error *err)
{
	static const char *const above[] = {"boot-ca", "root"};
	rp_cleanup(bio) BIO *bio = BIO_new(BIO_s_mem());
	rp_cleanup(x509) X509 *last = NULL;
	char *pem;
	int r;

	if (!bio)
		return rp_error_memory(err);
	r = rp_pki_load_cert(dir, name, &last, err);
	if (r < 0)
		return r;
	if (PEM_write_bio_X509(bio, last) != 1)
		return rp_error_openssl(err, -EIO, "%s", name);
	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		rp_cleanup(x509) X509 *next = NULL;

		if (X509_self_signed(last, 0) == 1)
			break;
		r = rp_pki_load_cert(dir, above[i], &next, err);
		if (r < 0)
			return r;
		if (X509_check_issued(next, last) != X509_V_OK)
			continue;
		if (PEM_write_bio_X509(bio, next) != 1)
			return rp_error_openssl(err, -EIO, "%s", above[i]);
		X509_free(last);
		last = rp_steal(next);
	}
	if (X509_self_signed(last, 0) != 1)
		return rp_error_set(err, -EINVAL,
			"%s/%s.crt: not signed by this folder's root: make it again", dir, name);
	pem = rp_pem_take(bio);
	if (!pem)
		return rp_error_memory(err);
	*ret_pem = pem;
	return 0;
}

int rp_pki_keyid(EVP_PKEY *key, char ret_hex[RP_SHA256_HEX])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der), r;

	if (len <= 0)
		return -EINVAL;
	r = rp_sha256_hex(der, (size_t)len, ret_hex);
	OPENSSL_free(der);
	return r;
}

int rp_pki_fingerprint(X509 *cert, uint8_t ret_digest[RP_SHA256_LEN])
{
	unsigned int len = 0;

	return X509_digest(cert, EVP_sha256(), ret_digest, &len) == 1 ? 0 : -EIO;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/boot_key.h"

#include <string.h>

#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"

#define KEY_MAX 4096

static int make(const char *path, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(free) char *pem = NULL;
	int r;

	r = rp_pki_new_boot_key(&key, err);
	if (r < 0)
		return r;
	pem = rp_pem_write_key(key);
	if (!pem)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	r = rp_file_write(path, 0600, pem, strlen(pem), err);
	OPENSSL_cleanse(pem, strlen(pem));
	if (r < 0)
		return r;
	*ret = rp_steal(key);
	return 0;
}

int rp_boot_key_get(const char *path, EVP_PKEY **ret, struct rp_error *err)
{
	rp_cleanup(free) char *pem = NULL;
	size_t len;
	int r;

	/* A key that others could read, or half of one, certifies nothing: begin anew. */
	r = rp_file_read_secret(path, KEY_MAX, &pem, &len, NULL);
	if (r < 0)
		return make(path, ret, err);
	r = rp_pem_read_key(pem, ret, NULL);
	OPENSSL_cleanse(pem, len);
	return r < 0 ? make(path, ret, err) : 0;
}

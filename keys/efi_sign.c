/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/efi_sign.h"

#include <fcntl.h>
#include <openssl/pkcs7.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "lib/process.h"

#define TOOL_SECONDS 300
#define SIGNATURE_MAX (1 << 20)

RP_DEFINE_CLEANUP(pkcs7, PKCS7, PKCS7_free)
RP_DEFINE_CLEANUP(asn1_time, ASN1_TIME, ASN1_TIME_free)

static int run(const char *const *argv, struct rp_error *err)
{
	return rp_process_run(
		&(struct rp_process){.argv = argv, .timeout_s = TOOL_SECONDS}, NULL, NULL, err);
}

/* The new temporary file's name is in path (mkstemp's template). */
static int copy(const char *in, char *path, struct rp_error *err)
{
	rp_cleanup(fd) int from = open(in, O_RDONLY | O_CLOEXEC);
	rp_cleanup(fd) int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return rp_error_set(err, -errno, "%s: %s", in, strerror(errno));
	to = mkostemp(path, O_CLOEXEC);
	if (to < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	while (st.st_size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)st.st_size);

		if (n <= 0)
			return rp_error_set(
				err, n < 0 ? -errno : -EIO, "%s: cannot be copied to %s", in, path);
		st.st_size -= n;
	}
	return fchmod(to, 0644) == 0 ? 0 : -errno;
}

/*
 * sbsign stamps the time of day into the signed attributes. Put a fixed time there and sign the
 * attributes again (RSA PKCS#1 v1.5: deterministic).
 */
static int fix_time(const char *path, EVP_PKEY *key, struct rp_error *err)
{
	rp_cleanup(pkcs7) PKCS7 *p7 = NULL;
	rp_cleanup(asn1_time) ASN1_TIME *time = ASN1_TIME_new();
	rp_cleanup(free) char *data = NULL;
	const unsigned char *p;
	PKCS7_SIGNER_INFO *signer;
	unsigned char *der = NULL;
	size_t len;
	int der_len, r;

	r = rp_file_read(path, SIGNATURE_MAX, &data, &len, err);
	if (r < 0)
		return r;
	p = (const unsigned char *)data;
	p7 = d2i_PKCS7(NULL, &p, (long)len);
	if (!p7 || sk_PKCS7_SIGNER_INFO_num(PKCS7_get_signer_info(p7)) != 1)
		return rp_error_openssl(err, -EIO, "sbsign made no signature");
	signer = sk_PKCS7_SIGNER_INFO_value(PKCS7_get_signer_info(p7), 0);
	if (!time || ASN1_TIME_set_string(time, "000101000000Z") != 1 ||
		PKCS7_add_signed_attribute(
			signer, NID_pkcs9_signingTime, ASN1_STRING_type(time), time) != 1)
		return rp_error_openssl(err, -EIO, "cannot set the signing time");
	time = NULL; /* the attribute's */
	EVP_PKEY_up_ref(key);
	signer->pkey = key; /* freed with it */
	if (PKCS7_SIGNER_INFO_sign(signer) != 1 || (der_len = i2d_PKCS7(p7, &der)) <= 0)
		return rp_error_openssl(err, -EIO, "cannot sign");
	r = rp_file_write(path, 0600, der, (size_t)der_len, err);
	OPENSSL_free(der);
	return r;
}

static int sign(const char *in, const char *signature, char *made, const char *key_dir,
	const char *name, struct rp_error *err)
{
	rp_cleanup(free) char *key_path = rp_pki_key_path(key_dir, name);
	rp_cleanup(free) char *cert_path = rp_path("%s/%s.crt", key_dir, name);
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	int r;

	if (!key_path || !cert_path)
		return rp_error_memory(err);
	r = rp_pki_load_key(key_dir, name, &key, err);
	if (r == 0)
		r = copy(in, made, err);
	if (r == 0)
		r = run((const char *const[]){"sbsign", "--key", key_path, "--cert", cert_path,
				"--detached", "--output", signature, in, NULL},
			err);
	if (r == 0)
		r = fix_time(signature, key, err);
	if (r == 0)
		r = run((const char *const[]){"sbattach", "--attach", signature, made, NULL}, err);
	return r;
}

int rp_efi_sign(const char *in, const char *out, const char *key_dir, const char *name,
	struct rp_error *err)
{
	rp_cleanup(free) char *made = rp_path("%s.XXXXXX", out);
	rp_cleanup(free) char *cert_path = rp_path("%s/%s.crt", key_dir, name);
	rp_cleanup(free) char *folder = rp_path("%s.p7.XXXXXX", out);
	rp_cleanup(free) char *signature = NULL;
	int r;

	if (!made || !cert_path || !folder)
		return rp_error_memory(err);
	if (access(in, R_OK) < 0)
		return rp_error_set(err, -errno, "%s: %s", in, strerror(errno));
	if (!mkdtemp(folder))
		return rp_error_set(err, -errno, "%s: %s", folder, strerror(errno));
	signature = rp_path("%s/signature", folder);
	r = signature ? sign(in, signature, made, key_dir, name, err) : -ENOMEM;
	if (r == 0)
		r = rp_efi_verify(made, cert_path, err);
	if (r == 0 && rename(made, out) < 0)
		r = rp_error_set(err, -errno, "%s: %s", out, strerror(errno));
	if (r < 0)
		unlink(made);
	if (signature)
		unlink(signature);
	rmdir(folder);
	return r;
}

int rp_efi_verify(const char *path, const char *cert_path, struct rp_error *err)
{
	struct rp_error tool = RP_ERROR_NONE;
	int r;

	if (access(path, R_OK) < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (access(cert_path, R_OK) < 0)
		return rp_error_set(err, -errno, "%s: %s", cert_path, strerror(errno));
	r = run((const char *const[]){"sbverify", "--cert", cert_path, path, NULL}, &tool);
	if (r == -EIO)
		return rp_error_set(err, -EACCES, "%s: not signed by %s", path, cert_path);
	return r < 0 ? rp_error_set(err, r, "%s", tool.text) : 0;
}

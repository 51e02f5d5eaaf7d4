/* SPDX-License-Identifier: Apache-2.0 */
/* make_lab FOLDER: the certificates of a new lab, and of one boot: FOLDER/boot.crt. */
#include <stdio.h>

#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"

#define RIG "rig-1"
#define BOOT "01JD000000000000000000000A"

static int make_boot(const char *dir, struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *ca_key = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(x509) X509 *ca = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *csr = NULL;
	rp_cleanup(free) char *pem = NULL;
	rp_cleanup(free) char *path = rp_path("%s/boot.crt", dir);
	int r = rp_pki_load_key(dir, "boot-ca", &ca_key, err);

	if (r == 0)
		r = rp_pki_load_cert(dir, "boot-ca", &ca, err);
	if (r == 0)
		r = rp_pki_new_boot_key(&key, err);
	if (r == 0)
		r = rp_pki_make_csr(key, &csr, err);
	if (r == 0)
		r = rp_pki_issue_boot(ca_key, ca, csr, RIG, BOOT, &cert, err);
	if (r < 0)
		return r;
	pem = rp_pem_write_cert(cert);
	return pem && path ? rp_file_write(path, 0644, pem, strlen(pem), err)
			   : rp_error_memory(err);
}

int main(int argc, char **argv)
{
	struct rp_error err = RP_ERROR_NONE;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: make_lab FOLDER\n");
		return 2;
	}
	r = rp_pki_init(argv[1], (const char *const[]){"10.77.0.1", "lab.example", NULL}, &err);
	if (r == 0)
		r = make_boot(argv[1], &err);
	if (r < 0)
		fprintf(stderr, "make_lab: %s\n", err.text);
	return r < 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Making the lab's keys. */
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/certificate.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/openssl_cleanup.h"

#define TLS_USAGE "serverAuth"

enum kind { RSA_3072, RSA_2048, P_256, ED25519 };

/* In the order of making: an issuer stands before what it issues. */
static const struct recipe {
	const char *name;
	enum kind kind;
	bool by_root;
	const char *basic_constraints, *key_usage, *extended_key_usage;
	const char *role; /* the URI; NULL: none */
} recipes[] = {
	{"root", RSA_3072, false, "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign",
		NULL},
	/* keyEncipherment: iPXE 1.21 knows RSA key exchange only */
	{"tls", RSA_3072, true, "critical,CA:FALSE", "critical,digitalSignature,keyEncipherment",
		TLS_USAGE},
	{"job", P_256, true, "critical,CA:FALSE", "critical,digitalSignature", NULL,
		RP_URI_ROLE "job"},
	{"log", ED25519, true, "critical,CA:FALSE", "critical,digitalSignature", NULL,
		RP_URI_ROLE "log"},
	/*
	 * clientAuth: OpenSSL wants a CA's usages to include those of the client certificates below
	 */
	{"boot-ca", P_256, true, "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", "clientAuth",
		RP_URI_ROLE "boot-ca"},
	{"PK", RSA_2048, false, "critical,CA:FALSE", "digitalSignature", NULL},
	{"KEK", RSA_2048, false, "critical,CA:FALSE", "digitalSignature", NULL},
	{"db", RSA_2048, false, "critical,CA:FALSE", "digitalSignature", NULL},
	{"module", RSA_2048, false, "critical,CA:FALSE", "digitalSignature", NULL},
};
#define RECIPES (sizeof(recipes) / sizeof(recipes[0]))

static EVP_PKEY *new_key(enum kind kind)
{
	switch (kind) {
	case RSA_3072:
		return EVP_RSA_gen(3072);
	case RSA_2048:
		return EVP_RSA_gen(2048);
	case P_256:
		return EVP_EC_gen("P-256");
	case ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
	return NULL;
}

static int add_host(BIO *list, const char *host, struct rp_error *err)
{
	bool address = rp_address_valid(host);

	if (!rp_host_valid(host))
		return rp_error_set(
			err, -EINVAL, "\"%s\": neither a DNS name nor an IP address", host);
	return BIO_printf(list, "%s%s:%s", BIO_pending(list) ? "," : "", address ? "IP" : "DNS",
		       host) > 0
		       ? 0
		       : -ENOMEM;
}

static bool is_listed(const char *host, const char *const *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(host, hosts[i]) == 0)
			return true;
	return false;
}

static int alternative_names(const char *const *hosts, char **ret, struct rp_error *err)
{
	static const char *const always[] = {"rigproof", "localhost", "127.0.0.1"};
	rp_cleanup(bio) BIO *list = BIO_new(BIO_s_mem());
	char *text;
	int r;

	if (!list)
		return rp_error_memory(err);
	for (size_t i = 0; i < 3; i++) {
		r = add_host(list, always[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; hosts && hosts[i]; i++) {
		if (is_listed(hosts[i], always, 3) || is_listed(hosts[i], hosts, i))
			continue;
		r = add_host(list, hosts[i], err);
		if (r < 0)
			return r;
	}
	text = rp_pem_take(list);
	if (!text)
		return rp_error_memory(err);
	*ret = text;
	return 0;
}

static int write_key(const char *dir, const char *name, EVP_PKEY *key, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_pki_key_path(dir, name);
	rp_cleanup(free) char *pem = rp_pem_write_key(key);
	int r;

	if (!path || !pem)
		return rp_error_openssl(err, -ENOMEM, "cannot write %s.key", name);
	r = rp_file_create(path, 0600, pem, strlen(pem), err);
	OPENSSL_cleanse(pem, strlen(pem));
	return r;
}

static int write_cert(const char *dir, const char *name, X509 *cert, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.crt", dir, name);
	rp_cleanup(free) char *pem = rp_pem_write_cert(cert);

	if (!path || !pem)
		return rp_error_openssl(err, -ENOMEM, "cannot write %s.crt", name);
	return rp_file_write(path, 0644, pem, strlen(pem), err);
}

/*
 * lab: eight digits that tell the certificates of two labs apart; links certificates
 * of one by name.
 */
static int make_one(const struct recipe *recipe, const char *lab, const char *san, EVP_PKEY *key,
	X509 *root, EVP_PKEY *root_key, X509 **ret, struct rp_error *err)
{
	char name[64], uri[4 + RP_URI_TEXT] = "";

	snprintf(name, sizeof(name), "rigproof %s %s", recipe->name, lab);
	if (recipe->role)
		snprintf(uri, sizeof(uri), "URI:%s", recipe->role);
	return rp_certificate_make(
		&(struct rp_certificate){
			.common_name = name,
			.key = key,
			.issuer = recipe->by_root ? root : NULL,
			.issuer_key = recipe->by_root ? root_key : NULL,
			.basic_constraints = recipe->basic_constraints,
			.key_usage = recipe->key_usage,
			.extended_key_usage = recipe->extended_key_usage,
			.alternative_names = strcmp(recipe->name, "tls") == 0 ? san
					     : *uri			      ? uri
									      : NULL,
		},
		ret, err);
}

static int make_all(const char *dir, const char *san, struct rp_error *err)
{
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(pkey) EVP_PKEY *root_key = NULL;
	rp_cleanup(free) char *offline = rp_path("%s/" RP_PKI_OFFLINE, dir);
	char lab[9];

	if (!offline)
		return rp_error_memory(err);
	if (mkdir(offline, 0700) < 0)
		return rp_error_set(err, -errno, "%s: %s", offline, strerror(errno));
	rp_nonce_hex(4, lab);
	for (size_t i = 0; i < RECIPES; i++) {
		rp_cleanup(pkey) EVP_PKEY *key = new_key(recipes[i].kind);
		rp_cleanup(x509) X509 *cert = NULL;
		int r;

		if (!key)
			return rp_error_openssl(
				err, -EIO, "cannot make the %s key", recipes[i].name);
		r = make_one(&recipes[i], lab, san, key, root, root_key, &cert, err);
		if (r == 0)
			r = write_key(dir, recipes[i].name, key, err);
		if (r == 0)
			r = write_cert(dir, recipes[i].name, cert, err);
		if (r < 0)
			return r;
		if (i == 0) {
			root = rp_steal(cert);
			root_key = rp_steal(key);
		}
	}
	return 0;
}

static void remove_all(const char *dir)
{
	rp_cleanup(free) char *offline = rp_path("%s/" RP_PKI_OFFLINE, dir);

	for (size_t i = 0; i < RECIPES; i++) {
		rp_cleanup(free) char *key = rp_pki_key_path(dir, recipes[i].name);
		rp_cleanup(free) char *cert = rp_path("%s/%s.crt", dir, recipes[i].name);

		if (key)
			unlink(key);
		if (cert)
			unlink(cert);
	}
	if (offline)
		rmdir(offline);
	rmdir(dir);
}

/* 0 where dir is not there or is an empty folder. */
static int check_free(const char *dir, struct rp_error *err)
{
	rp_cleanup(dir) DIR *folder = opendir(dir);
	struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0
				       : rp_error_set(err, errno == ENOTDIR ? -EEXIST : -errno,
						 "%s: %s", dir, strerror(errno));
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return rp_error_set(err, -EEXIST,
				"%s: is not empty; keys are never overwritten: name another folder",
				dir);
	return 0;
}

int rp_pki_init(const char *dir, const char *const *hosts, struct rp_error *err)
{
	rp_cleanup(free) char *san = NULL;
	rp_cleanup(free) char *temporary = NULL;
	size_t len = strlen(dir);
	int r;

	r = check_free(dir, err);
	if (r < 0)
		return r;
	r = alternative_names(hosts, &san, err);
	if (r < 0)
		return r;
	while (len > 1 && dir[len - 1] == '/')
		len--;
	/* All of the folder or none of it: made beside its place, then moved there. */
	temporary = rp_path("%.*s.XXXXXX", (int)len, dir);
	if (!temporary)
		return rp_error_memory(err);
	if (!mkdtemp(temporary))
		return rp_error_set(
			err, -errno, "%s: cannot make a folder there: %s", dir, strerror(errno));
	r = make_all(temporary, san, err);
	if (r == 0 && rename(temporary, dir) < 0)
		r = rp_error_set(
			err, errno == ENOTEMPTY ? -EEXIST : -errno, "%s: %s", dir, strerror(errno));
	if (r < 0)
		remove_all(temporary);
	return r;
}

int rp_pki_issue_tls(const char *dir, const char *const *hosts, struct rp_error *err)
{
	rp_cleanup(pkey) EVP_PKEY *root_key = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *san = NULL;
	char name[64];
	const char *lab;
	int r;

	r = alternative_names(hosts, &san, err);
	if (r == 0)
		r = rp_pki_load_cert(dir, "root", &root, err);
	if (r == 0)
		r = rp_pki_load_key(dir, "root", &root_key, err);
	if (r == 0)
		r = rp_pki_load_key(dir, "tls", &key, err);
	if (r < 0)
		return r;
	if (X509_NAME_get_text_by_NID(
		    X509_get_subject_name(root), NID_commonName, name, sizeof(name)) <= 0)
		return rp_error_set(err, -EINVAL, "%s/root.crt: has no name", dir);
	lab = strrchr(name, ' ');
	r = make_one(&recipes[1], lab ? lab + 1 : name, san, key, root, root_key, &cert, err);
	return r < 0 ? r : write_cert(dir, "tls", cert, err);
}

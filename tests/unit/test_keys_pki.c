/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/openssl_cleanup.h"
#include "tests/unit/folder_lab.h"
#include "tests/unit/keys_lab.h"

#include <openssl/asn1.h>
#include <sys/stat.h>

#include "keys/efi_auth.h"
#include "keys/pem.h"
#include "lib/file.h"

static struct keys_lab lab;

static char *path_of(const char *name)
{
	return rp_path("%s/%s", lab.dir, name);
}

static mode_t mode_of(const char *name)
{
	rp_cleanup(free) char *path = path_of(name);
	struct stat st = {0};

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void kinds_modes_dates(void **state)
{
	static const struct {
		const char *name, *kind;
		int bits;
		bool offline;
	} all[] = {{"root", "RSA", 3072, true}, {"tls", "RSA", 3072}, {"job", "EC", 256},
		{"log", "ED25519", 256}, {"boot-ca", "EC", 256}, {"PK", "RSA", 2048, true},
		{"KEK", "RSA", 2048, true}, {"db", "RSA", 2048}, {"module", "RSA", 2048, true}};
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(mode_of("."), 0700);
	assert_int_equal(mode_of("offline"), 0700);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		rp_cleanup(pkey) EVP_PKEY *key = NULL;
		rp_cleanup(x509) X509 *cert = NULL;
		char name[32];
		struct tm from, to;

		snprintf(name, sizeof(name), "%s%s.key", all[i].offline ? "offline/" : "",
			all[i].name);
		assert_int_equal(mode_of(name), 0600);
		snprintf(name, sizeof(name), "%s.crt", all[i].name);
		assert_int_equal(mode_of(name), 0644);
		assert_ok(rp_pki_load_key(lab.dir, all[i].name, &key, &err));
		assert_ok(rp_pki_load_cert(lab.dir, all[i].name, &cert, &err));
		assert_true(EVP_PKEY_is_a(key, all[i].kind));
		if (strcmp(all[i].kind, "ED25519") != 0)
			assert_int_equal(EVP_PKEY_get_bits(key), all[i].bits);
		assert_int_equal(X509_check_private_key(cert, key), 1);
		assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &from), 1);
		assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &to), 1);
		assert_int_equal(from.tm_year, 70);
		assert_int_equal(to.tm_year, 199);
		assert_int_equal(to.tm_sec, 59);
		/* iPXE knows no other critical extension than these */
		for (int n = 0; n < X509_get_ext_count(cert); n++) {
			X509_EXTENSION *extension = X509_get_ext(cert, n);
			int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

			assert_true(!X509_EXTENSION_get_critical(extension) ||
				    nid == NID_basic_constraints || nid == NID_key_usage);
			assert_int_not_equal(nid, NID_info_access);
		}
	}
}

static void never_overwrites(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = path_of("offline/root.key");
	char before[RP_SHA256_HEX], after[RP_SHA256_HEX];

	assert_int_equal(rp_sha256_file_hex(path, before, NULL), 0);
	assert_int_equal(rp_pki_init(lab.dir, NULL, &err), -EEXIST);
	assert_int_equal(rp_sha256_file_hex(path, after, NULL), 0);
	assert_string_equal(before, after);
}

static void refuses_open_keys(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = path_of("db.key");
	EVP_PKEY *key = NULL;

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(rp_pki_load_key(lab.dir, "db", &key, &err), -EPERM);
	assert_non_null(strstr(err.text, "db.key"));
	assert_null(key);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rp_pki_load_key(lab.dir, "nothing", &key, &err), -ENOENT);
}

/* What a server finds of the keys that it does not need: here, beside the others, or taken away. */
static void offline_keys(void **state)
{
	static const char *const names[] = {"root", "PK", "KEK", "module"};
	rp_cleanup(free) char *offline = path_of("offline"), *away = path_of("away");
	rp_cleanup(free) char *there = path_of("offline/module.key"),
			      *beside = path_of("module.key");
	struct rp_error err = RP_ERROR_NONE;
	EVP_PKEY *key = NULL;
	char *path;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		path = rp_pki_next_exposed(lab.dir, &at);
		if (!path || !strstr(path, names[i]) || !strstr(path, "/offline/"))
			fail_msg("%s is exposed, seen: %s", names[i], path ? path : "nothing");
		free(path);
	}
	assert_null(rp_pki_next_exposed(lab.dir, &at));

	assert_int_equal(rename(there, beside), 0);
	assert_int_equal(rename(offline, away), 0);
	assert_ok(rp_pki_load_key(lab.dir, "module", &key, &err));
	EVP_PKEY_free(key);
	key = NULL;
	at = 0;
	path = rp_pki_next_exposed(lab.dir, &at);
	assert_string_equal(path, beside);
	free(path);
	assert_null(rp_pki_next_exposed(lab.dir, &at));

	assert_int_equal(rp_pki_load_key(lab.dir, "root", &key, &err), -ENOENT);
	assert_non_null(strstr(err.text, "kept offline"));
	assert_null(key);
	assert_int_equal(rp_pki_issue_tls(lab.dir, NULL, &err), -ENOENT);
	assert_ok(rp_pki_load_key(lab.dir, "db", &key, &err));
	EVP_PKEY_free(key);

	assert_int_equal(rename(away, offline), 0);
	assert_int_equal(rename(beside, there), 0);
}

static void names_of_the_server(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(x509) X509 *first = NULL;
	rp_cleanup(x509) X509 *second = NULL;

	assert_ok(rp_pki_load_cert(lab.dir, "tls", &first, &err));
	assert_ok(rp_pki_verify(first, NULL, lab.root, RP_ROLE_TLS, &err));
	assert_int_equal(X509_check_ip_asc(first, "10.77.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(first, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_host(first, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(first, "10.77.0.2", 0), 0);
	assert_ok(rp_pki_issue_tls(lab.dir,
		(const char *const[]){"10.77.0.2", "lab.example", "fd00::1", "localhost", NULL},
		&err));
	assert_ok(rp_pki_load_cert(lab.dir, "tls", &second, &err));
	assert_ok(rp_pki_verify(second, NULL, lab.root, RP_ROLE_TLS, &err));
	assert_int_equal(X509_check_ip_asc(second, "10.77.0.2", 0), 1);
	assert_int_equal(X509_check_ip_asc(second, "fd00::1", 0), 1);
	assert_int_equal(X509_check_host(second, "lab.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(second, "10.77.0.1", 0), 0);
	assert_int_equal(X509_cmp(first, second) == 0, 0);
	assert_int_equal(rp_pki_issue_tls(lab.dir, (const char *const[]){"a,DNS:evil", NULL}, &err),
		-EINVAL);
	assert_int_equal(rp_pki_issue_tls(lab.dir, (const char *const[]){"", NULL}, &err), -EINVAL);
	assert_int_equal(rp_pki_issue_tls(lab.dir, (const char *const[]){"10.0.0.300", NULL}, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "neither a DNS name nor an IP address"));
}

static size_t count_certs(const char *pem)
{
	size_t n = 0;

	for (; (pem = strstr(pem, "-----BEGIN CERTIFICATE-----")); pem++)
		n++;
	return n;
}

static void chains(void **state)
{
	static const struct {
		const char *name;
		size_t certs;
	} all[] = {{"root", 1}, {"tls", 2}, {"job", 2}, {"boot-ca", 2}, {"db", 1}};
	struct rp_error err = RP_ERROR_NONE;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		rp_cleanup(free) char *pem = NULL;

		assert_ok(rp_pki_chain_pem(lab.dir, all[i].name, &pem, &err));
		assert_int_equal(count_certs(pem), all[i].certs);
	}
}

static void roles(void **state)
{
	X509 *certs[] = {NULL, lab.job, lab.log, lab.boot_ca, NULL};

	for (int role = RP_ROLE_TLS; role <= RP_ROLE_BOOT; role++)
		for (int i = 0; i < 5; i++)
			if (certs[i])
				assert_int_equal(rp_pki_verify(certs[i], NULL, lab.root,
							 (enum rp_role)role, NULL),
					role == i ? 0 : -EACCES);
	assert_int_equal(rp_pki_verify(lab.boot, NULL, lab.root, RP_ROLE_BOOT, NULL), -EACCES);
	assert_int_equal(rp_pki_verify(lab.root, NULL, lab.root, RP_ROLE_JOB, NULL), -EACCES);
}

static void boot_identity(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	char rig[RP_RIG_TEXT] = "untouched", boot[RP_ID_TEXT] = "untouched";

	assert_int_equal(rp_pki_boot_identity(lab.job, rig, boot, &err), -EINVAL);
	assert_string_equal(rig, "untouched");
	assert_string_equal(boot, "untouched");
	assert_ok(rp_pki_boot_identity(lab.boot, rig, boot, &err));
	assert_string_equal(rig, RIG);
	assert_string_equal(boot, BOOT);
}

static int issue(const char *csr, const char *rig, const char *boot)
{
	X509 *cert = NULL;
	int r = rp_pki_issue_boot(lab.boot_ca_key, lab.boot_ca, csr, rig, boot, &cert, NULL);

	X509_free(cert);
	return r;
}

static void bad_requests(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(pkey) EVP_PKEY *big = EVP_EC_gen("P-384");
	rp_cleanup(free) char *csr = NULL;
	rp_cleanup(free) char *other = NULL;
	rp_cleanup(x509_req) X509_REQ *forged = NULL;
	rp_cleanup(bio) BIO *bio = NULL;

	assert_ok(rp_pki_make_csr(lab.boot_key, &csr, &err));
	assert_ok(rp_pki_make_csr(big, &other, &err));
	assert_int_equal(issue(csr, RIG, BOOT), 0);
	assert_int_equal(issue(csr, "Not a name", BOOT), -EINVAL);
	assert_int_equal(issue(csr, RIG, "not an id"), -EINVAL);
	assert_int_equal(issue("", RIG, BOOT), -EINVAL);
	assert_int_equal(issue("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", RIG, BOOT), -EINVAL);
	assert_int_equal(issue(other, RIG, BOOT), -EINVAL);
	/* our key in a request that another key signed: no proof of possession */
	bio = BIO_new_mem_buf(csr, -1);
	forged = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	X509_REQ_set_pubkey(forged, lab.job_key);
	BIO_free_all(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_REQ(bio, forged);
	free(other);
	other = rp_pem_take(bio);
	assert_int_equal(issue(other, RIG, BOOT), -EACCES);
}

static void a_key_speaks_in_its_role_alone(void **state)
{
	rp_cleanup(free) char *job = rp_pem_write_cert(lab.job);
	rp_cleanup(free) char *boot = rp_pem_write_cert(lab.boot);
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_pki_role_key(job, lab.root, RP_ROLE_LOG, &key, &err), -EACCES);
	assert_non_null(
		strstr(err.text, "the certificate is not one of a log key: it has another role"));
	assert_int_equal(rp_pki_role_key(job, lab.job, RP_ROLE_JOB, &key, &err), -EACCES);
	/* boot-ca is not there to lead it to the root */
	assert_int_equal(rp_pki_role_key(boot, lab.root, RP_ROLE_BOOT, &key, &err), -EACCES);
	assert_int_equal(rp_pki_role_key("no PEM", lab.root, RP_ROLE_JOB, &key, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the job certificate: not a PEM certificate"));
	assert_null(key);
	assert_ok(rp_pki_role_key(job, lab.root, RP_ROLE_JOB, &key, &err));
	assert_int_equal(EVP_PKEY_eq(key, lab.job_key), 1);
}

static void half_made_is_not_left(void **state)
{
	char parent[FOLDER_LAB_TEXT];
	rp_cleanup(free) char *dir = NULL;
	struct rp_error err = RP_ERROR_NONE;

	folder_lab_make(parent);
	dir = rp_path("%s/keys", parent);
	assert_int_equal(
		rp_pki_init(dir, (const char *const[]){"not a host", NULL}, &err), -EINVAL);
	assert_int_equal(rmdir(parent), 0); /* it is empty */
	assert_int_equal(rp_pki_init(dir, NULL, &err), -ENOENT);
}

static int set_up(void **state)
{
	keys_lab_init(&lab);
	return 0;
}

static int tear_down(void **state)
{
	keys_lab_done(&lab);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_modes_dates),
		cmocka_unit_test(never_overwrites),
		cmocka_unit_test(refuses_open_keys),
		cmocka_unit_test(offline_keys),
		cmocka_unit_test(names_of_the_server),
		cmocka_unit_test(chains),
		cmocka_unit_test(roles),
		cmocka_unit_test(boot_identity),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(a_key_speaks_in_its_role_alone),
		cmocka_unit_test(half_made_is_not_left),
	};

	return cmocka_run_group_tests_name("keys pki", tests, set_up, tear_down);
}

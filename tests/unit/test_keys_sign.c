/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools of others: sbsign, sign-file, efitools. Skipped where `make deps` has not
 * installed them.
 */
#include "lib/openssl_cleanup.h"
#include "tests/unit/keys_lab.h"

#include <glob.h>

#include "keys/efi_auth.h"
#include "keys/efi_sign.h"
#include "keys/module_sign.h"
#include "lib/file.h"

#define STUB "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

static struct keys_lab lab;

static bool have(const char *pattern)
{
	glob_t found;
	bool there = glob(pattern, 0, NULL, &found) == 0;

	if (there)
		globfree(&found);
	return there;
}

static char *path_of(const char *name)
{
	return rp_path("%s/%s", lab.dir, name);
}

static void same_file(const char *a, const char *b)
{
	char x[RP_SHA256_HEX], y[RP_SHA256_HEX];

	assert_int_equal(rp_sha256_file_hex(a, x, NULL), 0);
	assert_int_equal(rp_sha256_file_hex(b, y, NULL), 0);
	assert_string_equal(x, y);
}

static void efi_programs(void **state)
{
	rp_cleanup(free) char *left = path_of("*.efi.*");
	rp_cleanup(free) char *one = path_of("one.efi");
	rp_cleanup(free) char *two = path_of("two.efi");
	rp_cleanup(free) char *crt = path_of("db.crt");
	rp_cleanup(free) char *other = path_of("KEK.crt");
	rp_cleanup(free) char *data = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t len;

	if (!have("/usr/bin/sbsign") || !have(STUB))
		skip();
	assert_ok(rp_efi_sign(STUB, one, lab.dir, "db", &err));
	assert_ok(rp_efi_sign(STUB, two, lab.dir, "db", &err));
	same_file(one, two);
	assert_ok(rp_efi_verify(one, crt, &err));
	assert_int_equal(rp_efi_verify(one, other, &err), -EACCES);
	assert_int_equal(rp_efi_verify(STUB, crt, &err), -EACCES);
	assert_int_equal(rp_efi_verify("/nowhere", crt, &err), -ENOENT);
	/* a second signature on top, in place */
	assert_ok(rp_efi_sign(two, two, lab.dir, "KEK", &err));
	assert_ok(rp_efi_verify(two, crt, &err));
	assert_ok(rp_efi_verify(two, other, &err));
	/* one byte of the program changed */
	assert_ok(rp_file_read(one, 1 << 24, &data, &len, &err));
	data[0x1000] ^= 1;
	assert_ok(rp_file_write(two, 0644, data, len, &err));
	assert_int_equal(rp_efi_verify(two, crt, &err), -EACCES);
	/* nothing is left of what failed */
	assert_int_equal(rp_efi_sign(crt, one, lab.dir, "db", &err), -EIO);
	assert_int_equal(rp_efi_sign("/nowhere", one, lab.dir, "db", &err), -ENOENT);
	assert_false(have(left));
}

static void modules(void **state)
{
	static const char body[] = "\x7f"
				   "ELF, as far as sign-file is concerned";
	rp_cleanup(free) char *in = path_of("plain.ko");
	rp_cleanup(free) char *one = path_of("one.ko");
	rp_cleanup(free) char *two = path_of("two.ko");
	rp_cleanup(free) char *empty = path_of("empty.ko");
	struct rp_error err = RP_ERROR_NONE;

	if (!have("/usr/lib/linux-kbuild-*/scripts/sign-file"))
		skip();
	unsetenv("KDIR");
	assert_ok(rp_file_write(in, 0644, body, sizeof(body), &err));
	assert_ok(rp_file_write(empty, 0644, "", 0, &err));
	assert_int_equal(rp_module_is_signed(in, &err), 0);
	assert_int_equal(rp_module_is_signed(empty, &err), 0);
	assert_int_equal(rp_module_is_signed("/nowhere", &err), -ENOENT);
	assert_ok(rp_module_sign(in, one, lab.dir, &err));
	assert_ok(rp_module_sign(in, two, lab.dir, &err));
	same_file(one, two);
	assert_int_equal(rp_module_is_signed(one, &err), 1);
	assert_int_equal(rp_module_sign(one, two, lab.dir, &err), -EEXIST);
	setenv("KDIR", "/nowhere", 1);
	assert_int_equal(rp_module_sign(in, two, lab.dir, &err), -ENOENT);
	assert_non_null(strstr(err.text, "KDIR"));
	unsetenv("KDIR");
}

static void read_auth(const char *name, char **ret, size_t *ret_len, struct rp_efi_auth *ret_auth)
{
	rp_cleanup(free) char *path = path_of(name);
	struct rp_error err = RP_ERROR_NONE;

	assert_ok(rp_file_read(path, 1 << 20, ret, ret_len, &err));
	assert_ok(rp_efi_auth_parse(*ret, *ret_len, ret_auth, &err));
}

static void holds_cert(const struct rp_efi_auth *auth, size_t at, const char *name)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(x509) X509 *cert = NULL;
	unsigned char *der = NULL;
	int len;

	assert_ok(rp_pki_load_cert(lab.dir, name, &cert, &err));
	len = i2d_X509(cert, &der);
	assert_int_equal(auth->cert[at].len, len);
	assert_memory_equal(auth->cert[at].der, der, (size_t)len);
	OPENSSL_free(der);
}

static void uefi_variables(void **state)
{
	static const struct {
		const char *file;
		const char *certs[2];
		size_t n;
	} all[] = {
		{"PK.auth", {"PK"}, 1}, {"KEK.auth", {"KEK"}, 1}, {"db.auth", {"db", "module"}, 2}};
	struct rp_error err = RP_ERROR_NONE;
	char before[RP_SHA256_HEX], after[RP_SHA256_HEX];

	if (!have("/usr/bin/sign-efi-sig-list"))
		skip();
	assert_ok(rp_efi_auth_make(lab.dir, &err));
	for (size_t i = 0; i < 3; i++) {
		rp_cleanup(free) char *data = NULL;
		struct rp_efi_auth auth, short_auth;
		size_t len;

		read_auth(all[i].file, &data, &len, &auth);
		assert_int_equal(auth.year, 2000);
		assert_int_equal(auth.month, 1);
		assert_int_equal(auth.day, 1);
		assert_int_equal(auth.hour + auth.minute + auth.second, 0);
		assert_int_equal(auth.certs, all[i].n);
		for (size_t n = 0; n < all[i].n; n++) {
			holds_cert(&auth, n, all[i].certs[n]);
			assert_memory_equal(auth.cert[n].owner, auth.cert[0].owner, 16);
		}
		for (size_t cut = 0; cut < len; cut++) {
			rp_cleanup(free) char *exact = malloc(cut + 1);
			bool whole_list = all[i].n == 2 && cut == len - auth.cert[1].len - 16 - 28;

			memcpy(exact, data, cut);
			exact = realloc(exact, cut ? cut : 1); /* for the sanitiser */
			if (!whole_list)
				assert_int_equal(
					rp_efi_auth_parse(exact, cut, &short_auth, &err), -EINVAL);
		}
	}
	/* the same keys, the same bytes */
	{
		rp_cleanup(free) char *path = path_of("db.auth");

		assert_int_equal(rp_sha256_file_hex(path, before, NULL), 0);
		assert_ok(rp_efi_auth_make(lab.dir, &err));
		assert_int_equal(rp_sha256_file_hex(path, after, NULL), 0);
		assert_string_equal(before, after);
	}
}

/*
 * The .auth's signature, over what the firmware will check: name, GUID, attributes, time, payload.
 */
static void uefi_signature(void **state)
{
	static const uint8_t head[] = {'d', 0, 'b', 0, 0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96,
		0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f, 0x27, 0, 0, 0};
	rp_cleanup(free) char *data = NULL;
	rp_cleanup(x509) X509 *signer = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct rp_error err = RP_ERROR_NONE;
	struct rp_efi_auth auth;
	size_t len;

	if (!have("/usr/bin/sign-efi-sig-list"))
		skip();
	assert_ok(rp_efi_auth_make(lab.dir, &err));
	read_auth("db.auth", &data, &len, &auth);
	assert_ok(rp_pki_load_key(lab.dir, "KEK", &key, &err));
	/* no signed attributes: the last 256 bytes are RSA-2048 over the data itself */
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerifyUpdate(ctx, head, sizeof(head)), 1);
	assert_int_equal(EVP_DigestVerifyUpdate(ctx, data, 16), 1);
	assert_int_equal(EVP_DigestVerifyUpdate(ctx, auth.payload, auth.payload_len), 1);
	assert_int_equal(
		EVP_DigestVerifyFinal(ctx, auth.signature + auth.signature_len - 256, 256), 1);
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
		cmocka_unit_test(efi_programs),
		cmocka_unit_test(modules),
		cmocka_unit_test(uefi_variables),
		cmocka_unit_test(uefi_signature),
	};

	return cmocka_run_group_tests_name("keys sign", tests, set_up, tear_down);
}

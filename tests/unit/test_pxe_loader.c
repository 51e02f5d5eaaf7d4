/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cache holds Debian's iPXE (pxe/fetch-ipxe) and sbsign is there, also a whole build. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "keys/efi_sign.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "pxe/loader.h"
#include "pxe/rekey.h"
#include "tests/unit/folder_lab.h"

#define URL "https://10.77.0.1:8443"

struct lab {
	char dir[FOLDER_LAB_TEXT];
	char *keys, *tftp;
};

static int set_up(void **state)
{
	static struct lab lab;

	folder_lab_make(lab.dir);
	lab.keys = rp_path("%s/keys", lab.dir);
	lab.tftp = rp_path("%s/tftp", lab.dir);
	*state = &lab;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *lab = *state;

	free(lab->keys);
	free(lab->tftp);
	folder_lab_remove(lab->dir);
	return 0;
}

static void the_newest_of_the_cache(void **state)
{
	static const char *const folders[] = {"ipxe-1.9", "ipxe-1.21.1+git20250501.x+dfsg-1",
		"ipxe-1.3", "ipxe-new.abcdef", "rootfs-2"};
	struct lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *found = NULL, *expected = NULL, *saved = NULL;

	if (getenv("RIGPROOF_CACHE"))
		saved = strdup(getenv("RIGPROOF_CACHE"));
	setenv("RIGPROOF_CACHE", lab->dir, 1);
	assert_int_equal(rp_loader_find_ipxe(&found, &err), -ENOENT);
	assert_non_null(strstr(err.text, "run rigproof-fetch-ipxe"));
	assert_null(found);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s", lab->dir, folders[i]);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(rp_loader_find_ipxe(&found, &err), 0);
	expected = rp_path("%s/ipxe-1.21.1+git20250501.x+dfsg-1", lab->dir);
	assert_string_equal(found, expected);
	if (saved)
		setenv("RIGPROOF_CACHE", saved, 1);
	else
		unsetenv("RIGPROOF_CACHE");
}

static void a_binary_without_the_fingerprint_is_refused(void **state)
{
	struct lab *lab = *state;
	const struct rp_loader_build build = {.keys_dir = lab->keys,
		.ipxe_dir = lab->dir,
		.tftp_root = lab->tftp,
		.server_url = URL};
	rp_cleanup(free) char *stock = rp_path("%s/ipxe.efi", lab->dir);
	rp_cleanup(free) char *made = rp_path("%s/ipxe.efi", lab->tftp);
	struct rp_error err = RP_ERROR_NONE;
	json_t *list = NULL;

	assert_int_equal(rp_loader_build(&build, &list, &err), -ENOENT);
	assert_int_equal(rp_pki_init(lab->keys, NULL, &err), 0);
	assert_int_equal(rp_loader_build(&build, &list, &err), -ENOENT);
	assert_int_equal(rp_file_write(stock, 0644, "MZ", 2, &err), 0);
	assert_int_equal(rp_loader_build(&build, &list, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ipxe.efi: not an iPXE that can be re-keyed"));
	assert_int_equal(access(made, F_OK), -1);
	assert_null(list);
}

static bool holds(const char *path, const uint8_t fingerprint[RP_SHA256_LEN])
{
	rp_cleanup(free) char *data = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t len;

	if (rp_file_read(path, 16 << 20, &data, &len, &err) < 0)
		fail_msg("%s", err.text);
	return memmem(data, len, fingerprint, RP_SHA256_LEN) != NULL;
}

static void the_real_one_is_keyed_and_signed(void **state)
{
	static const char *const names[] = {"ipxe.efi", "snponly.efi", "ipxe-arm64.efi",
		"undionly.kpxe", "autoexec.ipxe", "undionly.ipxe"};
	struct lab *lab = *state;
	struct rp_loader_build build = {.keys_dir = lab->keys,
		.tftp_root = lab->tftp,
		.server_url = URL,
		.http_url = "http://10.77.0.1:8080"};
	rp_cleanup(free) char *ipxe = NULL;
	rp_cleanup(free) char *certificate = rp_path("%s/db.crt", lab->keys);
	rp_cleanup(json) json_t *first = NULL, *second = NULL;
	rp_cleanup(x509) X509 *root = NULL;
	uint8_t fingerprint[RP_SHA256_LEN];
	struct rp_error err = RP_ERROR_NONE;
	struct stat before, after;

	if (rp_loader_find_ipxe(&ipxe, &err) < 0 || access("/usr/bin/sbsign", X_OK) < 0)
		skip();
	if (rp_pki_init(lab->keys, NULL, &err) < 0 || rp_loader_build(&build, &first, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_pki_load_cert(lab->keys, "root", &root, &err), 0);
	assert_int_equal(rp_pki_fingerprint(root, fingerprint), 0);
	assert_int_equal(json_array_size(first), sizeof(names) / sizeof(*names));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s", lab->tftp, names[i]);
		char hex[RP_SHA256_HEX];
		json_t *row = json_array_get(first, i);

		assert_string_equal(json_string_value(json_object_get(row, "name")), names[i]);
		assert_int_equal(rp_sha256_file_hex(path, hex, NULL), 0);
		assert_string_equal(json_string_value(json_object_get(row, "sha256")), hex);
		assert_int_equal(stat(path, &before), 0);
		assert_int_equal(before.st_mode & 0777, 0644);
		if (!strstr(names[i], ".efi"))
			continue;
		assert_true(holds(path, fingerprint));
		assert_false(holds(path, rp_ipxe_root_fingerprint));
		if (rp_efi_verify(path, certificate, &err) < 0)
			fail_msg("%s", err.text);
	}

	/* The same again: the same bytes, and no file is touched. */
	assert_int_equal(rp_loader_build(&build, &second, &err), 0);
	assert_true(json_equal(first, second));
	{
		rp_cleanup(free) char *path = rp_path("%s/undionly.ipxe", lab->tftp);

		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
	}
}

int main(void)
{
#define on_lab(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		on_lab(the_newest_of_the_cache),
		on_lab(a_binary_without_the_fingerprint_is_refused),
		on_lab(the_real_one_is_keyed_and_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

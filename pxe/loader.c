/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/loader.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/efi_sign.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "pxe/bootscript.h"
#include "pxe/rekey.h"

#define BINARY_MAX (16U << 20)

static const struct loader {
	const char *name;
	bool rekey; /* ... and sign. BIOS binaries are packed, and nothing verifies them */
} loaders[] = {
	{"ipxe.efi", true},
	{"snponly.efi", true},
	{"ipxe-arm64.efi", true},
	{"undionly.kpxe", false},
};

static int add(json_t *list, const char *name, const char *sha256, struct rp_error *err)
{
	json_t *row = json_pack("{ssss}", "name", name, "sha256", sha256);

	if (json_array_append_new(list, row) < 0)
		return rp_error_memory(err);
	return 0;
}

/* Put these bytes at root/name, unless they are there. in.tftpd serves only what all may read. */
static int place(const char *root, const char *name, const void *data, size_t len, json_t *list,
	struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", root, name);
	char wanted[RP_SHA256_HEX], found[RP_SHA256_HEX];
	struct stat status;
	int r;

	if (!path || rp_sha256_hex(data, len, wanted) < 0)
		return rp_error_memory(err);
	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode) ||
		(status.st_mode & 0777) != 0644 || rp_sha256_file_hex(path, found, NULL) < 0 ||
		strcmp(found, wanted) != 0) {
		r = rp_file_write(path, 0644, data, len, err);
		if (r < 0)
			return r;
	}
	return add(list, name, wanted, err);
}

static int sign_in(const struct rp_loader_build *build, const char *path, uint8_t **data,
	size_t *len, struct rp_error *err)
{
	rp_cleanup(free) char *certificate = rp_path("%s/db.crt", build->keys_dir);
	char *signed_data = NULL;
	int r;

	if (!certificate)
		return rp_error_memory(err);
	r = rp_file_write(path, 0600, *data, *len, err);
	if (r == 0)
		r = rp_efi_sign(path, path, build->keys_dir, "db", err);
	/* A signature that firmware would refuse shows here, and not as a rig that never boots. */
	if (r == 0)
		r = rp_efi_verify(path, certificate, err);
	if (r == 0)
		r = rp_file_read(path, BINARY_MAX, &signed_data, len, err);
	unlink(path);
	if (r < 0)
		return r;
	free(*data);
	*data = (uint8_t *)signed_data;
	return 0;
}

/* sbsign works on files, by their names: in a folder where nobody else can exchange one for a link. */
static int sign(
	const struct rp_loader_build *build, uint8_t **data, size_t *len, struct rp_error *err)
{
	const char *tmp = getenv("TMPDIR");
	rp_cleanup(free) char *folder =
		rp_path("%s/rigproof-sign.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	rp_cleanup(free) char *path = NULL;
	int r;

	if (!folder)
		return rp_error_memory(err);
	if (!mkdtemp(folder))
		return rp_error_set(err, -errno, "%s: %s", folder, strerror(errno));
	path = rp_path("%s/loader", folder);
	r = path ? sign_in(build, path, data, len, err) : rp_error_memory(err);
	rmdir(folder);
	return r;
}

static int build_binary(const struct rp_loader_build *build, const char *ipxe_dir,
	const struct loader *loader, const uint8_t root[RP_SHA256_LEN], json_t *list,
	struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", ipxe_dir, loader->name);
	rp_cleanup(free) char *stock = NULL;
	uint8_t *data = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return rp_error_memory(err);
	r = rp_file_read(path, BINARY_MAX, &stock, &len, err);
	if (r < 0)
		return r;
	if (!loader->rekey)
		return place(build->tftp_root, loader->name, stock, len, list, err);

	r = rp_ipxe_rekey(stock, len, rp_ipxe_root_fingerprint, root, &data, err);
	if (r == 0)
		r = sign(build, &data, &len, err);
	if (r == 0)
		r = place(build->tftp_root, loader->name, data, len, list, err);
	else
		rp_error_prefix(err, "%s", path);
	free(data);
	return r;
}

static int build_script(
	const char *root, const char *name, const char *url, json_t *list, struct rp_error *err)
{
	rp_cleanup(free) char *text = NULL;
	int r = rp_bootscript_autoexec(url, &text, err);

	return r < 0 ? r : place(root, name, text, strlen(text), list, err);
}

int rp_loader_build(const struct rp_loader_build *build, json_t **ret, struct rp_error *err)
{
	rp_cleanup(json) json_t *list = json_array();
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(free) char *found = NULL;
	uint8_t fingerprint[RP_SHA256_LEN];
	int r;

	if (!list)
		return rp_error_memory(err);
	r = rp_pki_load_cert(build->keys_dir, "root", &root, err);
	if (r == 0)
		r = rp_pki_fingerprint(root, fingerprint);
	if (r == 0 && !build->ipxe_dir)
		r = rp_loader_find_ipxe(&found, err);
	if (r == 0)
		r = rp_file_make_directories(build->tftp_root, 0755, err);
	for (size_t i = 0; r == 0 && i < sizeof(loaders) / sizeof(loaders[0]); i++)
		r = build_binary(build, found ? found : build->ipxe_dir, &loaders[i], fingerprint,
			list, err);
	if (r == 0)
		r = build_script(build->tftp_root, "autoexec.ipxe", build->server_url, list, err);
	if (r == 0 && build->http_url && *build->http_url)
		r = build_script(build->tftp_root, "undionly.ipxe", build->http_url, list, err);
	if (r < 0)
		return r;
	*ret = rp_steal(list);
	return 0;
}

static char *cache_dir(void)
{
	const char *own = getenv("RIGPROOF_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (own && *own)
		return rp_path("%s", own);
	if (xdg && *xdg)
		return rp_path("%s/rigproof", xdg);
	return rp_path("%s/.cache/rigproof", home ? home : "");
}

int rp_loader_find_ipxe(char **ret_dir, struct rp_error *err)
{
	rp_cleanup(free) char *cache = cache_dir();
	rp_cleanup(free) char *newest = NULL;
	rp_cleanup(dir) DIR *dir = cache ? opendir(cache) : NULL;
	struct dirent *entry;
	char *path;

	while (dir && (entry = readdir(dir))) {
		/* ipxe-new.XXXXXX is a fetch under way. */
		if (strncmp(entry->d_name, "ipxe-", 5) != 0 || entry->d_name[5] < '0' ||
			entry->d_name[5] > '9')
			continue;
		if (newest && strverscmp(entry->d_name, newest) <= 0)
			continue;
		free(newest);
		newest = strdup(entry->d_name);
		if (!newest)
			return rp_error_memory(err);
	}
	if (!newest)
		return rp_error_set(err, -ENOENT,
			"no iPXE in %s: run rigproof-fetch-ipxe, which gets Debian's",
			cache ? cache : "the cache");
	path = rp_path("%s/%s", cache, newest);
	if (!path)
		return rp_error_memory(err);
	*ret_dir = path;
	return 0;
}

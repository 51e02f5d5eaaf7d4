/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/module_sign.h"

#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "lib/process.h"

#define TOOL_SECONDS 60
#define MODULES "/usr/lib/linux-kbuild-*/scripts/sign-file"

/* include/linux/module_signature.h; the struct of 12 bytes stands before it. */
#define MARKER "~Module signature appended~\n"
#define MARKER_LEN (sizeof(MARKER) - 1)

/* The newest by version; caller frees. */
static char *newest(const glob_t *found)
{
	const char *best = NULL;

	for (size_t i = 0; i < found->gl_pathc; i++)
		if (!best || strverscmp(found->gl_pathv[i], best) > 0)
			best = found->gl_pathv[i];
	return best ? strdup(best) : NULL;
}

static int find_tool(char **ret, struct rp_error *err)
{
	const char *kernel = getenv("KDIR");
	char *path = NULL;
	glob_t found;

	if (kernel && *kernel) {
		path = rp_path("%s/scripts/sign-file", kernel);
		if (path && access(path, X_OK) < 0) {
			rp_error_set(err, -ENOENT,
				"%s: not there: KDIR must name a built kernel's tree, or be unset",
				path);
			free(path);
			return -ENOENT;
		}
	} else if (glob(MODULES, 0, NULL, &found) == 0) {
		path = newest(&found);
		globfree(&found);
	}
	if (!path)
		return rp_error_set(
			err, -ENOENT, "no " MODULES ": install the package linux-kbuild-*");
	*ret = path;
	return 0;
}

int rp_module_sign(const char *in, const char *out, const char *key_dir, struct rp_error *err)
{
	rp_cleanup(free) char *tool = NULL;
	rp_cleanup(free) char *key_path = rp_pki_key_path(key_dir, "module");
	rp_cleanup(free) char *cert_path = rp_path("%s/module.crt", key_dir);
	rp_cleanup(free) char *made = rp_path("%s.signing", out);
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	int r;

	if (!key_path || !cert_path || !made)
		return rp_error_memory(err);
	r = rp_module_is_signed(in, err);
	if (r < 0)
		return r;
	if (r > 0)
		return rp_error_set(
			err, -EEXIST, "%s: is signed already: give the unsigned module", in);
	/* for the check of its mode, which the tool does not make */
	r = rp_pki_load_key(key_dir, "module", &key, err);
	if (r == 0)
		r = find_tool(&tool, err);
	if (r < 0)
		return r;
	r = rp_process_run(
		&(struct rp_process){
			.argv = (const char *const[]){tool, "sha256", key_path, cert_path, in, made,
				NULL},
			.timeout_s = TOOL_SECONDS,
		},
		NULL, NULL, err);
	if (r == 0 && rp_module_is_signed(made, NULL) != 1)
		r = rp_error_set(err, -EIO, "%s: sign-file left it unsigned", in);
	if (r == 0 && rename(made, out) < 0)
		r = rp_error_set(err, -errno, "%s: %s", out, strerror(errno));
	if (r < 0)
		unlink(made);
	return r;
}

int rp_module_is_signed(const char *path, struct rp_error *err)
{
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char tail[MARKER_LEN];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_size < (off_t)sizeof(tail))
		return 0;
	n = pread(fd, tail, sizeof(tail), st.st_size - (off_t)sizeof(tail));
	if (n < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	return n == (ssize_t)sizeof(tail) && memcmp(tail, MARKER, sizeof(tail)) == 0;
}

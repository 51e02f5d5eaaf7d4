/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/module.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"

/* 0 where path is a file with this digest: then *ret_fd is that very file. */
static int open_matching(const char *path, const char *sha256, int *ret_fd)
{
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char hex[RP_SHA256_HEX];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > RP_MODULE_MAX)
		return -EFBIG;
	r = rp_sha256_fd_hex(fd, hex, NULL);
	if (r < 0)
		return r;
	if (strcmp(hex, sha256) != 0)
		return -EBADMSG;
	*ret_fd = rp_steal_fd(fd);
	return 0;
}

static int download(const struct rp_module_place *place, const char *path, const char *sha256,
	struct rp_error *err)
{
	rp_cleanup(free) char *url = rp_path("/cas/sha256/%s", sha256);
	rp_cleanup(fd) int fd = -1;
	int r;

	if (!url)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	r = rp_file_make_directories(place->cache_dir, 0700, err);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	r = rp_http_download(place->http, url, fd, RP_MODULE_MAX, sha256, err);
	if (r < 0)
		unlink(path);
	return r;
}

/* As a file open for reading. -ENOENT, -EBADMSG or an error of the network. */
static int open_module(const struct rp_module_place *place, const json_t *module, int *ret_fd,
	struct rp_error *err)
{
	const char *name = rp_json_string_or(module, "name", "");
	const char *sha256 = rp_json_string_or(module, "sha256", "");
	rp_cleanup(free) char *in_image = rp_path("%s/%s.ko", place->image_dir, name);
	rp_cleanup(free) char *in_cache = rp_path("%s/%s.ko", place->cache_dir, sha256);
	int r;

	if (!in_image || !in_cache)
		return rp_error_set(err, -ENOMEM, "%s: no memory", name);
	if (open_matching(in_image, sha256, ret_fd) == 0 ||
		open_matching(in_cache, sha256, ret_fd) == 0)
		return 0;
	if (!place->http)
		return rp_error_set(err, -ENOENT, "%s: not the module of the job", in_image);
	r = download(place, in_cache, sha256, err);
	if (r < 0)
		return r;
	/* Opened anew: the kernel loads no file that is open for writing. */
	r = open_matching(in_cache, sha256, ret_fd);
	return r < 0 ? rp_error_set(err, r, "%s: %s", in_cache, strerror(-r)) : 0;
}

static int load_into_kernel(int fd, const char *parameters)
{
	return syscall(SYS_finit_module, fd, parameters, 0) < 0 ? -errno : 0;
}

static const struct {
	int code;
	const char *meaning;
} refusals[] = {
	{EKEYREJECTED, "the kernel rejected it: not signed with a key that it trusts"},
	{ENOKEY, "the kernel rejected it: signed with a key that it does not know"},
	{EBADMSG, "the kernel rejected it: its signature is malformed"},
	{ENODATA, "the kernel rejected it: it is not signed"},
	{ENOPKG, "the kernel rejected it: its signature uses an algorithm that it has not"},
	{EPERM, "the kernel is locked down and it is not signed with a key that it trusts"},
	{ENOEXEC, "not a module for this kernel"},
	{EINVAL, "the kernel refused a parameter or the file's form"},
	{ENOENT, "it needs a symbol that this kernel does not have, or has an unknown parameter"},
	{EEXIST, "a module of this name is loaded already"},
	{ENODEV, "it found no hardware that it is for"},
};

static const char *explain(int code)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (refusals[i].code == code)
			return refusals[i].meaning;
	return "the kernel refused it";
}

/* With what the kernel had to say meanwhile. */
static void describe_refusal(
	const struct rp_module_place *place, size_t mark, int code, struct rp_error *ret)
{
	char said[256] = "";

	if (place->kmsg) {
		rp_kmsg_read(place->kmsg); /* what fails is told by its reports */
		rp_kmsg_since(place->kmsg, mark, said, sizeof(said));
	}
	rp_error_set(ret, -code, "%s (%s)%s%s", explain(code), strerrorname_np(code),
		*said ? "; kernel log: " : "", said);
}

int rp_module_load(const struct rp_module_place *place, const json_t *module, json_t **ret)
{
	const char *parameters = rp_json_string_or(module, "parameters", "");
	size_t mark = place->kmsg ? rp_kmsg_mark(place->kmsg) : 0;
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(fd) int fd = -1;
	char message[sizeof(err.text)];
	json_t *result;
	int r;

	r = open_module(place, module, &fd, &err);
	if (r == 0) {
		r = (place->load ? place->load : load_into_kernel)(fd, parameters);
		if (r < 0)
			describe_refusal(place, mark, -r, &err);
	}
	rp_printable_copy(message, sizeof(message), err.text, strlen(err.text));
	result = json_pack("{s:O, s:O, s:b, s:i, s:s}", "name", json_object_get(module, "name"),
		"sha256", json_object_get(module, "sha256"), "loaded", r == 0, "errno", -r,
		"message", message);
	if (!result)
		return -ENOMEM;
	*ret = result;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/efivars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "keys/efi_auth.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/file.h"

#define GLOBAL_GUID "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SECURITY_GUID "d719b2cb-3d3a-4596-a3bc-dad00e67656f"

/* In the order of writing: PK ends Setup Mode, and with it the right to write the others. */
static const struct {
	const char *name, *file;
} variables[] = {
	{"db", "db-" SECURITY_GUID},
	{"KEK", "KEK-" GLOBAL_GUID},
	{"PK", "PK-" GLOBAL_GUID},
};

#define VARIABLES (sizeof(variables) / sizeof(*variables))

int rp_efivars_mount(const char *dir, struct rp_error *err)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return rp_error_set(
			err, -ENOENT, "%s: this machine was not booted by UEFI firmware", dir);
	if (fs.f_type == EFIVARFS_MAGIC)
		return 0;
	if (mount("efivarfs", dir, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
		errno != EBUSY)
		return rp_error_set(
			err, -errno, "%s: cannot mount efivarfs: %s", dir, strerror(errno));
	return 0;
}

/* -1 where there is no such variable of one byte. */
static int read_flag(const char *dir, const char *file)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", dir, file);
	rp_cleanup(fd) int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	unsigned char data[8];

	if (fd < 0 || read(fd, data, sizeof(data)) != 5)
		return -1;
	return data[4];
}

void rp_efivars_secure_boot(const char *dir, struct rp_secure_boot *ret)
{
	int enabled = read_flag(dir, "SecureBoot-" GLOBAL_GUID);
	int setup = read_flag(dir, "SetupMode-" GLOBAL_GUID);

	*ret = (struct rp_secure_boot){
		.efi = enabled >= 0 || setup >= 0,
		.enabled = enabled == 1,
		.setup_mode = setup == 1,
	};
}

const char *rp_secure_boot_text(const struct rp_secure_boot *state)
{
	if (!state->efi)
		return "none";
	if (state->enabled)
		return "enabled";
	return state->setup_mode ? "setup mode" : "disabled";
}

/* The kernel makes variables that it does not know immutable, against rm -rf. */
static int make_mutable(const char *path, struct rp_error *err)
{
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int flags = 0;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	/* What cannot tell its flags (a test's own folder) has none to clear. */
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_IMMUTABLE_FL))
		return 0;
	flags &= ~FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return rp_error_set(err, -errno, "%s: cannot clear the immutable flag: %s", path,
			strerror(errno));
	return 0;
}

static int write_once(const char *path, const void *data, size_t len, struct rp_error *err)
{
	rp_cleanup(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	n = write(fd, data, len);
	if (n < 0)
		return rp_error_set(
			err, -errno, "%s: the firmware refused it: %s", path, strerror(errno));
	if ((size_t)n != len)
		return rp_error_set(
			err, -EIO, "%s: only %zd of %zu bytes were written", path, n, len);
	return 0;
}

static const char *file_of(const char *name)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].file;
	return NULL;
}

static int check(const char *name, const void *auth, size_t len, struct rp_error *err)
{
	struct rp_efi_auth parsed;
	int r;

	if (len > RP_EFIVARS_MAX)
		return rp_error_set(err, -EINVAL, "%s: %zu bytes are too many", name, len);
	r = rp_efi_auth_parse(auth, len, &parsed, err);
	if (r < 0)
		rp_error_prefix(err, "%s", name);
	return r;
}

int rp_efivars_write(
	const char *dir, const char *name, const void *auth, size_t len, struct rp_error *err)
{
	const uint32_t attributes = RP_EFI_AUTH_ATTRIBUTES; /* UEFI and we: little-endian */
	const char *file = file_of(name);
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) unsigned char *data = NULL;
	int r;

	if (!file)
		return rp_error_set(err, -EINVAL, "%s: not a variable of Secure Boot", name);
	r = check(name, auth, len, err);
	if (r < 0)
		return r;
	path = rp_path("%s/%s", dir, file);
	data = malloc(sizeof(attributes) + len);
	if (!path || !data)
		return rp_error_set(err, -ENOMEM, "%s: no memory", name);
	memcpy(data, &attributes, sizeof(attributes));
	memcpy(data + sizeof(attributes), auth, len);
	r = make_mutable(path, err);
	return r < 0 ? r : write_once(path, data, sizeof(attributes) + len, err);
}

struct update {
	uint8_t *data;
	size_t len;
};

static int decode(const char *name, const char *text, struct update *ret, struct rp_error *err)
{
	int r = rp_base64_decode(text, strlen(text), &ret->data, &ret->len);

	if (r < 0)
		return rp_error_set(err, r, "%s: not base64", name);
	return check(name, ret->data, ret->len, err);
}

int rp_efivars_enrol(const char *dir, const struct rp_enrolment *enrolment, struct rp_error *err)
{
	const char *const texts[VARIABLES] = {enrolment->db, enrolment->kek, enrolment->pk};
	struct update updates[VARIABLES] = {0};
	int r = 0;

	for (size_t i = 0; i < VARIABLES && r == 0; i++)
		r = decode(variables[i].name, texts[i], &updates[i], err);
	for (size_t i = 0; i < VARIABLES && r == 0; i++)
		r = rp_efivars_write(dir, variables[i].name, updates[i].data, updates[i].len, err);
	for (size_t i = 0; i < VARIABLES; i++)
		free(updates[i].data);
	return r;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Which descriptors a ring may be used for. An operation over the ring cannot be
 * ended by a signal's handler as a system call can. So only what a signal would
 * not end goes there: files on disk and in memory, and sockets with MSG_DONTWAIT.
 *
 * The answer is kept by number and forgotten whenever the number is closed or
 * given anew by a function of libc that we stand in front of. Two threads may ask
 * at once: they find the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "fd_class.h"
#include "plain.h"
#include "ring.h"

#define MAX_FDS 4096
#define MAX_DEVS 16

/* An enum xp_class, and whether it appends, once that was asked. */
#define CLASS 3
#define APPEND_KNOWN 4
#define APPENDS 8

static unsigned char classes[MAX_FDS];

/* A file system's answer, by st_dev + 1, as 0 is free. A lost one is asked for again. */
static struct {
	uint64_t dev;
	bool plain_files;
} devs[MAX_DEVS];
static unsigned int dev_next;

/* Not those made of code: a read of /proc/kmsg sleeps, and /proc/thread-self differs. */
static bool on_plain_file_system(int fd, uint64_t dev)
{
	static const uint32_t magics[] = {EXT4_SUPER_MAGIC, TMPFS_MAGIC, RAMFS_MAGIC,
		XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
		MSDOS_SUPER_MAGIC, EXFAT_SUPER_MAGIC, ISOFS_SUPER_MAGIC, SQUASHFS_MAGIC,
		EROFS_SUPER_MAGIC_V1};
	struct statfs fs;
	bool found = false;
	unsigned int place;

	for (int i = 0; i < MAX_DEVS; i++)
		if (__atomic_load_n(&devs[i].dev, __ATOMIC_ACQUIRE) == dev + 1)
			return devs[i].plain_files;
	if (fstatfs(fd, &fs))
		return false;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		found |= (uint32_t)fs.f_type == magics[i];
	place = __atomic_fetch_add(&dev_next, 1, __ATOMIC_RELAXED);
	if (place < MAX_DEVS) {
		devs[place].plain_files = found;
		__atomic_store_n(&devs[place].dev, dev + 1, __ATOMIC_RELEASE);
	}
	return found;
}

static enum xp_class look(int fd)
{
	struct stat st;
	struct xsc_sqe sqe = {.opcode = XSC_OP_FSTAT, .fd = fd, .off = (uint64_t)(uintptr_t)&st};
	long res;

	if (!xp_ring_has(XSC_OP_FSTAT) || !xp_ring_call(&sqe, &res))
		res = xp_plain_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0);
	if (res < 0)
		return XP_UNKNOWN;
	if (S_ISSOCK(st.st_mode))
		return XP_STREAM;
	if (S_ISBLK(st.st_mode))
		return XP_FILE;
	if (S_ISREG(st.st_mode) && on_plain_file_system(fd, st.st_dev))
		return XP_FILE;
	return XP_OTHER;
}

enum xp_class xp_fd_class(int fd)
{
	enum xp_class class;
	int saved = errno;

	if (fd < 0 || fd >= MAX_FDS)
		return XP_OTHER;
	class = __atomic_load_n(&classes[fd], __ATOMIC_RELAXED) & CLASS;
	if (class == XP_UNKNOWN) {
		class = look(fd);
		__atomic_store_n(&classes[fd], class, __ATOMIC_RELAXED);
		errno = saved;
	}
	return class;
}

bool xp_fd_appends(int fd)
{
	unsigned char known = __atomic_load_n(&classes[fd], __ATOMIC_RELAXED);

	if (!(known & APPEND_KNOWN)) {
		long flags = xp_plain_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);

		known |= APPEND_KNOWN | (flags & O_APPEND ? APPENDS : 0);
		__atomic_store_n(&classes[fd], known, __ATOMIC_RELAXED);
	}
	return known & APPENDS;
}

void xp_fd_forget(int fd)
{
	if (fd >= 0 && fd < MAX_FDS)
		__atomic_store_n(&classes[fd], XP_UNKNOWN, __ATOMIC_RELAXED);
}

void xp_fd_forget_from(unsigned int first, unsigned int last)
{
	for (unsigned int fd = first; fd <= last && fd < MAX_FDS; fd++)
		xp_fd_forget((int)fd);
}

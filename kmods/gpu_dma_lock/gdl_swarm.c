// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/swarm, shared with modules that know nothing of each other.
 *
 * The proc calls that are exported warn when a directory is made twice, when a
 * path is not there, and when one is removed that is not empty; and none of them
 * looks. So it is looked at as any program would, through a mount of proc that
 * belongs to this look alone. Two modules of the family that are loaded or
 * unloaded in the same instant could still both see it absent: there is nothing
 * that both of them could lock.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/proc_fs.h>

#include "gdl_proc.h"

#define SWARM "swarm"

/* 0 or what @found says: @path is there; -ENOENT: it is not. */
static int look(const char *path, int (*found)(struct file *dir))
{
	struct file_system_type *proc = get_fs_type("proc");
	struct vfsmount *mount;
	struct path root;
	struct file *dir;
	int ret;

	if (!proc)
		return -ENODEV;
	mount = kern_mount(proc);
	if (IS_ERR(mount))
		return PTR_ERR(mount);
	root.mnt = mount;
	root.dentry = mount->mnt_root;
	dir = file_open_root(&root, path, O_RDONLY | O_DIRECTORY, 0);
	ret = PTR_ERR_OR_ZERO(dir);
	if (!ret) {
		if (found)
			ret = found(dir);
		fput(dir);
	}
	kern_unmount(mount);
	return ret;
}

struct counter {
	struct dir_context context;
	int names;
};

static bool count_name(struct dir_context *context, const char *name, int length,
		       loff_t offset, u64 inode, unsigned int type)
{
	struct counter *counter = container_of(context, struct counter, context);

	if (name[0] != '.')
		counter->names++;
	return true;
}

static int count_names(struct file *dir)
{
	struct counter counter = { .context.actor = count_name };

	return iterate_dir(dir, &counter.context) ?: counter.names;
}

struct proc_dir_entry *gdl_swarm_mkdir(const char *name)
{
	struct proc_dir_entry *dir;
	char path[32];
	int ret;

	ret = look(SWARM, NULL);
	if (ret == -ENOENT) {
		if (!proc_mkdir(SWARM, NULL))
			return ERR_PTR(-ENOMEM);
	} else if (ret) {
		return ERR_PTR(ret);
	}
	snprintf(path, sizeof(path), SWARM "/%s", name);
	ret = look(path, NULL);
	if (!ret)
		return ERR_PTR(-EEXIST);
	if (ret != -ENOENT)
		return ERR_PTR(ret);
	dir = proc_mkdir(path, NULL);
	if (!dir && look(SWARM, count_names) == 0)
		remove_proc_entry(SWARM, NULL);
	return dir ?: ERR_PTR(-ENOMEM);
}

void gdl_swarm_remove(const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), SWARM "/%s", name);
	remove_proc_subtree(path, NULL);
	if (look(SWARM, count_names) == 0)
		remove_proc_entry(SWARM, NULL);
}

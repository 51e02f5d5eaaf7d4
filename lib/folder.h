/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that somebody else may change while we, who may do more, work in them: a server's state, before it
 * gives up root. Everything goes by descriptor and follows no symbolic link, so a name that was
 * exchanged for a link leads nowhere else.
 */
#ifndef RP_LIB_FOLDER_H
#define RP_LIB_FOLDER_H

#include <sys/types.h>

#include "lib/error.h"
#include "lib/must_use.h"

/*
 * Open path, or a folder below the open folder at (path relative, no ".."), whose every part below at is a
 * folder and no link; at AT_FDCWD: path alone must not be one, its parents may. Descriptor, or negative
 * errno: -ELOOP a link, -ENOTDIR something else, -ENOENT.
 */
RP_MUST_USE int rp_folder_open(int at, const char *path, struct rp_error *err);

/* The same, with what is missing made first; mode for the last part, which gets it in any case; 0755 for the others. */
RP_MUST_USE int rp_folder_make(int at, const char *path, mode_t mode, struct rp_error *err);

/*
 * Open a regular file in the open folder for reading and writing, made with mode where it is missing. -ELOOP a link,
 * -EINVAL something else that is no file.
 */
RP_MUST_USE int rp_folder_open_file(
	int folder, const char *name, mode_t mode, struct rp_error *err);

/*
 * Give the folder and all in it to a user. Not followed: links (they change hands themselves), mounts, and the folder
 * named except (its path from here; NULL: none). Refused: devices; files that have a second name (which may be
 * anybody's) and are not the user's already (-EMLINK); more than 32 levels (-ELOOP).
 */
int rp_folder_give(int folder, uid_t user, gid_t group, const char *except, struct rp_error *err);

#endif

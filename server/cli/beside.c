/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/beside.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

static char *find(const char *const *folders, const char *file, int mode)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return NULL;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	for (; *folders; folders++) {
		rp_cleanup(free) char *folder = rp_path("%s/%s", self, *folders);
		rp_cleanup(free) char *path = folder ? rp_path("%s/%s", folder, file) : NULL;

		if (path && access(path, mode) == 0)
			return realpath(folder, NULL);
	}
	return NULL;
}

char *rp_cli_beside_us(const char *const *folders, const char *file)
{
	return find(folders, file, X_OK);
}

char *rp_cli_folder_beside_us(const char *const *folders)
{
	return find(folders, ".", F_OK);
}

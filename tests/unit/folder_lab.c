/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/folder_lab.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void folder_lab_make(char ret_path[FOLDER_LAB_TEXT])
{
	strcpy(ret_path, "/tmp/rigproof-test.XXXXXX");
	if (!mkdtemp(ret_path))
		fail_msg("%s: %s", ret_path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

void folder_lab_remove(const char *path)
{
	if (nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		fail_msg("%s: %s", path, strerror(errno));
}

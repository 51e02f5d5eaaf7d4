/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for one test, gone with all that is in it when the test is. */
#ifndef RP_TESTS_FOLDER_LAB_H
#define RP_TESTS_FOLDER_LAB_H

#define FOLDER_LAB_TEXT 32

/* An empty folder, mode 0700. Fails the test where there can be none. */
void folder_lab_make(char ret_path[FOLDER_LAB_TEXT]);

/* With all below it; symbolic links are not followed. Fails the test where something stays. */
void folder_lab_remove(const char *path);

#endif

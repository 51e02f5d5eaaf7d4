/* SPDX-License-Identifier: Apache-2.0 */
/* Files that came with this program. */
#ifndef RP_SERVER_CLI_BESIDE_H
#define RP_SERVER_CLI_BESIDE_H

/*
 * The first folder that holds `file` (a program, or "." for the folder itself), whether this
 * program was built (build/bin/rigproof) or installed (PREFIX/bin/rigproof). folders are relative
 * to the program's own, NULL-terminated. Caller frees; NULL: none.
 */
char *rp_cli_beside_us(const char *const *folders, const char *file);

/* The first of these folders, relative to this program's own, that is there. Caller frees; NULL: none. */
char *rp_cli_folder_beside_us(const char *const *folders);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* ULIDs: identifiers for jobs, boots and requests that sort by time (48-bit ms, 80 random bits). */
#ifndef RP_LIB_ID_H
#define RP_LIB_ID_H

#include <stddef.h>

#define RP_ID_TEXT 27 /* 26 characters of Crockford's base 32 and NUL */

/* A new identifier; ends the process only if the kernel has no random numbers. */
void rp_id_new(char ret_text[RP_ID_TEXT]);

/* 1 where text is a ULID in upper case as made here. */
int rp_id_valid(const char *text);

/* 1 where one begins with text, which is not empty; also all of one. */
int rp_id_prefix_valid(const char *text);

/* len random bytes as hexadecimal: ret_text holds 2 * len + 1 bytes. For nonces and tokens. */
void rp_nonce_hex(size_t len, char *ret_text);

/*
 * 1 where text is a name as rigs, images, plans, modules and checks have: [a-z0-9][a-z0-9._-]{0,62}
 */
int rp_name_valid(const char *text);

#endif

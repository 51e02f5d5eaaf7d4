/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign bytes quoted in an error, a log line or JSON must not steer a terminal or forge a line.
 */
#ifndef RP_LIB_PRINTABLE_H
#define RP_LIB_PRINTABLE_H

#include <stddef.h>

/* Length of the UTF-8 sequence (RFC 3629) that text begins with, 0 where its left bytes begin none. */
size_t rp_utf8_length(const char *text, size_t left);

/* Each byte of text that is in no UTF-8 sequence becomes '?'. The length stays. */
void rp_utf8_repair(char *text);

/* Control characters become '?'. The length stays. UTF-8 passes, its C1 controls do not. */
void rp_printable(char *text);

/*
 * Copy len bytes of any kind (NUL among them) as text for JSON and terminals: at most size - 1
 * bytes, always NUL-terminated, whole UTF-8 sequences (RFC 3629) only. Each byte of what is none,
 * and each control character, becomes '?'. size is at least 1.
 */
void rp_printable_copy(char *ret, size_t size, const char *text, size_t len);

#endif

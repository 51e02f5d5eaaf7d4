/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign bytes quoted in an error, a log line, JSON or a page must not steer a terminal, forge a
 * line or turn the direction of what stands around them. What may be shown is decided here, for all
 * of them: UTF-8 (RFC 3629) without C0 and C1 controls, DEL, the marks, embeddings, overrides and
 * isolates of bidirectional text (UAX #9), and line and paragraph separators.
 */
#ifndef RP_LIB_PRINTABLE_H
#define RP_LIB_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Length of the UTF-8 sequence (RFC 3629) that text begins with, 0 where its left bytes begin none. */
size_t rp_utf8_length(const char *text, size_t left);

/* The same, and 0 too for a character that is not to be shown. */
size_t rp_printable_length(const char *text, size_t left);

/* Each byte of what is not to be shown becomes '?'. The length stays. */
void rp_printable(char *text);

/*
 * Copy len bytes of any kind (NUL among them) as text for JSON and terminals: at most size - 1
 * bytes, always NUL-terminated, whole characters only. Each byte of what is not to be shown becomes
 * '?'. size is at least 1.
 */
void rp_printable_copy(char *ret, size_t size, const char *text, size_t len);

/*
 * The text of a JSON document with what is not to be shown escaped as \uXXXX: the same document,
 * fit for a terminal. White space between its parts stays. Caller frees; NULL: no memory.
 */
char *rp_printable_json(const char *text);

/* One line: what the format makes, made printable, and its newline. -ENOMEM, -EIO. */
int rp_printable_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

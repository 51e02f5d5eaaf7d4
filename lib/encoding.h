/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal and base64 (RFC 4648), strict: one text for one value, nothing else is accepted. */
#ifndef RP_LIB_ENCODING_H
#define RP_LIB_ENCODING_H

#include <stddef.h>
#include <stdint.h>

/* Lower-case hexadecimal; ret_text holds 2 * len + 1 bytes. */
void rp_hex_encode(const void *data, size_t len, char *ret_text);

/*
 * Exactly 2 * len lower-case digits, then the end of the string. Returns 0, or -EINVAL with
 * ret_data untouched.
 */
int rp_hex_decode(const char *text, void *ret_data, size_t len);

/* Standard alphabet, padded, no line breaks. Caller frees. NULL: no memory. */
char *rp_base64_encode(const void *data, size_t len);

/*
 * RFC 4648 section 4 with section 3.5 enforced: padding required, unused bits zero, no white
 * space. *ret_data is allocated (never NULL on success, one spare NUL byte behind the data).
 * Returns 0, -EINVAL or -ENOMEM.
 */
int rp_base64_decode(const char *text, size_t text_len, uint8_t **ret_data, size_t *ret_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP requests made by hand, byte by byte, so that they may also be wrong. */
#ifndef RP_TESTS_PXE_REQUEST_LAB_H
#define RP_TESTS_PXE_REQUEST_LAB_H

#include <stddef.h>
#include <stdint.h>

struct made {
	uint8_t bytes[2048];
	size_t len;
};

#define MADE_SNAME 44
#define MADE_FILE 108
#define MADE_OPTIONS 240

/* The fixed part, from 52:54:00:aa:bb:01, xid 0x01020304. */
struct made made_header(void);

void made_option(struct made *made, uint8_t code, const void *value, size_t len);

void made_end(struct made *made);

/* SMBIOS bytes of 01234567-89ab-cdef-0123-456789abcdef, behind option 97's type. */
extern const uint8_t made_guid[17];

/* A network-boot request: "PXEClient" or "HTTPClient", one architecture, no end yet. */
struct made made_request(uint8_t type, const char *vendor, uint16_t arch);

/* The first option code of an answer, or NULL; *ret_len its length. */
const uint8_t *made_find(const uint8_t *packet, size_t len, uint8_t code, size_t *ret_len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pxe_request_lab.h"

#include <string.h>

struct made made_header(void)
{
	static const uint8_t head[] = {1, 1, 6, 0, 1, 2, 3, 4};
	static const uint8_t mac[] = {0x52, 0x54, 0x00, 0xaa, 0xbb, 0x01};
	static const uint8_t cookie[] = {99, 130, 83, 99};
	struct made made = {.len = MADE_OPTIONS};

	memcpy(made.bytes, head, sizeof(head));
	memcpy(made.bytes + 28, mac, sizeof(mac));
	memcpy(made.bytes + 236, cookie, sizeof(cookie));
	return made;
}

void made_option(struct made *made, uint8_t code, const void *value, size_t len)
{
	made->bytes[made->len++] = code;
	made->bytes[made->len++] = (uint8_t)len;
	memcpy(made->bytes + made->len, value, len);
	made->len += len;
}

void made_end(struct made *made)
{
	made->bytes[made->len++] = 255;
}

const uint8_t made_guid[17] = {0, 0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45,
	0x67, 0x89, 0xab, 0xcd, 0xef};

struct made made_request(uint8_t type, const char *vendor, uint16_t arch)
{
	const uint8_t arch_bytes[] = {(uint8_t)(arch >> 8), (uint8_t)arch};
	struct made made = made_header();

	made_option(&made, 53, &type, 1);
	made_option(&made, 60, vendor, strlen(vendor));
	made_option(&made, 93, arch_bytes, 2);
	made_option(&made, 97, made_guid, sizeof(made_guid));
	return made;
}

const uint8_t *made_find(const uint8_t *packet, size_t len, uint8_t code, size_t *ret_len)
{
	size_t at = MADE_OPTIONS;

	while (at + 1 < len && packet[at] != 255) {
		if (packet[at] == 0) {
			at++;
			continue;
		}
		if (packet[at] == code) {
			*ret_len = packet[at + 1];
			return packet + at + 2;
		}
		at += 2U + packet[at + 1];
	}
	return NULL;
}

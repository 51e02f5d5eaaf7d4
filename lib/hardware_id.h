/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names a machine: MAC addresses and SMBIOS UUIDs, in the one text form that everything here
 * writes and compares.
 */
#ifndef RP_LIB_HARDWARE_ID_H
#define RP_LIB_HARDWARE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define RP_MAC_TEXT 18	/* "52:54:00:12:34:56" and NUL */
#define RP_UUID_TEXT 37 /* 8-4-4-4-12 lower case and NUL */

/* 1 where text is six lower-case hexadecimal pairs with colons. */
int rp_mac_valid(const char *text);

void rp_mac_format(const uint8_t mac[6], char ret_text[RP_MAC_TEXT]);

/* 1 where text is a UUID in lower-case text form. */
int rp_uuid_valid(const char *text);

/*
 * The form of SMBIOS 2.6 and later, as dmidecode and iPXE's ${uuid} have it: the first three fields
 * are little-endian in guid (SMBIOS 3.6, section 7.2.1). "" where rp_uuid_known says so.
 */
void rp_uuid_format(const uint8_t guid[16], char ret_text[RP_UUID_TEXT]);

/*
 * Whether both texts can be the UUID of one machine. Below SMBIOS 2.6 iPXE and Linux print the
 * bytes as they stand, while DHCP's option 97 does not say which version it is of: the first three
 * fields may be swapped. "" is the same as "" alone.
 */
bool rp_uuid_same(const char *one, const char *other);

/*
 * text, or "" where it names no machine: all zeros or all ones (the firmware has none), or one of
 * the examples that makers left in their boards, in either byte order. text need not be valid.
 */
const char *rp_uuid_known(const char *text);

#endif

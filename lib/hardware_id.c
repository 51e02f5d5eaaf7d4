/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hardware_id.h"

#include <stdio.h>
#include <string.h>

/* 'x' in form stands for a lower-case hexadecimal digit. */
static int matches(const char *text, const char *form)
{
	for (; *form; form++, text++) {
		if (*form == 'x' ? !*text || !strchr("0123456789abcdef", *text) : *text != *form)
			return 0;
	}
	return *text == '\0';
}

int rp_mac_valid(const char *text)
{
	return matches(text, "xx:xx:xx:xx:xx:xx");
}

void rp_mac_format(const uint8_t mac[6], char ret_text[RP_MAC_TEXT])
{
	snprintf(ret_text, RP_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}

int rp_uuid_valid(const char *text)
{
	return matches(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

void rp_uuid_format(const uint8_t guid[16], char ret_text[RP_UUID_TEXT])
{
	char text[RP_UUID_TEXT];

	snprintf(text, sizeof(text),
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid[3],
		guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6], guid[8], guid[9],
		guid[10], guid[11], guid[12], guid[13], guid[14], guid[15]);
	snprintf(ret_text, RP_UUID_TEXT, "%s", rp_uuid_known(text));
}

/*
 * How the UUIDs begin that makers left in their boards as their firmware vendor's example has them:
 * many machines have each, so they name none. As SMBIOS 2.6 prints them.
 */
static const char *const placeholders[] = {
	"03000200-0400-0500-0006-000700080009", /* AMI's */
	"03020100-0504-0706-0809-0a0b0c0d0e0f", /* bytes counted up from 0 */
	"12345678-",				/* typed in, with several ends */
	"4c4c4544-0000-2010-8020-80c04f202020", /* Dell's, without a service tag */
	"fefefefe-fefe-fefe-fefe-fefefefefefe",
};

static bool is_placeholder(const char *uuid)
{
	for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
		if (strncmp(uuid, placeholders[i], strlen(placeholders[i])) == 0)
			return true;
	return false;
}

/* The same bytes with the first three fields read in the other byte order. */
static void swap_fields(const char *uuid, char ret_text[RP_UUID_TEXT])
{
	/* Where each pair of digits of the first three fields comes from. */
	static const int from[] = {6, 4, 2, 0, 11, 9, 16, 14};
	static const int to[] = {0, 2, 4, 6, 9, 11, 14, 16};

	memcpy(ret_text, uuid, RP_UUID_TEXT);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		memcpy(ret_text + to[i], uuid + from[i], 2);
}

bool rp_uuid_same(const char *one, const char *other)
{
	char swapped[RP_UUID_TEXT];

	if (strcmp(one, other) == 0)
		return true;
	if (!rp_uuid_valid(one) || !rp_uuid_valid(other))
		return false;
	swap_fields(one, swapped);
	return strcmp(swapped, other) == 0;
}

const char *rp_uuid_known(const char *text)
{
	char swapped[RP_UUID_TEXT];

	if (!text[strspn(text, "0-")] || !text[strspn(text, "f-")])
		return "";
	if (!rp_uuid_valid(text))
		return text;
	swap_fields(text, swapped);
	return is_placeholder(text) || is_placeholder(swapped) ? "" : text;
}

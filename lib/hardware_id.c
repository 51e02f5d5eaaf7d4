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

const char *rp_uuid_known(const char *text)
{
	return text[strspn(text, "0-")] && text[strspn(text, "f-")] ? text : "";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"

#define LABEL_MAX 63
#define NAME_MAX_LEN 253

bool rp_address_valid(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* As resolvers read one: 300, 0x1f. */
static bool is_number(const char *label)
{
	if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
		return strspn(label + 2, HEX) == strlen(label + 2);
	return strspn(label, DIGITS) == strlen(label);
}

static bool is_name(const char *text)
{
	const char *label = text;

	if (strlen(text) > NAME_MAX_LEN)
		return false;
	for (;;) {
		size_t len = strspn(label, LETTERS DIGITS "-");

		if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
			return false;
		if (!label[len])
			return !is_number(label);
		if (label[len] != '.')
			return false;
		label += len + 1;
	}
}

bool rp_host_valid(const char *text)
{
	return rp_address_valid(text) || is_name(text);
}

static bool port_valid(const char *text)
{
	size_t len = strspn(text, DIGITS);

	return len >= 1 && len <= 5 && !text[len] && text[0] != '0' && atoi(text) <= 65535;
}

int rp_host_check_url(const char *url, struct rp_error *err)
{
	static const char scheme[] = "https://";
	rp_cleanup(free) char *host = NULL;
	const char *begin = url + strlen(scheme), *port;
	struct in6_addr v6;
	size_t len;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return rp_error_set(err, -EINVAL,
			"\"%s\": an address of the server begins with https://, like "
			"https://10.77.0.1:8443",
			url);
	host = strdup(begin);
	if (!host)
		return rp_error_memory(err);
	len = strlen(host);
	if (len && host[len - 1] == '/')
		host[len - 1] = '\0';
	if (*host == '[') {
		char *end = strchr(host, ']');

		port = end && end[1] == ':' ? end + 2 : NULL;
		if (end && (!end[1] || port))
			*end = '\0';
		if (!end || inet_pton(AF_INET6, host + 1, &v6) != 1)
			return rp_error_set(
				err, -EINVAL, "\"%s\": no IPv6 address in the brackets", url);
	} else {
		char *colon = strchr(host, ':');

		port = colon ? colon + 1 : NULL;
		if (colon)
			*colon = '\0';
		if (!rp_host_valid(host))
			return rp_error_set(err, -EINVAL,
				"\"%s\": \"%s\" is neither a DNS name nor an IP address", url,
				host);
	}
	if (port && !port_valid(port))
		return rp_error_set(err, -EINVAL, "\"%s\": \"%s\" is no port", url, port);
	return 0;
}

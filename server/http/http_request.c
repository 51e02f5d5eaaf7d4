/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/printable.h"
#include "server/http/http_request.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *rp_http_decode(const char *text, size_t len, bool in_query)
{
	rp_cleanup(free) char *decoded = malloc(len + 1);
	size_t out = 0;

	if (!decoded)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
			int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
			if (!in_query && c == '/')
				return NULL;
		} else if (c == '+' && in_query) {
			c = ' ';
		}
		if (!c || (!in_query && ((unsigned char)c < 0x20 || c == 0x7f)))
			return NULL;
		decoded[out++] = c;
	}
	decoded[out] = '\0';
	return rp_steal(decoded);
}

void rp_query_free(struct rp_query *query)
{
	for (struct rp_query *q = query; q && q->key; q++) {
		free((char *)q->key);
		free((char *)q->value);
	}
	free(query);
}

static void rp_cleanup_query(struct rp_query **query)
{
	rp_query_free(*query);
}

int rp_query_parse(const char *text, struct rp_query **ret)
{
	rp_cleanup(query) struct rp_query *query = calloc(RP_QUERY_KEYS_MAX + 1, sizeof(*query));
	size_t count = 0;

	if (!query)
		return -ENOMEM;
	for (const char *at = text ? text : ""; *at;) {
		size_t len = strcspn(at, "&");
		const char *equals = memchr(at, '=', len);
		size_t key_len = equals ? (size_t)(equals - at) : len;
		rp_cleanup(free) char *key = NULL;
		rp_cleanup(free) char *value = NULL;

		if (len) {
			if (count == RP_QUERY_KEYS_MAX)
				return -E2BIG;
			key = rp_http_decode(at, key_len, true);
			value = equals ? rp_http_decode(equals + 1, len - key_len - 1, true)
				       : strdup("");
			if (!key || !value || !*key)
				return -EINVAL;
			/*
			 * Firmware hands on what its maker wrote into SMBIOS, in any encoding:
			 * such a rig must boot, and its strings must fit into JSON and a log.
			 */
			rp_printable(key);
			rp_printable(value);
			for (size_t i = 0; i < count; i++)
				if (!strcmp(query[i].key, key))
					return -EINVAL;
			query[count].value = rp_steal(value);
			query[count++].key = rp_steal(key);
		}
		at += len + (at[len] == '&');
	}
	*ret = rp_steal(query);
	return 0;
}

const char *rp_request_query(const struct rp_request *request, const char *key)
{
	for (const struct rp_query *q = request->query; q && q->key; q++)
		if (!strcmp(q->key, key))
			return q->value;
	return "";
}

/* Digits at *at, which is moved behind them. -ENOENT: none; above int64_t: its maximum. */
static int digits(const char **at, int64_t *ret)
{
	int64_t value = 0;
	size_t count = strspn(*at, "0123456789");

	if (!count)
		return -ENOENT;
	for (size_t i = 0; i < count; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (*at)[i] - '0', &value)) {
			value = INT64_MAX;
			break;
		}
	*at += count;
	*ret = value;
	return 0;
}

int rp_number_parse(const char *text, int64_t max, int64_t *ret)
{
	const char *at = text;
	int64_t value;

	if (digits(&at, &value) < 0 || *at || (text[0] == '0' && text[1]))
		return -EINVAL;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int rp_range_parse(const char *header, int64_t size, int64_t *ret_first, int64_t *ret_last)
{
	const char *at = header;
	int64_t first, last;

	if (strncasecmp(at, "bytes=", 6) != 0)
		return -ENOENT;
	at += 6;
	at += strspn(at, " \t");
	if (*at == '-') { /* the last N bytes */
		at++;
		if (digits(&at, &last) < 0 || *at)
			return -ENOENT;
		if (last == 0 || size == 0)
			return -ERANGE;
		*ret_first = last < size ? size - last : 0;
		*ret_last = size - 1;
		return 0;
	}
	if (digits(&at, &first) < 0 || *at != '-')
		return -ENOENT;
	at++;
	last = INT64_MAX;
	if (*at && digits(&at, &last) < 0)
		return -ENOENT;
	if (*at || last < first)
		return -ENOENT;
	if (first >= size)
		return -ERANGE;
	*ret_first = first;
	*ret_last = last < size - 1 ? last : size - 1;
	return 0;
}

int rp_etag_matches(const char *header, const char *sha256)
{
	size_t len = strlen(sha256);

	for (const char *at = header; *at;) {
		const char *end;

		at += strspn(at, " \t,");
		if (*at == '*')
			return 1;
		if (!strncmp(at, "W/", 2))
			at += 2;
		if (*at != '"')
			return 0;
		end = strchr(at + 1, '"');
		if (!end)
			return 0;
		if ((size_t)(end - at - 1) == len && !memcmp(at + 1, sha256, len))
			return 1;
		at = end + 1;
	}
	return 0;
}

int rp_route_match(const char *pattern, const char *path, struct rp_capture ret[2])
{
	struct rp_capture found[2] = {{"", 0}, {"", 0}};
	int captures = 0;

	while (*pattern && *path) {
		if (*pattern == ':' && pattern[-1] == '/') {
			size_t len = strcspn(path, "/");

			if (!len || captures == 2)
				return 0;
			found[captures++] = (struct rp_capture){path, len};
			path += len;
			pattern += strcspn(pattern, "/");
		} else if (*pattern++ != *path++) {
			return 0;
		}
	}
	if (*pattern || *path)
		return 0;
	memcpy(ret, found, sizeof(found));
	return 1;
}

int rp_route_find(const struct rp_route *const *tables, const char *method, const char *path,
	bool plain, const struct rp_route **ret, struct rp_capture ret_captures[2],
	char ret_allowed[64])
{
	char allowed[64] = "";

	for (; *tables; tables++)
		for (const struct rp_route *route = *tables; route->method; route++) {
			size_t used = strlen(allowed);

			if ((plain && !route->plain) ||
				!rp_route_match(route->pattern, path, ret_captures))
				continue;
			if (!strcmp(route->method, method)) {
				*ret = route;
				return 0;
			}
			if (!strstr(allowed, route->method))
				snprintf(allowed + used, sizeof(allowed) - used, "%s%s%s",
					used ? ", " : "", route->method,
					strcmp(route->method, "GET") ? "" : ", HEAD");
		}
	if (!allowed[0])
		return -ENOENT;
	memcpy(ret_allowed, allowed, sizeof(allowed));
	return -ENOTSUP;
}

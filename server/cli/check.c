/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/check.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "server/cli/cli.h"
#include "server/http/http_request.h"

int rp_cli_check_name(const char *what, const char *text, struct rp_error *err)
{
	if (rp_name_valid(text))
		return 0;
	return rp_error_set(err, RP_CLI_WRONG_USE,
		"%s \"%.70s\": not a name (lower-case letters, digits, \".\", \"_\", \"-\", at "
		"most 63)",
		what, text);
}

int rp_cli_check_id(const char *text, char ret_id[RP_ID_TEXT], struct rp_error *err)
{
	char id[RP_ID_TEXT];

	snprintf(id, sizeof(id), "%s", text);
	for (char *at = id; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	if (strlen(text) >= sizeof(id) || !rp_id_prefix_valid(id))
		return rp_error_set(err, RP_CLI_WRONG_USE,
			"job \"%.70s\": not a job id, nor its beginning (26 characters, see: "
			"rigproof job list)",
			text);
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

static bool ago(const char *text, int64_t now, int64_t *ret)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	const size_t len = strlen(text);
	char number[16];
	int64_t count;

	if (len < 2 || len > sizeof(number))
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)len - 1, text);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (text[len - 1] == units[i].unit &&
			rp_number_parse(number, 100000000, &count) == 0) {
			*ret = now - count * units[i].seconds * RP_SECOND;
			*ret = *ret < 0 ? 0 : *ret;
			return true;
		}
	return false;
}

int rp_cli_since(const char *text, int64_t now, char ret_time[RP_TIME_TEXT], struct rp_error *err)
{
	static const char rest[] = "0000-00-00T00:00:00.000";
	size_t len = strlen(text);
	char whole[RP_TIME_TEXT];
	int64_t time;

	if (ago(text, now, &time)) {
		rp_clock_format(time, ret_time);
		return 0;
	}
	len -= len && text[len - 1] == 'Z';
	/* A date, minutes, seconds, milliseconds: the rest is zero. */
	if (len == 10 || len == 16 || len == 19 || len == 23) {
		snprintf(whole, sizeof(whole), "%.*s%sZ", (int)len, text, rest + len);
		if (len > 10 && whole[10] == ' ')
			whole[10] = 'T';
		if (rp_clock_parse(whole, &time) == 0) {
			rp_clock_format(time, ret_time);
			return 0;
		}
	}
	return rp_error_set(err, RP_CLI_WRONG_USE,
		"--since %.40s: not a time; type it like 2026-11-20, 2026-11-20T12:00:00 (UTC), "
		"90m, 12h or 7d",
		text);
}

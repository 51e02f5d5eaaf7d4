/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/usage.h"

#include <string.h>

const char *const rp_usage_everywhere =
	"[--state DIR] [--server URL] [--root CRT] [--token-file FILE] [--color WHEN] [--json]";

static bool next_token(const char **usage, char *token, size_t size)
{
	size_t len;

	*usage += strspn(*usage, " ");
	len = strcspn(*usage, " ");
	if (!len)
		return false;
	snprintf(token, size, "%.*s", (int)len, *usage);
	*usage += len;
	return true;
}

/* Take brackets and dots off a token. Returns whether it closes a bracket. */
static bool strip(char *token, struct rp_usage_word *word)
{
	bool closes = strchr(token, ']') != NULL;
	size_t len;

	if (strstr(token, "..."))
		word->repeat = true;
	if (*token == '[') {
		word->required = false;
		memmove(token, token + 1, strlen(token));
	}
	len = strcspn(token, "]");
	if (strstr(token, "..."))
		len = (size_t)(strstr(token, "...") - token) < len
			      ? (size_t)(strstr(token, "...") - token)
			      : len;
	token[len] = '\0';
	return closes;
}

bool rp_usage_next(const char **usage, struct rp_usage_word *ret)
{
	char token[64];
	const char *ahead;

	*ret = (struct rp_usage_word){.required = true};
	if (!next_token(usage, token, sizeof(token)))
		return false;
	if (strip(token, ret) || *token != '-') {
		snprintf(ret->text, sizeof(ret->text), "%.39s", token);
		ret->option = *token == '-';
		return true;
	}
	ret->option = true;
	snprintf(ret->text, sizeof(ret->text), "%.39s", token);
	ahead = *usage;
	if (next_token(&ahead, token, sizeof(token))) {
		struct rp_usage_word rest = {0};

		strip(token, &rest);
		ret->repeat = rest.repeat;
		snprintf(ret->value, sizeof(ret->value), "%.31s", token);
		*usage = ahead;
	}
	return true;
}

bool rp_usage_find(const char *usage, const char *name, struct rp_usage_word *ret)
{
	while (rp_usage_next(&usage, ret))
		if (ret->option && !strcmp(ret->text, name))
			return true;
	return false;
}

bool rp_usage_has(const char *usage, const char *name)
{
	struct rp_usage_word word;

	return rp_usage_find(usage, name, &word);
}

bool rp_usage_is_choice(const char *text)
{
	return strchr(text, '|') && strspn(text, "abcdefghijklmnopqrstuvwxyz|-") == strlen(text);
}

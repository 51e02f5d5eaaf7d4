/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "server/http/http_request.h"

size_t rp_head_length(const char *bytes, size_t len, size_t known)
{
	size_t start = 0;
	const char *end;

	while (len - start >= 2 && bytes[start] == '\r' && bytes[start + 1] == '\n')
		start += 2;
	if (known > start + 3) /* the empty line may have begun in what was known */
		start = known - 3;
	end = memmem(bytes + start, len - start, "\r\n\r\n", 4);
	return end ? (size_t)(end - bytes) + 4 : 0;
}

static bool is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++)
		if (!((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
			    (*text >= 'A' && *text <= 'Z') || strchr(marks, *text)))
			return false;
	return true;
}

/* The next line, cut off at its CR LF. NULL: a control character, or a CR or LF of its own. */
static char *take_line(char **at, const char *end)
{
	char *line = *at;
	char *stop = line;

	for (; stop < end && *stop != '\r'; stop++)
		if ((unsigned char)*stop < 0x20 ? *stop != '\t' : *stop == 0x7f)
			return NULL;
	if (end - stop < 2 || stop[1] != '\n')
		return NULL;
	*stop = '\0';
	*at = stop + 2;
	return line;
}

/* A word of a line that is separated by single spaces; NULL: there is none. */
static char *take_word(char **at)
{
	char *word = *at;
	char *space = word ? strchr(word, ' ') : NULL;

	if (space)
		*space++ = '\0';
	*at = space;
	return word && *word ? word : NULL;
}

/* "/path?query", or with "http://HOST" before it, as proxies are asked. */
static int parse_target(char *target, struct rp_head *ret)
{
	char *query;

	for (const char *c = target; *c; c++)
		if (*c == '\t' || *c == '#')
			return -EINVAL;
	if (!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8)) {
		char *host = strstr(target, "//") + 2;

		target = host + strcspn(host, "/?");
	}
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	ret->path = *target ? target : "/";
	ret->query = query;
	return 0;
}

static int parse_request_line(char *line, struct rp_head *ret)
{
	char *at = line;
	char *method = take_word(&at);
	char *target = take_word(&at);
	char *version = take_word(&at);

	if (!method || !target || !version || at || !is_token(method) ||
		strncmp(version, "HTTP/", 5) != 0)
		return -EINVAL;
	version += 5;
	if (strlen(version) != 3 || version[1] != '.' || !strchr("0123456789", version[0]) ||
		!strchr("0123456789", version[2]))
		return -EINVAL;
	if (version[0] != '1')
		return -EPROTONOSUPPORT;
	ret->method = method;
	ret->is_1_0 = version[2] == '0';
	ret->keep_alive = !ret->is_1_0;
	return parse_target(target, ret);
}

static int parse_field(char *line, struct rp_head *ret)
{
	char *colon = strchr(line, ':');
	char *value, *end;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (!is_token(line))
		return -EINVAL;
	if (ret->count == RP_HEAD_FIELDS_MAX)
		return -E2BIG;
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	ret->fields[ret->count++] = (struct rp_head_field){line, value};
	return 0;
}

/* Whether a list like "close, TE" has word. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == len && !strncasecmp(list, word, len))
			return true;
		list += n;
	}
	return false;
}

/* The fields that decide how long this request is, and what follows it. */
static int parse_framing(struct rp_head *head)
{
	bool has_length = false;

	for (size_t i = 0; i < head->count; i++) {
		const struct rp_head_field *field = &head->fields[i];

		if (!strcasecmp(field->name, "Transfer-Encoding"))
			return -ENOTSUP;
		if (!strcasecmp(field->name, "Content-Length")) {
			if (has_length ||
				rp_number_parse(field->value, INT64_MAX - 1, &head->length) < 0)
				return -EINVAL;
			has_length = true;
		} else if (!strcasecmp(field->name, "Connection")) {
			if (has_word(field->value, "keep-alive"))
				head->keep_alive = true;
			if (has_word(field->value, "close"))
				head->keep_alive = false;
		} else if (!strcasecmp(field->name, "Expect")) {
			head->expects_continue = !strcasecmp(field->value, "100-continue");
		}
	}
	return 0;
}

int rp_head_parse(char *bytes, size_t len, struct rp_head *ret)
{
	const char *end = bytes + len;
	char *at = bytes;
	char *line;
	int r;

	*ret = (struct rp_head){0};
	while (end - at > 2 && at[0] == '\r' && at[1] == '\n')
		at += 2;
	line = take_line(&at, end);
	r = line ? parse_request_line(line, ret) : -EINVAL;
	while (r == 0) {
		line = take_line(&at, end);
		if (!line)
			return -EINVAL;
		if (!*line)
			break;
		r = parse_field(line, ret);
	}
	if (r == 0 && at != end)
		r = -EINVAL;
	return r < 0 ? r : parse_framing(ret);
}

const char *rp_head_field(const struct rp_head *head, const char *name)
{
	for (size_t i = 0; i < head->count; i++)
		if (!strcasecmp(head->fields[i].name, name))
			return head->fields[i].value;
	return NULL;
}

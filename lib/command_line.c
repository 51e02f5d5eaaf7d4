/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/command_line.h"

#include <errno.h>
#include <string.h>

int rp_ipxe_words_check(const char *text, struct rp_error *err)
{
	const char *word = text;

	for (const char *c = text; *c; c++) {
		if (*c == '\n' || *c == '\r')
			return rp_error_set(err, -EINVAL,
				"found a line break, expected one line (in YAML: \">-\", not "
				"\"|\")");
		if (*c < 0x20 || *c > 0x7e)
			return rp_error_set(err, -EINVAL,
				"found a character that is not printable ASCII, expected ASCII "
				"alone");
	}
	if (strstr(text, "${"))
		return rp_error_set(
			err, -EINVAL, "found \"${\", which iPXE would expand, expected none");
	while (*(word += strspn(word, " "))) {
		size_t len = strcspn(word, " ");

		if (*word == '#' ||
			(len == 2 && (memcmp(word, "||", 2) == 0 || memcmp(word, "&&", 2) == 0)))
			return rp_error_set(err, -EINVAL,
				"found the word \"%.*s\", which would end the line in iPXE, "
				"expected it inside of another word or not at all",
				(int)(len < 40 ? len : 40), word);
		word += len;
	}
	return 0;
}

int rp_command_line_check(const char *text, struct rp_error *err)
{
	const size_t len = strlen(text);
	size_t quotes = 0;

	if (len > RP_COMMAND_LINE_MAX)
		return rp_error_set(err, -EINVAL, "found %zu bytes, expected at most %d", len,
			RP_COMMAND_LINE_MAX);
	for (const char *c = text; *c; c++)
		quotes += *c == '"';
	if (quotes % 2)
		return rp_error_set(err, -EINVAL,
			"found a double quote that is not closed, expected a second one");
	return rp_ipxe_words_check(text, err);
}

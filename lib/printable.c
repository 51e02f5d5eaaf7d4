/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

size_t rp_utf8_length(const char *text, size_t left)
{
	static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char first = left ? (unsigned char)*text : 0x80;
	unsigned int value;
	size_t n;

	if (first < 0x80)
		return 1;
	n = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (!n || n > left)
		return 0;
	value = first & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		const unsigned char byte = (unsigned char)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (byte & 0x3f);
	}
	return value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0 : n;
}

/* Of a valid sequence. */
static unsigned int decode(const char *text, size_t len)
{
	unsigned int value = (unsigned char)*text;

	if (len > 1)
		value &= 0xffu >> (len + 1);
	for (size_t i = 1; i < len; i++)
		value = value << 6 | ((unsigned char)text[i] & 0x3f);
	return value;
}

static bool is_shown(unsigned int c)
{
	static const struct {
		unsigned int first, last;
	} hidden[] = {
		{0, 0x1f},	  /* C0 */
		{0x7f, 0x9f},	  /* DEL, C1 */
		{0x61c, 0x61c},	  /* Arabic letter mark */
		{0x200e, 0x200f}, /* left-to-right and right-to-left mark */
		{0x2028, 0x202e}, /* separators, embeddings, overrides */
		{0x2066, 0x2069}, /* isolates */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}

size_t rp_printable_length(const char *text, size_t left)
{
	const size_t n = rp_utf8_length(text, left);

	return n && is_shown(decode(text, n)) ? n : 0;
}

void rp_printable(char *text)
{
	while (*text) {
		const size_t left = strnlen(text, 4);
		const size_t shown = rp_printable_length(text, left);
		const size_t valid = rp_utf8_length(text, left);
		const size_t n = valid ? valid : 1;

		if (!shown)
			memset(text, '?', n);
		text += n;
	}
}

void rp_printable_copy(char *ret, size_t size, const char *text, size_t len)
{
	size_t to = 0;

	for (size_t from = 0; from < len;) {
		const size_t valid = text[from] ? rp_utf8_length(text + from, len - from) : 0;
		const size_t n = valid ? valid : 1;

		if (to + n >= size)
			break;
		if (valid)
			memcpy(ret + to, text + from, n);
		else
			ret[to] = '?';
		to += n;
		from += n;
	}
	ret[to] = '\0';
	rp_printable(ret);
}

char *rp_printable_json(const char *text)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (!out)
		return NULL;
	while (*text) {
		const size_t left = strnlen(text, 4);
		const size_t n = rp_utf8_length(text, left);

		/* Outside of strings stands ASCII alone; inside JSON has no raw white space but ' '. */
		if (rp_printable_length(text, left) || *text == '\n' || *text == '\t')
			fwrite(text, 1, n, out);
		else if (n)
			fprintf(out, "\\u%04x",
				decode(text, n)); /* all of them are below U+10000 */
		else
			fputc('?', out);
		text += n ? n : 1;
	}
	if (fclose(out) != 0) {
		free(made);
		return NULL;
	}
	return made;
}

int rp_printable_line(FILE *out, const char *format, ...)
{
	rp_cleanup(free) char *line = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&line, format, args);
	va_end(args);
	if (r < 0) {
		line = NULL;
		return -ENOMEM;
	}
	rp_printable(line);
	return fprintf(out, "%s\n", line) < 0 ? -EIO : 0;
}

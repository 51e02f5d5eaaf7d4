/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/printable.h"

#include <string.h>

void rp_printable(char *text)
{
	unsigned char before = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0))
			*text = '?';
		if (*text == '?' && before == 0xc2)
			text[-1] = '?';
		before = c;
	}
}

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

void rp_utf8_repair(char *text)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = rp_utf8_length(text, strnlen(text, 4));
		if (!n)
			*text = '?';
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

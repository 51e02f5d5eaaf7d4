/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/printable.h"

#include <stdbool.h>
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

/* True where a UTF-8 sequence begins here, of *len bytes (RFC 3629); else *len is untouched. */
static bool utf8_sequence(const unsigned char *text, size_t left, size_t *len)
{
	static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned int value;
	size_t n = *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return false;
	value = *text & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return false;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return false;
	*len = n;
	return true;
}

void rp_printable_copy(char *ret, size_t size, const char *text, size_t len)
{
	size_t to = 0;

	for (size_t from = 0; from < len;) {
		size_t n = 1;
		bool ascii = (unsigned char)text[from] < 0x80 && text[from];
		bool valid =
			ascii || utf8_sequence((const unsigned char *)text + from, len - from, &n);

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

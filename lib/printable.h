/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes quoted in an error or a log line must not steer a terminal or forge a line. */
#ifndef RP_LIB_PRINTABLE_H
#define RP_LIB_PRINTABLE_H

/* Control characters become '?'. The length stays. UTF-8 passes, its C1 controls do not. */
static inline void rp_printable(char *text)
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

#endif

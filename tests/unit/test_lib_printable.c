/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as text: nothing that steers a terminal comes through, all else does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/printable.h"

static void control_characters_go(void **state)
{
	static const struct {
		const char *text, *found;
	} texts[] = {
		{"", ""}, {"plain", "plain"}, {"a\tb\nc\x1b[31m\x7f", "a?b?c?[31m?"},
		{"\xc2\x9b"
		 "31m",
			"??31m"},				  /* the C1 form of ESC [ */
		{"\xc2\xa0\xe2\x82\xac", "\xc2\xa0\xe2\x82\xac"}, /* UTF-8 that is no control */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[32];

		strcpy(text, texts[i].text);
		rp_printable(text);
		assert_string_equal(text, texts[i].found);
	}
}

static void copies_are_whole_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *found;
	} texts[] = {
		{"", 0, ""},
		{"plain", 5, "plain"},
		{"a\0b", 3, "a?b"},
		{"a\x1b", 2, "a?"},
		{"\xc3", 1, "?"},		 /* cut */
		{"\xc0\xaf", 2, "??"},		 /* overlong */
		{"\xed\xa0\x80", 3, "???"},	 /* surrogate */
		{"\xf4\x90\x80\x80", 4, "????"}, /* beyond Unicode */
		{"\xe2\x82\xac\xe2\x82\xac", 6, "\xe2\x82\xac\xe2\x82\xac"},
		{"1234567\xe2\x82\xac", 10, "1234567"}, /* does not fit as a whole */
		{"123456789abc", 12, "123456789"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[10];

		memset(text, 'P', sizeof(text));
		rp_printable_copy(text, sizeof(text), texts[i].text, texts[i].len);
		assert_string_equal(text, texts[i].found);
	}
}

static void what_is_no_utf8_is_repaired(void **state)
{
	static const struct {
		const char *text, *found;
	} texts[] = {
		{"", ""},
		{"ASCII", "ASCII"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae"},
		{"\xe4rger", "?rger"},			  /* Latin-1 */
		{"end \xe2\x82", "end ??"},		  /* cut off */
		{"\xc0\xaf", "??"},			  /* overlong, two bytes */
		{"\xe0\x80\xaf", "???"},		  /* three */
		{"\xf0\x80\x80\xaf", "????"},		  /* four */
		{"\xed\xa0\x80", "???"},		  /* a surrogate */
		{"\xf4\x90\x80\x80", "????"},		  /* above U+10FFFF */
		{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
		{"\x80\xff", "??"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[32];

		strcpy(text, texts[i].text);
		rp_utf8_repair(text);
		assert_string_equal(text, texts[i].found);
	}
	assert_int_equal(rp_utf8_length("\xe2\x82\xac", 3), 3);
	assert_int_equal(rp_utf8_length("\xe2\x82\xac", 2), 0);
	assert_int_equal(rp_utf8_length("a", 0), 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(control_characters_go),
		cmocka_unit_test(what_is_no_utf8_is_repaired),
		cmocka_unit_test(copies_are_whole_utf8),
	};

	return cmocka_run_group_tests_name("lib/printable", all, NULL, NULL);
}

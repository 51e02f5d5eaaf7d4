/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as text: nothing that steers a terminal comes through, all else does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

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

static void what_is_not_shown_goes_byte_by_byte(void **state)
{
	static const struct {
		const char *text, *found;
	} texts[] = {
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
		{"\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0"},	     /* C1, and what follows it */
		{"\xd8\x9c|", "??|"},				     /* U+061C */
		{"\xe2\x80\x8d|", "\xe2\x80\x8d|"},		     /* U+200D joins emoji */
		{"\xe2\x80\x8e\xe2\x80\x8f|", "??????|"},	     /* the marks */
		{"\xe2\x80\xa7|", "\xe2\x80\xa7|"},		     /* U+2027 is a dot */
		{"\xe2\x80\xa8\xe2\x80\xa9|", "??????|"},	     /* separators */
		{"\xe2\x80\xaa\xe2\x80\xae|", "??????|"},	     /* embedding, override */
		{"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", /* isolates, neighbours */
			"\xe2\x81\xa5??????\xe2\x81\xaa"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[32];

		strcpy(text, texts[i].text);
		rp_printable(text);
		assert_string_equal(text, texts[i].found);
	}
	assert_int_equal(rp_utf8_length("\xe2\x82\xac", 3), 3);
	assert_int_equal(rp_utf8_length("\xe2\x82\xac", 2), 0);
	assert_int_equal(rp_utf8_length("a", 0), 0);
	assert_int_equal(rp_printable_length("\xe2\x82\xac", 3), 3);
	assert_int_equal(rp_printable_length("\xe2\x80\xae", 3), 0);
	assert_int_equal(rp_printable_length("\n", 1), 0);
}

/* Another text for the same document. */
static void json_says_the_same(void **state)
{
	static const char hostile[] = "\x1b]0;x\x07\x7f\xc2\x9b"
				      "2J\xd8\x9c\xe2\x80\xaetxt\xe2\x81\xa6\n\t\"\\ \xe2\x82\xac";
	json_t *document = json_pack("{s:s}", hostile, hostile);
	char *text = json_dumps(document, JSON_INDENT(2));
	char *made = rp_printable_json(text);
	json_t *again = json_loads(made, 0, NULL);

	assert_non_null(again);
	assert_true(json_equal(document, again));
	assert_non_null(strstr(made, "\\u009b2J\\u061c\\u202etxt\\u2066\\n"));
	assert_non_null(strstr(made, "\\u007f"));
	assert_non_null(strstr(made, "\xe2\x82\xac"));
	for (const char *at = made; *at; at++)
		assert_true(*at == '\n' || rp_printable_length(at, strlen(at)) ||
			    ((unsigned char)*at & 0xc0) == 0x80);
	free(made);
	free(text);
	json_decref(document);
	json_decref(again);
}

static void a_line_is_one_line(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(rp_printable_line(out, "%s: %d", "a\nok: b\x1b[1m", 7), 0);
	fclose(out);
	assert_string_equal(text, "a?ok: b?[1m: 7\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(control_characters_go),
		cmocka_unit_test(what_is_not_shown_goes_byte_by_byte),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(a_line_is_one_line),
		cmocka_unit_test(copies_are_whole_utf8),
	};

	return cmocka_run_group_tests_name("lib/printable", all, NULL, NULL);
}

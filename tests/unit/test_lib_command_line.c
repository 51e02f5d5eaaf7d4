/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel command line may hold where iPXE's script carries it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/command_line.h"

static void lines(void **state)
{
	static const struct {
		const char *text, *found; /* found NULL: good */
	} cases[] = {
		{"", NULL},
		{"quiet", NULL},
		{" quiet  nosmt ", NULL},
		{"dyndbg=\"file drm_* +p; func x +p\"", NULL},
		{"a=1#2 b=x||y c=$1 d={e} f=100% g='h'", NULL},
		{"blacklist=a,b \"\"", NULL},
		{"quiet # comment", "the word \"#\""},
		{"#quiet", "the word \"#quiet\""},
		{"a || b", "the word \"||\""},
		{"a &&", "the word \"&&\""},
		{"x=${uuid}", "\"${\""},
		{"a\n", "a line break"},
		{"a\r\nb", "a line break"},
		{"a\tb", "not printable ASCII"},
		{"a\x1b[0m", "not printable ASCII"},
		{"a\x7f", "not printable ASCII"},
		{"\xc2\xa0quiet", "not printable ASCII"},
		{"dyndbg=\"file x", "a double quote that is not closed"},
		{"a=\"b\" c=\"", "a double quote that is not closed"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_error err = RP_ERROR_NONE;
		int r = rp_command_line_check(cases[i].text, &err);

		if (r != (cases[i].found ? -EINVAL : 0) ||
			(r < 0 && (!strstr(err.text, cases[i].found) ||
					  strncmp(err.text, "found ", 6) != 0 ||
					  !strstr(err.text, ", expected "))))
			fail_msg("'%s': %d %s", cases[i].text, r, err.text);
	}
}

static void length(void **state)
{
	char text[RP_COMMAND_LINE_MAX + 2];
	struct rp_error err = RP_ERROR_NONE;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(rp_command_line_check(text, &err), -EINVAL);
	assert_string_equal(err.text, "found 1501 bytes, expected at most 1500");
	text[RP_COMMAND_LINE_MAX] = '\0';
	assert_int_equal(rp_command_line_check(text, &err), 0);
}

/* A reason that iPXE shows is no command line: it may quote half a word. */
static void words(void **state)
{
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_ipxe_words_check("it said \"no", &err), 0);
	assert_int_equal(rp_ipxe_words_check("it said # no", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(length),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Byte for byte: each of these texts was run by iPXE 1.21.1+git20250501 on OVMF as it stands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/cleanup.h"
#include "pxe/bootscript.h"

#define URL "https://10.77.0.1:8443"
#define BOOT "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define QUERY                                                                                      \
	"${base}/boot/v1/script?mac=${netX/mac}&uuid=${uuid}&arch=${buildarch}"                    \
	"&platform=${platform}&manufacturer=${manufacturer:uristring}"                             \
	"&product=${product:uristring}&serial=${serial:uristring}&asset=${asset:uristring}"

static void autoexec(void **state)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_bootscript_autoexec(URL, &text, &err), 0);
	assert_string_equal(text, "#!ipxe\n"
				  "set base " URL "\n"
				  "set try:int32 1\n"
				  ":dhcp\n"
				  "ifconf --configurator dhcp && goto found ||\n"
				  "set error ${errno}\n"
				  "echo rigproof: DHCP failed, try ${try} of 5\n"
				  "iseq ${try} 5 && goto failed ||\n"
				  "inc try\n"
				  "sleep 1\n"
				  "goto dhcp\n"
				  ":found\n"
				  "set try:int32 1\n"
				  ":script\n"
				  "chain --autofree --timeout 30000 " QUERY " && goto end ||\n"
				  "set error ${errno}\n"
				  "isset ${leave} && exit 1 ||\n"
				  "echo rigproof: no boot script from ${base}, try ${try} of 5\n"
				  "iseq ${try} 5 && goto failed ||\n"
				  "inc try\n"
				  "sleep 2\n"
				  "goto script\n"
				  ":failed\n"
				  "echo rigproof: giving up with error ${error}\n"
				  ":end\n"
				  "isset ${leave} && exit 1 ||\n"
				  "poweroff ||\n"
				  "reboot ||\n"
				  "exit 1\n");
}

static struct rp_bootscript_boot good(void)
{
	return (struct rp_bootscript_boot){.server_url = URL,
		.image_path = "/cas/sha256/00ff",
		.image_name = "node.efi",
		.command_line = "console=ttyS0 quiet",
		.token = "c0ffee",
		.boot = BOOT};
}

static void boot(void **state)
{
	struct rp_bootscript_boot parts = good();
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *text = NULL;

	parts.retries = 4;
	assert_int_equal(rp_bootscript_boot(&parts, &text, &err), 0);
	assert_string_equal(text,
		"#!ipxe\n"
		"set base " URL "\n"
		"set boot " BOOT "\n"
		"set try:int32 1\n"
		":load\n"
		"imgfree\n"
		"echo rigproof: loading node.efi, try ${try} of 4\n"
		"set step download\n"
		"imgfetch --name node.efi --timeout 30000 ${base}/cas/sha256/00ff || goto again\n"
		"set step start\n"
		"boot node.efi console=ttyS0 quiet rigproof.token=c0ffee || goto again\n"
		"goto report\n"
		":again\n"
		"set error ${errno}\n"
		"echo rigproof: ${step} failed with error ${error}\n"
		"iseq ${try} 4 && goto report ||\n"
		"inc try\n"
		"sleep 2\n"
		"goto load\n"
		":report\n"
		"imgfree\n"
		"imgfetch --name report --timeout 5000 "
		"${base}/boot/v1/failed?boot=${boot}&step=${step}&error=${error:uristring} ||\n"
		"imgfree\n"
		"poweroff ||\n"
		"reboot ||\n"
		"exit 1\n");
}

static void command_line_and_token_are_optional(void **state)
{
	static const struct {
		const char *command_line, *token, *line;
	} cases[] = {{"", "", "\nboot node.efi || goto again\n"},
		{"a=b", "", "\nboot node.efi a=b || goto again\n"},
		{"", "00", "\nboot node.efi rigproof.token=00 || goto again\n"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_bootscript_boot parts = good();
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(free) char *text = NULL;

		parts.command_line = cases[i].command_line;
		parts.token = cases[i].token;
		assert_int_equal(rp_bootscript_boot(&parts, &text, &err), 0);
		assert_non_null(strstr(text, cases[i].line));
		assert_non_null(strstr(text, "try ${try} of 3\n"));
	}
}

static void the_short_ones(void **state)
{
	rp_cleanup(free) char *leave = NULL, *wait = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_bootscript_exit("nothing to do", &leave, &err), 0);
	assert_string_equal(leave, "#!ipxe\n"
				   "echo rigproof: nothing to do\n"
				   "set leave 1\n"
				   "exit 1\n");
	assert_int_equal(rp_bootscript_wait(URL, "not approved yet", 20, &wait, &err), 0);
	assert_string_equal(wait, "#!ipxe\n"
				  "set base " URL "\n"
				  "echo rigproof: not approved yet\n"
				  "sleep 20\n"
				  "chain --replace --autofree --timeout 30000 " QUERY "\n");
}

/* One bad field at a time; the reason names it. */
static void what_would_change_the_script_is_refused(void **state)
{
	char long_line[1502];
	const struct {
		const char *server, *path, *name, *line, *token, *id;
		int retries;
		const char *word;
	} cases[] = {
		{.server = "", .word = "server URL"},
		{.server = "ftp://x", .word = "server URL"},
		{.server = "https://", .word = "server URL"},
		{.server = "https://a/b", .word = "server URL"},
		{.server = "https://a b", .word = "server URL"},
		{.server = "https://${x}", .word = "server URL"},
		{.server = "https://a\nshell", .word = "server URL"},
		{.path = "cas", .word = "image path"},
		{.path = "/a?b", .word = "image path"},
		{.path = "/a || shell", .word = "image path"},
		{.name = "", .word = "image name"},
		{.name = "-x", .word = "image name"},
		{.name = "a b", .word = "image name"},
		{.name = "${x}", .word = "image name"},
		{.line = "a\nshell", .word = "command line"},
		{.line = "a ${x}", .word = "command line"},
		{.line = "a || shell", .word = "command line"},
		{.line = "a && b", .word = "command line"},
		{.line = "a #b", .word = "command line"},
		{.line = "\xc3\xa4", .word = "command line"},
		{.line = long_line, .word = "command line"},
		{.token = "a b", .word = "token"},
		{.token = "${x}", .word = "token"},
		{.id = "x", .word = "boot id"},
		{.id = "", .word = "boot id"},
		{.retries = -1, .word = "retries"},
		{.retries = 21, .word = "retries"},
	};

	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_bootscript_boot parts = good();
		struct rp_error err = RP_ERROR_NONE;
		char *text = NULL;

		if (cases[i].server)
			parts.server_url = cases[i].server;
		if (cases[i].path)
			parts.image_path = cases[i].path;
		if (cases[i].name)
			parts.image_name = cases[i].name;
		if (cases[i].line)
			parts.command_line = cases[i].line;
		if (cases[i].token)
			parts.token = cases[i].token;
		if (cases[i].id)
			parts.boot = cases[i].id;
		parts.retries = cases[i].retries;
		if (rp_bootscript_boot(&parts, &text, &err) != -EINVAL || text ||
			!strstr(err.text, cases[i].word))
			fail_msg("case %zu: %s", i, err.text);
	}
}

static void reasons_and_waits_are_bounded(void **state)
{
	static const char *const bad[] = {
		"a\nshell", "${password}", "a || shell", "a # b", "a\x7f"};
	struct rp_error err = RP_ERROR_NONE;
	char *text = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(rp_bootscript_exit(bad[i], &text, &err), -EINVAL);
		assert_int_equal(rp_bootscript_wait(URL, bad[i], 1, &text, &err), -EINVAL);
	}
	assert_int_equal(rp_bootscript_wait(URL, "x", 0, &text, &err), -EINVAL);
	assert_int_equal(rp_bootscript_wait(URL, "x", 3601, &text, &err), -EINVAL);
	assert_int_equal(rp_bootscript_wait("x", "x", 1, &text, &err), -EINVAL);
	assert_int_equal(rp_bootscript_autoexec("https://a/", &text, &err), -EINVAL);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(autoexec),
		cmocka_unit_test(boot),
		cmocka_unit_test(command_line_and_token_are_optional),
		cmocka_unit_test(the_short_ones),
		cmocka_unit_test(what_would_change_the_script_is_refused),
		cmocka_unit_test(reasons_and_waits_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is a name or an address, and what only looks like one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/host.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"

static void test_hosts(void **state)
{
	static const struct {
		const char *text;
		bool address, host;
	} cases[] = {
		{"10.77.0.1", true, true},
		{"::1", true, true},
		{"fd00::2", true, true},
		{"rigproof", false, true},
		{"lab-1.example.org", false, true},
		{"3com.example", false, true},
		{"4711host", false, true},
		{LABEL_63 ".de", false, true},
		{"10.0.0.300", false, false},
		{"10.0.0", false, false},
		{"10.77.0.1.5", false, false},
		{"10.077.0.1", false, false},
		{"lab.0x1f", false, false},
		{"0x7f000001", false, false},
		{"2130706433", false, false},
		{"", false, false},
		{".lab", false, false},
		{"lab..example", false, false},
		{"lab.", false, false},
		{"-lab", false, false},
		{"lab-.example", false, false},
		{"lab_1", false, false},
		{"lab 1", false, false},
		{"lab,DNS:evil", false, false},
		{"[::1]", false, false},
		{"fe80::1%eth0", false, false},
		{"10.77.0.1:8443", false, false},
		{LABEL_63 "0.de", false, false},
		{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (rp_address_valid(cases[i].text) != cases[i].address)
			fail_msg("address \"%s\"", cases[i].text);
		if (rp_host_valid(cases[i].text) != cases[i].host)
			fail_msg("host \"%s\"", cases[i].text);
	}
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *wrong; /* NULL: nothing */
	} cases[] = {
		{"https://10.77.0.1:8443", NULL},
		{"https://10.77.0.1", NULL},
		{"https://localhost:1/", NULL},
		{"https://[fd00::2]:65535", NULL},
		{"https://[fd00::2]", NULL},
		{"http://10.77.0.1:8443", "begins with https://"},
		{"10.77.0.1:8443", "begins with https://"},
		{"", "begins with https://"},
		{"https://", "\"\" is neither"},
		{"https:///", "\"\" is neither"},
		{"https://10.0.0.300:8443", "\"10.0.0.300\" is neither a DNS name nor an IP"},
		{"https://lab:8443/x", "\"8443/x\" is no port"},
		{"https://lab/x", "\"lab/x\" is neither"},
		{"https://user@lab", "\"user@lab\" is neither"},
		{"https://lab:", "\"\" is no port"},
		{"https://lab:0", "\"0\" is no port"},
		{"https://lab:08443", "is no port"},
		{"https://lab:65536", "is no port"},
		{"https://lab:123456", "is no port"},
		{"https://fd00::2", "\":2\" is no port"},
		{"https://[fd00::2", "no IPv6 address in the brackets"},
		{"https://[10.77.0.1]", "no IPv6 address in the brackets"},
		{"https://[fd00::2]8443", "no IPv6 address in the brackets"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_error err = RP_ERROR_NONE;
		int r = rp_host_check_url(cases[i].url, &err);

		if (r != (cases[i].wrong ? -EINVAL : 0))
			fail_msg("%s: %d %s", cases[i].url, r, err.text);
		if (cases[i].wrong && !strstr(err.text, cases[i].wrong))
			fail_msg("%s: %s", cases[i].url, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

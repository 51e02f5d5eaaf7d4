/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "pxe/reply.h"
#include "pxe_request_lab.h"

static const struct in_addr self = {0x01004d0a}; /* 10.77.0.1, in the byte order of x86 and arm64 */
static const struct in_addr other = {0x02004d0a};

static struct rp_dhcp_request request(
	enum rp_dhcp_type type, enum rp_dhcp_vendor vendor, uint16_t arch)
{
	return (struct rp_dhcp_request){.type = type,
		.vendor = vendor,
		.archs = {arch},
		.arch_count = 1,
		.mac = {0x52, 0x54, 0, 0xaa, 0xbb, 1}};
}

/* Who is answered where: every rule of proxydhcp.h's table, and its neighbours. */
static void who_is_answered(void **state)
{
	static const struct {
		enum rp_dhcp_type type;
		enum rp_dhcp_vendor vendor;
		uint16_t arch;
		enum rp_pxe_port port;
		bool ipxe, names_us;
		int expected; /* kind, or -ENOENT */
	} cases[] = {
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 0, RP_PXE_PORT_DHCP, 0, 0, RP_PXE_BIOS},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_DHCP, 0, 0, RP_PXE_UEFI},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 9, RP_PXE_PORT_DHCP, 0, 0, RP_PXE_UEFI},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 11, RP_PXE_PORT_DHCP, 1, 0, RP_PXE_UEFI},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_HTTP, 16, RP_PXE_PORT_DHCP, 0, 0, RP_PXE_HTTP},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_HTTP, 19, RP_PXE_PORT_DHCP, 0, 0, RP_PXE_HTTP},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_OTHER, 7, RP_PXE_PORT_DHCP, 0, 0, -ENOENT},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 6, RP_PXE_PORT_DHCP, 0, 0, -ENOENT},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 16, RP_PXE_PORT_DHCP, 0, 0, -ENOENT},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_HTTP, 7, RP_PXE_PORT_DHCP, 0, 0, -ENOENT},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_DHCP, 0, 1, -ENOENT},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_DHCP, 1, 0, -ENOENT},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_DHCP, 1, 1, RP_PXE_UEFI},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_HTTP, 16, RP_PXE_PORT_DHCP, 0, 1, RP_PXE_HTTP},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_HTTP, 16, RP_PXE_PORT_DHCP, 0, 0, -ENOENT},
		{RP_DHCP_INFORM, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_DHCP, 0, 1, -ENOENT},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_BINL, 0, 0, RP_PXE_UEFI},
		{RP_DHCP_INFORM, RP_DHCP_VENDOR_PXE, 0, RP_PXE_PORT_BINL, 0, 0, RP_PXE_BIOS},
		{RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 7, RP_PXE_PORT_BINL, 0, 0, -ENOENT},
		{RP_DHCP_REQUEST, RP_DHCP_VENDOR_HTTP, 16, RP_PXE_PORT_BINL, 0, 1, -ENOENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rp_dhcp_request r = request(cases[i].type, cases[i].vendor, cases[i].arch);
		struct rp_pxe_client client;
		int got;

		r.is_ipxe = cases[i].ipxe;
		r.server = cases[i].names_us ? self : other;
		got = rp_pxe_client_of(&r, cases[i].port, self, &client);
		if (got == 0)
			got = (int)client.kind;
		if (got != cases[i].expected)
			fail_msg("case %zu: %d instead of %d", i, got, cases[i].expected);
	}
}

static void the_first_architecture_that_fits(void **state)
{
	struct rp_dhcp_request r = request(RP_DHCP_DISCOVER, RP_DHCP_VENDOR_HTTP, 6);
	struct rp_pxe_client client;

	r.archs[1] = 7;
	r.archs[2] = 19;
	r.archs[3] = 16;
	r.arch_count = 4;
	assert_int_equal(rp_pxe_client_of(&r, RP_PXE_PORT_DHCP, self, &client), 0);
	assert_int_equal(client.arch, 19);
	r.arch_count = 2;
	assert_int_equal(rp_pxe_client_of(&r, RP_PXE_PORT_DHCP, self, &client), -ENOENT);
	r.arch_count = 0;
	assert_int_equal(rp_pxe_client_of(&r, RP_PXE_PORT_DHCP, self, &client), -ENOENT);
}

static void what_is_known_of_a_client(void **state)
{
	struct rp_dhcp_request r = request(RP_DHCP_DISCOVER, RP_DHCP_VENDOR_PXE, 7);
	struct rp_pxe_client client;

	r.is_ipxe = r.ipxe_https = r.has_guid = true;
	memcpy(r.guid, made_guid + 1, 16);
	r.ciaddr = other;
	assert_int_equal(rp_pxe_client_of(&r, RP_PXE_PORT_DHCP, self, &client), 0);
	assert_string_equal(client.mac, "52:54:00:aa:bb:01");
	assert_string_equal(client.uuid, "01234567-89ab-cdef-0123-456789abcdef");
	assert_string_equal(client.address, "10.77.0.2");
	assert_true(client.is_ipxe);
	assert_true(client.ipxe_https);
	r.has_guid = false;
	r.ciaddr.s_addr = 0;
	assert_int_equal(rp_pxe_client_of(&r, RP_PXE_PORT_DHCP, self, &client), 0);
	assert_string_equal(client.uuid, "");
	assert_string_equal(client.address, "");
}

static void which_file(void **state)
{
	static const struct {
		uint16_t arch;
		enum rp_pxe_kind kind;
		bool ipxe, https;
		const char *loader, *file;
	} cases[] = {
		{0, RP_PXE_BIOS, 0, 0, "", "undionly.kpxe"},
		{0, RP_PXE_BIOS, 0, 0, "ipxe", NULL},
		{0, RP_PXE_BIOS, 0, 0, "undionly", "undionly.kpxe"},
		{0, RP_PXE_BIOS, 1, 0, "", "undionly.ipxe"},
		{7, RP_PXE_UEFI, 0, 0, "", "ipxe.efi"},
		{7, RP_PXE_UEFI, 0, 0, "ipxe", "ipxe.efi"},
		{9, RP_PXE_UEFI, 0, 0, "snponly", "snponly.efi"},
		{7, RP_PXE_UEFI, 0, 0, "undionly", NULL},
		{7, RP_PXE_UEFI, 0, 0, "http", NULL},
		{7, RP_PXE_UEFI, 0, 0, "grub", NULL},
		{7, RP_PXE_UEFI, 1, 0, "snponly", "snponly.efi"},
		{7, RP_PXE_UEFI, 1, 1, "snponly", "autoexec.ipxe"},
		{11, RP_PXE_UEFI, 0, 0, "", "ipxe-arm64.efi"},
		{11, RP_PXE_UEFI, 0, 0, "snponly", NULL},
		{11, RP_PXE_UEFI, 1, 1, "", "autoexec.ipxe"},
		{16, RP_PXE_HTTP, 0, 0, "http", ""},
		{19, RP_PXE_HTTP, 0, 0, "", ""},
		{16, RP_PXE_HTTP, 0, 0, "ipxe", NULL},
		{6, RP_PXE_UEFI, 0, 0, "", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct rp_pxe_client client = {.arch = cases[i].arch,
			.kind = cases[i].kind,
			.is_ipxe = cases[i].ipxe,
			.ipxe_https = cases[i].https};
		const char *file = rp_pxe_loader_file(cases[i].loader, &client);

		if (!file != !cases[i].file || (file && strcmp(file, cases[i].file) != 0))
			fail_msg("case %zu: %s", i, file ? file : "none");
	}
}

static void what_is_said(void **state)
{
	static const struct {
		enum rp_dhcp_type type, answer;
		enum rp_pxe_kind kind;
		bool ipxe;
		const char *loader, *url, *file; /* file NULL: refused */
		bool option_67, skip, no_pxedhcp;
	} cases[] = {
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_BIOS, 0, "l", "", "l", 0, 1, 0},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_UEFI, 0, "l", "u", "l", 0, 0, 0},
		{RP_DHCP_REQUEST, RP_DHCP_ACK, RP_PXE_UEFI, 0, "l", "", "l", 0, 0, 0},
		{RP_DHCP_INFORM, RP_DHCP_ACK, RP_PXE_UEFI, 0, "l", "", "l", 0, 0, 0},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_UEFI, 1, "l", "", "l", 0, 0, 1},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_BIOS, 1, "l", "u", "u", 0, 1, 1},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_HTTP, 0, "l", "u", "u", 1, 0, 0},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_HTTP, 0, "l", "", NULL, 0, 0, 0},
		{RP_DHCP_DISCOVER, RP_DHCP_OFFER, RP_PXE_UEFI, 0, "", "u", NULL, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct rp_dhcp_request r = request(cases[i].type, RP_DHCP_VENDOR_PXE, 7);
		const struct rp_pxe_client client = {
			.kind = cases[i].kind, .is_ipxe = cases[i].ipxe};
		struct rp_pxe_answer policy = {0};
		struct rp_dhcp_answer answer;
		int got;

		strcpy(policy.loader, cases[i].loader);
		strcpy(policy.http_url, cases[i].url);
		got = rp_pxe_answer_of(&r, &client, &policy, self, &answer);
		if (got != (cases[i].file ? 0 : -EINVAL))
			fail_msg("case %zu: %d", i, got);
		if (got == 0 && (answer.type != cases[i].answer ||
					strcmp(answer.boot_file, cases[i].file) != 0 ||
					answer.option_67 != cases[i].option_67 ||
					answer.pxe_skip_discovery != cases[i].skip ||
					answer.ipxe_no_pxedhcp != cases[i].no_pxedhcp ||
					answer.server.s_addr != self.s_addr))
			fail_msg("case %zu: another answer", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_answered),
		cmocka_unit_test(the_first_architecture_that_fits),
		cmocka_unit_test(what_is_known_of_a_client),
		cmocka_unit_test(which_file),
		cmocka_unit_test(what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

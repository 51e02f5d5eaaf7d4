/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/hardware_id.h"
#include "pxe/dhcp_packet.h"
#include "pxe_request_lab.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

/* In memory of exactly its length, so that ASan sees a read past the end. */
static int parse(const struct made *made, struct rp_dhcp_request *ret, enum rp_dhcp_flaw *flaw)
{
	uint8_t *exact = malloc(made->len ? made->len : 1);
	int r;

	memcpy(exact, made->bytes, made->len);
	r = rp_dhcp_parse(exact, made->len, ret, flaw);
	free(exact);
	return r;
}

static struct rp_dhcp_request parsed(const struct made *made)
{
	struct rp_dhcp_request request;
	enum rp_dhcp_flaw flaw = RP_DHCP_FLAW_NONE;

	if (parse(made, &request, &flaw) != 0)
		fail_msg("refused: %s", rp_dhcp_flaw_text(flaw));
	return request;
}

#define assert_flaw(made, expected) assert_flaw_at(made, expected, __FILE__, __LINE__)
static void assert_flaw_at(
	const struct made *made, enum rp_dhcp_flaw expected, const char *file, int line)
{
	struct rp_dhcp_request request, before;
	enum rp_dhcp_flaw flaw = RP_DHCP_FLAW_NONE;

	memset(&request, 0xa5, sizeof(request));
	before = request;
	_assert_int_equal(parse(made, &request, &flaw), -EBADMSG, file, line);
	if (flaw != expected) {
		print_error(
			"%s instead of %s\n", rp_dhcp_flaw_text(flaw), rp_dhcp_flaw_text(expected));
		_fail(file, line);
	}
	_assert_memory_equal(&request, &before, sizeof(request), file, line);
}

static void all_fields(void **state)
{
	struct made made = made_request(RP_DHCP_REQUEST, "PXEClient:Arch:00007:UNDI:003000", 7);
	struct rp_dhcp_request request;
	char text[RP_UUID_TEXT];

	made.bytes[9] = 4;     /* secs */
	made.bytes[10] = 0x80; /* broadcast */
	made.bytes[12] = 10;   /* ciaddr */
	made.bytes[24] = 192;  /* giaddr */
	made_option(&made, 54, "\x0a\x4d\x00\x01", 4);
	made_option(&made, 57, "\x05\xc0", 2);
	made_option(&made, 82, "\x01\x02zz", 4);
	made_end(&made);
	request = parsed(&made);
	assert_int_equal(request.type, RP_DHCP_REQUEST);
	assert_int_equal(request.xid, 0x01020304);
	assert_int_equal(request.secs, 4);
	assert_true(request.broadcast);
	assert_int_equal(request.ciaddr.s_addr, htonl(0x0a000000));
	assert_int_equal(request.giaddr.s_addr, htonl(0xc0000000));
	assert_int_equal(request.server.s_addr, htonl(0x0a4d0001));
	assert_int_equal(request.max_size, 1472);
	assert_int_equal(request.vendor, RP_DHCP_VENDOR_PXE);
	assert_int_equal(request.arch_count, 1);
	assert_int_equal(request.archs[0], 7);
	assert_true(request.has_guid);
	assert_false(request.is_ipxe);
	assert_int_equal(request.relay_len, 4);
	assert_memory_equal(request.relay, "\x01\x02zz", 4);
	rp_uuid_format(request.guid, text);
	assert_string_equal(text, UUID);
	rp_mac_format(request.mac, text);
	assert_string_equal(text, "52:54:00:aa:bb:01");
}

static void user_class_in_both_forms(void **state)
{
	static const struct {
		const char *value;
		bool is_ipxe;
	} cases[] = {{"iPXE", true}, {"\x04iPXE", true}, {"iPX", false}, {"iPXE2", false},
		{"\x05iPXE", false}, {"\x04iPXF", false}, {"", false},
		/* given twice, or beside other classes of RFC 3004, in any order */
		{"iPXEiPXE", true}, {"\x04iPXE\x04iPXE", true}, {"\x04iPXE\x03lab", true},
		{"\x03lab\x04iPXE", true}, {"\x0ethe lab's rigs\x04iPXE", true},
		{"\x03lab\x05iPXE2", false}, {"\x08lab iPXE", false}, {"\x04iPXE\x09lab", false},
		{"iPXElab", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 7);

		made_option(&made, 77, cases[i].value, strlen(cases[i].value));
		made_end(&made);
		if (parsed(&made).is_ipxe != cases[i].is_ipxe)
			fail_msg("\"%s\" was taken for the other", cases[i].value);
	}
}

static void https_of_an_ipxe(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		bool https;
	} cases[] = {{"\x13\x01\x01\x14\x01\x01", 6, true}, {"\x13\x01\x01", 3, false},
		{"\x14\x01\x00", 3, false}, {"\x14\x02\x01\x01", 4, false}, {"\x14\x01", 2, false},
		{"\x14\x09\x01", 3, false}, {"", 0, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 7);

		made_option(&made, 175, cases[i].value, cases[i].len);
		made_end(&made);
		if (parsed(&made).ipxe_https != cases[i].https)
			fail_msg("case %zu", i);
	}
}

static void many_architectures(void **state)
{
	struct made made = made_header();
	uint8_t many[60];
	struct rp_dhcp_request request;

	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 ? (uint8_t)i : 0;
	made_option(&made, 53, "\x01", 1);
	made_option(&made, 93, many, sizeof(many));
	made_end(&made);
	request = parsed(&made);
	assert_int_equal(request.arch_count, RP_DHCP_ARCH_MAX);
	assert_int_equal(request.archs[0], 1);
	assert_int_equal(request.archs[15], 31);
}

static void options_in_file_and_sname(void **state)
{
	struct made made = made_header();
	struct rp_dhcp_request request;

	made_option(&made, 52, "\x03", 1);
	made_option(&made, 60, "PXE", 3);
	made_end(&made);
	/* file first, then sname: RFC 3396 section 5; option 60 goes on there. */
	memcpy(made.bytes + MADE_FILE,
		"\x35\x01\x01\x3c\x03"
		"Cli\xff",
		9);
	memcpy(made.bytes + MADE_SNAME,
		"\x3c\x03"
		"ent\x5d\x02\x00\x0b\xff",
		10);
	request = parsed(&made);
	assert_int_equal(request.type, RP_DHCP_DISCOVER);
	assert_int_equal(request.vendor, RP_DHCP_VENDOR_PXE);
	assert_int_equal(request.archs[0], 11);

	/* Without option 52 these fields are names. */
	made = made_request(RP_DHCP_DISCOVER, "other", 7);
	made_end(&made);
	memset(made.bytes + MADE_FILE, 0x3c, 128);
	assert_int_equal(parsed(&made).vendor, RP_DHCP_VENDOR_OTHER);
}

static void no_end_is_an_end(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 0);

	assert_int_equal(parsed(&made).arch_count, 1);
}

static void what_is_malformed(void **state)
{
	static const struct {
		uint8_t code;
		const char *value;
		size_t len;
		enum rp_dhcp_flaw flaw;
	} options[] = {{52, "\x04", 1, RP_DHCP_FLAW_OVERLOAD},
		{52, "\x01\x02", 2, RP_DHCP_FLAW_OVERLOAD},
		{54, "\x0a\x00\x00", 3, RP_DHCP_FLAW_LENGTH},
		{54, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8, RP_DHCP_FLAW_LENGTH},
		{53, "\x03", 1, RP_DHCP_FLAW_TYPE}, {93, "\x00", 1, RP_DHCP_FLAW_ARCH}};
	struct made good = made_request(RP_DHCP_DISCOVER, "PXEClient", 7), made;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		made = good;
		/* A second 53 or 93 joins the first (RFC 3396): another type, an odd length. */
		made_option(&made, options[i].code, options[i].value, options[i].len);
		made_end(&made);
		assert_flaw(&made, options[i].flaw);
	}
	made = good;
	made.len = 239;
	assert_flaw(&made, RP_DHCP_FLAW_SHORT);
	made.len = 0;
	assert_flaw(&made, RP_DHCP_FLAW_SHORT);
	made = good;
	made.bytes[0] = 2;
	assert_flaw(&made, RP_DHCP_FLAW_NOT_REQUEST);
	made = good;
	made.bytes[2] = 16;
	assert_flaw(&made, RP_DHCP_FLAW_HARDWARE);
	made = good;
	made.bytes[28] |= 1;
	assert_flaw(&made, RP_DHCP_FLAW_HARDWARE);
	made = good;
	memset(made.bytes + 28, 0, 6);
	assert_flaw(&made, RP_DHCP_FLAW_HARDWARE);
	made = good;
	made.bytes[236]++;
	assert_flaw(&made, RP_DHCP_FLAW_COOKIE);
	made = made_header();
	made_end(&made);
	assert_flaw(&made, RP_DHCP_FLAW_TYPE);
	made = made_header();
	made_option(&made, 53, "\x13", 1);
	assert_flaw(&made, RP_DHCP_FLAW_TYPE);
	made = good;
	made.bytes[made.len++] = 60;
	assert_flaw(&made, RP_DHCP_FLAW_OPTION_CUT);
	made.bytes[made.len++] = 1;
	assert_flaw(&made, RP_DHCP_FLAW_OPTION_CUT);
	made = good;
	made_option(&made, 52, "\x01", 1);
	made_end(&made);
	memset(made.bytes + MADE_FILE, 200, 128);
	assert_flaw(&made, RP_DHCP_FLAW_OPTION_CUT);
}

#define GUID "\x67\x45\x23\x01\xab\x89\xef\xcd\x01\x23\x45\x67\x89\xab\xcd\xef"

/* What boot ROMs do with options of fixed length: twice, empty, without meaning. */
static void what_is_said_twice_or_not_at_all(void **state)
{
	static const struct {
		uint8_t code;
		const char *value;
		size_t len;
		uint16_t max_size;
	} options[] = {
		{53, "\x01", 1, 0},
		{52, "\x00", 1, 0},
		{52, "", 0, 0},
		{54, "", 0, 0},
		{54, "\x0a\x4d\x00\x01\x0a\x4d\x00\x01", 8, 0},
		{57, "\x05\xc0", 2, 1472},
		{57, "\x05\xc0\x05\xc0", 4, 1472},
		{57, "\x05\xc0\x05\xdc", 4, 0},
		{57, "\x05", 1, 0},
		{57, "", 0, 0},
		{60, "PXEClient", 9, 0},
		{93, "", 0, 0},
		{97, "\x00" GUID, 17, 0},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 7);
		struct rp_dhcp_request request;
		char text[RP_UUID_TEXT];

		made_option(&made, options[i].code, options[i].value, options[i].len);
		made_end(&made);
		request = parsed(&made);
		assert_int_equal(request.type, RP_DHCP_DISCOVER);
		assert_int_equal(request.vendor, RP_DHCP_VENDOR_PXE);
		assert_int_equal(request.archs[0], 7);
		assert_int_equal(request.arch_count, 1);
		if (request.max_size != options[i].max_size)
			fail_msg("case %zu: size %u", i, request.max_size);
		assert_true(request.has_guid);
		rp_uuid_format(request.guid, text);
		assert_string_equal(text, UUID);
	}
}

/* RFC 3396: the pieces of one value, of which none is a value itself. */
static void a_value_in_pieces(void **state)
{
	struct made made = made_header();
	struct rp_dhcp_request request;
	char text[RP_UUID_TEXT];

	made_option(&made, 53, "\x01", 1);
	made_option(&made, 60, "PXECl", 5);
	made_option(&made, 97, made_guid, 3);
	made_option(&made, 57, "\x05", 1);
	made_option(&made, 60, "ient:Arch:0", 11);
	made_option(&made, 97, made_guid + 3, 14);
	made_option(&made, 57, "\xc0", 1);
	made_option(&made, 60, "0011", 4);
	made_end(&made);
	request = parsed(&made);
	assert_int_equal(request.vendor, RP_DHCP_VENDOR_PXE);
	assert_int_equal(request.archs[0], 11);
	assert_int_equal(request.max_size, 1472);
	rp_uuid_format(request.guid, text);
	assert_string_equal(text, UUID);
}

/* The UUID where it can be read; echoed as it came in any case. */
static void client_uuids(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *uuid; /* NULL: none */
		size_t echoed;
	} cases[] = {
		{"\x00" GUID, 17, UUID, 17},
		{GUID, 16, UUID, 16},
		{"\x00" GUID "\x00" GUID, 34, UUID, 17},
		{GUID GUID, 32, UUID, 16},
		{"\x01" GUID, 17, NULL, 17},
		{"\xff" GUID, 17, NULL, 17},
		{"\x00" GUID "\x01" GUID, 34, NULL, 34},
		{"\x00\x01\x02", 3, NULL, 3},
		{"", 0, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made made = made_header();
		struct rp_dhcp_answer answer = {.type = RP_DHCP_OFFER,
			.server.s_addr = htonl(0x0a4d0001),
			.boot_file = "ipxe.efi"};
		struct rp_dhcp_request request;
		uint8_t packet[RP_DHCP_PACKET_MAX];
		char text[RP_UUID_TEXT] = "";
		const uint8_t *echo;
		size_t len = 0;

		made_option(&made, 53, "\x01", 1);
		made_option(&made, 97, cases[i].value, cases[i].len);
		made_end(&made);
		request = parsed(&made);
		if (request.has_guid != (cases[i].uuid != NULL))
			fail_msg("case %zu: has_guid %d", i, request.has_guid);
		if (request.has_guid)
			rp_uuid_format(request.guid, text);
		assert_string_equal(text, cases[i].uuid ? cases[i].uuid : "");
		assert_true(rp_dhcp_build(&request, &answer, packet, sizeof(packet)) > 0);
		echo = made_find(packet, sizeof(packet), 97, &len);
		if (len != cases[i].echoed || (len && memcmp(echo, cases[i].value, len) != 0))
			fail_msg("case %zu: %zu bytes echoed", i, len);
	}
}

/* Old ROMs say it in option 60 alone; option 93 counts where there is one. */
static void architecture_of_the_vendor_class(void **state)
{
	static const struct {
		const char *class;
		int arch; /* -1: none */
	} cases[] = {
		{"PXEClient:Arch:00000:UNDI:002001", 0},
		{"PXEClient:Arch:00007:UNDI:003016", 7},
		{"HTTPClient:Arch:00016:UNDI:003001", 16},
		{"PXEClient:Arch:00011", 11},
		{"PXEClient", -1},
		{"PXEClient:Arch:0007", -1},
		{"PXEClient:Arch:7:UNDI:003016", -1},
		{"PXEClient:Arch:99999:UNDI:003016", -1},
		{"PXEClient:UNDI:003016:Arch:00007", -1},
		{"other:Arch:00007:UNDI:003016", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made made = made_header(), both;
		struct rp_dhcp_request request;

		made_option(&made, 53, "\x01", 1);
		made_option(&made, 60, cases[i].class, strlen(cases[i].class));
		both = made;
		request = parsed(&made);
		if (cases[i].arch < 0
				? request.arch_count != 0
				: request.arch_count != 1 || request.archs[0] != cases[i].arch)
			fail_msg("%s: %u", cases[i].class, request.archs[0]);
		made_option(&both, 93, "\x00\x09", 2);
		request = parsed(&both);
		assert_int_equal(request.arch_count, 1);
		assert_int_equal(request.archs[0], 9);
	}
}

static void cut_at_every_byte(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 7);

	made_option(&made, 77, "iPXE", 4);
	made_end(&made);
	for (size_t len = 0; len < made.len; len++) {
		struct made cut = made;
		struct rp_dhcp_request request;
		enum rp_dhcp_flaw flaw = RP_DHCP_FLAW_NONE;
		int r;

		cut.len = len;
		r = parse(&cut, &request, &flaw);
		if (r != 0 && (r != -EBADMSG || flaw == RP_DHCP_FLAW_NONE))
			fail_msg("at %zu: %d, %s", len, r, rp_dhcp_flaw_text(flaw));
	}
}

static struct rp_dhcp_answer offer(const char *file)
{
	return (struct rp_dhcp_answer){
		.type = RP_DHCP_OFFER, .server.s_addr = htonl(0x0a4d0001), .boot_file = file};
}

static void an_offer_byte_for_byte(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 0);
	struct rp_dhcp_answer answer = offer("undionly.kpxe");
	struct rp_dhcp_request request;
	uint8_t packet[RP_DHCP_PACKET_MAX], expected[300] = {2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80};
	static const uint8_t options[] = {99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 77, 0, 1, 60, 9,
		'P', 'X', 'E', 'C', 'l', 'i', 'e', 'n', 't', 43, 4, 6, 1, 8, 255, 97, 17, 0, 0x67,
		0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
		0xef, 255};

	made.bytes[10] = 0x80;
	request = parsed(&made);
	answer.pxe_skip_discovery = true;
	memset(packet, 0xa5, sizeof(packet));
	assert_int_equal(rp_dhcp_build(&request, &answer, packet, sizeof(packet)), 300);
	memcpy(expected + 20, "\x0a\x4d\x00\x01", 4);
	memcpy(expected + 28, "\x52\x54\x00\xaa\xbb\x01", 6);
	memcpy(expected + MADE_SNAME, "10.77.0.1", 9);
	memcpy(expected + MADE_FILE, "undionly.kpxe", 13);
	memcpy(expected + 236, options, sizeof(options));
	assert_memory_equal(packet, expected, sizeof(expected));
}

static void a_url_goes_where_it_fits(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "HTTPClient", 16);
	struct rp_dhcp_request request = parsed(&made);
	uint8_t packet[RP_DHCP_PACKET_MAX];
	char url[257];
	const uint8_t *value;
	ssize_t n;
	size_t len;

	memset(url, 'u', sizeof(url));
	for (size_t size = 127; size <= 128; size++) {
		struct rp_dhcp_answer answer = offer(url);

		url[size] = '\0';
		n = rp_dhcp_build(&request, &answer, packet, sizeof(packet));
		assert_true(n >= 300);
		value = made_find(packet, (size_t)n, 67, &len);
		assert_int_equal(packet[MADE_FILE], size == 127 ? 'u' : 0);
		assert_true((value != NULL) == (size == 128));
		if (value)
			assert_int_equal(len, 128);
		value = made_find(packet, (size_t)n, 60, &len);
		assert_memory_equal(value, "HTTPClient", 10);
		url[size] = 'u';
	}
}

static void what_cannot_be_built(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "PXEClient", 7);
	struct rp_dhcp_request request = parsed(&made);
	uint8_t packet[RP_DHCP_PACKET_MAX];
	struct rp_dhcp_answer answer = offer("");
	char url[257];

	assert_int_equal(rp_dhcp_build(&request, &answer, packet, sizeof(packet)), -EINVAL);
	memset(url, 'u', 256);
	url[256] = '\0';
	answer = offer(url);
	assert_int_equal(rp_dhcp_build(&request, &answer, packet, sizeof(packet)), -EINVAL);
	answer = offer("x");
	answer.server.s_addr = 0;
	assert_int_equal(rp_dhcp_build(&request, &answer, packet, sizeof(packet)), -EINVAL);
	answer = offer("x");
	answer.type = RP_DHCP_DISCOVER;
	assert_int_equal(rp_dhcp_build(&request, &answer, packet, sizeof(packet)), -EINVAL);
	answer = offer("x");
	assert_int_equal(rp_dhcp_build(&request, &answer, packet, 299), -ENOSPC);
}

/*
 * Whatever the room, what is written stays in it, and the relay's option is whole or nothing goes.
 */
static void room_is_kept(void **state)
{
	struct made made = made_request(RP_DHCP_DISCOVER, "HTTPClient", 16);
	uint8_t relay[255];
	struct rp_dhcp_request request;
	char url[256];

	memset(relay, 0x5a, sizeof(relay));
	memset(url, 'u', 255);
	url[255] = '\0';
	made_option(&made, 82, relay, sizeof(relay));
	request = parsed(&made);
	for (size_t size = 300; size < 900; size++) {
		struct rp_dhcp_answer answer = offer(url);
		uint8_t *packet = malloc(size);
		ssize_t n = rp_dhcp_build(&request, &answer, packet, size);
		const uint8_t *value;
		size_t len;

		if (n < 0) {
			assert_int_equal(n, -ENOSPC);
		} else {
			assert_true((size_t)n <= size);
			value = made_find(packet, (size_t)n, 82, &len);
			assert_non_null(value);
			assert_int_equal(len, 255);
		}
		if (size == 899)
			assert_true(n > 0);
		free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields),
		cmocka_unit_test(user_class_in_both_forms),
		cmocka_unit_test(https_of_an_ipxe),
		cmocka_unit_test(many_architectures),
		cmocka_unit_test(options_in_file_and_sname),
		cmocka_unit_test(no_end_is_an_end),
		cmocka_unit_test(what_is_malformed),
		cmocka_unit_test(what_is_said_twice_or_not_at_all),
		cmocka_unit_test(a_value_in_pieces),
		cmocka_unit_test(client_uuids),
		cmocka_unit_test(architecture_of_the_vendor_class),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(an_offer_byte_for_byte),
		cmocka_unit_test(a_url_goes_where_it_fits),
		cmocka_unit_test(what_cannot_be_built),
		cmocka_unit_test(room_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

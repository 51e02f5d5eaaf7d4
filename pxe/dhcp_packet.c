/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/dhcp_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 2131 figure 1. */
struct wire {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64];
	uint8_t file[128];
	uint8_t cookie[4];
	uint8_t options[];
} __attribute__((packed));

_Static_assert(sizeof(struct wire) == 240, "a DHCP header has 236 bytes and the cookie");

enum {
	BOOTREQUEST = 1,
	BOOTREPLY = 2,
	FLAG_BROADCAST = 0x8000,
	ANSWER_MIN = 300,

	OPT_PAD = 0,
	OPT_VENDOR_INFO = 43,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_MAX_SIZE = 57,
	OPT_VENDOR_CLASS = 60,
	OPT_BOOT_FILE = 67,
	OPT_USER_CLASS = 77,
	OPT_RELAY = 82,
	OPT_ARCH = 93,
	OPT_GUID = 97,
	OPT_IPXE = 175,
	OPT_END = 255,

	PXE_DISCOVERY_CONTROL = 6,
	PXE_SKIP_DISCOVERY = 8,
	IPXE_FEATURE_HTTPS = 0x14,
	IPXE_NO_PXEDHCP = 0xb0,
};

static const uint8_t cookie[4] = {99, 130, 83, 99};

static const char *const flaw_texts[RP_DHCP_FLAW_MAX] = {
	[RP_DHCP_FLAW_NONE] = "none",
	[RP_DHCP_FLAW_SHORT] = "too short",
	[RP_DHCP_FLAW_NOT_REQUEST] = "not a request",
	[RP_DHCP_FLAW_HARDWARE] = "no Ethernet client address",
	[RP_DHCP_FLAW_COOKIE] = "no DHCP cookie",
	[RP_DHCP_FLAW_OPTION_CUT] = "option cut off",
	[RP_DHCP_FLAW_OVERLOAD] = "bad option overload",
	[RP_DHCP_FLAW_TYPE] = "bad message type",
	[RP_DHCP_FLAW_ARCH] = "bad client architecture",
	[RP_DHCP_FLAW_LENGTH] = "bad option length",
};

const char *rp_dhcp_flaw_text(enum rp_dhcp_flaw flaw)
{
	return (unsigned)flaw < RP_DHCP_FLAW_MAX ? flaw_texts[flaw] : "unknown";
}

/* The option areas of one packet, in the order in which RFC 3396 joins them. */
struct areas {
	struct {
		const uint8_t *data;
		size_t len;
	} area[3];
	size_t count;
};

/*
 * Walk one area: 1 and the next option, 0 at the end, -EBADMSG where one is cut off. A missing
 * option 255 is an end as well: several boot ROMs leave it out.
 */
static int next_option(const uint8_t *data, size_t len, size_t *position, uint8_t *ret_code,
	const uint8_t **ret_value, size_t *ret_len)
{
	while (*position < len && data[*position] == OPT_PAD)
		(*position)++;
	if (*position >= len || data[*position] == OPT_END)
		return 0;
	if (len - *position < 2 || len - *position - 2 < data[*position + 1])
		return -EBADMSG;
	*ret_code = data[*position];
	*ret_len = data[*position + 1];
	*ret_value = data + *position + 2;
	*position += 2 + *ret_len;
	return 1;
}

/*
 * All pieces of one option, joined. Returns the joined length (bytes past size are dropped), or
 * -ENOENT where the option does not occur. The areas have been walked before, so are well-formed.
 */
static ssize_t find_option(const struct areas *areas, uint8_t wanted, uint8_t *buffer, size_t size)
{
	size_t used = 0;
	bool found = false;

	for (size_t i = 0; i < areas->count; i++) {
		const uint8_t *value;
		size_t position = 0, len;
		uint8_t code;

		while (next_option(areas->area[i].data, areas->area[i].len, &position, &code,
			       &value, &len) > 0) {
			if (code != wanted)
				continue;
			found = true;
			if (len > size - used)
				len = size - used;
			memcpy(buffer + used, value, len);
			used += len;
		}
	}
	return found ? (ssize_t)used : -ENOENT;
}

static int walk(const uint8_t *data, size_t len)
{
	const uint8_t *value;
	size_t position = 0, value_len;
	uint8_t code;
	int r;

	while ((r = next_option(data, len, &position, &code, &value, &value_len)) > 0)
		;
	return r;
}

/*
 * An option of fixed length: 1, or 0 where it does not occur or is empty, or -EBADMSG where it has
 * another length. Boot ROMs behind a relay or a second driver give some twice: joined as RFC 3396
 * has it that is the value repeated, which says it once.
 */
static int find_fixed(const struct areas *areas, uint8_t wanted, void *ret, size_t size)
{
	uint8_t value[64];
	ssize_t n = find_option(areas, wanted, value, sizeof(value));

	if (n <= 0)
		return 0;
	if ((size_t)n % size != 0)
		return -EBADMSG;
	for (size_t i = size; i < (size_t)n; i++)
		if (value[i] != value[i - size])
			return -EBADMSG;
	memcpy(ret, value, size);
	return 1;
}

/* Which fields hold options, by option 52 in the options field itself (RFC 2131 section 4.1). */
static enum rp_dhcp_flaw find_areas(const struct wire *wire, size_t options_len, struct areas *ret)
{
	uint8_t overload = 0;

	*ret = (struct areas){.area = {{wire->options, options_len}}, .count = 1};
	if (walk(wire->options, options_len) < 0)
		return RP_DHCP_FLAW_OPTION_CUT;
	/* 0 is no value of RFC 2132, and what some ROMs say for "none". */
	if (find_fixed(ret, OPT_OVERLOAD, &overload, 1) < 0 || overload > 3)
		return RP_DHCP_FLAW_OVERLOAD;
	if (overload & 1) {
		ret->area[ret->count].data = wire->file;
		ret->area[ret->count++].len = sizeof(wire->file);
	}
	if (overload & 2) {
		ret->area[ret->count].data = wire->sname;
		ret->area[ret->count++].len = sizeof(wire->sname);
	}
	for (size_t i = 1; i < ret->count; i++)
		if (walk(ret->area[i].data, ret->area[i].len) < 0)
			return RP_DHCP_FLAW_OPTION_CUT;
	return RP_DHCP_FLAW_NONE;
}

static bool known_type(uint8_t type)
{
	/* RFC 2132 section 9.6, and 9 to 18 of later RFCs: not ours, but not malformed. */
	return type >= 1 && type <= 18;
}

/* A unicast address that is not all zero: the key by which a rig is known. */
static bool good_mac(const uint8_t *mac)
{
	static const uint8_t none[6];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

static bool is_ipxe_class(const uint8_t *class, size_t len)
{
	return len == 4 && memcmp(class, "iPXE", 4) == 0;
}

/* RFC 3004: a length byte before each class. A list that does not end with the option is none. */
static bool lists_ipxe(const uint8_t *value, size_t len)
{
	bool found = false;
	size_t at = 0;

	while (at < len && value[at] && value[at] < len - at) {
		found |= is_ipxe_class(value + at + 1, value[at]);
		at += 1U + value[at];
	}
	return found && at == len;
}

static void read_user_class(const struct areas *areas, struct rp_dhcp_request *request)
{
	uint8_t value[512], bare[4];
	ssize_t n = find_option(areas, OPT_USER_CLASS, value, sizeof(value));

	/* iPXE sends the bare text. */
	request->is_ipxe =
		n > 0 &&
		(lists_ipxe(value, (size_t)n) ||
			(find_fixed(areas, OPT_USER_CLASS, bare, 4) > 0 && is_ipxe_class(bare, 4)));
}

static void read_ipxe(const struct areas *areas, struct rp_dhcp_request *request)
{
	uint8_t value[512];
	ssize_t n = find_option(areas, OPT_IPXE, value, sizeof(value));
	const uint8_t *feature;
	size_t position = 0, len;
	uint8_t code;

	if (n < 0)
		return;
	/* Only a hint, so what is cut off in it is not worth a refusal. */
	while (next_option(value, (size_t)n, &position, &code, &feature, &len) > 0)
		if (code == IPXE_FEATURE_HTTPS && len == 1 && feature[0])
			request->ipxe_https = true;
}

/* "PXEClient:Arch:00007:UNDI:003000" (RFC 4578 section 2.4): old ROMs say it there alone. */
static void read_class_arch(
	const uint8_t *class, size_t len, size_t name_len, struct rp_dhcp_request *request)
{
	static const char before[] = ":Arch:";
	const size_t digits = 5, start = name_len + strlen(before);
	unsigned arch = 0;

	if (len < start + digits || memcmp(class + name_len, before, strlen(before)) != 0)
		return;
	for (size_t i = start; i < start + digits; i++) {
		if (class[i] < '0' || class[i] > '9')
			return;
		arch = arch * 10 + (class[i] - '0');
	}
	if (arch > UINT16_MAX)
		return;
	request->archs[0] = (uint16_t)arch;
	request->arch_count = 1;
}

static void read_vendor_class(const struct areas *areas, struct rp_dhcp_request *request)
{
	static const struct {
		const char *name;
		enum rp_dhcp_vendor vendor;
	} classes[] = {{"PXEClient", RP_DHCP_VENDOR_PXE}, {"HTTPClient", RP_DHCP_VENDOR_HTTP}};
	uint8_t value[64];
	ssize_t n = find_option(areas, OPT_VENDOR_CLASS, value, sizeof(value));

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		const size_t len = strlen(classes[i].name);

		if (n < (ssize_t)len || memcmp(value, classes[i].name, len) != 0)
			continue;
		request->vendor = classes[i].vendor;
		if (!request->arch_count)
			read_class_arch(value, (size_t)n, len, request);
	}
}

static enum rp_dhcp_flaw read_archs(const struct areas *areas, struct rp_dhcp_request *request)
{
	uint8_t value[2 * RP_DHCP_ARCH_MAX + 2];
	ssize_t n = find_option(areas, OPT_ARCH, value, sizeof(value));

	if (n > 0 && n % 2)
		return RP_DHCP_FLAW_ARCH;
	for (ssize_t i = 0; i < n && request->arch_count < RP_DHCP_ARCH_MAX; i += 2)
		request->archs[request->arch_count++] = (uint16_t)(value[i] << 8 | value[i + 1]);
	return RP_DHCP_FLAW_NONE;
}

/*
 * Option 97 is a hint: what a rig is asked for by UUID it says again over HTTPS. So one that cannot
 * be read is worth no refusal, and is echoed as it came, since ROMs compare it.
 */
static void read_guid(const struct areas *areas, struct rp_dhcp_request *request)
{
	ssize_t n = find_option(areas, OPT_GUID, request->guid_option, RP_DHCP_GUID_OPTION_MAX);
	uint8_t typed[17];

	request->guid_option_len = n > 0 ? (size_t)n : 0;
	if (find_fixed(areas, OPT_GUID, typed, sizeof(typed)) > 0) {
		memcpy(request->guid_option, typed, sizeof(typed));
		request->guid_option_len = sizeof(typed);
		request->has_guid = typed[0] == 0;
		memcpy(request->guid, typed + 1, 16);
	} else if (find_fixed(areas, OPT_GUID, request->guid, 16) > 0) {
		/* some ROMs leave the type out */
		request->guid_option_len = 16;
		request->has_guid = true;
	}
	if (!request->has_guid)
		memset(request->guid, 0, sizeof(request->guid));
}

static enum rp_dhcp_flaw read_options(const struct areas *areas, struct rp_dhcp_request *request)
{
	uint8_t type = 0, size[2] = {0};
	enum rp_dhcp_flaw flaw;
	ssize_t n;

	if (find_fixed(areas, OPT_TYPE, &type, 1) <= 0 || !known_type(type))
		return RP_DHCP_FLAW_TYPE;
	request->type = type;
	if (find_fixed(areas, OPT_SERVER, &request->server.s_addr, 4) < 0)
		return RP_DHCP_FLAW_LENGTH;
	/* Without it there is a size that any client takes, so a wrong one is as good as none. */
	if (find_fixed(areas, OPT_MAX_SIZE, size, 2) > 0)
		request->max_size = (uint16_t)(size[0] << 8 | size[1]);
	read_guid(areas, request);
	flaw = read_archs(areas, request);
	if (flaw)
		return flaw;
	read_vendor_class(areas, request);
	read_user_class(areas, request);
	read_ipxe(areas, request);
	n = find_option(areas, OPT_RELAY, request->relay, sizeof(request->relay));
	request->relay_len = n > 0 ? (size_t)n : 0;
	return RP_DHCP_FLAW_NONE;
}

static enum rp_dhcp_flaw parse(const uint8_t *data, size_t len, struct rp_dhcp_request *request)
{
	const struct wire *wire = (const void *)data;
	enum rp_dhcp_flaw flaw;
	struct areas areas;

	if (len < sizeof(*wire))
		return RP_DHCP_FLAW_SHORT;
	if (wire->op != BOOTREQUEST)
		return RP_DHCP_FLAW_NOT_REQUEST;
	if (wire->htype != 1 || wire->hlen != 6 || !good_mac(wire->chaddr))
		return RP_DHCP_FLAW_HARDWARE;
	if (memcmp(wire->cookie, cookie, sizeof(cookie)) != 0)
		return RP_DHCP_FLAW_COOKIE;
	flaw = find_areas(wire, len - sizeof(*wire), &areas);
	if (flaw)
		return flaw;

	request->xid = ntohl(wire->xid);
	request->secs = ntohs(wire->secs);
	request->broadcast = ntohs(wire->flags) & FLAG_BROADCAST;
	request->ciaddr.s_addr = wire->ciaddr;
	request->giaddr.s_addr = wire->giaddr;
	memcpy(request->mac, wire->chaddr, sizeof(request->mac));
	return read_options(&areas, request);
}

int rp_dhcp_parse(
	const void *data, size_t len, struct rp_dhcp_request *ret, enum rp_dhcp_flaw *reterr_flaw)
{
	struct rp_dhcp_request request = {0};
	enum rp_dhcp_flaw flaw = parse(data, len, &request);

	if (flaw) {
		*reterr_flaw = flaw;
		return -EBADMSG;
	}
	*ret = request;
	return 0;
}

/* Appends options; the first that does not fit makes all that follow fail. */
struct writer {
	uint8_t *data;
	size_t used, size;
	bool full;
};

static void put(struct writer *writer, uint8_t code, const void *value, size_t len)
{
	if (writer->full || len > 255 || writer->size - writer->used < len + 2) {
		writer->full = true;
		return;
	}
	writer->data[writer->used++] = code;
	writer->data[writer->used++] = (uint8_t)len;
	memcpy(writer->data + writer->used, value, len);
	writer->used += len;
}

static void put_options(struct writer *writer, const struct rp_dhcp_request *request,
	const struct rp_dhcp_answer *answer, bool option_67)
{
	const char *vendor = request->vendor == RP_DHCP_VENDOR_HTTP ? "HTTPClient" : "PXEClient";
	const uint8_t type = (uint8_t)answer->type;

	put(writer, OPT_TYPE, &type, 1);
	put(writer, OPT_SERVER, &answer->server.s_addr, 4);
	put(writer, OPT_VENDOR_CLASS, vendor, strlen(vendor));
	if (answer->pxe_skip_discovery) {
		static const uint8_t info[] = {
			PXE_DISCOVERY_CONTROL, 1, PXE_SKIP_DISCOVERY, OPT_END};

		put(writer, OPT_VENDOR_INFO, info, sizeof(info));
	}
	if (option_67)
		put(writer, OPT_BOOT_FILE, answer->boot_file, strlen(answer->boot_file));
	if (request->guid_option_len)
		put(writer, OPT_GUID, request->guid_option, request->guid_option_len);
	if (answer->ipxe_no_pxedhcp) {
		static const uint8_t info[] = {IPXE_NO_PXEDHCP, 1, 1};

		put(writer, OPT_IPXE, info, sizeof(info));
	}
	/* Last of all, as RFC 3046 section 2.1 asks. */
	if (request->relay_len)
		put(writer, OPT_RELAY, request->relay, request->relay_len);
}

ssize_t rp_dhcp_build(const struct rp_dhcp_request *request, const struct rp_dhcp_answer *answer,
	void *buffer, size_t size)
{
	size_t file_len = strlen(answer->boot_file);
	struct wire *wire = buffer;
	struct writer writer;

	if (answer->type != RP_DHCP_OFFER && answer->type != RP_DHCP_ACK)
		return -EINVAL;
	if (answer->server.s_addr == 0 || file_len == 0 || file_len > 255)
		return -EINVAL;
	if (size < ANSWER_MIN)
		return -ENOSPC;

	memset(buffer, 0, ANSWER_MIN);
	wire->op = BOOTREPLY;
	wire->htype = 1;
	wire->hlen = 6;
	wire->xid = htonl(request->xid);
	wire->flags = htons(request->broadcast ? FLAG_BROADCAST : 0);
	wire->ciaddr = request->ciaddr.s_addr;
	wire->siaddr = answer->server.s_addr;
	wire->giaddr = request->giaddr.s_addr;
	memcpy(wire->chaddr, request->mac, sizeof(request->mac));
	inet_ntop(AF_INET, &answer->server, (char *)wire->sname, sizeof(wire->sname));
	if (file_len <= RP_DHCP_FILE_MAX)
		memcpy(wire->file, answer->boot_file, file_len);
	memcpy(wire->cookie, cookie, sizeof(cookie));

	/* One byte is kept for option 255. */
	writer = (struct writer){.data = wire->options, .size = size - sizeof(*wire) - 1};
	put_options(&writer, request, answer, answer->option_67 || file_len > RP_DHCP_FILE_MAX);
	if (writer.full)
		return -ENOSPC;
	writer.data[writer.used++] = OPT_END;
	writer.used += sizeof(*wire);
	return (ssize_t)(writer.used < ANSWER_MIN ? ANSWER_MIN : writer.used);
}

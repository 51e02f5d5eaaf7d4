/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/*
 * IANA "Processor Architecture Types". RFC 4578 first had 7 and 9 swapped and firmware followed
 * either, so both are x86-64. A file that is not there is NULL.
 *
 * script: what a running iPXE is given instead of a loader. A UEFI iPXE without HTTPS is a network
 * card's own and must load ours; one with HTTPS is taken for ours, which wants its script from us
 * where it came through another iPXE (then it does not find autoexec.ipxe beside itself), and
 * otherwise ignores the file. A BIOS iPXE is as good as undionly.kpxe.
 */
static const struct architecture {
	uint16_t code;
	enum rp_pxe_kind kind;
	const char *ipxe, *snponly, *undionly, *usual, *script;
} architectures[] = {
	{0, RP_PXE_BIOS, .undionly = "undionly.kpxe", .usual = "undionly.kpxe",
		.script = "undionly.ipxe"},
	{7, RP_PXE_UEFI, .ipxe = "ipxe.efi", .snponly = "snponly.efi", .usual = "ipxe.efi",
		.script = "autoexec.ipxe"},
	{9, RP_PXE_UEFI, .ipxe = "ipxe.efi", .snponly = "snponly.efi", .usual = "ipxe.efi",
		.script = "autoexec.ipxe"},
	{11, RP_PXE_UEFI, .ipxe = "ipxe-arm64.efi", .usual = "ipxe-arm64.efi",
		.script = "autoexec.ipxe"},
	{16, RP_PXE_HTTP},
	{19, RP_PXE_HTTP},
};

static const struct architecture *find_architecture(uint16_t code)
{
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
		if (architectures[i].code == code)
			return &architectures[i];
	return NULL;
}

int rp_pxe_arch_kind(uint16_t arch, enum rp_pxe_kind *ret)
{
	const struct architecture *found = find_architecture(arch);

	if (!found)
		return -ENOENT;
	*ret = found->kind;
	return 0;
}

const char *rp_pxe_loader_file(const char *loader, const struct rp_pxe_client *client)
{
	const struct architecture *found = find_architecture(client->arch);

	if (!found)
		return NULL;
	if (client->kind == RP_PXE_HTTP)
		return !*loader || strcmp(loader, "http") == 0 ? "" : NULL;
	if (client->is_ipxe && (client->ipxe_https || client->kind == RP_PXE_BIOS))
		return found->script;
	if (!*loader)
		return found->usual;
	if (strcmp(loader, "ipxe") == 0)
		return found->ipxe;
	if (strcmp(loader, "snponly") == 0)
		return found->snponly;
	if (strcmp(loader, "undionly") == 0)
		return found->undionly;
	return NULL;
}

/* A client may list several architectures: the first that fits how it asks. */
static int choose_architecture(
	const struct rp_dhcp_request *request, uint16_t *ret_arch, enum rp_pxe_kind *ret_kind)
{
	const bool http = request->vendor == RP_DHCP_VENDOR_HTTP;

	for (size_t i = 0; i < request->arch_count; i++) {
		enum rp_pxe_kind kind;

		if (rp_pxe_arch_kind(request->archs[i], &kind) < 0)
			continue;
		if ((kind == RP_PXE_HTTP) != http)
			continue;
		*ret_arch = request->archs[i];
		*ret_kind = kind;
		return 0;
	}
	return -ENOENT;
}

static bool is_for_us(
	const struct rp_dhcp_request *request, enum rp_pxe_port port, struct in_addr self)
{
	if (request->vendor == RP_DHCP_VENDOR_OTHER)
		return false;
	if (port == RP_PXE_PORT_BINL)
		return request->vendor == RP_DHCP_VENDOR_PXE &&
		       (request->type == RP_DHCP_REQUEST || request->type == RP_DHCP_INFORM);
	if (request->type == RP_DHCP_DISCOVER)
		return true;
	/*
	 * On 67 a REQUEST is for the site's DHCP server, which alone has addresses to confirm.
	 * Answering it would take the place of its ACK, unless the client chose us by name.
	 */
	return request->type == RP_DHCP_REQUEST && request->server.s_addr == self.s_addr &&
	       (request->is_ipxe || request->vendor == RP_DHCP_VENDOR_HTTP);
}

int rp_pxe_client_of(const struct rp_dhcp_request *request, enum rp_pxe_port port,
	struct in_addr self, struct rp_pxe_client *ret)
{
	struct rp_pxe_client client = {0};

	if (!is_for_us(request, port, self) ||
		choose_architecture(request, &client.arch, &client.kind) < 0)
		return -ENOENT;
	rp_dhcp_mac_text(request->mac, client.mac);
	if (request->has_guid)
		rp_dhcp_uuid_text(request->guid, client.uuid);
	client.is_ipxe = request->is_ipxe;
	client.ipxe_https = request->ipxe_https;
	if (request->ciaddr.s_addr)
		inet_ntop(AF_INET, &request->ciaddr, client.address, sizeof(client.address));
	*ret = client;
	return 0;
}

int rp_pxe_answer_of(const struct rp_dhcp_request *request, const struct rp_pxe_client *client,
	const struct rp_pxe_answer *answer, struct in_addr self, struct rp_dhcp_answer *ret)
{
	const bool http = client->kind == RP_PXE_HTTP;
	const bool by_url = http || (client->is_ipxe && answer->http_url[0]);
	const char *file = by_url ? answer->http_url : answer->loader;

	if (!file[0])
		return -EINVAL;
	*ret = (struct rp_dhcp_answer){
		.type = request->type == RP_DHCP_DISCOVER ? RP_DHCP_OFFER : RP_DHCP_ACK,
		.server = self,
		.boot_file = file,
		.option_67 = http,
		/* Only BIOS: with option 43 UEFI takes this for a PXE 1.0 offer and never asks on
		 * 4011, where some of it would be the only place to learn the boot file. */
		.pxe_skip_discovery = client->kind == RP_PXE_BIOS,
		.ipxe_no_pxedhcp = client->is_ipxe,
	};
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/hardware_id.h"

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
	rp_mac_format(request->mac, client.mac);
	if (request->has_guid)
		rp_uuid_format(request->guid, client.uuid);
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
		/*
		 * Only BIOS: with option 43 UEFI takes this for a PXE 1.0 offer and never asks on
		 * 4011, where some of it would be the only place to learn the boot file.
		 */
		.pxe_skip_discovery = client->kind == RP_PXE_BIOS,
		.ipxe_no_pxedhcp = client->is_ipxe,
	};
	return 0;
}

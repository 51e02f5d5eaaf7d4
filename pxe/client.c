/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/client.h"

#include <errno.h>
#include <string.h>

static const char *const event_names[RP_PXE_EVENT_MAX] = {
	[RP_PXE_DISCOVER_SEEN] = "discover",
	[RP_PXE_OFFERED] = "offered",
	[RP_PXE_ACKED] = "acked",
	[RP_PXE_IPXE_SEEN] = "ipxe",
	[RP_PXE_HTTP_OFFERED] = "http-offered",
	[RP_PXE_MALFORMED] = "malformed",
};

const char *rp_pxe_event_name(enum rp_pxe_event event)
{
	return (unsigned)event < RP_PXE_EVENT_MAX ? event_names[event] : "unknown";
}

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

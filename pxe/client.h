/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for a boot, what it may be told, and what was seen of it: the nouns that the protocol
 * (reply, proxydhcp) and a policy share.
 */
#ifndef RP_PXE_CLIENT_H
#define RP_PXE_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/hardware_id.h"
#include "pxe/dhcp_packet.h"

enum rp_pxe_kind { RP_PXE_BIOS, RP_PXE_UEFI, RP_PXE_HTTP };

struct rp_pxe_client {
	char mac[RP_MAC_TEXT];	 /* "" only with RP_PXE_MALFORMED */
	char uuid[RP_UUID_TEXT]; /* "" where the firmware did not say or has none */
	uint16_t arch; /* option 93 (IANA): 0 BIOS, 7 and 9 x86-64, 11 arm64, 16 and 19 HTTP */
	enum rp_pxe_kind kind;
	bool is_ipxe;		       /* an iPXE asks, ours or a network card's own */
	bool ipxe_https;	       /* ... and says that it has HTTPS */
	char address[INET_ADDRSTRLEN]; /* its IPv4 address, "" while it has none (in DISCOVER) */
};

#define RP_PXE_LOADER_TEXT (RP_DHCP_FILE_MAX + 1)
#define RP_PXE_URL_MAX 256

/* What the client is to load. Zero-initialised by whoever asks a policy for it. */
struct rp_pxe_answer {
	char loader[RP_PXE_LOADER_TEXT]; /* TFTP path relative to the root; rp_pxe_loader_file */
	char http_url[RP_PXE_URL_MAX];	 /* for kind RP_PXE_HTTP, and for an iPXE where not "" */
};

enum rp_pxe_event {
	RP_PXE_DISCOVER_SEEN, /* a client, before the policy is asked: also an unknown one */
	RP_PXE_OFFERED,	      /* OFFER sent on 67; detail: the boot file */
	RP_PXE_ACKED,	     /* ACK sent on 4011, or on 67 to one that chose us; detail: the file */
	RP_PXE_IPXE_SEEN,    /* DISCOVER of an iPXE; instead of DISCOVER_SEEN */
	RP_PXE_HTTP_OFFERED, /* OFFER sent to an HTTPClient; detail: the URL */
	RP_PXE_MALFORMED,    /* detail: why */
	RP_PXE_EVENT_MAX,
};

const char *rp_pxe_event_name(enum rp_pxe_event event); /* "discover", "offered", ... */

/*
 * The file under the TFTP root for a manifest's loader name ("ipxe", "snponly", "undionly", "http";
 * "": the usual one) and this client. NULL: no such loader for this architecture, leave the client
 * alone. For "http" and kind RP_PXE_HTTP there is no file: the policy fills http_url, this gives
 * "". An iPXE that has HTTPS is given autoexec.ipxe, one on BIOS undionly.ipxe; a UEFI iPXE without
 * HTTPS (a network card's own) is given the loader.
 */
const char *rp_pxe_loader_file(const char *loader, const struct rp_pxe_client *client);

/* Kind of an architecture code. -ENOENT for those that we have no loader for. */
int rp_pxe_arch_kind(uint16_t arch, enum rp_pxe_kind *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ProxyDHCP (PXE 2.1, RFC 4578) and UEFI HTTP boot beside the site's own DHCP server: says what to
 * boot, never hands out an address. Knows no rigs: whom to answer, and with what, is asked of
 * struct rp_pxe_ops.
 *
 * What is answered, by whom it comes from:
 *   DISCOVER on 67, PXEClient, BIOS     OFFER with option 43 {6: 8} and the boot file
 *   DISCOVER on 67, PXEClient, UEFI     OFFER with the boot file and no option 43, so that firmware
 *                                       asks again on 4011 (or takes the file at once)
 *   DISCOVER on 67, HTTPClient          OFFER with HTTPClient echoed and the URL in option 67
 *   DISCOVER on 67, iPXE                OFFER with siaddr and file: iPXE goes on without its 2 s
 * wait REQUEST on 67, HTTPClient or iPXE that names us in option 54: ACK REQUEST or INFORM on 4011
 * ACK, unicast to where it came from Everything else is left alone: in particular a client without
 * option 60 "PXEClient" or "HTTPClient", one without option 93, and one for which ops say -ENOENT.
 */
#ifndef RP_PXE_PROXYDHCP_H
#define RP_PXE_PROXYDHCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <jansson.h>

#include "lib/error.h"
#include "pxe/dhcp_packet.h"

enum rp_pxe_kind { RP_PXE_BIOS, RP_PXE_UEFI, RP_PXE_HTTP };

struct rp_pxe_client {
	char mac[RP_MAC_TEXT];	 /* "" only with RP_PXE_MALFORMED */
	char uuid[RP_UUID_TEXT]; /* "" where the firmware did not say or has none */
	uint16_t
		arch; /* option 93 (IANA): 0 BIOS, 7 and 9 x86-64, 11 arm64, 16 and 19 their HTTP */
	enum rp_pxe_kind kind;
	bool is_ipxe;		       /* an iPXE asks, ours or a network card's own */
	bool ipxe_https;	       /* ... and says that it has HTTPS */
	char address[INET_ADDRSTRLEN]; /* its IPv4 address, "" while it has none (in DISCOVER) */
};

#define RP_PXE_URL_MAX 256

/* What the client is to load. Zero-initialised by the caller of boot_for. */
struct rp_pxe_answer {
	char loader[RP_DHCP_FILE_MAX +
		    1];		       /* TFTP path relative to the root; see rp_pxe_loader_file */
	char http_url[RP_PXE_URL_MAX]; /* used for kind RP_PXE_HTTP, and for an iPXE where not "" */
};

enum rp_pxe_event {
	RP_PXE_DISCOVER_SEEN, /* a network-boot client, before ops are asked: also from unknown ones
			       */
	RP_PXE_OFFERED,	      /* OFFER sent on 67; detail: the boot file */
	RP_PXE_ACKED, /* ACK sent on 4011 (or on 67 to one that chose us); detail: the boot file */
	RP_PXE_IPXE_SEEN,    /* DISCOVER of an iPXE; instead of DISCOVER_SEEN */
	RP_PXE_HTTP_OFFERED, /* OFFER sent to an HTTPClient; detail: the URL */
	RP_PXE_MALFORMED,    /* detail: why */
	RP_PXE_EVENT_MAX,
};

const char *rp_pxe_event_name(enum rp_pxe_event event); /* "discover", "offered", ... */

/*
 * The policy. DHCP has no memory: one boot asks boot_for several times (DISCOVER, its repeats,
 * 4011, iPXE's own), so the same client must get the same answer, and asking must change nothing.
 */
struct rp_pxe_ops {
	/* 0: *ret is filled. -ENOENT: leave this client alone. Others: counted as a failure, no
	 * answer. */
	int (*boot_for)(void *ctx, const struct rp_pxe_client *client, struct rp_pxe_answer *ret);
	/* May be NULL. client is never NULL; detail never NULL, maybe "". */
	void (*event)(void *ctx, const struct rp_pxe_client *client, enum rp_pxe_event what,
		const char *detail);
	void *ctx;
};

struct rp_proxydhcp_config {
	const char *interface; /* "br0"; required: what we say must not leak to other networks */
	struct in_addr server; /* our address there: TFTP server, option 54; required */
	uint16_t dhcp_port;    /* 0: 67 */
	uint16_t pxe_port;     /* 0: 4011 */
	uint16_t client_port;  /* where broadcast answers go; 0: 68 */
	unsigned rate; /* answers a second, all clients; 0: 200. One client gets 5/s, 20 at once */
};

struct rp_proxydhcp; /* opaque */

/*
 * Open both sockets and serve them from base. ops is copied, its ctx is not. -EINVAL, -ENODEV (no
 * such interface), -EADDRINUSE (the text says what usually holds the port), -EPERM.
 */
int rp_proxydhcp_start(struct event_base *base, const struct rp_proxydhcp_config *config,
	const struct rp_pxe_ops *ops, struct rp_proxydhcp **ret, struct rp_error *err);
struct rp_proxydhcp *rp_proxydhcp_free(struct rp_proxydhcp *proxy);

/* {"received","offers","acks","http_offers","left_alone","not_for_us","malformed","limited","failed",
 * "malformed_by":{reason: n}}. New reference; NULL: no memory. */
json_t *rp_proxydhcp_counters(const struct rp_proxydhcp *proxy);

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

static inline void rp_cleanup_proxydhcp(struct rp_proxydhcp **proxy)
{
	rp_proxydhcp_free(*proxy);
}

#endif

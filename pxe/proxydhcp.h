/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ProxyDHCP (PXE 2.1, RFC 4578) and UEFI HTTP boot beside the site's own DHCP server: says what to
 * boot, never hands out an address. Knows no rigs: whom to answer, and with what, is asked of
 * struct rp_pxe_ops.
 *
 * What is answered:
 *
 *   DISCOVER on 67, PXEClient, BIOS      OFFER with option 43 {6: 8} and the boot file
 *   DISCOVER on 67, PXEClient, UEFI      OFFER with the boot file and no option 43, so that
 *                                        firmware asks again on 4011 (or takes the file at once)
 *   DISCOVER on 67, HTTPClient           OFFER with HTTPClient echoed and the URL in option 67
 *   DISCOVER on 67, iPXE                 OFFER with siaddr and file: iPXE goes on without its 2 s
 *                                        wait
 *   REQUEST on 67, HTTPClient or iPXE,   ACK
 *   that names us in option 54
 *   REQUEST or INFORM on 4011            ACK, unicast to where it came from
 *
 * Everything else is left alone: in particular a client without option 60 "PXEClient" or
 * "HTTPClient", one that says its architecture neither in option 93 nor in option 60, and one for
 * which ops say -ENOENT.
 */
#ifndef RP_PXE_PROXYDHCP_H
#define RP_PXE_PROXYDHCP_H

#include <netinet/in.h>
#include <stdint.h>

#include <event2/event.h>
#include <jansson.h>

#include "lib/error.h"
#include "pxe/client.h"

/*
 * The policy. DHCP has no memory: one boot asks boot_for several times (DISCOVER, its repeats,
 * 4011, iPXE's own), so the same client must get the same answer, and asking must change nothing.
 */
struct rp_pxe_ops {
	/*
	 * 0: *ret is filled. -ENOENT: leave this client alone. Others: counted as a
	 * failure, no answer.
	 */
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

/*
 * {"received","offers","acks","http_offers","left_alone","not_for_us","malformed","limited",
 * "failed","malformed_by":{reason: n}}. New reference; NULL: no memory.
 */
json_t *rp_proxydhcp_counters(const struct rp_proxydhcp *proxy);

static inline void rp_cleanup_proxydhcp(struct rp_proxydhcp **proxy)
{
	rp_proxydhcp_free(*proxy);
}

#endif

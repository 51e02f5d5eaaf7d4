/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is answered, and what is said: the PXE rules between a parsed request and a built answer.
 * Pure functions; proxydhcp.c brings the sockets. The table in proxydhcp.h is what they implement.
 */
#ifndef RP_PXE_REPLY_H
#define RP_PXE_REPLY_H

#include <netinet/in.h>

#include "pxe/client.h"
#include "pxe/dhcp_packet.h"

enum rp_pxe_port { RP_PXE_PORT_DHCP /* 67 */, RP_PXE_PORT_BINL /* 4011 */ };

/*
 * The client behind a request that arrived on port, at our address self. -ENOENT: not for us
 * (no network boot, another server's, or an architecture that we have no loader for).
 */
int rp_pxe_client_of(const struct rp_dhcp_request *request, enum rp_pxe_port port,
	struct in_addr self, struct rp_pxe_client *ret);

/*
 * The answer in DHCP terms. ret->boot_file is borrowed from answer. -EINVAL: the policy filled
 * nothing that this client could use.
 */
int rp_pxe_answer_of(const struct rp_dhcp_request *request, const struct rp_pxe_client *client,
	const struct rp_pxe_answer *answer, struct in_addr self, struct rp_dhcp_answer *ret);

#endif

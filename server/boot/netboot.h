/* SPDX-License-Identifier: Apache-2.0 */
/* Starts what firmware talks to (proxyDHCP, TFTP) and hands its questions to the policy. */
#ifndef RP_SERVER_BOOT_NETBOOT_H
#define RP_SERVER_BOOT_NETBOOT_H

#include "lib/error.h"

struct rp_server;
struct rp_netboot;

/*
 * As the site says: dhcp proxy|off, tftp spawn|external|off. Needs server->site, url, metrics.
 * Binds 67 and 4011, so before privileges are dropped. Sets server->netboot.
 */
int rp_netboot_start(struct rp_server *server, struct rp_error *err);
struct rp_netboot *rp_netboot_free(struct rp_netboot *netboot);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Starts what firmware talks to (proxyDHCP, TFTP) and hands its questions to the policy. */
#ifndef RP_SERVER_NETBOOT_H
#define RP_SERVER_NETBOOT_H

#include <jansson.h>

#include "lib/error.h"
#include "pxe/proxydhcp.h"

struct rp_server;
struct rp_netboot;

/*
 * As the site says: dhcp proxy|off, tftp spawn|external|off. Needs server->site, url, metrics.
 * Binds 67 and 4011, so before privileges are dropped. Sets server->netboot.
 */
int rp_netboot_start(struct rp_server *server, struct rp_error *err);
struct rp_netboot *rp_netboot_free(struct rp_netboot *netboot);

/* ---- the policy, provided by the state side (boots.c) ---- */

/* 0: answer with *ret; -ENOENT: leave that machine alone. */
int rp_policy_boot_for(
	struct rp_server *server, const struct rp_pxe_client *client, struct rp_pxe_answer *ret);

/* Every step of a machine's firmware; detail may be NULL. Rows of the boot's timeline. */
void rp_policy_pxe_event(struct rp_server *server, const struct rp_pxe_client *client,
	enum rp_pxe_event event, const char *detail);

#endif

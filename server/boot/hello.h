/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent says hello: who it can be, what it does next, and its certificate. Without a TPM nothing
 * on a stateless rig can prove who it is, so a key is certified only inside of the window of a boot
 * that the server knows, once, for the address, MAC and UUID that fetched its script.
 */
#ifndef RP_SERVER_BOOT_HELLO_H
#define RP_SERVER_BOOT_HELLO_H

#include "lib/error.h"
#include "server/state/boots.h"
#include "server/http/https.h"

struct rp_server;

/* The answer to a hello. Fills reply (200, 202, 403...); negative errno where the store failed. */
int rp_hello_answer(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply);

/*
 * A rig reports that our keys are in its firmware (struct rp_enrolled of keys/rig_protocol.h).
 * *ret_action: power off or reboot. -EINVAL: no such report. -ENOTSUP: this boot was not to enrol;
 * -EAGAIN: it is still in Setup Mode.
 */
int rp_hello_enrolled(struct rp_server *server, struct rp_boot *boot, const json_t *body,
	enum rp_action *ret_action, struct rp_error *err);

#endif

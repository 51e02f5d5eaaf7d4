/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening socket that outlives a lack of descriptors: it keeps one in reserve, with which it
 * turns away who stands first in the queue, and then pauses, so that a full process neither spins nor
 * lets its peers wait for an answer that does not come.
 */
#ifndef RP_SERVER_HTTP_LISTENER_H
#define RP_SERVER_HTTP_LISTENER_H

#include <event2/event.h>
#include <sys/socket.h>

struct rp_listener;
struct rp_metrics;

/* Gets each connection, non-blocking and close-on-exec, and owns it. */
typedef void (*rp_accepted)(void *context, int fd, const struct sockaddr *peer, socklen_t peer_len);

/* fd, listening and non-blocking, is taken over on success. NULL: no memory. */
struct rp_listener *rp_listener_new(struct event_base *base, int fd, rp_accepted accepted,
	void *context, struct rp_metrics *metrics);
struct rp_listener *rp_listener_free(struct rp_listener *listener); /* takes NULL, returns NULL */

#endif

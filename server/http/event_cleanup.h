/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup types for libevent's handles; see lib/cleanup.h. */
#ifndef RP_SERVER_HTTP_EVENT_CLEANUP_H
#define RP_SERVER_HTTP_EVENT_CLEANUP_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "lib/cleanup.h"

RP_DEFINE_CLEANUP(evbuffer, struct evbuffer, evbuffer_free)
RP_DEFINE_CLEANUP(event, struct event, event_free)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/metrics.h"

#define TURN 64 /* connections in a row, before those that are there have their turn */
#define PAUSE_MS 100

struct rp_listener {
	int fd, reserve; /* reserve -1: there was no descriptor for it */
	struct event *event, *pause;
	rp_accepted accepted;
	void *context;
	struct rp_metrics *metrics;
};

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The first in the queue sees a closed connection instead of none. */
static void turn_away_one(struct rp_listener *listener)
{
	int fd;

	if (listener->reserve < 0)
		return;
	close(listener->reserve);
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	listener->reserve = open_reserve();
}

static void pause_accepting(struct rp_listener *listener, int error)
{
	rp_metrics_add(listener->metrics, "accept_failures_total", 1);
	rp_log_warning("connections cannot be accepted: %s: raise LimitNOFILE= (or ulimit -n)",
		strerror(error));
	turn_away_one(listener);
	event_del(listener->event);
	event_add(listener->pause, &(struct timeval){0, PAUSE_MS * 1000});
}

static void go_on(evutil_socket_t fd, short what, void *context)
{
	struct rp_listener *listener = context;

	event_add(listener->event, NULL);
}

static void on_connection(evutil_socket_t listening, short what, void *context)
{
	struct rp_listener *listener = context;

	for (int i = 0; i < TURN; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t len = sizeof(peer);
		int fd = accept4(
			listening, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			listener->accepted(listener->context, fd, (struct sockaddr *)&peer, len);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(listener, errno);
		/* Whatever else it is, is of that one connection: the next may be better. */
		if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO)
			return;
	}
}

struct rp_listener *rp_listener_new(struct event_base *base, int fd, rp_accepted accepted,
	void *context, struct rp_metrics *metrics)
{
	struct rp_listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	*listener = (struct rp_listener){.fd = -1,
		.reserve = open_reserve(),
		.accepted = accepted,
		.context = context,
		.metrics = metrics};
	listener->event = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, listener);
	listener->pause = evtimer_new(base, go_on, listener);
	if (!listener->event || !listener->pause || event_add(listener->event, NULL) < 0)
		return rp_listener_free(listener);
	listener->fd = fd;
	return listener;
}

struct rp_listener *rp_listener_free(struct rp_listener *listener)
{
	if (!listener)
		return NULL;
	if (listener->event)
		event_free(listener->event);
	if (listener->pause)
		event_free(listener->pause);
	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->reserve >= 0)
		close(listener->reserve);
	free(listener);
	return NULL;
}

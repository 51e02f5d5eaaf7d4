/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/announced.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "server/server.h"
#include "server/store/store.h"

struct entry {
	struct entry *next;
	char rig[RP_RIG_TEXT];
	struct rp_announcement said;
	int64_t until; /* boot clock */
};

struct rp_announced {
	struct entry *first;
	int64_t (*now)(void *context);
	void *context;
};

static int64_t boot_clock(void *context)
{
	(void)context;
	return rp_clock_monotonic();
}

static struct rp_announced *prepare(struct rp_server *server)
{
	if (!server->announced) {
		server->announced = calloc(1, sizeof(*server->announced));
		if (server->announced)
			server->announced->now = boot_clock;
	}
	return server->announced;
}

/* Take out what is over, and what is said of rig (NULL: of none). */
static void remove_of(struct rp_announced *announced, const char *rig)
{
	struct entry **at = &announced->first;

	while (*at) {
		struct entry *entry = *at;

		if (entry->until > announced->now(announced->context) &&
			(!rig || strcmp(entry->rig, rig) != 0)) {
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		free(entry);
	}
}

int rp_announced_add(struct rp_server *server, const char *rig, const char *by, int seconds)
{
	struct rp_announced *announced = prepare(server);
	struct entry *entry = announced ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry)
		return -ENOMEM;
	remove_of(announced, rig);
	snprintf(entry->rig, sizeof(entry->rig), "%s", rig);
	snprintf(entry->said.by, sizeof(entry->said.by), "%s", by);
	entry->said.at = rp_store_now(server->store);
	entry->until = announced->now(announced->context) + seconds * RP_SECOND;
	entry->next = announced->first;
	announced->first = entry;
	rp_log_info("rig %s: its next boot is announced by %s, for %d s", rig, by, seconds);
	return 0;
}

int rp_announced_get(struct rp_server *server, const char *rig, struct rp_announcement *ret)
{
	if (!server->announced)
		return 0;
	remove_of(server->announced, NULL);
	for (const struct entry *at = server->announced->first; at; at = at->next) {
		if (strcmp(at->rig, rig) == 0) {
			*ret = at->said;
			return 1;
		}
	}
	return 0;
}

void rp_announced_drop(struct rp_server *server, const char *rig)
{
	if (server->announced)
		remove_of(server->announced, rig);
}

int rp_announced_set_clock(struct rp_server *server, int64_t (*now)(void *context), void *context)
{
	struct rp_announced *announced = prepare(server);

	if (!announced)
		return -ENOMEM;
	announced->now = now;
	announced->context = context;
	return 0;
}

void rp_announced_free(struct rp_server *server)
{
	while (server->announced && server->announced->first) {
		struct entry *entry = server->announced->first;

		server->announced->first = entry->next;
		free(entry);
	}
	free(server->announced);
	server->announced = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "lib/metrics.h"

#define CHAINS 1024
#define REMEMBERED_MAX 2048		  /* peers without a connection, of each kind */
#define KNOWN_FOR (24 * 3600 * RP_SECOND) /* after a certificate or token was shown */
#define ACCOUNT (RP_SECOND)		  /* how far ahead of its share a peer may work */
#define REGISTERING_SHARE 100		  /* thousandths of the loop's time */
#define KNOWN_BODY_BYTES (64 << 20)	  /* of a known class together */
/*
 * Descriptors that are not connections': the store, listening sockets, artefacts, power drivers'
 * monitors. A connection has up to two, its socket and the blob that it is sent.
 */
#define OTHER_DESCRIPTORS 96
#define PER_CONNECTION 2

struct rp_peer {
	LIST_ENTRY(rp_peer) entry;
	TAILQ_ENTRY(rp_peer) idle;
	uint64_t key[2]; /* family, and the address as far as it counts */
	int count[RP_CLASSES], total;
	int64_t known_until; /* monotonic: it showed who it is; 0: it never did */
	enum rp_class known_as;
	int64_t busy_until; /* monotonic: when its work would be done at its share of the time */
	bool remembered_as_known;
};

TAILQ_HEAD(peers, rp_peer);

struct rp_limits {
	struct rp_limits_config config;
	struct rp_metrics *metrics;
	LIST_HEAD(, rp_guest) guests;
	LIST_HEAD(, rp_peer) chains[CHAINS];
	struct peers idle[2]; /* without a connection, oldest first; [1]: known */
	int idle_count[2];
	int count[RP_CLASSES], total;
	int64_t held[RP_CLASSES];
	int64_t busy_until; /* of all the unknown */
	int64_t registering_until;
	uint64_t seed;
};

const char *rp_class_text(enum rp_class class)
{
	static const char *const words[RP_CLASSES] = {"unknown", "rig", "operator"};

	return words[class];
}

static void set_default(int *value, int fallback)
{
	if (*value <= 0)
		*value = fallback;
}

static int connections_possible(int wanted)
{
	struct rlimit files;
	rlim_t possible;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	possible = files.rlim_cur > OTHER_DESCRIPTORS
			   ? (files.rlim_cur - OTHER_DESCRIPTORS) / PER_CONNECTION
			   : 0;
	return possible < (rlim_t)wanted ? (int)possible : wanted;
}

struct rp_limits *rp_limits_new(const struct rp_limits_config *config, struct rp_metrics *metrics)
{
	struct rp_limits *limits = calloc(1, sizeof(*limits));
	struct rp_limits_config *c;

	if (!limits)
		return NULL;
	c = &limits->config;
	*c = *config;
	set_default(&c->connections, 1024);
	c->connections = connections_possible(c->connections);
	if (c->connections < 4)
		c->connections = 4;
	set_default(&c->rigs, c->connections / 4);
	set_default(&c->operators, c->connections / 16 ? c->connections / 16 : 1);
	set_default(&c->peer, 32);
	set_default(&c->handshake_s, 10);
	set_default(&c->head_s, 10);
	set_default(&c->idle_s, 60);
	set_default(&c->window_s, 20);
	set_default(&c->rate, 8192);
	set_default(&c->body_bytes, 16 << 20);
	set_default(&c->share, 500);
	limits->metrics = metrics;
	TAILQ_INIT(&limits->idle[0]);
	TAILQ_INIT(&limits->idle[1]);
	if (getrandom(&limits->seed, sizeof(limits->seed), GRND_NONBLOCK) < 0)
		limits->seed = (uint64_t)rp_clock_monotonic();
	return limits;
}

struct rp_limits *rp_limits_free(struct rp_limits *limits)
{
	if (!limits)
		return NULL;
	for (size_t i = 0; i < CHAINS; i++) {
		struct rp_peer *peer = LIST_FIRST(&limits->chains[i]);

		while (peer) {
			struct rp_peer *next = LIST_NEXT(peer, entry);

			free(peer);
			peer = next;
		}
	}
	free(limits);
	return NULL;
}

const struct rp_limits_config *rp_limits_config(const struct rp_limits *limits)
{
	return &limits->config;
}

/* ---- peers ---- */

static void key_of(const struct sockaddr *address, uint64_t ret_key[2])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	uint32_t v4 = 0;

	ret_key[0] = AF_INET;
	ret_key[1] = 0;
	if (address->sa_family == AF_INET) {
		v4 = in->sin_addr.s_addr;
	} else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(&v4, &in6->sin6_addr.s6_addr[12], sizeof(v4));
	} else if (address->sa_family == AF_INET6) {
		ret_key[0] = AF_INET6;
		memcpy(&ret_key[1], in6->sin6_addr.s6_addr, sizeof(ret_key[1]));
		return;
	}
	ret_key[1] = v4;
}

static size_t chain_of(const struct rp_limits *limits, const uint64_t key[2])
{
	uint64_t hash = limits->seed;

	for (int i = 0; i < 2; i++) {
		hash = (hash ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash % CHAINS;
}

static struct rp_peer *find_peer(const struct rp_limits *limits, const uint64_t key[2])
{
	struct rp_peer *peer;

	LIST_FOREACH (peer, &limits->chains[chain_of(limits, key)], entry)
		if (peer->key[0] == key[0] && peer->key[1] == key[1])
			return peer;
	return NULL;
}

static void forget(struct rp_limits *limits, struct rp_peer *peer)
{
	TAILQ_REMOVE(&limits->idle[peer->remembered_as_known], peer, idle);
	limits->idle_count[peer->remembered_as_known]--;
}

static struct rp_peer *get_peer(struct rp_limits *limits, const uint64_t key[2])
{
	struct rp_peer *peer = find_peer(limits, key);

	if (peer) {
		if (!peer->total)
			forget(limits, peer);
		return peer;
	}
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	memcpy(peer->key, key, sizeof(peer->key));
	LIST_INSERT_HEAD(&limits->chains[chain_of(limits, key)], peer, entry);
	return peer;
}

/* Its last connection has gone: what it owes and what it showed is kept for a while. */
static void remember(struct rp_limits *limits, struct rp_peer *peer)
{
	int known = peer->known_until > rp_clock_monotonic();
	struct rp_peer *oldest;

	peer->remembered_as_known = known;
	TAILQ_INSERT_TAIL(&limits->idle[known], peer, idle);
	if (++limits->idle_count[known] <= REMEMBERED_MAX)
		return;
	oldest = TAILQ_FIRST(&limits->idle[known]);
	forget(limits, oldest);
	LIST_REMOVE(oldest, entry);
	free(oldest);
}

/* ---- time ---- */

static void pay(int64_t *busy_until, int64_t now, int64_t us, int share)
{
	if (*busy_until < now)
		*busy_until = now;
	*busy_until += us * 1000 / share;
}

static bool has_time(int64_t busy_until, int64_t now)
{
	return busy_until - now < ACCOUNT;
}

/* A rig's address does not wait for strangers, only for itself; an operator's for nobody. */
static bool peer_has_time(const struct rp_limits *limits, const struct rp_peer *peer)
{
	int64_t now = rp_clock_monotonic();
	bool known = peer && peer->known_until > now;

	if (known && peer->known_as == RP_CLASS_OPERATOR)
		return true;
	if (peer && !has_time(peer->busy_until, now))
		return false;
	return known || has_time(limits->busy_until, now);
}

enum rp_class rp_limits_known_as(const struct rp_guest *guest)
{
	const struct rp_peer *peer = guest->peer;

	return peer->known_until > rp_clock_monotonic() && peer->known_as > guest->class
		       ? peer->known_as
		       : guest->class;
}

bool rp_limits_welcome(struct rp_limits *limits, const struct sockaddr *address)
{
	uint64_t key[2];

	key_of(address, key);
	return peer_has_time(limits, find_peer(limits, key));
}

bool rp_limits_may_work(struct rp_limits *limits, const struct rp_guest *guest)
{
	return guest->class != RP_CLASS_UNKNOWN || peer_has_time(limits, guest->peer);
}

void rp_limits_worked(struct rp_limits *limits, const struct rp_guest *guest, int64_t us)
{
	int64_t now = rp_clock_monotonic();

	if (guest->class != RP_CLASS_UNKNOWN)
		return;
	pay(&guest->peer->busy_until, now, us,
		limits->config.share / 2 ? limits->config.share / 2 : 1);
	if (guest->peer->known_until <= now)
		pay(&limits->busy_until, now, us, limits->config.share);
}

bool rp_limits_may_register(const struct rp_limits *limits)
{
	return has_time(limits->registering_until, rp_clock_monotonic());
}

void rp_limits_registered(struct rp_limits *limits, int64_t us)
{
	pay(&limits->registering_until, rp_clock_monotonic(), us, REGISTERING_SHARE);
}

/* ---- places ---- */

/* Whether a goes before b. */
static bool does_less(const struct rp_guest *a, const struct rp_guest *b, bool by_peer)
{
	int a_count = a->peer->count[a->class], b_count = b->peer->count[b->class];

	if (by_peer && a_count != b_count)
		return a_count > b_count;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->moved != b->moved)
		return a->moved < b->moved;
	return a->since < b->since;
}

static bool evict_one(struct rp_limits *limits, enum rp_class class, const struct rp_peer *peer,
	enum rp_rank rank_max, const char *why)
{
	struct rp_guest *worst = NULL, *guest;
	char name[64];

	LIST_FOREACH (guest, &limits->guests, entry)
		if (guest->class == class && (!peer || guest->peer == peer) &&
			guest->rank <= rank_max && (!worst || does_less(guest, worst, !peer)))
			worst = guest;
	if (!worst)
		return false;
	snprintf(name, sizeof(name), "connections_evicted_total{why=\"%s\"}", why);
	rp_metrics_add(limits->metrics, name, 1);
	worst->evict(worst);
	return true;
}

static void count(struct rp_limits *limits, struct rp_guest *guest, int delta)
{
	static const char *const gauges[RP_CLASSES] = {"connections{class=\"unknown\"}",
		"connections{class=\"rig\"}", "connections{class=\"operator\"}"};

	limits->count[guest->class] += delta;
	guest->peer->count[guest->class] += delta;
	limits->held[guest->class] += delta * guest->held;
	rp_metrics_set(limits->metrics, gauges[guest->class], limits->count[guest->class]);
}

static int class_max(const struct rp_limits *limits, enum rp_class class)
{
	const struct rp_limits_config *c = &limits->config;
	int free_for_all = c->connections - c->rigs - c->operators;

	switch (class) {
	case RP_CLASS_RIG:
		return c->rigs + free_for_all / 2;
	case RP_CLASS_OPERATOR:
		return c->operators + free_for_all / 4;
	default:
		return free_for_all > 0 ? free_for_all : 1;
	}
}

int rp_limits_enter(
	struct rp_limits *limits, const struct sockaddr *address, struct rp_guest *guest)
{
	uint64_t key[2];
	struct rp_peer *peer;

	key_of(address, key);
	peer = find_peer(limits, key);
	if (peer && peer->count[RP_CLASS_UNKNOWN] >= limits->config.peer)
		evict_one(limits, RP_CLASS_UNKNOWN, peer, RP_RANK_WORK, "peer");
	while (limits->count[RP_CLASS_UNKNOWN] >= class_max(limits, RP_CLASS_UNKNOWN) ||
		limits->total >= limits->config.connections)
		if (!evict_one(limits, RP_CLASS_UNKNOWN, NULL, RP_RANK_WORK, "class"))
			return -EUSERS;
	peer = get_peer(limits, key);
	if (!peer)
		return -ENOMEM;
	guest->peer = peer;
	guest->class = RP_CLASS_UNKNOWN;
	peer->total++;
	limits->total++;
	LIST_INSERT_HEAD(&limits->guests, guest, entry);
	count(limits, guest, 1);
	return 0;
}

void rp_limits_leave(struct rp_limits *limits, struct rp_guest *guest)
{
	struct rp_peer *peer = guest->peer;

	if (!peer)
		return;
	count(limits, guest, -1);
	LIST_REMOVE(guest, entry);
	guest->peer = NULL;
	limits->total--;
	if (!--peer->total)
		remember(limits, peer);
}

int rp_limits_promote(struct rp_limits *limits, struct rp_guest *guest, enum rp_class class)
{
	int64_t now = rp_clock_monotonic();
	struct rp_peer *peer = guest->peer;

	if (peer->known_until <= now || class > peer->known_as)
		peer->known_as = class;
	peer->known_until = now + KNOWN_FOR;
	if (guest->class >= class)
		return 0;
	/* Its own idle ones make room, never those that are at work. */
	if (guest->peer->count[class] >= limits->config.peer &&
		!evict_one(limits, class, guest->peer, RP_RANK_IDLE, "peer"))
		return -EUSERS;
	if (limits->count[class] >= class_max(limits, class) &&
		!evict_one(limits, class, NULL, RP_RANK_IDLE, "class"))
		return -EUSERS;
	count(limits, guest, -1);
	guest->class = class;
	count(limits, guest, 1);
	return 0;
}

/* ---- bodies ---- */

static struct rp_guest *holds_most(const struct rp_limits *limits)
{
	struct rp_guest *most = NULL, *guest;

	LIST_FOREACH (guest, &limits->guests, entry)
		if (guest->class == RP_CLASS_UNKNOWN && (!most || guest->held > most->held))
			most = guest;
	return most;
}

int rp_limits_hold(struct rp_limits *limits, struct rp_guest *guest, int64_t delta)
{
	guest->held += delta;
	limits->held[guest->class] += delta;
	if (delta <= 0)
		return 0;
	if (guest->class != RP_CLASS_UNKNOWN && limits->held[guest->class] > KNOWN_BODY_BYTES) {
		guest->held -= delta;
		limits->held[guest->class] -= delta;
		return -EUSERS;
	}
	while (guest->class == RP_CLASS_UNKNOWN &&
		limits->held[RP_CLASS_UNKNOWN] > limits->config.body_bytes) {
		struct rp_guest *most = holds_most(limits);

		if (most == guest) {
			guest->held -= delta;
			limits->held[RP_CLASS_UNKNOWN] -= delta;
			return -EUSERS;
		}
		rp_metrics_add(limits->metrics, "connections_evicted_total{why=\"bytes\"}", 1);
		most->evict(most);
	}
	return 0;
}

int rp_limits_count(const struct rp_limits *limits, enum rp_class class)
{
	return limits->count[class];
}

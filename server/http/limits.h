/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has how many places, and how much of the loop's time: for all ports of a server together.
 *
 * A connection is a guest. It comes unknown, and becomes a rig's with its certificate or an
 * operator's with its token. Each class has its own places, so those who showed who they are never
 * wait for those who did not. Where the unknown are too many, in all or from one peer, it is not the
 * newcomer who is turned away but the guest that does least: honest ones are quick, and a peer that
 * fills its places with silence loses its own.
 *
 * A peer is an IPv4 address or an IPv6 /64. What is done for the unknown before they may do
 * anything (handshakes, hellos, boot scripts) is paid from two accounts of time, the peer's and that
 * of all the unknown; who has none left is told to come again. A peer where a rig was seen within the
 * last day pays from its own alone, one where an operator was from none.
 */
#ifndef RP_SERVER_HTTP_LIMITS_H
#define RP_SERVER_HTTP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct rp_limits;
struct rp_metrics;
struct rp_peer;

enum rp_class { RP_CLASS_UNKNOWN, RP_CLASS_RIG, RP_CLASS_OPERATOR, RP_CLASSES };

/* What a connection is at, the least first: who does less goes before who does more. */
enum rp_rank {
	RP_RANK_HANDSHAKE, /* or the end of it */
	RP_RANK_IDLE,
	RP_RANK_HEAD,
	RP_RANK_BODY,
	RP_RANK_ANSWER,
	RP_RANK_WORK, /* it waits for us */
};

/* 0 in a field: its default, which the comment has. */
struct rp_limits_config {
	int connections; /* 1024, in all; less where RLIMIT_NOFILE does not allow it */
	int rigs;	 /* places that are the rigs' alone: a quarter */
	int operators;	 /* places that are the operators' alone: a sixteenth */
	int peer;	 /* places of one peer, in each class: 32 */
	int handshake_s; /* 10, for a whole TLS handshake */
	int head_s;	 /* 10, from the first byte of a request to the end of its head */
	int idle_s;	 /* 60, between two requests; for the unknown at most head_s */
	int window_s;	 /* 20: each such span must bring the rest of a body or an answer, or */
	int rate;	 /* 8192 bytes for each of its seconds */
	int body_bytes;	 /* 16 MiB, of all bodies of the unknown together */
	int share;	 /* 500: thousandths of the loop's time for the unknown; one peer: half */
};

/* A connection as the limits see it; part of its struct. Made zeroed. */
struct rp_guest {
	LIST_ENTRY(rp_guest) entry;
	struct rp_peer *peer;
	enum rp_class class;
	enum rp_rank rank;
	int64_t since;			       /* monotonic: when it began that */
	int64_t moved;			       /* bytes since then */
	int64_t held;			       /* bytes of its body in memory: rp_limits_hold */
	void (*evict)(struct rp_guest *guest); /* must call rp_limits_leave */
};

/* Reads RLIMIT_NOFILE. NULL: no memory. metrics, which may be NULL, must outlive it. */
struct rp_limits *rp_limits_new(const struct rp_limits_config *config, struct rp_metrics *metrics);
struct rp_limits *rp_limits_free(struct rp_limits *limits); /* takes NULL; no guest may be left */

/* With all defaults filled in, and connections as it can be. */
const struct rp_limits_config *rp_limits_config(const struct rp_limits *limits);

/* Whether a connection of that peer may be taken at all now: it has time left on its account. */
bool rp_limits_welcome(struct rp_limits *limits, const struct sockaddr *address);

/*
 * Take a new guest in, unknown: rank, since, moved and evict are set. Others may be evicted for it.
 * -EUSERS: there is no place. -ENOMEM.
 */
int rp_limits_enter(
	struct rp_limits *limits, const struct sockaddr *address, struct rp_guest *guest);
void rp_limits_leave(struct rp_limits *limits, struct rp_guest *guest); /* again: nothing */

/* It showed a certificate or a token. 0; -EUSERS: the places of that class are taken. */
int rp_limits_promote(struct rp_limits *limits, struct rp_guest *guest, enum rp_class class);

/* What it is, or what its peer was known as within a day: so much it counts before it shows anything. */
enum rp_class rp_limits_known_as(const struct rp_guest *guest);

/* Whether this guest's request may be worked on now; known ones always may. */
bool rp_limits_may_work(struct rp_limits *limits, const struct rp_guest *guest);

/* That the loop worked so long for this guest, in microseconds. */
void rp_limits_worked(struct rp_limits *limits, const struct rp_guest *guest, int64_t us);

/*
 * The same for machines that register by DHCP, where there is no connection and no address to tell
 * them by: all of them together have a tenth of the time.
 */
bool rp_limits_may_register(const struct rp_limits *limits);
void rp_limits_registered(struct rp_limits *limits, int64_t us);

/*
 * A body is held in memory for a guest, delta bytes more (or fewer, which always succeeds). Where
 * those of the unknown are too many, who holds most is evicted; where that is this guest, or those
 * of a known class are too many, -EUSERS.
 */
int rp_limits_hold(struct rp_limits *limits, struct rp_guest *guest, int64_t delta);

int rp_limits_count(const struct rp_limits *limits, enum rp_class class);
const char *rp_class_text(enum rp_class class);

#endif

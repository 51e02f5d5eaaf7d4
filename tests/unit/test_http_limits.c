/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a place, who loses his, and who has time: without a network. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "lib/metrics.h"
#include "server/http/limits.h"

#define GUESTS 64

static struct rp_limits *limits;
static struct rp_guest guests[GUESTS];

static void evict(struct rp_guest *guest)
{
	rp_limits_leave(limits, guest);
}

static struct sockaddr *address(const char *text)
{
	static struct sockaddr_in6 in6;
	static struct sockaddr_in in;

	in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
	in = (struct sockaddr_in){.sin_family = AF_INET};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return (struct sockaddr *)&in;
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return (struct sockaddr *)&in6;
}

static int enter(int i, const char *peer, enum rp_rank rank)
{
	rp_limits_leave(limits, &guests[i]);
	guests[i] = (struct rp_guest){.evict = evict, .rank = rank, .since = i};
	return rp_limits_enter(limits, address(peer), &guests[i]);
}

static bool is_there(int i)
{
	return guests[i].peer != NULL;
}

static void start(const struct rp_limits_config *config)
{
	memset(guests, 0, sizeof(guests));
	limits = rp_limits_new(config, NULL);
	assert_non_null(limits);
}

static void stop(void)
{
	for (int i = 0; i < GUESTS; i++)
		rp_limits_leave(limits, &guests[i]);
	limits = rp_limits_free(limits);
}

/* A peer that takes too many places loses its own, the oldest of those that do least. */
static void test_peer(void **state)
{
	start(&(struct rp_limits_config){.connections = 32, .peer = 3});
	enter(0, "10.0.0.9", RP_RANK_HANDSHAKE);
	enter(1, "10.0.0.1", RP_RANK_ANSWER);
	enter(2, "10.0.0.1", RP_RANK_HANDSHAKE);
	enter(3, "10.0.0.1", RP_RANK_HANDSHAKE);
	assert_int_equal(enter(4, "10.0.0.1", RP_RANK_HANDSHAKE), 0);
	assert_false(is_there(2));
	assert_int_equal(enter(5, "::ffff:10.0.0.1", RP_RANK_HANDSHAKE), 0);
	assert_false(is_there(3));
	assert_true(is_there(0) && is_there(1) && is_there(4) && is_there(5));
	stop();
	/* a /64 is one peer: whoever has one has all its addresses */
	start(&(struct rp_limits_config){.connections = 32, .peer = 1});
	enter(0, "2001:db8::1", RP_RANK_IDLE);
	enter(1, "2001:db8:0:1::1", RP_RANK_IDLE);
	enter(2, "2001:db8::2", RP_RANK_IDLE);
	assert_false(is_there(0));
	assert_true(is_there(1) && is_there(2));
	stop();
}

/* The unknown together never get the places of the known; who has most of them pays first. */
static void test_classes(void **state)
{
	static const char *const many = "10.0.0.1", *const few = "10.0.0.2";

	start(&(struct rp_limits_config){
		.connections = 20, .rigs = 8, .operators = 4, .peer = 100});
	enter(40, few, RP_RANK_HANDSHAKE);
	for (int i = 0; i < 30; i++)
		assert_int_equal(enter(i, many, RP_RANK_BODY), 0);
	assert_int_equal(rp_limits_count(limits, RP_CLASS_UNKNOWN), 8);
	assert_true(is_there(40));
	/* rigs come in through the places of the unknown, and then have their own */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(enter(41 + i, "10.0.0.3", RP_RANK_WORK), 0);
		assert_int_equal(rp_limits_promote(limits, &guests[41 + i], RP_CLASS_RIG), 0);
	}
	for (int i = 0; i < 30; i++)
		enter(i % 10, many, RP_RANK_ANSWER);
	for (int i = 0; i < 8; i++)
		assert_true(is_there(41 + i));
	assert_int_equal(rp_limits_count(limits, RP_CLASS_RIG), 8);
	/* operators too, when all else is full */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(enter(50 + i, "10.0.0.4", RP_RANK_WORK), 0);
		assert_int_equal(rp_limits_promote(limits, &guests[50 + i], RP_CLASS_OPERATOR), 0);
	}
	assert_true(rp_limits_count(limits, RP_CLASS_UNKNOWN) +
			    rp_limits_count(limits, RP_CLASS_RIG) +
			    rp_limits_count(limits, RP_CLASS_OPERATOR) <=
		    20);
	stop();
}

/* A class that is full takes the place of an idle one of its own, never of one at work. */
static void test_full_class(void **state)
{
	start(&(struct rp_limits_config){
		.connections = 12, .rigs = 2, .operators = 2, .peer = 100});
	for (int i = 0; i < 6; i++) { /* 2 + 8 / 2 */
		assert_int_equal(enter(i, "10.0.0.1", RP_RANK_WORK), 0);
		assert_int_equal(rp_limits_promote(limits, &guests[i], RP_CLASS_RIG), 0);
	}
	enter(6, "10.0.0.1", RP_RANK_WORK);
	assert_int_equal(rp_limits_promote(limits, &guests[6], RP_CLASS_RIG), -EUSERS);
	assert_int_equal(guests[6].class, RP_CLASS_UNKNOWN);
	guests[3].rank = RP_RANK_IDLE;
	assert_int_equal(rp_limits_promote(limits, &guests[6], RP_CLASS_RIG), 0);
	assert_false(is_there(3));
	stop();
}

/* Who has used up his share waits; the others do not, and least those who were known before. */
static void test_share(void **state)
{
	start(&(struct rp_limits_config){.connections = 32, .share = 500});
	enter(0, "10.0.0.1", RP_RANK_WORK);
	enter(1, "10.0.0.2", RP_RANK_WORK);
	enter(2, "10.0.0.3", RP_RANK_WORK);
	rp_limits_promote(limits, &guests[2], RP_CLASS_OPERATOR);
	enter(3, "10.0.0.3", RP_RANK_WORK);
	assert_true(rp_limits_may_work(limits, &guests[0]));
	rp_limits_worked(limits, &guests[0], 300000); /* at 250: 1.2 s of its own */
	assert_false(rp_limits_may_work(limits, &guests[0]));
	assert_false(rp_limits_welcome(limits, address("10.0.0.1")));
	assert_true(rp_limits_may_work(limits, &guests[1]));
	rp_limits_worked(limits, &guests[1], 240000); /* at 500, with the other's: 1.08 s of all */
	assert_false(rp_limits_may_work(limits, &guests[1]));
	assert_false(rp_limits_welcome(limits, address("10.0.0.99")));
	/* an operator, and from where an operator came */
	rp_limits_worked(limits, &guests[2], 100000000);
	assert_true(rp_limits_may_work(limits, &guests[2]));
	assert_true(rp_limits_may_work(limits, &guests[3]));
	assert_true(rp_limits_welcome(limits, address("10.0.0.3")));
	/* and what comes from there counts as much before it shows anything */
	assert_int_equal(rp_limits_known_as(&guests[3]), RP_CLASS_OPERATOR);
	assert_int_equal(rp_limits_known_as(&guests[0]), RP_CLASS_UNKNOWN);
	/* where a rig came from, it pays for itself alone */
	enter(4, "10.0.0.5", RP_RANK_WORK);
	enter(5, "10.0.0.5", RP_RANK_WORK);
	assert_false(rp_limits_may_work(limits, &guests[5]));
	rp_limits_promote(limits, &guests[4], RP_CLASS_RIG);
	assert_true(rp_limits_may_work(limits, &guests[5]));
	rp_limits_worked(limits, &guests[5], 300000);
	assert_false(rp_limits_may_work(limits, &guests[5]));
	assert_true(rp_limits_may_work(limits, &guests[4]));
	/* also after its last connection has gone, and so has what is owed */
	rp_limits_leave(limits, &guests[0]);
	rp_limits_leave(limits, &guests[2]);
	rp_limits_leave(limits, &guests[3]);
	assert_true(rp_limits_welcome(limits, address("10.0.0.3")));
	assert_false(rp_limits_welcome(limits, address("10.0.0.1")));
	stop();
}

static void test_bodies(void **state)
{
	start(&(struct rp_limits_config){.connections = 32, .body_bytes = 1000});
	enter(0, "10.0.0.1", RP_RANK_BODY);
	enter(1, "10.0.0.2", RP_RANK_BODY);
	enter(2, "10.0.0.3", RP_RANK_BODY);
	assert_int_equal(rp_limits_hold(limits, &guests[0], 600), 0);
	assert_int_equal(rp_limits_hold(limits, &guests[1], 400), 0);
	assert_int_equal(rp_limits_hold(limits, &guests[1], 100), 0);
	assert_false(is_there(0)); /* it held most */
	assert_true(is_there(1));
	assert_int_equal(rp_limits_hold(limits, &guests[2], 501), -EUSERS);
	assert_true(is_there(1) && is_there(2));
	assert_int_equal(rp_limits_hold(limits, &guests[2], 400), 0);
	/* what is held goes with it into its class */
	assert_true(is_there(1));
	rp_limits_promote(limits, &guests[1], RP_CLASS_RIG);
	assert_int_equal(rp_limits_hold(limits, &guests[2], 600), 0);
	assert_int_equal(rp_limits_hold(limits, &guests[1], 64 << 20), -EUSERS);
	assert_int_equal(rp_limits_hold(limits, &guests[1], 32 << 20), 0);
	stop();
}

/* Peers that have gone are remembered, not without end. */
static void test_memory(void **state)
{
	char peer[32];

	start(&(struct rp_limits_config){.connections = 32});
	for (int i = 0; i < 100000; i++) {
		snprintf(peer, sizeof(peer), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		assert_int_equal(enter(0, peer, RP_RANK_IDLE), 0);
		rp_limits_leave(limits, &guests[0]);
	}
	stop(); /* the sanitizer counts what is left */
}

static void test_descriptors(void **state)
{
	const struct rp_limits_config defaults = {0};
	struct rlimit was, less;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	less = (struct rlimit){512, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	start(&defaults);
	assert_int_equal(rp_limits_config(limits)->connections, 208);
	assert_int_equal(rp_limits_config(limits)->rigs, 52);
	stop();
	less.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	start(&defaults);
	assert_int_equal(rp_limits_config(limits)->connections, 4);
	stop();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_full_class),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

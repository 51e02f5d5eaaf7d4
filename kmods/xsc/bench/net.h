/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP server on a ring, against clients that make system calls, on loopback: how
 * many messages of 64 bytes it sends back, and how many connections it accepts.
 *
 * The same server on both rings: an accept, or a receive for each connection, is
 * always under way, and a completion leads to the next operation. The clients are a
 * process of their own and the same for both.
 */
#ifndef XSC_BENCH_NET_H
#define XSC_BENCH_NET_H

enum net_work { ECHO, ACCEPT, NET_WORKS };
/* io_uring without a polling thread is what its authors recommend for sockets. */
enum net_side { NET_XSC, NET_SQPOLL, NET_URING, NET_EPOLL, NET_SIDES };

#define NET_CONNS_MAX 64

/*
 * Operations a second, or -1: the ring or the clients could not. @conns connections at once, up
 * to NET_CONNS_MAX; accepts have one. *ret_cpu_us: of all threads of the server, for each.
 */
double net_rate(enum net_side side, enum net_work work, int conns, double *ret_cpu_us);

#endif

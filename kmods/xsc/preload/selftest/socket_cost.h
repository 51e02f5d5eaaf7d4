/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why connect and accept are left to system calls: what they cost over a ring, where
 * the lent thread makes the system call, beside SOCKET, which the kernel carries out
 * in it. Each call fails or succeeds at once, so that only the way is measured.
 */
#ifndef XSC_PRELOAD_SOCKET_COST_H
#define XSC_PRELOAD_SOCKET_COST_H

/* The test: 0 passed or skipped, 1 failed. Prints its line of TAP, @number, and the ratios. */
int test_socket_calls(int number);

#endif

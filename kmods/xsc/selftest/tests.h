/* SPDX-License-Identifier: Apache-2.0 */
/* The tests, for the table of agent/checks/xsc_ring_test.c. 0, or what FAIL() gives. */
#ifndef XSC_SELFTEST_TESTS_H
#define XSC_SELFTEST_TESTS_H

/* test_arm.c */
int test_arm(void);
int test_arm_ends(void);
int test_arm_files(void);
int test_arm_accepts(void);
int test_arm_killed(void);

/* test_burst.c */
int test_burst(void);
int test_burst_full(void);
int test_burst_broken(void);
int test_burst_confined(void);
int test_burst_raced(void);
int test_burst_files(void);

/* test_ends.c */
int test_shutdown_blocked(void);
int test_signal(void);
int test_fork(void);
/* Run by test_exec as `xsc_ring_test --exec-probe FD`: the ring was another program's. */
int exec_probe(int fd);
int test_exec(void);
int test_close(void);
int test_seccomp(void);

/* test_files.c */
int test_read_write(void);
int test_errors(void);
int test_open_close(void);
int test_limits(void);
int test_rights(void);
int test_memlock(void);
int test_no_memory(void);

/* test_guard.c */
int test_guard(void);

/* test_hostile.c */
int test_killed(void);
int test_hostile(void);

/* test_lead.c */
int test_lead(void);
int test_lead_others(void);
int test_lead_back(void);
int test_lead_killed(void);

/* test_measure.c */
int test_traps(void);
int test_time(void);

/* test_net.c */
int test_sockets(void);
int test_tcp(void);
int test_datagrams(void);

/* test_order.c */
int test_blocking(void);
int test_one_thread(void);
int test_handover(void);
int test_calls(void);
int test_links(void);
int test_drain(void);
int test_fixed(void);

/* test_queues.c */
int test_wrap(void);
int test_full_sq(void);
int test_full_cq(void);
int test_sleep_wake(void);
int test_wait(void);
int test_wait_namespace(void);
int test_counters(void);

/* test_setup.c */
int test_setup(void);
int test_access(void);
int test_setup_bad(void);
int test_ioctl_bad(void);
int test_mmap_bad(void);
int test_sqe_bad(void);

/* test_stat.c */
int test_vectors(void);
int test_stat(void);

/* test_waits.c */
int test_poll(void);
int test_epoll_select(void);
int test_futex(void);
int test_sleep(void);
/* Run by test_spawn as `xsc_ring_test --spawned`: no signal may be blocked. */
int spawned(void);
int test_spawn(void);

#endif

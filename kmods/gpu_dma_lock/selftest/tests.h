/* SPDX-License-Identifier: Apache-2.0 */
/* The tests, for the table of agent/checks/gpu_dma_test.c. 0, or what FAIL() gives. */
#ifndef GDL_SELFTEST_TESTS_H
#define GDL_SELFTEST_TESTS_H

/* test_agents.c */
int test_setup(void);
int test_access(void);
int test_bad_input(void);
int test_ioctl_bad(void);
int test_rights(void);
int test_exec(void);
/* Run by test_exec as `gpu_dma_test --exec-probe FD`: the agent was another program's. */
int exec_probe(int fd);
int test_ends(void);
int test_killed(void);

/* test_cost.c */
int test_cost(void);

/* test_dma.c */
int test_dma(void);
int test_dma_ungranted(void);
int test_dma_revoked(void);
int test_dma_freed(void);
int test_dma_killed(void);
int test_dma_static(void);
int test_dma_deaf(void);
int test_dma_race(void);
int test_dma_flight(void);
int test_flushes(void);
int test_flush_limit(void);
int test_dma_open(void);
int test_edu_bad(void);

/* test_grants.c */
int test_grant(void);
int test_untranslated(void);
int test_classes(void);
int test_platform(void);
int test_devices(void);
int test_proc(void);
int test_control(void);
int test_grant_race(void);

/* test_memory.c */
int test_quota(void);
int test_memlock(void);
int test_memcg(void);
int test_mapping(void);
int test_huge(void);

/* test_prime.c */
int test_prime(void);

#endif

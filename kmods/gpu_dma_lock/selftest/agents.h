/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests do with /dev/gpu_dma_lock: each call, and the counters behind it. */
#ifndef GDL_SELFTEST_AGENTS_H
#define GDL_SELFTEST_AGENTS_H

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/selftest/report.h"
#include "kmods/gpu_dma_lock/include/uapi/linux/gpu_dma_lock.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define NOBODY 65534
#define PATTERN 0x9e3779b97f4a7c15u

long call(int fd, unsigned long cmd, void *arg);

int open_device(void);

/* A new agent's descriptor, or a negative errno. */
int new_agent(uint32_t flags);

/* What an allocation gave. */
struct memory {
	uint64_t handle, bytes;
	int fd; /* the dma-buf */
	uint32_t segments;
};

long alloc_flags(int agent, uint64_t bytes, uint32_t flags, struct memory *ret_memory);

long alloc(int agent, uint64_t bytes, struct memory *ret_memory);

long free_handle(int agent, uint64_t handle);

long set_quota(int agent, uint64_t bytes);

long query(int agent, uint64_t handle, struct gdl_query *ret_query);

long grant_flags(int agent, uint64_t handle, struct gdl_device device, uint32_t flags);

/* How many devices got it. */
long grant(int agent, uint64_t handle, struct gdl_device device);

long take_back_within(int agent, uint64_t handle, struct gdl_device device, uint32_t ms);

long take_back(int agent, uint64_t handle, struct gdl_device device);

long check_grant(int agent, uint64_t handle, struct gdl_device device);

/* A counter of /proc/swarm/gpu/stats, or -1. */
long long stat_of(const char *name);

/* What is allocated now, by all. */
long long live_bytes(void);

long long live_agents(void);

/* Pages go when the last reference does, which may be in another process's exit. */
bool live_becomes(long long bytes, long long agents);

/* A parameter of the module, as text without its newline; "" where it cannot be read. */
void get_parameter(const char *name, char *text, size_t size);
bool set_parameter(const char *name, const char *text);

/* What the tests need otherwise than it is, and as it was: for struct check. */
int begin_tests(void);
void end_tests(void);

int be_nobody(void);

/* In another process; its exit status. */
int in_child(int (*run)(void *), void *arg);

struct gdl_device pci_device(uint32_t domain, uint32_t bus, uint32_t slot, uint32_t function);

/* From "0000:00:10.0". */
bool parse_pci(const char *text, struct gdl_device *ret_device);

/* The type of a PCI device's IOMMU domain: "DMA", "DMA-FQ", "identity", or "". */
void domain_type(const char *name, char *type, size_t size);

/* Some device that an IOMMU translates for (or one it does not). */
bool find_pci(bool translated, struct gdl_device *ret_device);

uint64_t *map_memory(const struct memory *memory);

/* A descriptor over a socket of AF_UNIX: 0; the descriptor that came; -1 on failure. */
int pass_fd(int socket, int fd);
int take_fd(int socket);

#endif

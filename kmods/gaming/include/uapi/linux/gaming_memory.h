/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group memory: pages before they are touched, and side by side.
 *
 * MMAP, MADVISE, MLOCK
 * ====================
 *
 * Fill private, writable, anonymous memory of the caller, so that no access to it
 * faults later on. It is ordinary memory: fork, munmap, mremap, mprotect, swap and
 * the memory cgroup do with it what they do with any other.
 *
 * Pages come from a pool: memory that the module has zeroed beforehand, on nobody's
 * time, so the caller pays neither for the zeroing nor for a fault a page. The pool
 * holds free pages of the machine that were zeroed since, never another process's.
 * It is filled while someone has used it in the last seconds, only with memory that
 * is free without reclaim, up to the module's parameter pool_mib, and given back
 * when memory is short. A page is charged to the caller's memory cgroup as it is
 * handed out. What the pool does not have is made by faults inside the call, as
 * MADV_POPULATE_WRITE makes it: then all is there, only the caller's time was spent.
 * @pooled and @faulted say how many pages came in which way.
 *
 * Not from the pool, always by faults: with GAMING_MEM_HUGE; memory under a NUMA
 * policy, or of a process with one; with userfaultfd; shared or of a file.
 *
 *   MMAP	new memory of @len bytes, readable and writable, filled. @addr is 0 in,
 *		the address out. As mmap(2) MAP_PRIVATE | MAP_ANONYMOUS
 *   MADVISE	fills memory that is there
 *   MLOCK	the same, and all of it must be locked (EINVAL if it is not): a module
 *		cannot lock memory. gaming_mlock() calls mlock2(2) MLOCK_ONFAULT, which
 *		asks RLIMIT_MEMLOCK, and then this: locked and filled, no fault
 *
 * GAMING_MEM_HUGE asks for huge pages, as the kernel's policy for transparent huge
 * pages gives them: MMAP then begins at a huge page. Under the policy "madvise" a
 * range needs madvise(2) MADV_HUGEPAGE first, which gaming_mmap() does. @huge says
 * how many of the pages are in huge ones.
 *
 * An error in the middle (ENOMEM, EFAULT, EINTR when the caller is being killed)
 * leaves what is filled; MMAP then leaves no mapping.
 *
 * MUNMAP
 * ======
 *
 * As munmap(2); here so that a batch can have it.
 *
 * MMAP and MUNMAP refuse a thread under seccomp, EPERM: its filter for mmap(2) and
 * munmap(2) would see an ioctl only.
 *
 * COMPACT
 * =======
 *
 * Moves the pages of a range into memory that is physically contiguous, 2 MiB of it
 * for each 2 MiB of addresses, a few pages at a time, and comes back within a budget
 * of time. The contiguous memory is the pool's, so that nobody waits for its
 * allocation or zeroing. Meanwhile other threads use the range; one that touches a
 * page just being moved waits for it: @longest_ns at most.
 *
 * The step ends before the budget is over: no batch of pages is begun that took
 * longer than what is left, when the longest yet is taken as a measure; a part of the
 * budget (a third, 70 us at most) is kept for the timer's tick. What makes a step late
 * is a batch of more than twice the longest before it, and being preempted, since it is
 * the caller's own time. The first batch is a page, and is begun whatever the time
 * is: who calls again and again comes to the end, also where a page takes longer than
 * the budget. @spent_ns says how long it was. @next says where to go on, and is the
 * end of the range when all is done. EAGAIN: nothing was moved as the pool has no 2 MiB
 * block at the moment; it was asked to make one. EBUSY: another thread of the session
 * is in a step, which one would have to wait for.
 *
 * Pages that were moved away from are freed between steps, by the pool's thread; until
 * then they count against the pool's size, and stay charged to the memory cgroup where
 * the kernel does that (Linux 6.1).
 *
 * Left where they are (@kept): huge pages, 2 MiB that are contiguous already, pages
 * that are pinned, shared with another process, swapped out, or on another node.
 *
 * CONTIGUITY counts the runs of pages that are physically contiguous, in order.
 *
 * What is asked from user space: MADV_COLLAPSE (Linux 6.1), which makes huge pages
 * of a range, 2 MiB at a time and with no bound.
 */
#ifndef _UAPI_LINUX_GAMING_MEMORY_H
#define _UAPI_LINUX_GAMING_MEMORY_H

#include <linux/gaming.h>

#define GAMING_IOC_POOL		_IO(GAMING_IOC_MAGIC, 80)
#define GAMING_IOC_COMPACT	_IO(GAMING_IOC_MAGIC, 81)
#define GAMING_IOC_CONTIGUITY	_IO(GAMING_IOC_MAGIC, 82)

#define GAMING_MEM_HUGE		(1U << 0)

/**
 * struct gaming_memory - argument of MMAP, MADVISE, MLOCK and MUNMAP
 * @size:	of this struct
 * @flags:	GAMING_MEM_*; MUNMAP: 0
 * @addr:	begin, a multiple of the page size; MMAP: 0, out: begin
 * @len:	bytes, a multiple of the page size, not 0
 * @pooled:	out: pages that came from the pool
 * @faulted:	out: pages that were made by faults in this call
 * @huge:	out: pages of the range that are in huge ones
 * @resv:	0
 */
struct gaming_memory {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 pooled;
	__u64 faulted;
	__u64 huge;
	__u64 resv;
};

/**
 * struct gaming_pool - argument of GAMING_IOC_POOL, which has the pool filled
 * @size:	of this struct
 * @flags:	0
 * @pages:	out: zeroed pages that are ready
 * @blocks:	out: of them, blocks of 2 MiB
 * @most:	out: pages that the pool will have when it is full
 * @resv:	0
 */
struct gaming_pool {
	__u32 size;
	__u32 flags;
	__u64 pages;
	__u64 blocks;
	__u64 most;
	__u64 resv;
};

#define GAMING_COMPACT_MIN_NS	10000ULL
#define GAMING_COMPACT_MAX_NS	1000000000ULL

/**
 * struct gaming_compact - argument of GAMING_IOC_COMPACT
 * @size:	of this struct
 * @flags:	0
 * @addr:	begin, a multiple of the page size
 * @len:	bytes, a multiple of the page size, not 0
 * @budget_ns:	GAMING_COMPACT_MIN_NS to GAMING_COMPACT_MAX_NS
 * @next:	out: go on here; @addr + @len: done
 * @moved:	out: pages
 * @kept:	out: pages that were looked at and left
 * @spent_ns:	out: time in this call
 * @longest_ns:	out: longest batch: how long a page was out of reach at most
 * @resv:	0
 */
struct gaming_compact {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 budget_ns;
	__u64 next;
	__u64 moved;
	__u64 kept;
	__u64 spent_ns;
	__u64 longest_ns;
	__u64 resv;
};

/**
 * struct gaming_contiguity - argument of GAMING_IOC_CONTIGUITY
 * @size:	of this struct
 * @flags:	0
 * @addr:	begin, a multiple of the page size
 * @len:	bytes, a multiple of the page size, not 0
 * @present:	out: pages in memory
 * @runs:	out: runs of them that are contiguous in addresses and in memory
 * @longest:	out: pages in the longest
 * @resv:	0
 */
struct gaming_contiguity {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 present;
	__u64 runs;
	__u64 longest;
	__u64 resv;
};

#endif /* _UAPI_LINUX_GAMING_MEMORY_H */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every atomic access to a ring, and every barrier, of user space. Nothing else
 * touches the shared counters. The letters are those of the picture in
 * <linux/xsc.h>.
 */
#ifndef XSC_BARRIER_H
#define XSC_BARRIER_H

#include <stdint.h>

/* A and F: what stands before the counter's value is seen after this load. */
static inline uint32_t xsc_load_acquire(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* B and G: what was written (or read) before is done before this store. */
static inline void xsc_store_release(uint32_t *counter, uint32_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

/* For sq_flags behind xsc_full_barrier(), and for hints that may be old. */
static inline uint32_t xsc_load_relaxed(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* I: the store before is seen by all before the load after is done. */
static inline void xsc_full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * The CPU's counter, for xsc_long_since(). No clock of the C library's: where the kernel has
 * no counter for user space, that is a system call.
 */
static inline uint64_t xsc_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t count;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(count)::"memory");
	return count;
#else
	return 0;
#endif
}

/*
 * Has it been about 20 microseconds since @start, a result of xsc_ticks()? Between 4 and 40
 * on x86, whose counters run at 0.5 to 5 GHz; at once where there is no counter.
 */
static inline int xsc_long_since(uint64_t start)
{
#if defined(__x86_64__) || defined(__i386__)
	return xsc_ticks() - start > 20000;
#elif defined(__aarch64__)
	uint64_t hertz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hertz));
	return xsc_ticks() - start > hertz / 50000;
#else
	return 1;
#endif
}

/* Between two looks at a counter. */
static inline void xsc_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif

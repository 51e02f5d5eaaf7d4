/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, group time, and FRAME of group scheduling: waking in time.
 *
 * Every wait ends on a timer of the kernel's (hrtimer) without slack, set @spin_ns
 * before the time that is asked for, GAMING_SPIN_MAX_NS at most (longer is EINVAL).
 * What is left is spent looking at the clock, so that the caller goes on when the time
 * comes, not some microseconds after the interrupt. The spin never goes on behind that
 * time, lets others run that the scheduler wants to run, and ends with a signal. 0: no
 * spin.
 *
 * The clock is CLOCK_MONOTONIC, as the caller's time namespace has it. Whether the
 * timer's interrupt is programmed in TSC ticks is the kernel's choice; where the CPU
 * can, INFO says GAMING_FEAT_TSC_DEADLINE.
 *
 * FRAME
 * =====
 *
 * GAMING_IOC_PACE begins the pacing of a session: frames at a rate, the first ends
 * one period later. FRAME says that the caller's frame is ready, and comes back when
 * it ends, which is when the next begins. One thread at a time (EBUSY).
 *
 *   fixed rate	Ends are on a grid. A frame that is ready after its end has missed
 *		it, and perhaps more (@missed); it waits for the first that is still to
 *		come.
 *   GAMING_PACE_VRR	The display waits for the frame, within its band: rates from
 *		2/3 to 4/3 of the given one, which is 120 Hz or more. A frame that is
 *		late goes out at once, and the next end is counted from there; the rate
 *		falls to what that frame took. It has missed only if it took longer than
 *		a period of the band's lowest rate. After 5 stable frames in a row the
 *		rate rises by 1 Hz. Stable is a frame that is ready @margin_percent of
 *		its period before its end, or earlier.
 *
 * With GAMING_FRAME_EARLY the spin is the caller's own: FRAME comes back when the timer
 * has woken it, and the frame ends at @end_ns. Then what is slow behind a sleep (the way
 * back to user space, memory that no cache or TLB has) is over before the end;
 * gaming_frame() does that.
 *
 * PACE again begins anew, with @rate_mhz 0 it ends the pacing; FRAME is then ENOENT.
 * EINTR: a signal came, and the frame goes on: call again.
 *
 * NANOSLEEP sleeps for @ns, or with GAMING_SLEEP_ABS until @ns. Broken off by a
 * signal (EINTR) it leaves the rest in @left_ns.
 *
 * GET_TIME reads the CPU's counter (x86: TSC, arm64: the virtual counter) and the
 * clocks as one: the counter had the value @cycles at some moment while the clocks
 * had theirs, give or take @width_cycles. No interrupt comes between. EPERM if the
 * thread has the TSC forbidden (PR_SET_TSC).
 *
 * SET_TIMER makes the kernel add 1 to an eventfd(2) when the time comes: what
 * timerfd_create(2) does for a descriptor of its own, for one that already has
 * waiters (an event loop, a ring), and many timers can share it. @timer 0 makes one
 * and says its number; a number sets it anew, @expired says whether its time had come
 * before; GAMING_TIMER_END ends it. It expires once. Who wants a period sets it again,
 * to an absolute time so that nothing drifts; one that went on by itself would be
 * interrupts that nobody pays for. A session has GAMING_TIMERS at most (EBUSY).
 */
#ifndef _UAPI_LINUX_GAMING_TIME_H
#define _UAPI_LINUX_GAMING_TIME_H

#include <linux/gaming.h>

#define GAMING_SPIN_MAX_NS	200000

#define GAMING_IOC_PACE		_IO(GAMING_IOC_MAGIC, 115)

#define GAMING_RATE_MIN_MHZ	1000		/* 1 Hz */
#define GAMING_RATE_MAX_MHZ	1000000		/* 1 kHz */
#define GAMING_RATE_VRR_MHZ	120000		/* the least with GAMING_PACE_VRR */
#define GAMING_PACE_STABLE	5		/* frames until the rate rises */
#define GAMING_PACE_STEP_MHZ	1000		/* by so much */

#define GAMING_PACE_VRR		(1U << 0)

/**
 * struct gaming_pace - argument of GAMING_IOC_PACE
 * @size:		of this struct
 * @flags:		GAMING_PACE_*
 * @rate_mhz:		frames in 1000 s; 0 ends the pacing
 * @spin_ns:		of each frame; a quarter of the shortest period at most
 * @margin_percent:	of a period, 0 to 50
 * @resv:		0
 */
struct gaming_pace {
	__u32 size;
	__u32 flags;
	__u32 rate_mhz;
	__u32 spin_ns;
	__u32 margin_percent;
	__u32 resv[3];
};

#define GAMING_FRAME_EARLY	(1U << 0)

/**
 * struct gaming_frame - argument of GAMING_CALL_FRAME
 * @size:	of this struct
 * @flags:	GAMING_FRAME_*
 * @frame:	out: how many have ended since PACE
 * @missed:	out: how many ends were missed since PACE
 * @end_ns:	out: when this frame was to end (VRR, late: when it was ready)
 * @work_ns:	out: from the end of the one before until this one was ready
 * @late_ns:	out: from @end_ns until FRAME came back; 0: it came back before it
 * @rate_mhz:	out: from now on
 * @resv:	0
 */
struct gaming_frame {
	__u32 size;
	__u32 flags;
	__u64 frame;
	__u64 missed;
	__u64 end_ns;
	__u64 work_ns;
	__u64 late_ns;
	__u32 rate_mhz;
	__u32 resv[3];
};

#define GAMING_SLEEP_ABS	(1U << 0)

/**
 * struct gaming_sleep - argument of GAMING_CALL_NANOSLEEP
 * @size:	of this struct
 * @flags:	GAMING_SLEEP_*
 * @ns:		how long, or until when
 * @spin_ns:	see above
 * @resv:	0
 * @left_ns:	out: of the sleep, if it was broken off; else 0
 * @late_ns:	out: how much later than asked for; 0 if it was broken off
 */
struct gaming_sleep {
	__u32 size;
	__u32 flags;
	__u64 ns;
	__u32 spin_ns;
	__u32 resv;
	__u64 left_ns;
	__u64 late_ns;
};

/* The counter has the same rate in all states of the CPU. */
#define GAMING_TIME_STEADY	(1U << 0)

/**
 * struct gaming_time - argument of GAMING_CALL_GET_TIME
 * @size:		of this struct
 * @flags:		out: GAMING_TIME_*; 0 in
 * @cycles:		out: the counter
 * @width_cycles:	out: of the moment
 * @hz:			out: of the counter, as the kernel has measured it; 0 unknown
 * @monotonic_ns:	out: CLOCK_MONOTONIC
 * @boot_ns:		out: CLOCK_BOOTTIME
 * @real_ns:		out: CLOCK_REALTIME
 * @resv:		0
 */
struct gaming_time {
	__u32 size;
	__u32 flags;
	__u64 cycles;
	__u64 width_cycles;
	__u64 hz;
	__u64 monotonic_ns;
	__u64 boot_ns;
	__u64 real_ns;
	__u64 resv;
};

#define GAMING_TIMER_ABS	(1U << 0)
#define GAMING_TIMER_END	(1U << 1)	/* with @eventfd -1 and @ns 0 */
#define GAMING_TIMERS		16

/**
 * struct gaming_timer - argument of GAMING_CALL_SET_TIMER
 * @size:		of this struct
 * @flags:		GAMING_TIMER_*
 * @timer:		0: a new one (out: its number), or a number (ENOENT)
 * @eventfd:		descriptor
 * @ns:			after how long, or at which time
 * @expired:		out: 1 if its time had come before this call, else 0
 * @resv:		0
 */
struct gaming_timer {
	__u32 size;
	__u32 flags;
	__u32 timer;
	__s32 eventfd;
	__u64 ns;
	__u32 expired;
	__u32 resv;
};

#endif /* _UAPI_LINUX_GAMING_TIME_H */

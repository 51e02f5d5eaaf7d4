/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming: the calls of games that a stock kernel lacks.
 *
 * How it works
 * ============
 *
 * A process opens /dev/gaming and makes calls by ioctl. There are 25, in seven
 * groups, with the numbers that their document gives them; a header each tells
 * what a group's calls do:
 *
 *   1000-1003  memory      MMAP MUNMAP MADVISE MLOCK                gaming_memory.h
 *   1010-1013  I/O         READ WRITE PREAD SENDFILE                gaming_storage.h
 *   1020-1022  assets      LOAD STREAM PRELOAD                      gaming_storage.h
 *   1030-1033  sync        FUTEX MUTEX_LOCK COND_WAIT BARRIER_WAIT  gaming_sync.h
 *   1040-1043  scheduling  BOOST                                    gaming_boost.h
 *                          FRAME                                    gaming_time.h
 *                          YIELD SET_AFFINITY                       gaming_sched.h
 *   1050-1052  time        NANOSLEEP GET_TIME SET_TIMER             gaming_time.h
 *   1060-1062  GPU         SUBMIT SYNC MEMORY                       gaming_gpu.h
 *
 * GAMING_IOC_INFO tells which of them this kernel's module does. What a module
 * for a stock kernel cannot do right is not there (ENOSYS), or libgaming does it
 * from user space, and the header of the group says so: nothing pretends.
 *
 * Whose it is
 * ===========
 *
 * What is opened belongs to the process that opened it. Calls from any other one
 * (fork, execve, a descriptor passed on) get EPERM. All that calls have made is
 * undone when the file is closed, however its owner ends. A call gives no right
 * that the process does not have without it; yet the device has mode 0660, and who
 * shall use it besides root is the administrator's to say, by its group. The module's
 * parameters are io_uring's: @disabled is 0 for all who may open the device, 1 for
 * CAP_SYS_ADMIN and the group of number @group (-1: none), 2 for nobody; others get
 * EPERM from open(2). What is open already stays so.
 *
 * Errors
 * ======
 *
 *   EPERM       not the owner; or a right that the caller lacks
 *   EINVAL      size, flags or a field wrong; what is reserved is not zero
 *   E2BIG       a newer, longer argument with something unknown in it
 *   EFAULT      memory that is not the caller's
 *   ENOSYS      a call that this module does not do: see GAMING_IOC_INFO
 *   ENOTTY      no call of this device
 *   EOPNOTSUPP  a call, or a flag, that this machine cannot do
 *   EBUSY       in use
 *   ENOENT      no such object
 *   EAGAIN      the value was another one
 *   ETIMEDOUT   the time is over
 *   EINTR       a signal came
 *   ENOMEM, EDQUOT   memory; a limit of memory (RLIMIT_MEMLOCK)
 *
 * Each argument begins with its size, a __u32. A shorter one than the header's is
 * refused; a longer one must be zero in what is not known.
 */
#ifndef _UAPI_LINUX_GAMING_H
#define _UAPI_LINUX_GAMING_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GAMING_DEVICE		"/dev/gaming"

#define GAMING_CALL_FIRST	1000
#define GAMING_CALL_MMAP	1000
#define GAMING_CALL_MUNMAP	1001
#define GAMING_CALL_MADVISE	1002
#define GAMING_CALL_MLOCK	1003
#define GAMING_CALL_READ	1010
#define GAMING_CALL_WRITE	1011
#define GAMING_CALL_PREAD	1012
#define GAMING_CALL_SENDFILE	1013
#define GAMING_CALL_LOAD	1020
#define GAMING_CALL_STREAM	1021
#define GAMING_CALL_PRELOAD	1022
#define GAMING_CALL_FUTEX	1030
#define GAMING_CALL_MUTEX_LOCK	1031
#define GAMING_CALL_COND_WAIT	1032
#define GAMING_CALL_BARRIER_WAIT 1033
#define GAMING_CALL_BOOST	1040
#define GAMING_CALL_FRAME	1041
#define GAMING_CALL_YIELD	1042
#define GAMING_CALL_SET_AFFINITY 1043
#define GAMING_CALL_NANOSLEEP	1050
#define GAMING_CALL_GET_TIME	1051
#define GAMING_CALL_SET_TIMER	1052
#define GAMING_CALL_SUBMIT	1060
#define GAMING_CALL_SYNC	1061
#define GAMING_CALL_MEMORY	1062
#define GAMING_CALL_LAST	1062

/*
 * The ioctl of a call. Beside the 25, groups have ioctls of their own, for what
 * the calls need around them (a buffer to register): numbers from 64 on.
 */
#define GAMING_IOC_MAGIC	'g'
#define GAMING_IOC(call)	_IO(GAMING_IOC_MAGIC, (call) - GAMING_CALL_FIRST)
#define GAMING_IOC_INFO		_IO(GAMING_IOC_MAGIC, 64)
#define GAMING_IOC_BATCH	_IO(GAMING_IOC_MAGIC, 65)
/* 80-89 memory, 90-99 storage, 100-109 sync, 110-119 scheduling and time, 120-127 GPU */

/**
 * struct gaming_info - argument of GAMING_IOC_INFO
 * @size:	of this struct
 * @resv:	0
 * @calls:	out: bit n: call 1000 + n is done
 * @features:	out: GAMING_FEAT_*
 * @resv2:	0
 */
struct gaming_info {
	__u32 size;
	__u32 resv;
	__u64 calls;
	__u64 features;
	__u64 resv2[5];
};

/* What the machine and its kernel have, beyond the calls. */
#define GAMING_FEAT_LZ4		(1ULL << 0)	/* storage: kernel has LZ4 */
#define GAMING_FEAT_ZSTD	(1ULL << 1)
#define GAMING_FEAT_HUGE_PAGES	(1ULL << 2)	/* memory */
#define GAMING_FEAT_TSC_DEADLINE (1ULL << 3)	/* time: the timer is the CPU's own */
#define GAMING_FEAT_L3		(1ULL << 4)	/* scheduling: the CPUs say which L3 is theirs */
#define GAMING_FEAT_DMA_FENCE	(1ULL << 5)	/* GPU: sync files can be waited for */
#define GAMING_FEAT_POOL	(1ULL << 6)	/* memory: a pool of zeroed pages; COMPACT */

/**
 * struct gaming_batch_entry - a call of a batch
 * @call:	GAMING_CALL_*
 * @res:	out: as ioctl(2) would have returned, or a negative errno
 * @arg:	address of the call's argument
 */
struct gaming_batch_entry {
	__u32 call;
	__s32 res;
	__u64 arg;
};

/* Stop behind the first call that fails; without it all are made. */
#define GAMING_BATCH_STOP	(1U << 0)
#define GAMING_BATCH_MAX	256

/**
 * struct gaming_batch - argument of GAMING_IOC_BATCH
 * @size:	of this struct
 * @flags:	GAMING_BATCH_*
 * @count:	entries, 1 to GAMING_BATCH_MAX
 * @done:	out: entries whose call was made; the others' @res is left alone
 * @entries:	address of &struct gaming_batch_entry[count]
 *
 * One trap for @count calls, in order. An entry is read once, before its call. A
 * signal ends the batch between two calls: EINTR if none was made, else 0 with
 * @done < @count. Batches do not nest.
 */
struct gaming_batch {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__u64 entries;
	__u64 resv;
};

#endif /* _UAPI_LINUX_GAMING_H */

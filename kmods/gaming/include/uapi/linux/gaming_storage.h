/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/gaming, groups I/O and assets: files straight into memory.
 *
 * Buffers
 * =======
 *
 * BUFFER_ADD registers memory of the caller: its pages are pinned, once, and count
 * against RLIMIT_MEMLOCK until BUFFER_DEL or close. It must be anonymous (or
 * hugetlb) and writable: pinning pages of a file for long is not safe (EOPNOTSUPP; or
 * EFAULT, from kernels that refuse by themselves). The pages stay what they are if the range is unmapped meanwhile:
 * what is read then goes to pages that nobody sees.
 *
 * READ, PREAD, WRITE
 * ==================
 *
 * One call begins @count requests and waits until @wanted are done, those of earlier
 * calls included; any of the two numbers may be 0. What is done is told once, in the
 * order in which it was done, whichever call began it. At most GAMING_IO_MOST can
 * be under way or not yet told; a call begins as many as fit, the first @begun.
 *
 * Requests of a call begin by priority, then in their order. A read at an offset of
 * a file opened with O_DIRECT goes on while the call returns, many at a time; the
 * device writes into the buffer itself. Without O_DIRECT the page cache is used and
 * the CPU copies: the same bytes, done when the call returns.
 *
 *   READ	at @offset, or where the file's position is: GAMING_AT_POSITION. The
 *		latter moves the position, so it is done before the next one begins
 *   PREAD	at @offset only
 *   WRITE	as READ; each is done before the next one begins
 *
 * Files are regular files and block devices; others, EOPNOTSUPP. Rights, locks, limits
 * and what security modules say are those of pread(2) and pwrite(2), with the caller's
 * descriptor; alignment under O_DIRECT is what the file system asks for (EINVAL).
 *
 * A thread under seccomp gets EPERM, from PRELOAD too: its filter would see an ioctl only.
 *
 * SENDFILE is sendfile(2): the kernel has it, and gaming_sendfile() calls it. ENOSYS.
 *
 * Priorities
 * ==========
 *
 * Order within a call, and the I/O priority of ioprio_set(2) that the request has in
 * the block layer: what everyone may ask for.
 *
 *   IMMEDIATE 0	best effort, 0		HIGH 1		best effort, 2
 *   NORMAL 2		the thread's own	BACKGROUND 3	best effort, 7
 *   STREAMING 4	idle
 *
 * LOAD, STREAM, PRELOAD
 * =====================
 *
 *   LOAD	reads @packed bytes of a file and unpacks them into a buffer; comes back
 *		when that is done. LZ4: one block; ZSTD: one frame, or several. EBADMSG:
 *		damaged, or more than @room. The packed bytes are in memory of the
 *		kernel's meanwhile, so nobody changes them under the decoder. Many LOADs
 *		make a batch (GAMING_IOC_BATCH)
 *   STREAM	begins reads of @chunk bytes each, one behind the other, as READ does;
 *		each is told as done with @user_data, counted up by one a chunk, and
 *		adds 1 to @eventfd. @begun says how many bytes have begun: go on there
 *   PRELOAD	reads ahead into the page cache, as posix_fadvise(2) WILLNEED
 *
 * GDeflate and BCPack (DirectStorage's formats for GPUs) and formats of one's own:
 * EOPNOTSUPP. GAMING_FEAT_LZ4 and _ZSTD say which of the others are there.
 */
#ifndef _UAPI_LINUX_GAMING_STORAGE_H
#define _UAPI_LINUX_GAMING_STORAGE_H

#include <linux/gaming.h>

#define GAMING_IOC_BUFFER_ADD	_IO(GAMING_IOC_MAGIC, 90)
#define GAMING_IOC_BUFFER_DEL	_IO(GAMING_IOC_MAGIC, 91)

#define GAMING_BUFFER_BYTES	(1ULL << 30)	/* in one */
#define GAMING_BUFFERS		1024		/* in a session; more: EDQUOT */

/**
 * struct gaming_buffer - argument of BUFFER_ADD and BUFFER_DEL
 * @size:	of this struct
 * @flags:	0
 * @addr:	begin, a multiple of the page size; DEL: 0
 * @len:	bytes, a multiple of the page size, 1 to GAMING_BUFFER_BYTES; DEL: 0
 * @id:		out, not 0; DEL: which. EBUSY: reads into it are under way or not told
 * @segments:	out: pieces of it that are contiguous in memory
 * @resv:	0
 */
struct gaming_buffer {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u32 id;
	__u32 segments;
	__u64 resv;
};

enum gaming_storage_priority {
	GAMING_STORAGE_IMMEDIATE,
	GAMING_STORAGE_HIGH,
	GAMING_STORAGE_NORMAL,
	GAMING_STORAGE_BACKGROUND,
	GAMING_STORAGE_STREAMING,
	GAMING_STORAGE_PRIORITIES
};

#define GAMING_AT_POSITION	(~0ULL)
#define GAMING_IO_MOST		256
#define GAMING_IO_BYTES		(1U << 30)	/* in a request */

/**
 * struct gaming_request - a read or write
 * @fd:		of the file
 * @buffer:	id
 * @buffer_at:	byte in the buffer
 * @offset:	byte in the file, or GAMING_AT_POSITION
 * @len:	bytes, up to GAMING_IO_BYTES
 * @priority:	GAMING_STORAGE_*
 * @user_data:	comes back
 *
 * What is wrong with a request is its result, not the call's.
 */
struct gaming_request {
	__s32 fd;
	__u32 buffer;
	__u64 buffer_at;
	__u64 offset;
	__u32 len;
	__u32 priority;
	__u64 user_data;
};

/* The range is in the page cache now: the CPU has copied, or others read it as well. */
#define GAMING_DONE_CACHED	(1U << 0)

/**
 * struct gaming_done - a request that is done
 * @user_data:	of the request
 * @res:	bytes, or a negative errno
 * @flags:	GAMING_DONE_*
 */
struct gaming_done {
	__u64 user_data;
	__s32 res;
	__u32 flags;
};

/**
 * struct gaming_io - argument of READ, PREAD and WRITE
 * @size:	of this struct
 * @flags:	0
 * @requests:	address of &struct gaming_request[count]
 * @done:	address of &struct gaming_done[done_most]
 * @count:	requests, up to GAMING_IO_MOST
 * @begun:	out: so many of them, from the first on; the others are to be given again
 * @done_most:	room in @done
 * @done_count:	out: entries of it that are filled
 * @wanted:	wait until so many are done, or none is under way; up to @done_most
 * @under_way:	out: begun and not told yet
 * @timeout_ns:	of the wait; 0: none. ETIMEDOUT if nothing was begun or told
 * @resv:	0
 *
 * EAGAIN: nothing fits, and nothing was told. EINTR: a signal came, and neither.
 */
struct gaming_io {
	__u32 size;
	__u32 flags;
	__u64 requests;
	__u64 done;
	__u32 count;
	__u32 begun;
	__u32 done_most;
	__u32 done_count;
	__u32 wanted;
	__u32 under_way;
	__u64 timeout_ns;
	__u64 resv;
};

enum gaming_format {
	GAMING_FORMAT_NONE,
	GAMING_FORMAT_LZ4,
	GAMING_FORMAT_ZSTD,
	GAMING_FORMAT_GDEFLATE,		/* EOPNOTSUPP */
	GAMING_FORMAT_BCPACK,		/* EOPNOTSUPP */
	GAMING_FORMAT_CUSTOM = 255,	/* EOPNOTSUPP */
};

#define GAMING_LOAD_BYTES	(8U << 20)	/* packed, and unpacked */

/**
 * struct gaming_load - argument of LOAD
 * @size:	of this struct
 * @flags:	0
 * @fd:		of the file
 * @format:	GAMING_FORMAT_*
 * @offset:	byte in the file; no alignment is needed
 * @packed:	bytes in the file, 1 to GAMING_LOAD_BYTES; EBADMSG: the file ends before
 * @buffer:	id
 * @priority:	GAMING_STORAGE_*
 * @buffer_at:	byte in the buffer
 * @room:	bytes there at most, 1 to GAMING_LOAD_BYTES
 * @len:	out: bytes unpacked
 * @cached:	out: 1 if the packed bytes went through the page cache
 * @resv:	0
 */
struct gaming_load {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 format;
	__u64 offset;
	__u64 packed;
	__u32 buffer;
	__u32 priority;
	__u64 buffer_at;
	__u64 room;
	__u64 len;
	__u32 cached;
	__u32 resv;
};

/**
 * struct gaming_stream - argument of STREAM
 * @size:	of this struct
 * @flags:	0
 * @fd:		of the file
 * @eventfd:	an eventfd, or -1
 * @offset:	byte in the file
 * @len:	bytes, not 0
 * @buffer:	id
 * @priority:	GAMING_STORAGE_*
 * @buffer_at:	byte in the buffer, where the first chunk goes; the others behind it
 * @chunk:	bytes, a multiple of 4096, up to GAMING_IO_BYTES
 * @resv:	0
 * @user_data:	of the first chunk; the next has one more, and so on
 * @begun:	out: bytes. EAGAIN: none, too much is under way
 * @resv2:	0
 */
struct gaming_stream {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__s32 eventfd;
	__u64 offset;
	__u64 len;
	__u32 buffer;
	__u32 priority;
	__u64 buffer_at;
	__u32 chunk;
	__u32 resv;
	__u64 user_data;
	__u64 begun;
	__u64 resv2;
};

/**
 * struct gaming_preload - argument of PRELOAD
 * @size:	of this struct
 * @flags:	0
 * @fd:		of the file
 * @resv:	0
 * @offset:	byte in the file
 * @len:	bytes; 0: to the end
 */
struct gaming_preload {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 resv;
	__u64 offset;
	__u64 len;
};

#endif /* _UAPI_LINUX_GAMING_STORAGE_H */

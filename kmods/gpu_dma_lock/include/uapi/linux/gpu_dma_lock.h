/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * GPU DMA lock: memory that a device may reach only while its owner lets it.
 *
 * How it works
 * ============
 *
 * A process opens /dev/gpu_dma_lock and becomes an agent (GDL_IOC_AGENT). An
 * agent allocates buffers: pages that are pinned, never swapped, cleared, and
 * charged. Each is a dma-buf; its descriptor can be mapped, passed on, and given
 * to drivers (PRIME import of a DRM node, for example). This module is the
 * exporter, so it is asked whenever a driver wants a device to reach the pages:
 * the driver attaches the device and maps the buffer for it. Both get -EACCES
 * unless the agent has granted this buffer to that device.
 *
 * REVOKE takes the grant away and the mapping with it. The driver is told
 * (move_notify), gives its mapping back, and no new one is made. REVOKE returns
 * when none is left, and the IOMMU has forgotten what it had cached: from then on
 * an access by the device is refused by the hardware, whatever the device
 * still has in its registers.
 *
 * Pages cannot be reached around this: they are mapped into processes as bare
 * page frames, so get_user_pages() (O_DIRECT, RDMA, vfio, io_uring's buffers)
 * refuses them.
 *
 * What revoking needs
 * ===================
 *
 * 1. A driver that gives mappings back (a "dynamic" importer). One that cannot,
 *    or pins the buffer, is refused with -EOPNOTSUPP unless the grant says
 *    GDL_GRANT_STATIC; then, while it holds its mapping, REVOKE says EBUSY and
 *    changes nothing.
 * 2. An IOMMU that translates for the device. Without it a device reaches all
 *    memory, whatever is mapped. GRANT says EOPNOTSUPP unless it has
 *    GDL_GRANT_UNTRANSLATED; then REVOKE still takes the driver's mapping away,
 *    and nothing stops a device that does not listen. Memory above what such a
 *    device can address is refused to its driver (EOPNOTSUPP), not copied.
 *
 * The grain is the device as the IOMMU sees it: devices of one IOMMU group
 * (/sys/kernel/iommu_groups) share what is mapped for one of them.
 *
 * 3. A GPU: a PCI device of class display, or one that a driver of DRM has. GRANT
 *    of another says EACCES, unless the module's parameter any_device is set: who
 *    may GRANT to anything could have the IOMMU's cache emptied for disks and
 *    network cards, too. It says who may be granted, not who keeps a grant.
 *
 * Emptying that cache (one "flush" in stats) costs all users of the device's
 * domain. It is done only for a grant under which something was mapped, and counts
 * against the user whose grant it was: 16 at once are free, each more costs
 * flush_pause_us (a module parameter; 1000, 0: nothing), which the user's next GRANT
 * waits for. What takes access away never waits for it.
 *
 * Who may do what
 * ===============
 *
 * Who can open the device may be an agent: that is told by its mode (0660, root's,
 * until udev says otherwise), and by two parameters of the module, as by
 * io_uring_disabled and io_uring_group: "disabled" is 0 (all who may by the mode), 1
 * (of these CAP_SYS_ADMIN and members of the group whose number is in "group") or 2
 * (nobody). open(2) then says EPERM; who has it open keeps it. An agent is used by the process that made it; others
 * that got its descriptor (fork, SCM_RIGHTS, exec) get EPERM, unless it was made
 * with GDL_AGENT_SHARED: then the descriptor is the right. Handles are an agent's
 * own: there is no way to name another's.
 *
 * GRANT needs no privilege beside being the agent. It opens the agent's own memory and
 * nothing else, and it makes no device move: for that somebody must have the
 * descriptor of the buffer and the right to use the device's driver (its node in
 * /dev), which they would need for any dma-buf of any other exporter, and those
 * ask nobody. This module only ever refuses what would be possible without it.
 *
 * Memory is charged three times: to the agent's quota (GDL_DEFAULT_QUOTA; only
 * CAP_SYS_RESOURCE raises it above), to the user's locked memory
 * (RLIMIT_MEMLOCK, which CAP_IPC_LOCK passes), and to the memory cgroup. It
 * stays charged until the pages are free, whoever holds them.
 *
 * The end of it
 * =============
 *
 * FREE takes all grants of a buffer away and forgets its handle. When the owner
 * closes its descriptor or dies, by whatever signal and at whatever point, that
 * happens to all its buffers (GDL_AGENT_SHARED: with the last descriptor). A
 * buffer whose dma-buf is still held by others keeps its pages and its charge
 * until they let go; no device can map it any more. What a driver holds under
 * GDL_GRANT_STATIC stays mapped until that driver lets go: that is what the flag
 * is a warning of.
 *
 * Any close(2) of the owner's, of a dup(2) too, is the end: as with a POSIX lock.
 *
 * Errors
 * ======
 *
 *   EINVAL      size smaller than the struct or above a page; an unknown flag; a
 *               reserved or unused field that is not zero; bytes 0 or not a
 *               multiple of the page size (of 2 MiB, with GDL_ALLOC_HUGE)
 *   E2BIG       what follows the struct that is known here is not zero
 *   EFAULT      the argument cannot be read; or not be written: then ALLOC and
 *               EXPORT have left nothing, and what others did is done
 *   ENOTTY      no such ioctl
 *   ENXIO       not an agent yet
 *   EBUSY       AGENT: already one. REVOKE: a driver that cannot give its mapping
 *               back holds one; nothing was changed
 *   ESHUTDOWN   the agent has ended
 *   EPERM       not the owner; SET_QUOTA: above the default, without
 *               CAP_SYS_RESOURCE
 *   ENOENT      no such handle (never was, or was freed)
 *   EDQUOT      it would be more than the quota
 *   ENOMEM      it would be more than RLIMIT_MEMLOCK, or there is no memory
 *   EACCES      GRANT: not a GPU (see above)
 *   EINTR       killed while it was allocated, or waited for; GRANT: a signal came
 *               while it waited, and nothing was granted
 *   ENODEV      no such device, or one that has no driver's DMA mask
 *   EOPNOTSUPP  no IOMMU translates for it (see above)
 *   EEXIST      GRANT: it is granted already
 *   ENODATA     REVOKE: it is not granted
 *   ETIMEDOUT   REVOKE: the grant is gone, but a driver still has its mapping
 *
 * And what a driver gets from dma_buf_attach() and dma_buf_map_attachment(), which
 * it hands on, as DRM does: EACCES (not granted), EOPNOTSUPP (see above),
 * ENODEV (a device that cannot do DMA).
 *
 * /proc/swarm/gpu
 * ===============
 *
 * Text; the first line names the columns, and no kernel address is in any of it.
 *
 *   stats            0444  "name value" a line, since the module was loaded
 *   quotas           0400  agent uid pid quota charged buffers state
 *                          (state: alive, or ended and still charged)
 *   allocations      0400  agent handle bytes segments grants attached mapped flags
 *   dma_permissions  0400  agent handle device flags mapped
 *   control          0200  one command a write:
 *                            quota AGENT BYTES     set an agent's quota
 *                            revoke AGENT HANDLE   take all grants of a buffer away
 *                            end AGENT             as if its owner had closed it
 *                          EINVAL: no such command, or malformed. ENOENT: no such
 *                          agent or handle.
 *
 * /proc/swarm itself may be there from another module of the family, in which
 * case it is used as it is; the last one to be unloaded takes it away.
 */
#ifndef _UAPI_LINUX_GPU_DMA_LOCK_H
#define _UAPI_LINUX_GPU_DMA_LOCK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GDL_DEVICE		"/dev/gpu_dma_lock"
#define GDL_PROC		"/proc/swarm/gpu"
#define GDL_DEFAULT_QUOTA	(256ULL << 20)	/* bytes */
#define GDL_HUGE_BYTES		(2ULL << 20)
#define GDL_MAX_TIMEOUT_MS	60000

#define GDL_IOC_MAGIC		'S'
#define GDL_IOC_AGENT		_IO(GDL_IOC_MAGIC, 0)	/* struct gdl_agent */
#define GDL_IOC_ALLOC		_IO(GDL_IOC_MAGIC, 1)	/* struct gdl_alloc */
#define GDL_IOC_FREE		_IO(GDL_IOC_MAGIC, 2)	/* struct gdl_free */
#define GDL_IOC_QUERY		_IO(GDL_IOC_MAGIC, 3)	/* struct gdl_query */
#define GDL_IOC_SET_QUOTA	_IO(GDL_IOC_MAGIC, 4)	/* struct gdl_set_quota */
#define GDL_IOC_CHECK		_IO(GDL_IOC_MAGIC, 5)	/* struct gdl_check */
#define GDL_IOC_GRANT		_IO(GDL_IOC_MAGIC, 6)	/* struct gdl_grant */
#define GDL_IOC_REVOKE		_IO(GDL_IOC_MAGIC, 7)	/* struct gdl_revoke */
#define GDL_IOC_EXPORT		_IO(GDL_IOC_MAGIC, 8)	/* struct gdl_export */

/* gdl_agent.features: what this module and kernel can do */
#define GDL_FEAT_PCI		(1ULL << 0)	/* GDL_DEVICE_PCI, _PCI_CLASS */
#define GDL_FEAT_PLATFORM	(1ULL << 1)	/* GDL_DEVICE_PLATFORM */
#define GDL_FEAT_NO_PIN		(1ULL << 2)	/* dynamic importers need not pin */

#define GDL_AGENT_SHARED	(1U << 0)

/* Becomes an agent. The id is never used again. */
struct gdl_agent {
	__u32 size;		/* in: of this struct; out: what is known here */
	__u32 flags;		/* in: GDL_AGENT_ */
	__u64 id;		/* out */
	__u64 quota;		/* out: bytes */
	__u64 features;		/* out: GDL_FEAT_ */
	__u64 resv[2];
};

#define GDL_ALLOC_HUGE		(1U << 0)	/* chunks of 2 MiB, or ENOMEM */

struct gdl_alloc {
	__u32 size;
	__u32 flags;		/* in: GDL_ALLOC_ */
	__u64 bytes;		/* in */
	__u64 handle;		/* out: never 0, never used again */
	__s32 fd;		/* out: the dma-buf, O_RDWR | O_CLOEXEC */
	__u32 segments;		/* out: contiguous chunks */
	__u64 resv[2];
};

struct gdl_free {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 handle;
};

/* Another descriptor of a buffer that is still allocated. */
struct gdl_export {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 handle;
	__s32 fd;		/* out */
	__u32 resv;
};

struct gdl_set_quota {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 quota;		/* bytes; below what is charged: nothing new, until it fits */
};

struct gdl_query {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 handle;		/* in: 0: about the agent alone */
	__u64 agent;		/* all out, from here on */
	__u64 quota;
	__u64 charged;		/* also by buffers that were freed, and are held by others */
	__u64 buffers;		/* with a handle */
	__u64 bytes;		/* of the buffer */
	__u32 segments;
	__u32 grants;		/* devices */
	__u32 attached;		/* drivers that may ask for a mapping */
	__u32 mapped;		/* mappings that there are */
	__u64 resv[2];
};

#define GDL_DEVICE_PCI		1	/* one function: domain, bus, slot, function */
#define GDL_DEVICE_PCI_CLASS	2	/* all functions of a class that are there now */
#define GDL_DEVICE_PLATFORM	3	/* name, as in /sys/bus/platform/devices */

/* Which device. What its kind does not use is zero. */
struct gdl_device {
	__u32 kind;		/* GDL_DEVICE_ */
	__u32 domain;
	__u8 bus;
	__u8 slot;		/* 0 to 31 */
	__u8 function;		/* 0 to 7 */
	__u8 resv;
	__u32 class;		/* 24 bits, e.g. 0x030000 */
	__u32 class_mask;	/* 0xff0000, 0xffff00 or 0xffffff */
	__u32 resv2;
	char name[40];		/* ends with a zero byte */
};

#define GDL_GRANT_STATIC	(1U << 0)	/* see "What revoking needs" */
#define GDL_GRANT_UNTRANSLATED	(1U << 1)

/*
 * The device of a grant is the one that is there now: another one that is plugged
 * into its place later has no grant. What a driver attaches is a device's child
 * as often as not; the nearest device above it that can be named counts.
 */
struct gdl_grant {
	__u32 size;
	__u32 flags;		/* in: GDL_GRANT_ */
	__u64 handle;
	struct gdl_device device;
	__u32 granted;		/* out: devices (of a class: that had no grant yet) */
	__u32 translated;	/* out: of these, behind an IOMMU that translates */
	__u64 resv;
};

struct gdl_revoke {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 handle;
	struct gdl_device device;
	__u32 timeout_ms;	/* in: up to GDL_MAX_TIMEOUT_MS, to wait for drivers */
	__u32 revoked;		/* out: devices */
	__u64 resv;
};

/*
 * May the device map the buffer? The ioctl's result: 0 no, else GDL_MAY_MAP and
 * the flags of the grant. GDL_DEVICE_PCI and _PLATFORM only. Takes no lock and
 * writes nothing back. A device that is not there, or not any more, may not.
 */
struct gdl_check {
	__u32 size;
	__u32 flags;		/* 0 */
	__u64 handle;
	struct gdl_device device;
};

#define GDL_MAY_MAP		(1 << 0)
#define GDL_MAY_STATIC		(1 << 1)	/* GDL_GRANT_STATIC */
#define GDL_MAY_UNTRANSLATED	(1 << 2)	/* GDL_GRANT_UNTRANSLATED */

#endif

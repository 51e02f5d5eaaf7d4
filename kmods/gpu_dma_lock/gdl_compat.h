/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels that this is built for, 6.1 and later. */
#ifndef GDL_COMPAT_H
#define GDL_COMPAT_H

#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define GDL_IMPORT_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#else
#define GDL_IMPORT_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#endif

/*
 * Without DMABUF_MOVE_NOTIFY (Debian's kernels) the core pins for each mapping of
 * a dynamic importer, and a pin of the importer's own looks the same.
 */
#define GDL_CORE_PINS		(!IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))

#endif

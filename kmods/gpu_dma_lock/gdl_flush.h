/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU's cache, emptied; and who pays. A flush empties the cache of the whole
 * domain of a device, which its other users feel. So each counts against the user
 * whose grant it ends, and who has had too many waits before the next GRANT. Nothing
 * that takes access away ever waits.
 */
#ifndef GDL_FLUSH_H
#define GDL_FLUSH_H

#include <linux/uidgid.h>

struct device;
struct gdl_account;

/* A user's, or that of a few users; it stays as long as the module. */
struct gdl_account *gdl_flush_account(kuid_t uid);

/* Nothing that the IOMMU has cached of @dev's mappings is used from now on. */
void gdl_flush(struct device *dev, struct gdl_account *account);

/* Until the account is even: 0, or -ERESTARTSYS as a signal came. */
int gdl_flush_wait(struct gdl_account *account);

#endif

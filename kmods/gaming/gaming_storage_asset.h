/* SPDX-License-Identifier: GPL-2.0-only */
/* LOAD, STREAM, PRELOAD: calls of the table. */
#ifndef _GAMING_STORAGE_ASSET_H
#define _GAMING_STORAGE_ASSET_H

#include "gaming.h"

long gaming_storage_load(struct gaming_session *s, void __user *arg);
long gaming_storage_stream(struct gaming_session *s, void __user *arg);
long gaming_storage_preload(struct gaming_session *s, void __user *arg);

#endif /* _GAMING_STORAGE_ASSET_H */

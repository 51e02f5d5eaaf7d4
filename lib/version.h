/* SPDX-License-Identifier: Apache-2.0 */
/* Which rigproof this is. */
#ifndef RP_LIB_VERSION_H
#define RP_LIB_VERSION_H

/*
 * What `git describe` said of the tree that was built, "unknown" without git. Static, never NULL.
 */
const char *rp_version(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key that stands for one boot of this rig. It lives in a file below /run (memory, mode 0600),
 * so that an agent that is started again in the same boot is still the same to the server, and so
 * that it ends with the boot.
 */
#ifndef RP_AGENT_BOOT_KEY_H
#define RP_AGENT_BOOT_KEY_H

#include <openssl/evp.h>

#include "lib/error.h"

/* Read path, or make a new key there. A file that is no key of ours is replaced. */
int rp_boot_key_get(const char *path, EVP_PKEY **ret, struct rp_error *err)
	__attribute__((warn_unused_result));

#endif

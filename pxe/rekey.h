/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Re-keying iPXE: a stock EFI binary trusts exactly one root by the SHA-256 of its certificate
 * (DER). Put ours in its place, and that iPXE trusts our TLS and nothing else. The signature of a
 * signed binary is void afterwards: sign it again.
 */
#ifndef RP_PXE_REKEY_H
#define RP_PXE_REKEY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/error.h"

/* SHA-256 of "iPXE root CA", as in iPXE's crypto/rootcert.c. */
extern const uint8_t rp_ipxe_root_fingerprint[RP_SHA256_LEN];

/*
 * A copy of the binary in which old_root is replaced by new_root. *ret has len bytes, allocated.
 * -EINVAL, naming the count, where old_root does not stand in it exactly once; -ENOMEM.
 */
int rp_ipxe_rekey(const void *in, size_t len, const uint8_t old_root[RP_SHA256_LEN],
	const uint8_t new_root[RP_SHA256_LEN], uint8_t **ret, struct rp_error *err);

#endif

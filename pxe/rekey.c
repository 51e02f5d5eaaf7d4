/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/rekey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const uint8_t rp_ipxe_root_fingerprint[RP_SHA256_LEN] = {0x9f, 0xaf, 0x71, 0x7b, 0x7f, 0x8c, 0xa2,
	0xf9, 0x3c, 0x25, 0x6c, 0x79, 0xf8, 0xac, 0x55, 0x91, 0x89, 0x5d, 0x66, 0xd1, 0xff, 0x3b,
	0xee, 0x63, 0x97, 0xa7, 0x0d, 0x29, 0xc6, 0x5e, 0xed, 0x1a};

int rp_ipxe_rekey(const void *in, size_t len, const uint8_t old_root[RP_SHA256_LEN],
	const uint8_t new_root[RP_SHA256_LEN], uint8_t **ret, struct rp_error *err)
{
	const uint8_t *start = in, *found = NULL, *at = in;
	size_t count = 0;
	uint8_t *out;

	while (at && (at = memmem(at, len - (size_t)(at - start), old_root, RP_SHA256_LEN))) {
		found = at++;
		count++;
	}
	if (count != 1)
		return rp_error_set(err, -EINVAL,
			"not an iPXE that can be re-keyed: its root certificate's fingerprint "
			"stands in it %zu times, must be once",
			count);
	out = malloc(len);
	if (!out)
		return rp_error_memory(err);
	memcpy(out, in, len);
	memcpy(out + (found - start), new_root, RP_SHA256_LEN);
	*ret = out;
	return 0;
}

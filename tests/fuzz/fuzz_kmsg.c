/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as records of /dev/kmsg, each up to a NUL byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/kmsg.h"
#include "lib/cleanup.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	rp_cleanup(free) char *reports = NULL;
	const char *record = (const char *)data, *end = record + size;
	char sha256[RP_SHA256_HEX], expected[RP_SHA256_HEX], since[100];

	while (kmsg && record < end) {
		const char *nul = memchr(record, 0, (size_t)(end - record));
		size_t len = (size_t)((nul ? nul : end) - record);
		size_t mark = rp_kmsg_mark(kmsg);

		if (rp_kmsg_add(kmsg, record, len) < 0)
			abort();
		rp_kmsg_since(kmsg, mark, since, sizeof(since));
		record += len + 1;
	}
	if (!kmsg || rp_kmsg_sha256(kmsg, sha256) < 0)
		abort();
	/* Nothing was dropped, as long as it is less than what is kept. */
	rp_sha256_hex(rp_kmsg_text(kmsg), strlen(rp_kmsg_text(kmsg)), expected);
	if (size < RP_KMSG_TEXT_MAX / 64 && strcmp(sha256, expected) != 0)
		abort();
	reports = rp_json_canonical(rp_kmsg_reports(kmsg));
	if (!reports)
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a check's output: what comes of it fits the statement, whatever they were. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tap.h"
#include "lib/cleanup.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(tap) struct rp_tap tap = {0};
	rp_cleanup(free) char *tests = NULL;
	rp_cleanup(free) char *metrics = NULL;
	rp_cleanup(json) json_t *texts = NULL;

	if (rp_tap_parse((const char *)data, size, &tap) < 0)
		abort();
	if (json_array_size(tap.tests) > RP_TAP_TESTS_MAX ||
		json_array_size(tap.metrics) > RP_TAP_METRICS_MAX)
		abort();
	/* A whole document has its tests, or says that it has none. */
	if (!*tap.problem && !json_array_size(tap.tests) && !tap.skip_all)
		abort();
	tests = rp_json_canonical(tap.tests);
	metrics = rp_json_canonical(tap.metrics);
	texts = json_pack("[s]", tap.skip_reason);
	if (!tests || !metrics || !texts || strchr(tests, '\x1b') || strchr(metrics, '\x1b'))
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a manifest; what is accepted must survive the way to JSON and back unchanged. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "manifests/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(manifest) struct rp_manifest *again = NULL;
	rp_cleanup(json) json_t *one = NULL;
	rp_cleanup(json) json_t *two = NULL;
	struct rp_error err = RP_ERROR_NONE;

	if (rp_manifest_parse("fuzz", (const char *)data, size, &manifest, &err) < 0) {
		if (!err.code || !*err.text)
			abort();
		return 0;
	}
	one = rp_manifest_to_json(manifest);
	if (!one)
		abort();
	if (rp_manifest_from_json(one, &again, &err) < 0) {
		/* The one thing that YAML text can hold and our JSON form cannot. */
		if (strstr(err.text, "line separator"))
			return 0;
		abort();
	}
	two = rp_manifest_to_json(again);
	if (!two || !json_equal(one, two))
		abort();
	return 0;
}

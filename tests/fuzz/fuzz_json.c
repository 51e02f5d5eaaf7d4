/* SPDX-License-Identifier: Apache-2.0 */
/* What we sign is canonical JSON in base64: both must come back as they went. */
#include <stdint.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const char *text, size_t len)
{
	rp_cleanup(json) json_t *value = NULL;
	rp_cleanup(json) json_t *again = NULL;
	rp_cleanup(free) char *canonical = NULL;
	rp_cleanup(free) char *second = NULL;
	struct rp_error err = RP_ERROR_NONE;

	if (rp_json_parse(text, len, &value, &err) < 0) {
		if (!err.code || !*err.text || value)
			abort();
		return;
	}
	canonical = rp_json_canonical(value);
	if (!canonical || rp_json_parse(canonical, strlen(canonical), &again, &err) < 0)
		abort();
	second = rp_json_canonical(again);
	if (!second || strcmp(canonical, second) != 0 || !json_equal(value, again))
		abort();
}

static void check_base64(const char *text, size_t len)
{
	rp_cleanup(free) uint8_t *decoded = NULL;
	rp_cleanup(free) char *encoded = NULL;
	size_t decoded_len = 0;

	if (rp_base64_decode(text, len, &decoded, &decoded_len) < 0)
		return;
	/* Strict: the text that was taken is the only text of these bytes. */
	encoded = rp_base64_encode(decoded, decoded_len);
	if (!encoded || strlen(encoded) != len || memcmp(encoded, text, len) != 0)
		abort();
}

static void check_any_bytes_in_base64(const uint8_t *data, size_t size)
{
	rp_cleanup(free) char *encoded = rp_base64_encode(data, size);
	rp_cleanup(free) uint8_t *decoded = NULL;
	size_t len = 0;

	if (!encoded || rp_base64_decode(encoded, strlen(encoded), &decoded, &len) < 0)
		abort();
	if (len != size || (size && memcmp(decoded, data, size) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_json((const char *)data, size);
	check_base64((const char *)data, size);
	check_any_bytes_in_base64(data, size);
	return 0;
}

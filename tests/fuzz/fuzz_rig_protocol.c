/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as each message of the rig protocol: what is taken says the same when written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys/rig_protocol.h"
#include "lib/cleanup.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const json_t *read, json_t *written)
{
	if (!written || !json_equal((json_t *)read, written))
		abort();
	json_decref(written);
}

#define TRY(name)                                                                                  \
	do {                                                                                       \
		struct rp_##name message;                                                          \
		struct rp_error err = RP_ERROR_NONE;                                               \
		if (rp_##name##_read(json, &message, &err) == 0)                                   \
			expect_same(json, rp_##name##_write(&message));                            \
		else if (!*err.text)                                                               \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(json) json_t *json = NULL;
	enum rp_action action;

	if (rp_json_parse((const char *)data, size, &json, NULL) < 0)
		return 0;
	TRY(hello);
	TRY(pending);
	TRY(admission);
	TRY(enrolment);
	TRY(enrolled);
	TRY(job_offer);
	TRY(heartbeat);
	TRY(event);
	TRY(receipt);
	if (rp_enrolled_answer_read(json, &action, NULL) == 0)
		expect_same(json, rp_action_write(action));
	if (rp_heartbeat_answer_read(json, &action, NULL) == 0)
		expect_same(json, rp_action_write(action));
	return 0;
}

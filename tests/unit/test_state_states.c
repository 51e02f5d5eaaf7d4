/* SPDX-License-Identifier: Apache-2.0 */
/* The words go both ways, and the picture in server/state/README.md is the table of arrows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/state/states.h"

static const char *word(enum rp_machine machine, int state)
{
	switch (machine) {
	case RP_MACHINE_RIG:
		return rp_rig_state_text((enum rp_rig_state)state);
	case RP_MACHINE_BOOT:
		return rp_boot_state_text((enum rp_boot_state)state);
	default:
		return rp_job_state_text((enum rp_job_state)state);
	}
}

static void words_go_both_ways(void **state)
{
	enum rp_boot_purpose purpose;
	enum rp_rig_state rig;
	enum rp_boot_power power;
	enum rp_boot_state boot;
	enum rp_job_state job;

	for (int i = 0; i < RP_RIG_STATES; i++) {
		assert_int_equal(rp_rig_state_parse(rp_rig_state_text(i), &rig), 0);
		assert_int_equal(rig, i);
	}
	for (int i = 0; i < RP_BOOT_STATES; i++) {
		assert_int_equal(rp_boot_state_parse(rp_boot_state_text(i), &boot), 0);
		assert_int_equal(boot, i);
	}
	for (int i = 0; i < RP_BOOT_PURPOSES; i++) {
		assert_int_equal(rp_boot_purpose_parse(rp_boot_purpose_text(i), &purpose), 0);
		assert_int_equal(purpose, i);
	}
	for (int i = 0; i < RP_BOOT_POWERS; i++) {
		assert_int_equal(rp_boot_power_parse(rp_boot_power_text(i), &power), 0);
		assert_int_equal(power, i);
	}
	for (int i = 0; i < RP_JOB_STATES; i++) {
		assert_int_equal(rp_job_state_parse(rp_job_state_text(i), &job), 0);
		assert_int_equal(job, i);
	}
	rig = RP_RIG_BUSY;
	assert_int_equal(rp_rig_state_parse("Ready", &rig), -EINVAL);
	assert_int_equal(rig, RP_RIG_BUSY);
}

/* Each arrow is drawn as "from --> to  cause  function", in the table's order, and no other is. */
static void picture(void **state)
{
	rp_cleanup(free) char *text = NULL;
	struct rp_error err = RP_ERROR_NONE;
	size_t next = 0;
	char *line, *rest;

	if (rp_file_read("server/state/README.md", 64 << 10, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char from[32], to[32], expected[256], found[256];
		const struct rp_arrow *arrow = &rp_arrows[next];

		if (sscanf(line, " %31[a-z] --> %31[a-z] %255[^\n]", from, to, found) != 3)
			continue;
		if (next == rp_arrow_count)
			fail_msg("an arrow too many is drawn: %s", line);
		snprintf(expected, sizeof(expected), "%s: %s", arrow->function, arrow->cause);
		if (strcmp(from, word(arrow->machine, arrow->from)) ||
			strcmp(to, word(arrow->machine, arrow->to)) || strcmp(found, expected))
			fail_msg("drawn: %s\nin the table: %s --> %s %s", line,
				word(arrow->machine, arrow->from), word(arrow->machine, arrow->to),
				expected);
		next++;
	}
	assert_int_equal(next, rp_arrow_count);
}

/* A function that is named on an arrow is one of the server's. */
static void functions_exist(void **state)
{
	for (size_t i = 0; i < rp_arrow_count; i++) {
		char command[160];

		snprintf(command, sizeof(command),
			"grep -rqE '^(static )?int %s\\(' server --include='*.c'",
			rp_arrows[i].function);
		if (system(command) != 0)
			fail_msg("%s: no such function", rp_arrows[i].function);
	}
}

static void arrows(void **state)
{
	assert_true(rp_arrow_exists(RP_MACHINE_RIG, RP_RIG_READY, RP_RIG_BUSY));
	assert_true(rp_arrow_exists(RP_MACHINE_RIG, RP_RIG_READY, RP_RIG_READY));
	assert_false(rp_arrow_exists(RP_MACHINE_RIG, RP_RIG_PENDING, RP_RIG_READY));
	assert_false(rp_arrow_exists(RP_MACHINE_BOOT, RP_BOOT_DONE, RP_BOOT_OPEN));
	assert_false(rp_arrow_exists(RP_MACHINE_JOB, RP_JOB_DONE, RP_JOB_QUEUED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_go_both_ways),
		cmocka_unit_test(picture),
		cmocka_unit_test(functions_exist),
		cmocka_unit_test(arrows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of /dev/gaming against what a program does without them: rows for the
 * table of tests/bench/gaming, and counts. See kmods/gaming/bench/bench.h.
 */
#include <stdio.h>
#include <unistd.h>

#include "agent/checks/runner.h"
#include "kmods/gaming/bench/bench.h"
#include "kmods/gaming/libgaming/gaming.h"

static const struct test tests[] = {
};

static const struct check check = {
	.name = "gaming_bench",
	.what = "Compares the calls of /dev/gaming with what does without them.",
	.device = GAMING_DEVICE,
	.module = "gaming",
	.tests = tests,
	.count = ARRAY_LEN(tests),
};

int main(int argc, char **argv)
{
	return run_check(&check, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of /dev/gaming, checked: each against what a system call or the machine
 * itself says of the same thing, bad input, rights, and processes that end anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/checks/runner.h"
#include "kmods/gaming/selftest/test_setup.h"

static const struct test tests[] = {
	{"setup", test_setup, "sizes and numbers, which calls are done", 10},
	{"bad-input", test_bad_input, "INFO and BATCH: each bad input alone, with its errno", 10},
	{"batch", test_batch, "in order, stopped by a failure, by a signal, by bad memory", 10},
	{"owner", test_owner, "a child, another program and a passed descriptor are refused", 10},
};

static const struct check check = {
	.name = "gaming_test",
	.what = "Checks the calls of /dev/gaming.",
	.device = GAMING_DEVICE,
	.module = "gaming",
	.tests = tests,
	.count = ARRAY_LEN(tests),
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	return run_check(&check, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against a real server on loopback: the rig lab's server behind an HTTPS front
 * with the real routes, in a thread that works only while a command waits for it.
 */
#ifndef RP_TESTS_CLI_LAB_H
#define RP_TESTS_CLI_LAB_H

#include "tests/unit/server_lab.h"

/* cmocka's, for one test; *state is the struct rig_lab of the server, whose folder is --state. */
int cli_lab_setup(void **state);
int cli_lab_teardown(void **state);

/* What the last command printed, until the next one. */
extern char *cli_out, *cli_errors;

/* Run "rigproof ..." as a shell would, with --state added; the exit status. Words have no spaces. */
int cli_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same without --state. */
int cli_run_alone(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define assert_printed(text) assert_non_null(strstr(cli_out, text))
#define assert_complained(text) assert_non_null(strstr(cli_errors, text))

#endif

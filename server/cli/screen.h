/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between this program and a terminal. Everything that is printed to standard output
 * and standard error while it stands, whoever prints it, goes through one filter: of what
 * lib/printable.h does not show each byte becomes '?', newline and tab alone pass. Colours are the filter's own, around
 * words of ours.
 *
 * stdout and stderr are the process's, and so is this: there is one.
 */
#ifndef RP_SERVER_CLI_SCREEN_H
#define RP_SERVER_CLI_SCREEN_H

#include <stdio.h>

#include "lib/error.h"
#include "manifests/manifest.h"

/* Put the filter before out and errors: stdout and stderr are the filtered ones from here. */
int rp_screen_begin(FILE *out, FILE *errors, struct rp_error *err);

/* Whether standard output gets colours: auto is where it is a terminal that is not dumb. */
void rp_screen_colour(enum rp_color color);

/* A word of ours, a verdict or a state, in its colour where there are any. */
void rp_screen_word(FILE *out, const char *word);

/*
 * Write what is left, and make stdout and stderr what they were. Negative errno where something of
 * standard output could not be written.
 */
int rp_screen_end(void);

#endif

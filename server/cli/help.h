/* SPDX-License-Identifier: Apache-2.0 */
/* What people read who ask for help: of the program, of a noun, of a verb; a screen each. */
#ifndef RP_SERVER_CLI_HELP_H
#define RP_SERVER_CLI_HELP_H

#include <stdio.h>

#include "server/cli/cli.h"

void rp_help_program(FILE *out);
void rp_help_noun(const struct rp_cli_command *commands, FILE *out);
void rp_help_verb(const struct rp_cli_command *command, FILE *out);

#endif

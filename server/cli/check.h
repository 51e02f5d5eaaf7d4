/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a command line, checked before anything is asked or changed: RP_CLI_WRONG_USE with what
 * is wrong with them.
 */
#ifndef RP_SERVER_CLI_CHECK_H
#define RP_SERVER_CLI_CHECK_H

#include <stdint.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/id.h"

/* A name as rigs, images, plans and modules have; what: "rig", for the error. */
int rp_cli_check_name(const char *what, const char *text, struct rp_error *err);

/* A job's id or the beginning of one, in either case; *ret is in upper case. */
int rp_cli_check_id(const char *text, char ret_id[RP_ID_TEXT], struct rp_error *err);

/*
 * A time in the past: "2026-11-20", "2026-11-20T12:00", with seconds, with milliseconds, with Z (it
 * is UTC with and without), or "90m", "12h", "7d" before now. *ret is its RFC 3339 text.
 */
int rp_cli_since(const char *text, int64_t now, char ret_time[RP_TIME_TEXT], struct rp_error *err);

#endif

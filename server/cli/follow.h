/* SPDX-License-Identifier: Apache-2.0 */
/* A job watched to its end, and its timeline as text. */
#ifndef RP_SERVER_CLI_FOLLOW_H
#define RP_SERVER_CLI_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/error.h"
#include "server/cli/client.h"

/*
 * Print stages with their times as they end, then the verdict. A server that is away is waited for
 * up to five minutes: jobs survive its restart. Returns enum rp_exit by verdict, or negative errno.
 * json: an object a line: {"event": "boot", "boot"}, {"event": "stage", ...} as the timeline has it,
 * and at last the job with "event": "end"; {"event": "waiting", "reason"} on standard error.
 */
int rp_follow_job(struct rp_client *client, const char *job, bool json, struct rp_error *err);

/* timeline.json for people: a bar for each stage, then the events. */
int rp_follow_print(const json_t *timeline, FILE *out);

#endif

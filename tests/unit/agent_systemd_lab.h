/* SPDX-License-Identifier: Apache-2.0 */
/* A small peer that plays systemd, on a socket pair; tests/lab has the real one. */
#ifndef RP_TESTS_AGENT_SYSTEMD_LAB_H
#define RP_TESTS_AGENT_SYSTEMD_LAB_H

#include <stdbool.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

struct systemd {
	sd_event *event;
	sd_bus *bus, *systemd; /* the two ends: ours, and its */
	/* what it was asked */
	char properties[4096]; /* "Name=value;" of those with a simple value */
	int calls, stops, unrefs;
	int output; /* the check's end of its standard output */
	int errors;
	/* what it says */
	const char *text; /* on the check's standard output */
	const char *result;
	int status;
	bool refuse, silent;
	bool active; /* it still is, at first */
};

/* Both ends, talking, with one check that passes. What cannot be done fails the test, here and below. */
void systemd_open(struct systemd *sys);

void systemd_close(struct systemd *sys);

/* Until *counter is reached, at most ten seconds. */
void systemd_until(struct systemd *sys, const int *counter, int wanted);

#endif

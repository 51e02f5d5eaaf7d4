/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One check as a transient systemd service (org.freedesktop.systemd1(5), StartTransientUnit):
 * systemd bounds its time, memory, CPUs and devices and ends every process of it; we collect what
 * it writes and how it ended. Asynchronous: everything happens in the event loop of the caller.
 */
#ifndef RP_AGENT_UNIT_H
#define RP_AGENT_UNIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "lib/error.h"

#define RP_UNIT_CHECKS_DIR "/usr/libexec/rigproof/checks"
#define RP_UNIT_SLICE "rigproof-checks.slice"
#define RP_UNIT_OUTPUT_MAX (4u << 20)
#define RP_UNIT_CPUS_MAX 1024

struct rp_unit_spec {
	const char *name;   /* of the check; the unit is rigproof-check-NAME.service */
	const json_t *exec; /* ["xsc_ring_test", ...]: absolute, or a name in RP_UNIT_CHECKS_DIR */
	int64_t timeout_us;
	int memory_mb;	       /* 0: no limit */
	const char *cpus;      /* "0-1,3"; "" all */
	const char *scheduler; /* "other", "fifo", "rr" */
	int priority;	       /* 1..99, of fifo and rr */
	const char *user;      /* "" root */
	bool disks;	       /* it may open block devices */
};

/* The spec of a check of a job that rp_record_check_job took. */
struct rp_unit_spec rp_unit_spec_of(const json_t *check, bool disks);

/*
 * "0-1,3" as systemd's bit mask (bit N of byte N / 8). *ret_len is its length, 0 for "".
 * -EINVAL, or -ERANGE for a CPU at or above limit.
 */
int rp_unit_parse_cpus(const char *text, int limit, uint8_t ret_mask[RP_UNIT_CPUS_MAX / 8],
	size_t *ret_len) __attribute__((warn_unused_result));

/*
 * The StartTransientUnit call of spec. The two descriptors become standard output and standard
 * error (duplicated). -EINVAL where spec cannot be run on this machine (err says why).
 */
int rp_unit_build(sd_bus *bus, const struct rp_unit_spec *spec, int output_fd, int error_fd,
	sd_bus_message **ret, struct rp_error *err) __attribute__((warn_unused_result));

struct rp_unit;

struct rp_unit_end {
	int error;	    /* 0: it ran; else negative errno: it could not be run, or was lost */
	char message[256];  /* of error; "" */
	char result[32];    /* systemd's word: "success" "exit-code" "timeout" "signal"... */
	int status;	    /* exit status, or the signal's number */
	const char *output; /* standard output, at most RP_UNIT_OUTPUT_MAX; borrowed */
	size_t output_len;
	bool output_cut;	/* there was more */
	const char *last_words; /* the end of standard error, for a message; borrowed */
};

/* Called once, from the event loop; unit may be freed in it. */
typedef void (*rp_unit_done)(void *context, const struct rp_unit_end *end);

/* bus is attached to event. On failure done is not called. */
int rp_unit_start(sd_bus *bus, sd_event *event, const struct rp_unit_spec *spec, rp_unit_done done,
	void *context, struct rp_unit **ret, struct rp_error *err)
	__attribute__((warn_unused_result));

/* Ask systemd to end it now; done is called when it has ended. */
void rp_unit_stop(struct rp_unit *unit);

/* Also drops our reference to systemd's unit. Does not end its processes: rp_unit_stop does. */
struct rp_unit *rp_unit_free(struct rp_unit *unit);

/* End whatever checks an agent before us left running. Does not wait. */
void rp_unit_stop_all(sd_bus *bus);

static inline void rp_cleanup_unit(struct rp_unit **unit)
{
	rp_unit_free(*unit);
}

#endif

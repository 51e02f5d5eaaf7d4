/* SPDX-License-Identifier: Apache-2.0 */
/* What a check may do, as properties of a transient unit. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bus_cleanup.h"
#include "agent/systemd1.h"
#include "agent/unit.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/id.h"
#include "lib/json.h"

#define STOP_TIMEOUT_US (5 * UINT64_C(1000000))

/*
 * What a check may open when the disks are taboo. An allow list, not "char-*": sg, bsg, nvme and
 * mtd are character devices, and each of them can write a disk. The kernel's log is for reading: a
 * line written there could pass for the kernel's.
 */
static const struct {
	const char *name, *rights;
} devices[] = {
	{"char-misc", "rw"},
	{"char-drm", "rw"},
	{"char-input", "rw"},
	{"char-alsa", "rw"},
	{"char-rtc", "rw"},
	{"char-cpu/*", "rw"},
	{"char-accel", "rw"},
	{"char-dma_heap", "rw"},
	{"char-kfd", "rw"},
	{"char-nvidia*", "rw"},
	{"char-xsc*", "rw"},
	{"char-gaming*", "rw"},
	{"char-gdl*", "rw"},
	{"/dev/kmsg", "r"},
};

struct rp_unit_spec rp_unit_spec_of(const json_t *check, bool disks)
{
	return (struct rp_unit_spec){
		.name = rp_json_string_or(check, "name", ""),
		.exec = json_object_get(check, "exec"),
		.timeout_us = json_integer_value(json_object_get(check, "timeout_s")) * 1000000,
		.memory_mb = (int)json_integer_value(json_object_get(check, "memory_mb")),
		.cpus = rp_json_string_or(check, "cpus", ""),
		.scheduler = rp_json_string_or(check, "scheduler", "other"),
		.priority = (int)json_integer_value(json_object_get(check, "priority")),
		.user = rp_json_string_or(check, "user", ""),
		.disks = disks,
	};
}

/* Digits; -EINVAL. */
static int read_cpu(const char **text)
{
	int value = 0, digits = 0;

	for (; **text >= '0' && **text <= '9' && digits < 5; digits++)
		value = value * 10 + *(*text)++ - '0';
	return digits ? value : -EINVAL;
}

int rp_unit_parse_cpus(
	const char *text, int limit, uint8_t ret_mask[RP_UNIT_CPUS_MAX / 8], size_t *ret_len)
{
	uint8_t mask[RP_UNIT_CPUS_MAX / 8] = {0};
	size_t len = 0;

	while (*text) {
		int first = read_cpu(&text), last = first;

		if (first >= 0 && *text == '-') {
			text++;
			last = read_cpu(&text);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		if (last >= limit || last >= RP_UNIT_CPUS_MAX)
			return -ERANGE;
		for (int cpu = first; cpu <= last; cpu++)
			mask[cpu / 8] |= (uint8_t)(1u << cpu % 8);
		if ((size_t)last / 8 + 1 > len)
			len = (size_t)last / 8 + 1;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	memcpy(ret_mask, mask, sizeof(mask));
	*ret_len = len;
	return 0;
}

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
	return sd_bus_message_append(m, "(sv)", key, "s", value);
}

static int append_number(sd_bus_message *m, const char *key, uint64_t value)
{
	return sd_bus_message_append(m, "(sv)", key, "t", value);
}

/* The program: absolute, or one of ours by its name. Caller frees; NULL: neither, or no memory. */
static char *find_program(const char *name)
{
	if (*name == '/')
		return strdup(name);
	if (!*name || strchr(name, '/') || *name == '.')
		return NULL;
	return rp_path("%s/%s", RP_UNIT_CHECKS_DIR, name);
}

/* ExecStartEx and not ExecStart: that would expand "$" in the arguments. */
static int append_exec(sd_bus_message *m, const json_t *exec)
{
	rp_cleanup(free) char *program = find_program(json_string_value(json_array_get(exec, 0)));
	const json_t *argument;
	size_t i;
	int r;

	if (!program)
		return -EINVAL;
	r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", "ExecStartEx");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a(sasas)");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sasas)");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'r', "sasas");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", program);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	json_array_foreach (exec, i, argument)
		if (r >= 0)
			r = sd_bus_message_append(m, "s", json_string_value(argument));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "as", 1, "no-env-expand");
	for (int depth = 0; depth < 4 && r >= 0; depth++)
		r = sd_bus_message_close_container(m);
	return r;
}

static int append_cpus(sd_bus_message *m, const uint8_t *mask, size_t len)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", "AllowedCPUs");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', mask, len);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_devices(sd_bus_message *m)
{
	int r = append_text(m, "DevicePolicy", "closed");

	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices) && r >= 0; i++)
		r = sd_bus_message_append(
			m, "(sv)", "DeviceAllow", "a(ss)", 1, devices[i].name, devices[i].rights);
	return r;
}

static int append_bounds(sd_bus_message *m, const struct rp_unit_spec *spec)
{
	int r = append_number(m, "RuntimeMaxUSec", (uint64_t)spec->timeout_us);

	if (r >= 0)
		r = append_number(m, "TimeoutStopUSec", STOP_TIMEOUT_US);
	/* systemd's default ends a check of many threads where no plan says so. */
	if (r >= 0)
		r = append_number(m, "TasksMax", UINT64_MAX);
	if (r >= 0 && spec->memory_mb)
		r = append_number(m, "MemoryMax", (uint64_t)spec->memory_mb << 20);
	if (r >= 0 && spec->memory_mb)
		r = append_number(m, "MemorySwapMax", 0);
	if (r >= 0 && !spec->disks)
		r = append_devices(m);
	return r;
}

/* The policy stands before the priority: systemd checks one against the other. */
static int append_scheduling(sd_bus_message *m, const struct rp_unit_spec *spec)
{
	int policy = strcmp(spec->scheduler, "fifo") == 0 ? SCHED_FIFO
		     : strcmp(spec->scheduler, "rr") == 0 ? SCHED_RR
							  : SCHED_OTHER;
	int r;

	if (policy == SCHED_OTHER)
		return 0;
	r = sd_bus_message_append(m, "(sv)", "CPUSchedulingPolicy", "i", policy);
	return r < 0 ? r
		     : sd_bus_message_append(
			       m, "(sv)", "CPUSchedulingPriority", "i", spec->priority);
}

static int append_properties(sd_bus_message *m, const struct rp_unit_spec *spec, int output_fd,
	int error_fd, const uint8_t *cpus, size_t cpus_len)
{
	char description[128];
	int r;

	snprintf(description, sizeof(description), "rigproof check %s", spec->name);
	r = append_text(m, "Description", description);
	if (r >= 0)
		r = append_text(m, "Type", "exec");
	if (r >= 0)
		r = append_text(m, "Slice", RP_UNIT_SLICE);
	if (r >= 0)
		r = append_text(m, "CollectMode", "inactive-or-failed");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "AddRef", "b", 1);
	if (r >= 0)
		r = append_exec(m, spec->exec);
	if (r >= 0)
		r = sd_bus_message_append(
			m, "(sv)", "StandardOutputFileDescriptor", "h", output_fd);
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "StandardErrorFileDescriptor", "h", error_fd);
	if (r >= 0)
		r = append_bounds(m, spec);
	if (r >= 0)
		r = append_scheduling(m, spec);
	if (r >= 0 && cpus_len)
		r = append_cpus(m, cpus, cpus_len);
	if (r >= 0 && *spec->user)
		r = append_text(m, "User", spec->user);
	return r;
}

static int check_spec(
	const struct rp_unit_spec *spec, uint8_t *ret_cpus, size_t *ret_len, struct rp_error *err)
{
	int online = (int)sysconf(_SC_NPROCESSORS_CONF);
	bool realtime = strcmp(spec->scheduler, "other") != 0;
	int r;

	if (!rp_name_valid(spec->name))
		return rp_error_set(
			err, -EINVAL, "\"%.64s\" is not the name of a check", spec->name);
	if (spec->timeout_us <= 0)
		return rp_error_set(err, -EINVAL, "%s: no time to run in", spec->name);
	if (realtime != (spec->priority != 0))
		return rp_error_set(err, -EINVAL,
			"%s: priority %d does not go with scheduler %s (1..99 with fifo and rr, "
			"else 0)",
			spec->name, spec->priority, spec->scheduler);
	r = rp_unit_parse_cpus(spec->cpus, online, ret_cpus, ret_len);
	if (r == -ERANGE)
		return rp_error_set(err, -EINVAL, "%s: cpus \"%s\": this rig has %d CPUs",
			spec->name, spec->cpus, online);
	if (r < 0)
		return rp_error_set(err, r, "%s: cpus \"%s\": expected a list as 0-1,3", spec->name,
			spec->cpus);
	return 0;
}

int rp_unit_build(sd_bus *bus, const struct rp_unit_spec *spec, int output_fd, int error_fd,
	sd_bus_message **ret, struct rp_error *err)
{
	rp_cleanup(bus_message) sd_bus_message *m = NULL;
	uint8_t cpus[RP_UNIT_CPUS_MAX / 8];
	size_t cpus_len;
	char unit[128];
	int r;

	r = check_spec(spec, cpus, &cpus_len, err);
	if (r < 0)
		return r;
	snprintf(unit, sizeof(unit), "rigproof-check-%s.service", spec->name);
	r = sd_bus_message_new_method_call(
		bus, &m, RP_SYSTEMD, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "replace");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_properties(m, spec, output_fd, error_fd, cpus, cpus_len);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return rp_error_set(err, r, "%s: cannot be made a unit: %s", spec->name,
			r == -EINVAL ? "exec is neither an absolute path nor a name"
				     : strerror(-r));
	*ret = rp_steal(m);
	return 0;
}

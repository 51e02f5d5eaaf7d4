/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit's life: StartTransientUnit, JobRemoved (its start is over, well or not), then each change
 * of its properties is answered by the question whether it is still active. When it is not, its
 * result and the rest of its output are read, and it is done.
 *
 * Signals may be lost with the bus, so a deadline of our own, later than systemd's, ends it anyway.
 */
#include "agent/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bus_cleanup.h"
#include "agent/systemd1.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/printable.h"

#define GRACE_US (30 * RP_SECOND) /* beyond the check's time: systemd's own work under load */
#define DRAIN_READS 256
#define LAST_WORDS_MAX 256

struct stream {
	int fd;
	sd_event_source *source;
	char *data;
	size_t len, size; /* size: what data may grow to */
	bool cut;
};

struct rp_unit {
	sd_bus *bus;
	sd_event *event;
	char name[128]; /* with ".service" */
	char *path;	/* object path */
	sd_bus_slot *start, *removed, *changed, *query;
	sd_event_source *deadline;
	struct stream output, errors;
	bool started;	/* the start job is over */
	bool ask_again; /* something changed while a question was under way */
	bool ended;	/* systemd has told the end */
	bool done_called;
	rp_unit_done done;
	void *context;
	struct rp_unit_end end;
};

/* The end of standard error in one line. */
static void copy_last_words(struct rp_unit *unit, char ret_words[LAST_WORDS_MAX])
{
	struct stream *errors = &unit->errors;

	while (errors->len && errors->data[errors->len - 1] == '\n')
		errors->len--;
	for (size_t i = 0; i < errors->len; i++)
		if (errors->data[i] == '\n')
			errors->data[i] = ' ';
	rp_printable_copy(ret_words, LAST_WORDS_MAX, errors->len ? errors->data : "", errors->len);
}

static void finish(struct rp_unit *unit)
{
	char words[LAST_WORDS_MAX];
	struct rp_unit_end *end = &unit->end;

	if (unit->done_called)
		return;
	unit->done_called = true;
	copy_last_words(unit, words);
	end->output = unit->output.data ? unit->output.data : "";
	end->output_len = unit->output.len;
	end->output_cut = unit->output.cut;
	end->last_words = words;
	unit->done(unit->context, end); /* unit may be gone from here */
}

__attribute__((format(printf, 3, 4))) static void lose(
	struct rp_unit *unit, int error, const char *format, ...)
{
	va_list args;

	unit->end.error = error;
	va_start(args, format);
	vsnprintf(unit->end.message, sizeof(unit->end.message), format, args);
	va_end(args);
	finish(unit);
}

/* ---- output ---- */

static void close_stream(struct stream *stream)
{
	stream->source = sd_event_source_disable_unref(stream->source);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* Standard output: the first bytes. What is beyond is read and dropped, so nobody blocks on us. */
static void keep_first(struct stream *stream, const char *data, size_t len)
{
	size_t left = stream->size - stream->len;
	char *grown;

	if (len > left) {
		len = left;
		stream->cut = true;
	}
	grown = len ? realloc(stream->data, stream->len + len) : stream->data;
	if (len && !grown) {
		stream->cut = true;
		return;
	}
	stream->data = grown;
	if (len)
		memcpy(stream->data + stream->len, data, len);
	stream->len += len;
}

/* Standard error: the last bytes. */
static void keep_last(struct stream *stream, const char *data, size_t len)
{
	if (!stream->data)
		stream->data = malloc(stream->size);
	if (!stream->data)
		return;
	if (len > stream->size) {
		data += len - stream->size;
		len = stream->size;
	}
	if (stream->len + len > stream->size) {
		size_t gone = stream->len + len - stream->size;

		memmove(stream->data, stream->data + gone, stream->len - gone);
		stream->len -= gone;
	}
	memcpy(stream->data + stream->len, data, len);
	stream->len += len;
}

/* One read an event: the loop has other work as well. 1: there may be more, 0: not now or never. */
static int read_stream(struct rp_unit *unit, struct stream *stream)
{
	char block[65536];
	ssize_t n = read(stream->fd, block, sizeof(block));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_stream(stream);
		return 0;
	}
	if (stream == &unit->output)
		keep_first(stream, block, (size_t)n);
	else
		keep_last(stream, block, (size_t)n);
	return 1;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct rp_unit *unit = context;

	read_stream(unit, fd == unit->output.fd ? &unit->output : &unit->errors);
	return 0;
}

/* ---- systemd ---- */

/*
 * No process of the unit is left, so what it wrote is in the pipes. Not until the end of file:
 * systemd may hold the other ends longer, and bounded, should they have been passed on to someone.
 */
static void drain(struct rp_unit *unit, struct stream *stream)
{
	for (int i = 0; i < DRAIN_READS && stream->fd >= 0 && read_stream(unit, stream); i++)
		;
	close_stream(stream);
}

static int read_end_property(struct rp_unit *unit, sd_bus_message *m, const char *name)
{
	const char *text;
	int32_t number;
	int r;

	if (strcmp(name, "Result") == 0) {
		r = sd_bus_message_read(m, "v", "s", &text);
		if (r >= 0)
			snprintf(unit->end.result, sizeof(unit->end.result), "%s", text);
		return r;
	}
	if (strcmp(name, "ExecMainStatus") == 0) {
		r = sd_bus_message_read(m, "v", "i", &number);
		if (r >= 0)
			unit->end.status = number;
		return r;
	}
	return sd_bus_message_skip(m, "v");
}

static int read_end(struct rp_unit *unit, sd_bus_message *m)
{
	const char *name;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &name);
		if (r >= 0)
			r = read_end_property(unit, m, name);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

static int on_end_properties(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct rp_unit *unit = context;
	int r;

	unit->query = sd_bus_slot_unref(unit->query);
	if (sd_bus_message_is_method_error(m, NULL)) {
		lose(unit, -EIO, "systemd does not tell how it ended: %s",
			sd_bus_message_get_error(m)->message);
		return 0;
	}
	r = read_end(unit, m);
	if (r < 0) {
		lose(unit, r, "systemd's answer cannot be read: %s", strerror(-r));
		return 0;
	}
	unit->ended = true;
	drain(unit, &unit->output);
	drain(unit, &unit->errors);
	finish(unit);
	return 0;
}

static void ask_state(struct rp_unit *unit);

static int on_state(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct rp_unit *unit = context;
	const char *state = "";
	int r;

	unit->query = sd_bus_slot_unref(unit->query);
	if (sd_bus_message_is_method_error(m, NULL)) {
		lose(unit, -EIO, "systemd lost the unit: %s", sd_bus_message_get_error(m)->message);
		return 0;
	}
	r = sd_bus_message_read(m, "v", "s", &state);
	if (r >= 0 && (strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0)) {
		r = sd_bus_call_method_async(unit->bus, &unit->query, RP_SYSTEMD, unit->path,
			RP_DBUS_PROPERTIES, "GetAll", on_end_properties, unit, "s",
			RP_SYSTEMD_SERVICE);
		if (r < 0)
			lose(unit, r, "cannot ask systemd: %s", strerror(-r));
	} else if (unit->ask_again) {
		ask_state(unit);
	}
	return 0;
}

static void ask_state(struct rp_unit *unit)
{
	int r;

	/* Before its start job is over, "inactive" means not yet. */
	if (!unit->started || unit->ended || unit->done_called)
		return;
	unit->ask_again = unit->query != NULL;
	if (unit->query)
		return;
	r = sd_bus_call_method_async(unit->bus, &unit->query, RP_SYSTEMD, unit->path,
		RP_DBUS_PROPERTIES, "Get", on_state, unit, "ss", RP_SYSTEMD_UNIT, "ActiveState");
	if (r < 0)
		lose(unit, r, "cannot ask systemd: %s", strerror(-r));
}

static int on_changed(sd_bus_message *m, void *context, sd_bus_error *error)
{
	ask_state(context);
	return 0;
}

static int on_job_removed(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct rp_unit *unit = context;
	const char *path, *name, *result;
	uint32_t id;

	if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) < 0 ||
		strcmp(name, unit->name) != 0)
		return 0;
	unit->started = true;
	ask_state(unit);
	return 0;
}

static int on_start(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct rp_unit *unit = context;

	unit->start = sd_bus_slot_unref(unit->start);
	if (sd_bus_message_is_method_error(m, NULL))
		lose(unit, -ENOEXEC, "systemd does not start it: %s",
			sd_bus_message_get_error(m)->message);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t now, void *context)
{
	struct rp_unit *unit = context;

	rp_unit_stop(unit);
	lose(unit, -ETIMEDOUT, "systemd did not end it in time");
	return 0;
}

/* ---- start and end ---- */

static int open_stream(struct rp_unit *unit, struct stream *stream, int *ret_write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	stream->fd = ends[0];
	*ret_write_end = ends[1];
	/* Ours alone: a check must not find its own end non-blocking. */
	if (fcntl(stream->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return sd_event_add_io(unit->event, &stream->source, stream->fd, EPOLLIN, on_output, unit);
}

/* The matches stand before the call that they are about. */
static int watch(struct rp_unit *unit)
{
	int r = sd_bus_match_signal_async(unit->bus, &unit->removed, RP_SYSTEMD, RP_SYSTEMD_PATH,
		RP_SYSTEMD_MANAGER, "JobRemoved", on_job_removed, NULL, unit);

	if (r >= 0)
		r = sd_bus_match_signal_async(unit->bus, &unit->changed, RP_SYSTEMD, unit->path,
			RP_DBUS_PROPERTIES, "PropertiesChanged", on_changed, NULL, unit);
	/* Without a subscriber systemd sends no signals. Subscribing twice is an error: ignored. */
	return r < 0 ? r
		     : sd_bus_call_method_async(unit->bus, NULL, RP_SYSTEMD, RP_SYSTEMD_PATH,
			       RP_SYSTEMD_MANAGER, "Subscribe", NULL, NULL, NULL);
}

static int start(struct rp_unit *unit, const struct rp_unit_spec *spec, struct rp_error *err)
{
	rp_cleanup(bus_message) sd_bus_message *m = NULL;
	rp_cleanup(fd) int output = -1;
	rp_cleanup(fd) int errors = -1;
	int r;

	r = open_stream(unit, &unit->output, &output);
	if (r >= 0)
		r = open_stream(unit, &unit->errors, &errors);
	if (r < 0)
		return rp_error_set(err, r, "%s: no pipe: %s", spec->name, strerror(-r));
	r = rp_unit_build(unit->bus, spec, output, errors, &m, err);
	if (r < 0)
		return r;
	snprintf(unit->name, sizeof(unit->name), "rigproof-check-%s.service", spec->name);
	r = sd_bus_path_encode(RP_SYSTEMD_UNITS, unit->name, &unit->path);
	if (r >= 0)
		r = watch(unit);
	if (r >= 0)
		r = sd_bus_call_async(unit->bus, &unit->start, m, on_start, unit, 0);
	if (r >= 0)
		r = sd_event_add_time_relative(unit->event, &unit->deadline, CLOCK_BOOTTIME,
			(uint64_t)(spec->timeout_us + GRACE_US), 0, on_deadline, unit);
	if (r < 0)
		return rp_error_set(
			err, r, "%s: cannot be started by systemd: %s", spec->name, strerror(-r));
	return 0;
}

int rp_unit_start(sd_bus *bus, sd_event *event, const struct rp_unit_spec *spec, rp_unit_done done,
	void *context, struct rp_unit **ret, struct rp_error *err)
{
	rp_cleanup(unit) struct rp_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return rp_error_set(err, -ENOMEM, "%s: no memory", spec->name);
	unit->output = (struct stream){.fd = -1, .size = RP_UNIT_OUTPUT_MAX};
	unit->errors = (struct stream){.fd = -1, .size = LAST_WORDS_MAX - 1};
	unit->bus = sd_bus_ref(bus);
	unit->event = sd_event_ref(event);
	unit->done = done;
	unit->context = context;
	r = start(unit, spec, err);
	if (r < 0)
		return r;
	*ret = rp_steal(unit);
	return 0;
}

static void call_manager(sd_bus *bus, const char *method, const char *unit)
{
	sd_bus_call_method_async(bus, NULL, RP_SYSTEMD, RP_SYSTEMD_PATH, RP_SYSTEMD_MANAGER, method,
		NULL, NULL, "ss", unit, "replace");
}

void rp_unit_stop(struct rp_unit *unit)
{
	call_manager(unit->bus, "StopUnit", unit->name);
}

void rp_unit_stop_all(sd_bus *bus)
{
	call_manager(bus, "StopUnit", RP_UNIT_SLICE);
}

struct rp_unit *rp_unit_free(struct rp_unit *unit)
{
	if (!unit)
		return NULL;
	sd_bus_slot_unref(unit->start);
	sd_bus_slot_unref(unit->removed);
	sd_bus_slot_unref(unit->changed);
	sd_bus_slot_unref(unit->query);
	sd_event_source_disable_unref(unit->deadline);
	close_stream(&unit->output);
	close_stream(&unit->errors);
	free(unit->output.data);
	free(unit->errors.data);
	if (unit->path)
		sd_bus_call_method_async(unit->bus, NULL, RP_SYSTEMD, RP_SYSTEMD_PATH,
			RP_SYSTEMD_MANAGER, "UnrefUnit", NULL, NULL, "s", unit->name);
	free(unit->path);
	sd_bus_unref(unit->bus);
	sd_event_unref(unit->event);
	free(unit);
	return NULL;
}

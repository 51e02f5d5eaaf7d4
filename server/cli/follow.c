/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "server/cli/screen.h"
#include "server/cli/table.h"

#define POLL_MS 1000
#define PATIENCE (300 * RP_SECOND)
#define BAR_WIDTH 40

static const struct {
	const char *verdict;
	enum rp_exit status;
} verdicts[] = {
	{"pass", RP_EXIT_OK},
	{"fail", RP_EXIT_FAILED},
	{"error", RP_EXIT_JOB_ERROR},
	{"skip", RP_EXIT_JOB_SKIP},
};

struct follower {
	struct rp_client *client;
	const char *job;
	char boot[32]; /* the attempt that is shown */
	size_t stages_done;
	bool asked; /* the person has been told what this boot waits for */
	bool json;
	int64_t away_since; /* 0: the server answers */
};

/* One object a line: what is followed is read as it comes. Takes object. */
static void print_event(FILE *out, const char *event, json_t *object)
{
	rp_cleanup(json) json_t *line = object;
	rp_cleanup(free) char *raw = NULL;
	rp_cleanup(free) char *text = NULL;

	if (!line || json_object_set_new(line, "event", json_string(event)) < 0)
		return;
	raw = rp_json_canonical(line);
	text = raw ? rp_printable_json(raw) : NULL;
	if (text)
		fprintf(out, "%s\n", text);
}

static json_int_t duration_of(const json_t *stage)
{
	json_t *ms = json_object_get(stage, "duration_ms");

	return json_is_integer(ms) ? json_integer_value(ms) : -1;
}

static void print_stage(const json_t *stage, FILE *out)
{
	const char *detail = rp_json_string_or(stage, "detail", "");
	const char *state = rp_json_string_or(stage, "state", "");
	char duration[32];

	rp_table_duration(duration_of(stage), duration);
	if (!strcmp(state, "done"))
		state = "";
	rp_printable_line(out, "  %-8s %12s%s%s%s%s", rp_json_string_or(stage, "stage", "?"),
		duration, *state ? "  " : "", state, *detail ? "  " : "", detail);
}

/* A rig without a power driver waits for a hand. */
static void ask_person(struct follower *follower, const json_t *stage)
{
	const char *detail = rp_json_string_or(stage, "detail", "");

	if (follower->asked || !*detail ||
		strcmp(rp_json_string_or(stage, "stage", ""), "power") != 0)
		return;
	follower->asked = true;
	if (follower->json)
		print_event(stdout, "asked", json_pack("{s:s}", "text", detail));
	else
		rp_printable_line(stdout, "  %s", detail);
}

/* The stages that ended since the last call. */
static void show_progress(struct follower *follower, const json_t *timeline)
{
	const char *boot = rp_json_string_or(timeline, "boot", "");
	json_t *stages = json_object_get(timeline, "stages");

	if (!*boot)
		return;
	if (strcmp(boot, follower->boot) != 0) {
		if (follower->json)
			print_event(stdout, "boot", json_pack("{s:s}", "boot", boot));
		else if (*follower->boot)
			rp_printable_line(stdout, "  tried again: boot %s", boot);
		snprintf(follower->boot, sizeof(follower->boot), "%s", boot);
		follower->stages_done = 0;
		follower->asked = false;
	}
	for (; follower->stages_done < json_array_size(stages); follower->stages_done++) {
		const json_t *stage = json_array_get(stages, follower->stages_done);

		if (!strcmp(rp_json_string_or(stage, "state", "running"), "running")) {
			ask_person(follower, stage);
			return;
		}
		if (follower->json)
			print_event(stdout, "stage", json_copy((json_t *)stage));
		else
			print_stage(stage, stdout);
	}
}

/* A server that restarts, or a network that is away for a minute, ends no job: keep asking. */
static int tolerate(struct follower *follower, int error, const struct rp_error *err)
{
	int64_t now = rp_clock_monotonic();

	if (error == -ENOENT || error == -EACCES || error == -EINVAL)
		return error;
	if (!follower->away_since) {
		follower->away_since = now;
		if (follower->json)
			print_event(stderr, "waiting", json_pack("{s:s}", "reason", err->text));
		else
			fprintf(stderr, "the server does not answer (%s); waiting for it\n",
				err->text);
	}
	return now - follower->away_since > PATIENCE ? error : 0;
}

static int ask(
	struct follower *follower, json_t **ret_job, json_t **ret_timeline, struct rp_error *err)
{
	rp_cleanup(json) json_t *job = NULL;
	rp_cleanup(free) char *path = rp_path("/jobs/%s", follower->job);
	rp_cleanup(free) char *timeline_path = rp_path("/jobs/%s/timeline", follower->job);
	struct rp_error problem = RP_ERROR_NONE;
	int r;

	if (!path || !timeline_path)
		return -ENOMEM;
	r = rp_client_call(follower->client, "GET", path, NULL, &job, &problem);
	if (r < 0) {
		r = tolerate(follower, r, &problem);
		return r < 0 ? rp_error_set(err, r, "%s", problem.text) : 0;
	}
	follower->away_since = 0;
	/* A job that still waits has no boot, and so no timeline. */
	if (rp_client_call(follower->client, "GET", timeline_path, NULL, ret_timeline, NULL) < 0)
		*ret_timeline = NULL;
	*ret_job = rp_steal(job);
	return 0;
}

static bool is_verdict(const char *word)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
		if (!strcmp(verdicts[i].verdict, word))
			return true;
	return false;
}

static void conclude(const json_t *job)
{
	const json_t *error = json_object_get(job, "error");
	const char *verdict = rp_json_string_or(job, "verdict", "");

	if (is_verdict(verdict)) {
		fputs("verdict: ", stdout);
		rp_screen_word(stdout, verdict);
		putchar('\n');
	} else {
		rp_printable_line(stdout, "verdict: %s", rp_json_string_or(job, "state", "none"));
	}
	if (json_is_object(error))
		rp_printable_line(stdout, "stage %s: %s", rp_json_string_or(error, "stage", "?"),
			rp_json_string_or(error, "message", ""));
}

int rp_follow_job(struct rp_client *client, const char *job, bool json, struct rp_error *err)
{
	struct follower follower = {.client = client, .job = job, .json = json};

	for (;;) {
		rp_cleanup(json) json_t *state = NULL;
		rp_cleanup(json) json_t *timeline = NULL;
		const char *text;
		const char *verdict;
		int r = ask(&follower, &state, &timeline, err);

		if (r < 0)
			return r;
		if (timeline)
			show_progress(&follower, timeline);
		text = rp_json_string_or(state, "state", "");
		verdict = rp_json_string_or(state, "verdict", "");
		if (!strcmp(text, "done") || !strcmp(text, "cancelled")) {
			if (json)
				print_event(stdout, "end", json_copy(state));
			else
				conclude(state);
			for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
				if (!strcmp(verdicts[i].verdict, verdict))
					return (int)verdicts[i].status;
			return RP_EXIT_JOB_SKIP;
		}
		poll(NULL, 0, POLL_MS);
	}
}

static void make_bar(
	json_int_t begin, json_int_t length, json_int_t total, char ret_text[BAR_WIDTH + 1])
{
	int offset = total ? (int)(begin * BAR_WIDTH / total) : 0;
	int width = total ? (int)(length * BAR_WIDTH / total) : 0;

	if (offset >= BAR_WIDTH)
		offset = BAR_WIDTH - 1;
	if (width < 1)
		width = 1;
	if (offset + width > BAR_WIDTH)
		width = BAR_WIDTH - offset;
	memset(ret_text, ' ', BAR_WIDTH);
	memset(ret_text + offset, '#', (size_t)width);
	ret_text[BAR_WIDTH] = '\0';
}

int rp_follow_print(const json_t *timeline, FILE *out)
{
	const json_t *stages = json_object_get(timeline, "stages");
	json_int_t total = 0;
	json_int_t begin = 0;
	const json_t *entry;
	size_t i;

	json_array_foreach (stages, i, entry)
		total += duration_of(entry) > 0 ? duration_of(entry) : 0;
	rp_printable_line(out, "rig %s  boot %s", rp_json_string_or(timeline, "rig", "-"),
		rp_json_string_or(timeline, "boot", "-"));
	json_array_foreach (stages, i, entry) {
		json_int_t ms = duration_of(entry) > 0 ? duration_of(entry) : 0;
		const char *state = rp_json_string_or(entry, "state", "");
		const char *detail = rp_json_string_or(entry, "detail", "");
		char bar[BAR_WIDTH + 1];
		char duration[32];

		rp_table_duration(ms, duration);
		make_bar(begin, ms, total, bar);
		if (!strcmp(state, "done"))
			state = "";
		rp_printable_line(out, "  %-8s %12s  %s%s%s%s%s",
			rp_json_string_or(entry, "stage", "?"), duration, bar, *state ? "  " : "",
			state, *detail ? "  " : "", detail);
		begin += ms;
	}
	json_array_foreach (json_object_get(timeline, "events"), i, entry) {
		const char *time = rp_json_string_or(entry, "time", "");

		if (!i)
			fputc('\n', out);
		rp_printable_line(out, "%.12s  %-8s %s", strlen(time) > 11 ? time + 11 : "-",
			rp_json_string_or(entry, "stage", ""),
			rp_json_string_or(entry, "message", ""));
	}
	return RP_EXIT_OK;
}

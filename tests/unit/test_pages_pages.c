/* SPDX-License-Identifier: Apache-2.0 */
/* The pages that need no token: they show the lab, leak nothing of it, and break on nothing. */
#include "server/pages/page_cache.h"
#include "server/pages/pages.h"
#include "tests/unit/server_lab.h"

static struct rig_lab lab;

static struct rp_reply get(const char *pattern, const char *parameter)
{
	struct rp_request request = {
		.method = "GET", .path = pattern, .parameter = {parameter, ""}, .peer = PEER};
	struct rp_reply reply = {0};

	for (const struct rp_route *route = rp_page_routes; route->method; route++)
		if (!strcmp(route->pattern, pattern)) {
			assert_int_equal(route->access, RP_ACCESS_ANY);
			assert_int_equal(route->handler(&lab.server, &request, &reply), 0);
			return reply;
		}
	fail_msg("no route %s", pattern);
	return reply;
}

static void has(const struct rp_reply *reply, const char *words)
{
	if (!strstr(reply->text, words))
		fail_msg("\"%s\" is not in:\n%s", words, reply->text);
}

static void lacks(const struct rp_reply *reply, const char *words)
{
	if (strstr(reply->text, words))
		fail_msg("\"%s\" is in:\n%s", words, reply->text);
}

static void put_rig(const char *name, const char *description)
{
	rp_cleanup(json) json_t *manifest = json_pack("{s:s, s:s, s:s, s:[s], s:{s:s, s:s}}",
		"kind", "rig", "name", name, "description", description, "mac", MAC, "power",
		"driver", "qemu", "qmp", "/run/secret.sock");
	struct rp_error err = RP_ERROR_NONE;
	int created;

	lab_ok(rp_rigs_put(&lab.server, manifest, RP_RIG_READY, &created, &err));
}

static void put_job(char ret_id[RP_ID_TEXT])
{
	rp_cleanup(json) json_t *request = json_pack("{s:{s:s, s:s, s:[{s:s, s:[s]}]}, s:s, s:s}",
		"plan", "kind", "plan", "name", "ring", "checks", "name", "c", "exec", "x", "image",
		"node", "rig", "rig-1");
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_jobs_submit(&lab.server, request, ret_id, &err));
}

static void an_empty_lab_says_what_to_do(void **state)
{
	struct rp_reply reply = get("/", "");

	assert_string_equal(reply.content_type, "text/html; charset=utf-8");
	has(&reply, "rigproof rig add FILE");
	has(&reply, "rigproof job submit");
	rp_reply_done(&reply);
}

static void the_overview_shows_rigs_and_jobs(void **state)
{
	struct rp_reply reply;
	char id[RP_ID_TEXT];

	put_rig("rig-1", "<script>alert(1)</script>");
	put_job(id);
	reply = get("/", "");
	has(&reply, "rig-1");
	has(&reply, id);
	has(&reply, ">ring<");
	has(&reply, "http-equiv=\"refresh\"");
	/* on a phone rows are blocks, and each cell has its heading */
	has(&reply, "@media(max-width:40rem)");
	has(&reply, "<table class=\"rows\"><tr><th>rig");
	has(&reply, "<table class=\"rows\"><tr><th>job");
	has(&reply, "<td data-h=\"plan\">ring<");
	/* what lets one act in the lab, or tells of its inside */
	lacks(&reply, "secret.sock");
	lacks(&reply, MAC);
	lacks(&reply, "<script");
	rp_reply_done(&reply);
}

static void a_job_is_followed_to_its_error(void **state)
{
	struct rp_reply reply;
	char id[RP_ID_TEXT];

	put_rig("rig-1", "");
	put_job(id);
	rp_schedule_tick(&lab.server);
	reply = get("/jobs/:id", id);
	has(&reply, ">running<");
	has(&reply, "http-equiv=\"refresh\"");
	rp_reply_done(&reply);

	lab_power_answer(&lab, -EIO, "the <socket> is gone");
	for (int i = 0; i < 10 && lab.done == NULL; i++)
		lab_pass(&lab, 60);
	if (lab.done)
		lab_power_answer(&lab, -EIO, "the <socket> is gone");
	reply = get("/jobs/:id", id);
	has(&reply, "<div class=\"word\">error</div>");
	has(&reply, "the &lt;socket&gt; is gone");
	has(&reply, "no signed result");
	lacks(&reply, "http-equiv=\"refresh\"");
	lacks(&reply, "<h2>Proven</h2>");
	rp_reply_done(&reply);
}

static void what_is_no_job_is_a_page_too(void **state)
{
	static const char *const ids[] = {
		"01JD0000000000000000000009", "<script>", "..", "", "x\x01y\xff"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct rp_reply reply = get("/jobs/:id", ids[i]);

		assert_int_equal(reply.status, 404);
		has(&reply, "No such job");
		lacks(&reply, "<script");
		rp_reply_done(&reply);
	}
}

static int begin(void **state)
{
	lab_begin(&lab);
	return 0;
}

static int end(void **state)
{
	lab_end(&lab);
	return 0;
}

/* A job that has ended is written once; one that goes on is written each time. */
static void an_ended_job_is_kept(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_reply live, first, second;
	char id[RP_ID_TEXT];

	lab.server.page_cache = rp_page_cache_new();
	put_rig("rig-1", "");
	put_job(id);
	live = get("/jobs/:id", id);
	assert_null(rp_page_cache_get(lab.server.page_cache, id));
	lab_ok(rp_jobs_cancel(&lab.server, id, &err));
	first = get("/jobs/:id", id);
	assert_string_equal(rp_page_cache_get(lab.server.page_cache, id), first.text);
	rp_page_cache_put(lab.server.page_cache, id, "kept");
	second = get("/jobs/:id", id);
	assert_string_equal(second.text, "kept");
	rp_reply_done(&live);
	rp_reply_done(&first);
	rp_reply_done(&second);
	lab.server.page_cache = rp_page_cache_free(lab.server.page_cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_lab_says_what_to_do, begin, end),
		cmocka_unit_test_setup_teardown(the_overview_shows_rigs_and_jobs, begin, end),
		cmocka_unit_test_setup_teardown(a_job_is_followed_to_its_error, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_job_is_a_page_too, begin, end),
		cmocka_unit_test_setup_teardown(an_ended_job_is_kept, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

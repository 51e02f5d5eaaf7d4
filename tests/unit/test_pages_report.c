/* SPDX-License-Identifier: Apache-2.0 */
/* The report page: what rigs and people wrote stays text, and nothing is claimed without proof. */
#include "tests/unit/keys_lab.h"

#include "server/pages/html.h"
#include "server/pages/report.h"

static struct keys_lab lab;
static struct keys_lab other;

static const char hostile[] = "</script><script>alert(1)</script><img src=x onerror='y'>\"&";

static char *text_of(const char *text)
{
	char *html = NULL;
	size_t size;
	FILE *out = open_memstream(&html, &size);

	rp_html_text(out, text);
	fclose(out);
	return html;
}

static void text_is_escaped(void **state)
{
	static const struct {
		const char *text, *html;
	} rows[] = {
		{"", ""}, {"plain text, 100 %", "plain text, 100 %"},
		{"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"}, {"a\nb\tc", "a\nb\tc"},
		{"\x1b[2J\x7f", "\xef\xbf\xbd[2J\xef\xbf\xbd"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
			"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xc3", "\xef\xbf\xbd"},	      /* cut short */
		{"\xc3<", "\xef\xbf\xbd&lt;"},	      /* must not swallow the bracket */
		{"\xc0\xbc", "\xef\xbf\xbd"},	      /* overlong '<' */
		{"\xe0\x80\xbc", "\xef\xbf\xbd"},     /* overlong '<' */
		{"\xed\xa0\x80", "\xef\xbf\xbd"},     /* half a surrogate pair */
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd"}, /* beyond U+10FFFF */
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc2\x9b", "\xef\xbf\xbd"},	    /* C1 control */
		{"\xe2\x80\xae.", "\xef\xbf\xbd."}, /* right-to-left override */
		{"\xd8\x9c.", "\xef\xbf\xbd."},	    /* Arabic letter mark */
		{"\xe2\x80\x8f.", "\xef\xbf\xbd."}, /* right-to-left mark */
		{"\xe2\x81\xa6.", "\xef\xbf\xbd."}, /* isolate */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rp_cleanup(free) char *html = text_of(rows[i].text);

		if (strcmp(html, rows[i].html) != 0)
			fail_msg("row %zu: \"%s\", expected \"%s\"", i, html, rows[i].html);
	}
}

static json_t *a_job(const char *plan)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "job", JOB, "rig", RIG, "plan",
		plan, "image", "node", "state", "done", "verdict", "pass", "started", T0);
}

static json_t *a_timeline(const char *detail)
{
	return json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:i, s:s, s:s}, {s:s, s:s, s:n, s:i, s:s, "
			 "s:s}], s:[{s:s, s:s, s:s}]}",
		"rig", RIG, "boot", BOOT, "stages", "stage", "power", "start", T0, "end", T1,
		"duration_ms", 1000, "state", "done", "detail", detail, "stage", "dhcp", "start",
		T1, "end", "duration_ms", 70000, "state", "failed", "detail", detail, "events",
		"time", T0, "stage", "power", "message", detail);
}

static void take_root(struct rp_report_source *source, const struct keys_lab *of)
{
	X509_up_ref(of->root);
	source->root = of->root;
}

static char *page_of(const struct rp_report_source *source)
{
	struct rp_error err = RP_ERROR_NONE;
	char *html = NULL;

	assert_ok(rp_report_html(source, &html, &err));
	return html;
}

#define assert_has(html, words)                                                                    \
	do {                                                                                       \
		if (!strstr(html, words))                                                          \
			fail_msg("\"%s\" is not in:\n%s", words, html);                            \
	} while (0)
#define assert_lacks(html, words)                                                                  \
	do {                                                                                       \
		if (strstr(html, words))                                                           \
			fail_msg("\"%s\" is in:\n%s", words, html);                                \
	} while (0)

static void says_what_is_proven(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {
		.job = a_job("xsc-first"), .timeline = a_timeline("OFFER sent")};
	rp_cleanup(free) char *html = NULL;

	source.evidence = draft_make(&(struct draft){0}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &lab);
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">pass</div>");
	assert_has(html, "<h2>Proven</h2>");
	assert_has(html, "<h2>Not proven</h2>");
	assert_has(html, "secure-boot");
	assert_has(html, SHA_A);
	assert_has(html, "traps_per_op");
	assert_has(html, "at most 0 ");
	assert_has(html, "rigproof verify --root root.crt");
	assert_has(html, "4 of 7");
	assert_lacks(html, "What failed");
	assert_lacks(html, "http-equiv=\"refresh\"");
}

static void is_self_contained(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {.job = a_job("p")};
	rp_cleanup(free) char *html = NULL;

	source.evidence = draft_make(&(struct draft){0}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &lab);
	html = page_of(&source);
	assert_lacks(html, "<script");
	assert_lacks(html, "http://");
	assert_lacks(html, "https://");
	assert_lacks(html, "url(");
	assert_lacks(html, "src=");
}

static void hostile_facts(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *check = json_array_get(checks, 0);
	json_t *test = json_array_get(json_object_get(check, "tests"), 0);

	json_object_set_new(check, "message", json_string(hostile));
	json_object_set_new(test, "description", json_string(hostile));
	json_object_set_new(
		json_array_get(json_object_get(check, "metrics"), 0), "unit", json_string("<u>"));
	json_object_set_new(kernel, "command_line", json_string(hostile));
}

static void nothing_of_a_rig_becomes_markup(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {
		.job = a_job(hostile), .timeline = a_timeline(hostile)};
	rp_cleanup(free) char *html = NULL;

	json_object_set_new(
		source.job, "error", json_pack("{s:s, s:s}", "stage", hostile, "message", hostile));
	source.evidence = draft_make(&(struct draft){.facts = hostile_facts}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &lab);
	html = page_of(&source);
	assert_has(html, "<h2>Proven</h2>"); /* so that the facts are on the page */
	assert_has(html, "&lt;script&gt;alert(1)&lt;/script&gt;");
	assert_lacks(html, "<script");
	assert_lacks(html, "<img");
	assert_lacks(html, "<u>");
}

/* The second check of a plan fails in one of its tests; a skipped one is no failure. */
static void failing_facts(json_t *modules, json_t *checks, json_t *kernel)
{
	json_t *check = json_array_get(checks, 1);

	json_object_set_new(check, "verdict", json_string("fail"));
	json_object_set_new(check, "exit_status", json_integer(1));
	json_object_set_new(check, "exit_result", json_string("exit-code"));
	json_object_set_new(check, "tests",
		json_of("[{\"number\":1,\"ok\":true,\"description\":\"fine\",\"directive\":\"\","
			"\"reason\":\"\"},{\"number\":2,\"ok\":false,\"description\":\"wakes in "
			"time\",\"directive\":\"\",\"reason\":\"expected 50 us, <found> 91\"},"
			"{\"number\":3,\"ok\":false,\"description\":\"later\",\"directive\":"
			"\"todo\",\"reason\":\"not yet\"}]"));
}

static void a_failure_comes_first(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {
		.job = a_job("xsc-first"), .timeline = a_timeline("OFFER sent")};
	rp_cleanup(free) char *html = NULL;
	const char *failed, *what, *diagnosis;

	source.evidence = draft_make(&(struct draft){.facts = failing_facts}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &lab);
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">fail</div>");
	failed = strstr(html, "<h2>What failed</h2>");
	assert_non_null(failed);
	what = strstr(failed, "not ok 2</span> <b>wakes in time</b>");
	assert_non_null(what);
	diagnosis = strstr(what, "<pre>expected 50 us, &lt;found&gt; 91</pre>");
	assert_non_null(diagnosis);
	/* before all else but the verdict itself */
	assert_true(strstr(html, "<section") == strstr(html, "<section class=\"verdict"));
	assert_true(strstr(strstr(html, "<section") + 1, "<section") ==
		    strstr(html, "<section class=\"failed"));
	assert_true(diagnosis < strstr(html, "<h2>Proven</h2>"));
	/* nothing that did not fail */
	*(char *)strstr(diagnosis, "</section>") = '\0';
	assert_null(strstr(failed, "later"));
	assert_null(strstr(failed, ">fine<"));
	assert_null(strstr(failed, "ring"));
}

static void evidence_that_does_not_hold_is_said_first(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {.job = a_job("p")};
	rp_cleanup(free) char *html = NULL;
	char *digit;

	source.evidence = draft_make(&(struct draft){0}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &lab);
	digit = strstr(source.evidence, "\"index\": 4");
	assert_non_null(digit);
	digit[9] = '3';
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">NOT VALID</div>");
	assert_lacks(html, "<h2>Proven</h2>");
	assert_lacks(html, ">pass<");
}

static void another_labs_evidence_is_not_valid(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {.job = a_job("p")};
	rp_cleanup(free) char *html = NULL;

	source.evidence = draft_make(&(struct draft){0}, &lab);
	source.evidence_len = strlen(source.evidence);
	take_root(&source, &other);
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">NOT VALID</div>");
}

static void without_evidence_it_claims_nothing(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {
		.job = a_job("p"), .timeline = a_timeline("DISCOVER seen")};
	rp_cleanup(free) char *html = NULL;

	json_object_set_new(source.job, "verdict", json_string("error"));
	json_object_set_new(source.job, "error",
		json_pack("{s:s, s:s}", "stage", "dhcp", "message", "timed out after 120 s"));
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">error</div>");
	assert_has(html, "no signed result");
	assert_has(html, "timed out after 120 s");
	assert_has(html, "1 min 10 s");
	assert_lacks(html, "<h2>Proven</h2>");
	assert_lacks(html, "rigproof verify");
}

static void a_running_job_reloads_itself(void **state)
{
	rp_cleanup(report_source) struct rp_report_source source = {
		.job = a_job("p"), .refresh_s = 5};
	rp_cleanup(free) char *html = NULL;

	json_object_set_new(source.job, "state", json_string("running"));
	json_object_set_new(source.job, "verdict", json_string(""));
	html = page_of(&source);
	assert_has(html, "<div class=\"word\">running</div>");
	assert_has(html, "http-equiv=\"refresh\" content=\"5\"");
}

static void odd_timelines_are_drawn(void **state)
{
	static const char *const timelines[] = {
		"{}",
		"{\"stages\":5}",
		"{\"stages\":[1,{},{\"start\":\"never\"}]}",
		/* ends before it starts, and starts before the first one */
		"{\"stages\":[{\"stage\":\"a\",\"start\":\"" T1 "\",\"end\":\"" T0
		"\",\"duration_ms\":-5},{\"stage\":\"b\",\"start\":\"" T0
		"\",\"end\":\"\",\"duration_ms\":9007199254740991}]}",
	};

	for (size_t i = 0; i < sizeof(timelines) / sizeof(*timelines); i++) {
		rp_cleanup(report_source) struct rp_report_source source = {
			.job = a_job("p"), .timeline = json_of(timelines[i])};
		rp_cleanup(free) char *html = page_of(&source);

		assert_lacks(html, "nan");
		assert_lacks(html, "inf");
	}
}

static int begin(void **state)
{
	keys_lab_init(&lab);
	keys_lab_init(&other);
	return 0;
}

static int end(void **state)
{
	keys_lab_done(&lab);
	keys_lab_done(&other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(says_what_is_proven),
		cmocka_unit_test(is_self_contained),
		cmocka_unit_test(nothing_of_a_rig_becomes_markup),
		cmocka_unit_test(a_failure_comes_first),
		cmocka_unit_test(evidence_that_does_not_hold_is_said_first),
		cmocka_unit_test(another_labs_evidence_is_not_valid),
		cmocka_unit_test(without_evidence_it_claims_nothing),
		cmocka_unit_test(a_running_job_reloads_itself),
		cmocka_unit_test(odd_timelines_are_drawn),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

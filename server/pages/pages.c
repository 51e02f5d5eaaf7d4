/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two pages for people: all rigs and jobs, and one job. They need no token, so they show what
 * happens in the lab and nothing that lets one act in it: no inventory, no manifest, no socket.
 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/id.h"
#include "lib/json.h"
#include "server/pages/pages.h"
#include "server/state/boots.h"
#include "server/pages/html.h"
#include "server/pages/page_cache.h"
#include "server/jobs/jobs.h"
#include "server/pages/report.h"
#include "server/jobs/results.h"
#include "server/state/rigs.h"
#include "server/server.h"

#define JOBS_SHOWN 50
#define REFRESH_S 5
#define HTML "text/html; charset=utf-8"

static bool is_live(const json_t *job)
{
	const char *state = rp_json_string_or(job, "state", "");

	return !strcmp(state, "running") || !strcmp(state, "queued");
}

/* Where its newest boot stands: one small box a stage. */
static void write_progress(FILE *out, const json_t *job)
{
	const json_t *stages = json_object_get(job, "stages");
	const json_t *last = json_array_get(stages, json_array_size(stages) - 1);

	if (!last) {
		fputs("-", out);
		return;
	}
	fprintf(out, "<progress max=\"%d\" value=\"%zu\"></progress> ", RP_STAGES,
		json_array_size(stages));
	rp_html_text(out, rp_json_string_or(last, "stage", ""));
	if (is_live(job) && *rp_json_string_or(last, "detail", "")) {
		fputs(": ", out);
		rp_html_text(out, rp_json_string_or(last, "detail", ""));
	}
}

static void write_job_row(FILE *out, const json_t *job)
{
	const char *id = rp_json_string_or(job, "job", "");
	const char *verdict = rp_json_string_or(job, "verdict", "");
	const char *words[] = {rp_json_string_or(job, "plan", ""),
		rp_json_string_or(job, "rig", ""), rp_json_string_or(job, "image", "")};
	static const char *const headings[] = {"plan", "rig", "image"};

	fputs("<tr><td><a class=\"mono\" href=\"/jobs/", out);
	rp_html_text(out, id);
	fputs("\">", out);
	rp_html_text(out, id);
	fputs("</a></td><td>", out);
	rp_html_badge(out, *verdict ? verdict : rp_json_string_or(job, "state", ""));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		fprintf(out, "</td><td data-h=\"%s\">", headings[i]);
		rp_html_text(out, words[i]);
	}
	fputs("</td><td data-h=\"stage\">", out);
	if (is_live(job))
		write_progress(out, job);
	else
		rp_html_text(out, rp_json_string_or(json_object_get(job, "error"), "stage", ""));
	fputs("</td><td class=\"n\" data-h=\"created\">", out);
	rp_html_time(out, rp_json_string_or(job, "created", ""));
	fputs("</td></tr>\n", out);
}

static void write_jobs(FILE *out, const json_t *jobs)
{
	const json_t *job;
	size_t i;

	fputs("<section><h2>Jobs</h2>\n", out);
	if (!json_array_size(jobs)) {
		fputs("<p class=\"soft\">None yet: <code>rigproof job submit --plan FILE --rig NAME"
		      "</code></p></section>\n",
			out);
		return;
	}
	fputs("<div "
	      "class=\"scroll\"><table "
	      "class=\"rows\"><tr><th>job</th><th>verdict</th><th>plan</th><th>rig</th>"
	      "<th>image</th><th>stage</th><th class=\"n\">created</th></tr>\n",
		out);
	json_array_foreach (jobs, i, job)
		write_job_row(out, job);
	fputs("</table></div></section>\n", out);
}

static void write_rigs(FILE *out, const json_t *rigs)
{
	const json_t *rig;
	size_t i;

	fputs("<section><h2>Rigs</h2>\n", out);
	if (!json_array_size(rigs)) {
		fputs("<p class=\"soft\">None yet: <code>rigproof rig add FILE</code>, or "
		      "<code>unknown: register</code> in the site's manifest.</p></section>\n",
			out);
		return;
	}
	fputs("<div class=\"scroll\"><table class=\"rows\"><tr><th>rig</th><th>state</th><th></th>"
	      "<th class=\"n\">last seen</th></tr>\n",
		out);
	json_array_foreach (rigs, i, rig) {
		fputs("<tr><td>", out);
		rp_html_text(out, rp_json_string_or(rig, "name", ""));
		fputs("</td><td>", out);
		rp_html_badge(out, rp_json_string_or(rig, "state", ""));
		fputs("</td><td class=\"soft\">", out);
		rp_html_text(out, rp_json_string_or(rig, "reason", ""));
		fputs("</td><td class=\"n\" data-h=\"last seen\">", out);
		rp_html_time(out, rp_json_string_or(rig, "last_seen", ""));
		fputs("</td></tr>\n", out);
	}
	fputs("</table></div></section>\n", out);
}

static int get_overview(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(json) json_t *rigs = NULL;
	rp_cleanup(json) json_t *jobs = NULL;
	rp_cleanup(free) char *page = NULL;
	FILE *out;
	size_t size;
	int r = rp_rigs_list(server, &rigs);

	if (r >= 0)
		r = rp_jobs_list(server, &RP_SELECTION_NEWEST(JOBS_SHOWN), &jobs, NULL);
	if (r < 0)
		return r;
	out = open_memstream(&page, &size);
	if (!out)
		return -ENOMEM;
	rp_html_begin(out, "rigproof", REFRESH_S);
	fprintf(out, "<h1>rigproof</h1><p class=\"soft\">%zu rigs, %zu jobs shown.</p>\n",
		json_array_size(rigs), json_array_size(jobs));
	write_rigs(out, rigs);
	write_jobs(out, jobs);
	rp_html_end(out);
	if (fclose(out) != 0)
		return -ENOMEM;
	reply->text = rp_steal(page);
	reply->content_type = HTML;
	return 0;
}

/* A page also for what is not there: people read this, not programs. */
static int reply_missing(struct rp_reply *reply, const char *what)
{
	rp_cleanup(free) char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	if (!out)
		return -ENOMEM;
	rp_html_begin(out, "rigproof: not here", 0);
	fputs("<section><h1>No such job</h1><p>", out);
	rp_html_text(out, what);
	fputs("</p><p><a href=\"/\">All jobs</a></p></section>\n", out);
	rp_html_end(out);
	if (fclose(out) != 0)
		return -ENOMEM;
	reply->status = 404;
	reply->text = rp_steal(page);
	reply->content_type = HTML;
	return 0;
}

static int load_source(
	struct rp_server *server, const struct rp_job *job, struct rp_report_source *source)
{
	rp_cleanup(json) json_t *evidence = NULL;
	struct rp_boot boot;
	int r = rp_job_to_json(server, job, &source->job);

	if (r >= 0 && job->boot[0]) {
		r = rp_boots_get(server, job->boot, &boot);
		if (r > 0)
			r = rp_boots_timeline(server, &boot, &source->timeline);
	}
	if (r < 0)
		return r;
	source->refresh_s = is_live(source->job) ? REFRESH_S : 0;
	r = source->refresh_s ? -ENOENT : rp_results_evidence(server, job->id, &evidence, NULL);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	source->evidence = rp_json_pretty(evidence);
	if (!source->evidence || !X509_up_ref(server->root_cert))
		return -ENOMEM;
	source->evidence_len = strlen(source->evidence);
	source->root = server->root_cert;
	return 0;
}

static int get_job_page(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	rp_cleanup(report_source) struct rp_report_source source = {0};
	rp_cleanup(job) struct rp_job job = {0};
	const char *id = request->parameter[0];
	const char *kept = rp_page_cache_get(server->page_cache, id);
	int r;

	reply->content_type = HTML;
	if (kept) {
		reply->text = strdup(kept);
		return reply->text ? 0 : -ENOMEM;
	}
	if (!rp_id_valid(id))
		return reply_missing(reply, id);
	r = rp_jobs_get(server, id, &job);
	if (r == 0)
		return reply_missing(reply, id);
	if (r > 0)
		r = load_source(server, &job, &source);
	if (r < 0)
		return r;
	r = rp_report_html(&source, &reply->text, NULL);
	if (r >= 0 && !source.refresh_s) /* it has ended: nothing of it changes any more */
		rp_page_cache_put(server->page_cache, id, reply->text);
	return r;
}

const struct rp_route rp_page_routes[] = {
	{"GET", "/", RP_ACCESS_ANY, get_overview},
	{"GET", "/jobs/:id", RP_ACCESS_ANY, get_job_page},
	{NULL},
};

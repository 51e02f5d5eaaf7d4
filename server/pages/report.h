/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTML page of a job: the verdict, what is proven and what is not, stages, checks, metrics,
 * digests, and how to verify it oneself. Self-contained: no script, no external resource, light and
 * dark. The CLI writes it to a file, the server shows it. Everything that came from elsewhere is
 * escaped.
 */
#ifndef RP_SERVER_PAGES_REPORT_H
#define RP_SERVER_PAGES_REPORT_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stddef.h>

#include "lib/error.h"

/* What the page is made of; each part but job may be missing. Owned by the source. */
struct rp_report_source {
	json_t *job;	  /* as the API shows it */
	json_t *timeline; /* timeline.json */
	char *evidence;	  /* evidence.json, NULL: none */
	size_t evidence_len;
	X509 *root;    /* which the evidence is verified against */
	int refresh_s; /* > 0: the page loads itself again (a running job) */
};

/*
 * Verifies the evidence first: a page with evidence that does not hold says so where the verdict
 * would stand. *ret is allocated. -ENOMEM; err may be NULL.
 */
int rp_report_html(const struct rp_report_source *source, char **ret, struct rp_error *err);
void rp_report_source_done(struct rp_report_source *source);

static inline void rp_cleanup_report_source(struct rp_report_source *source)
{
	rp_report_source_done(source);
}

#endif

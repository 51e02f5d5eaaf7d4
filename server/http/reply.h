/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler answers. */
#ifndef RP_SERVER_HTTP_REPLY_H
#define RP_SERVER_HTTP_REPLY_H

#include <jansson.h>
#include <stdbool.h>

/* A handler fills one of json, text, artefact, or none for an empty body. Starts zeroed. */
struct rp_reply {
	int status;		  /* 0 means 200 (204 with an empty body) */
	json_t *json;		  /* owned by the reply */
	char *text;		  /* malloc'd, owned by the reply */
	const char *content_type; /* of text; static; NULL: "text/plain; charset=utf-8" */
	int retry_after_s;	  /* 0: no header */
	bool close;		  /* end the connection with this answer; not with artefact */
	char artefact[65]; /* digest: answer with that blob of the store (ranges, HEAD, ETag) */
	char *headers_location; /* malloc'd, owned by the reply: the Location header */
};

/* Frees what a reply owns and zeroes it. */
void rp_reply_done(struct rp_reply *reply);

/*
 * Make the reply {"error": FORMAT..., "remedy": remedy}. Always returns 0, so that a handler ends
 * with: return rp_reply_error(reply, 404, "list them: rigproof rig list", "%s: no such rig", name);
 */
int rp_reply_error(struct rp_reply *reply, int status, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results: accepted once, in one transaction with their log leaf and the end of their attempt,
 * which is on the disk before the acknowledgement leaves.
 */
#ifndef RP_SERVER_JOBS_RESULTS_H
#define RP_SERVER_JOBS_RESULTS_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stddef.h>

#include "lib/error.h"
#include "server/state/selection.h"

struct rp_server;

struct rp_result_offer {
	const char *job;  /* of the URL */
	X509 *cert;	  /* of the TLS peer, verified for its role */
	const char *peer; /* its address */
	const void *body; /* the envelope */
	size_t len;
};

/*
 * Returns 0 with the signed acknowledgement (the stored one where the same result comes again).
 * -EACCES: it is not what it should be (403); -EEXIST: the attempt has another result already, or
 * ended without one (409); both are refusals, stored and counted. -ENOSPC, -EIO: try again.
 */
int rp_results_accept(struct rp_server *server, const struct rp_result_offer *offer,
	json_t **ret_ack, struct rp_error *err);

/* evidence.json of a job's newest result. -ENOENT: it has none. */
int rp_results_evidence(
	struct rp_server *server, const char *job, json_t **ret, struct rp_error *err);

/* Newest first. *ret is a new reference; ret_total may be NULL. */
int rp_results_list(struct rp_server *server, const struct rp_selection *selection, json_t **ret,
	int64_t *ret_total);

#endif

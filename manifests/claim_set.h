/* SPDX-License-Identifier: Apache-2.0 */
/* Claims read from files and folders, each name once. */
#ifndef RP_MANIFESTS_CLAIM_SET_H
#define RP_MANIFESTS_CLAIM_SET_H

#include <stddef.h>

#include "lib/error.h"
#include "manifests/manifest.h"

struct rp_claim_set {
	struct rp_manifest **items; /* each a claim */
	size_t count;
};

/*
 * Add a file, or every *.yaml of a folder in the order of names (folders below it are not
 * entered). -EINVAL where one is no claim or has the name of another; -ENOENT where path is not
 * there, or a folder has no claims. What was added before a failure stays.
 */
int rp_claim_set_add(struct rp_claim_set *set, const char *path, struct rp_error *err);

void rp_claim_set_done(struct rp_claim_set *set);

static inline void rp_cleanup_claim_set(struct rp_claim_set *set)
{
	rp_claim_set_done(set);
}

#endif

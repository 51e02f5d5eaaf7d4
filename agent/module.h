/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel modules of a job. The agent checks that the bytes are the job's; whether they may run is
 * for the kernel to say (signature, lockdown, version), and its refusal is a result.
 */
#ifndef RP_AGENT_MODULE_H
#define RP_AGENT_MODULE_H

#include <jansson.h>

#include "agent/kmsg.h"
#include "lib/error.h"
#include "lib/http.h"

#define RP_MODULE_MAX (64u << 20)

struct rp_module_place {
	const char *image_dir; /* NAME.ko that came with the image */
	const char *cache_dir; /* where SHA256.ko is downloaded to */
	struct rp_http *http;  /* GET /cas/sha256/HEX; NULL: the image's modules only */
	struct rp_kmsg *kmsg;  /* for the kernel's own words; NULL: without */
	int (*load)(int fd, const char *parameters); /* NULL: finit_module(2); negative errno */
};

/*
 * Find a module ({"name","sha256","parameters"} of a checked job) by its digest, in the image or
 * by a download, and load it. *ret is {"name","sha256","loaded","errno","message"} (errno positive, 0
 * where it was loaded), a new reference. Only -ENOMEM is an error.
 */
int rp_module_load(const struct rp_module_place *place, const json_t *module, json_t **ret)
	__attribute__((warn_unused_result));

#endif

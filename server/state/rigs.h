/* SPDX-License-Identifier: Apache-2.0 */
/* Rigs as the store has them, and the images that they can boot. Policy is in policy.h. */
#ifndef RP_SERVER_STATE_RIGS_H
#define RP_SERVER_STATE_RIGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "keys/pki.h"
#include "lib/digest.h"
#include "lib/error.h"
#include "manifests/manifest.h"
#include "server/state/states.h"

struct rp_server;

/* Machines that registered by themselves and wait for approval: in all, by DHCP, from one address. */
#define RP_RIG_PENDING_MAX 256
#define RP_RIG_PENDING_DHCP 128
#define RP_RIG_PENDING_PEER 16
#define RP_RIG_PENDING_DAYS 7 /* unseen for so long, it is forgotten */

struct rp_rig {
	char name[RP_RIG_TEXT];
	enum rp_rig_state state;
	char reason[256];		   /* why it is in that state, "" where obvious */
	struct rp_manifest *manifest;	   /* kind rig, never NULL */
	int training_left, errors;	   /* errors: jobs in a row that ended in error */
	char keys_enrolled[RP_SHA256_HEX]; /* digest of the db.esl that we enrolled, "" none */
	json_t *secure_boot, *inventory;   /* as last told, JSON null: never */
	int64_t created, last_seen;
	int64_t settle_until; /* no new boot before */
	int64_t off_at;	      /* to be switched off then if nothing else comes; 0: no */
};

/* 1 with *ret (rp_rig_free), 0 where there is none, or negative errno. */
int rp_rigs_get(struct rp_server *server, const char *name, struct rp_rig **ret);
int rp_rigs_get_by_mac(struct rp_server *server, const char *mac, struct rp_rig **ret);
struct rp_rig *rp_rig_free(struct rp_rig *rig);

/*
 * Add a rig or replace its manifest. state is that of a new one. *ret_created: 1 where it is new.
 * -EINVAL: not a rig manifest; -EEXIST: a MAC of it belongs to another rig.
 */
int rp_rigs_put(struct rp_server *server, const json_t *manifest, enum rp_rig_state state,
	int *ret_created, struct rp_error *err);

/*
 * A machine that we do not know: makes "rig-525400123456", pending. from is its address, "" where it
 * came by DHCP. Where there are too many of its origin, or in all, the one of that origin, or of the
 * loudest, that was not seen for longest makes room; one that said hello never does. -EMFILE: all
 * have; -EEXIST: a rig of that name, with other MACs.
 */
int rp_rigs_register(struct rp_server *server, const char *mac, const char *uuid, const char *from,
	struct rp_rig **ret, struct rp_error *err);

/*
 * Forget a rig with all its boots. -ENOTSUP: it is neither pending nor retired, or has had jobs,
 * whose results name it. -ENOENT.
 */
int rp_rigs_forget(struct rp_server *server, const char *name, struct rp_error *err);

/*
 * A machine with the MAC of *rig says this UUID, "" where it has none. Nobody has approved a pending
 * rig, and firmware changes its UUID with a network card or an update: its manifest gets this one,
 * and *rig is read anew. Others keep theirs. 1, or negative errno with *rig as it was.
 */
int rp_rigs_show_uuid(struct rp_server *server, const char *uuid, struct rp_rig **rig);

/*
 * pending -> enrolled. manifest NULL: as registered; else it replaces that, and may rename the rig. A
 * MAC in it of another pending rig that says the same UUID is taken over: that one is the same machine,
 * and without a MAC left it is retired.
 * -ENOENT; -ENOTSUP: not pending. ret_name gets its name from now on.
 */
int rp_rigs_approve(struct rp_server *server, const char *name, const json_t *manifest,
	char ret_name[RP_RIG_TEXT], struct rp_error *err);

/* -ENOENT; -ESTALE: no arrow leads there from where it is (states.h), which is a fault of ours. */
int rp_rigs_set_state(
	struct rp_server *server, const char *name, enum rp_rig_state state, const char *reason);

/* The next boot not before settle_s from now; switched off after it, if off. */
int rp_rigs_settle(struct rp_server *server, const char *name, int settle_s, bool off);

/* 1 where the keys that we enrolled on it are those of keys_dir today. */
int rp_rig_has_our_keys(struct rp_server *server, const struct rp_rig *rig);

/* SHA-256 of keys_dir/db.esl. -ENOENT. */
int rp_rigs_db_digest(struct rp_server *server, char ret_hex[RP_SHA256_HEX]);

/* The rig as the API shows it; *ret is a new reference. */
int rp_rig_to_json(const struct rp_rig *rig, json_t **ret);
int rp_rigs_list(struct rp_server *server, json_t **ret);

static inline void rp_cleanup_rig(struct rp_rig **rig)
{
	rp_rig_free(*rig);
}

/* ---- images: {"name","sha256","size","command_line","modules":[{"name","sha256"}]} ---- */

struct rp_image {
	char name[RP_RIG_TEXT];
	char sha256[RP_SHA256_HEX];
	json_t *description;
};

/* The artefact must be there. -EINVAL, -ENOENT (artefact). */
int rp_images_put(struct rp_server *server, const json_t *description, struct rp_error *err);

/* 1, 0 or negative errno. name "": the site's default, else the newest. */
int rp_images_get(struct rp_server *server, const char *name, struct rp_image *ret);
void rp_image_done(struct rp_image *image);
int rp_images_list(struct rp_server *server, json_t **ret);

static inline void rp_cleanup_image(struct rp_image *image)
{
	rp_image_done(image);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The routes under /boot, /rig, /cas and /api: tables for struct rp_https_config. */
#ifndef RP_SERVER_API_API_H
#define RP_SERVER_API_API_H

#include "server/http/https.h"

extern const struct rp_route rp_artefact_routes[]; /* artefact_api.c */
extern const struct rp_route rp_rig_routes[];	   /* rig_api.c */
extern const struct rp_route rp_operator_routes[]; /* operator_api.c */

#endif

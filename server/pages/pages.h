/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees in a browser. */
#ifndef RP_SERVER_PAGES_PAGES_H
#define RP_SERVER_PAGES_PAGES_H

#include "server/http/https.h"

extern const struct rp_route rp_page_routes[];

#endif

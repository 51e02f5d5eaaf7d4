/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that do not change any more, as they were written: a report verifies its evidence, and its
 * samples are drawn anew, which for a large one takes longer than everything else that a stranger
 * may ask for. Bounded; what was not asked for longest goes first.
 */
#ifndef RP_SERVER_PAGES_PAGE_CACHE_H
#define RP_SERVER_PAGES_PAGE_CACHE_H

#define RP_PAGES_KEPT 32
#define RP_PAGES_KEPT_BYTES (16 << 20)

struct rp_page_cache;

struct rp_page_cache *rp_page_cache_new(void); /* NULL: no memory */
struct rp_page_cache *rp_page_cache_free(
	struct rp_page_cache *cache); /* takes NULL, returns NULL */

/* The page under key, borrowed until the next put; NULL: none. cache may be NULL. */
const char *rp_page_cache_get(struct rp_page_cache *cache, const char *key);

/* Keep a copy of page under key. Where there is no room or memory for it, it is not kept. */
void rp_page_cache_put(struct rp_page_cache *cache, const char *key, const char *page);

#endif

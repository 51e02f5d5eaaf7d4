/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pages/page_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct page {
	TAILQ_ENTRY(page) entry;
	char *key, *text;
	size_t len;
};

struct rp_page_cache {
	TAILQ_HEAD(pages, page) pages; /* asked for last: first */
	size_t count, bytes;
};

struct rp_page_cache *rp_page_cache_new(void)
{
	struct rp_page_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		TAILQ_INIT(&cache->pages);
	return cache;
}

static void drop(struct rp_page_cache *cache, struct page *page)
{
	TAILQ_REMOVE(&cache->pages, page, entry);
	cache->count--;
	cache->bytes -= page->len;
	free(page->key);
	free(page->text);
	free(page);
}

struct rp_page_cache *rp_page_cache_free(struct rp_page_cache *cache)
{
	if (!cache)
		return NULL;
	while (!TAILQ_EMPTY(&cache->pages))
		drop(cache, TAILQ_FIRST(&cache->pages));
	free(cache);
	return NULL;
}

static struct page *find(struct rp_page_cache *cache, const char *key)
{
	struct page *page;

	TAILQ_FOREACH (page, &cache->pages, entry)
		if (!strcmp(page->key, key))
			return page;
	return NULL;
}

const char *rp_page_cache_get(struct rp_page_cache *cache, const char *key)
{
	struct page *page = cache ? find(cache, key) : NULL;

	if (!page)
		return NULL;
	TAILQ_REMOVE(&cache->pages, page, entry);
	TAILQ_INSERT_HEAD(&cache->pages, page, entry);
	return page->text;
}

void rp_page_cache_put(struct rp_page_cache *cache, const char *key, const char *text)
{
	struct page *page = cache ? find(cache, key) : NULL;
	size_t len = strlen(text);

	if (page)
		drop(cache, page);
	if (!cache || len > RP_PAGES_KEPT_BYTES)
		return;
	while (cache->count >= RP_PAGES_KEPT || cache->bytes + len > RP_PAGES_KEPT_BYTES)
		drop(cache, TAILQ_LAST(&cache->pages, pages));
	page = calloc(1, sizeof(*page));
	if (!page)
		return;
	page->key = strdup(key);
	page->text = strdup(text);
	page->len = len;
	if (!page->key || !page->text) {
		free(page->key);
		free(page->text);
		free(page);
		return;
	}
	TAILQ_INSERT_HEAD(&cache->pages, page, entry);
	cache->count++;
	cache->bytes += len;
}

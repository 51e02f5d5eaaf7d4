/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/pages/page_cache.h"

static void the_least_wanted_goes(void **state)
{
	struct rp_page_cache *cache = rp_page_cache_new();
	char key[16];

	for (int i = 0; i < RP_PAGES_KEPT; i++) {
		snprintf(key, sizeof(key), "%d", i);
		rp_page_cache_put(cache, key, key);
	}
	assert_string_equal(rp_page_cache_get(cache, "0"), "0");
	rp_page_cache_put(cache, "new", "page");
	assert_string_equal(rp_page_cache_get(cache, "0"), "0");
	assert_null(rp_page_cache_get(cache, "1"));
	assert_string_equal(rp_page_cache_get(cache, "new"), "page");
	rp_page_cache_put(cache, "new", "other");
	assert_string_equal(rp_page_cache_get(cache, "new"), "other");
	assert_string_equal(rp_page_cache_get(cache, "2"), "2");
	rp_page_cache_free(cache);
}

static void bytes_are_bounded(void **state)
{
	struct rp_page_cache *cache = rp_page_cache_new();
	size_t third = RP_PAGES_KEPT_BYTES / 3;
	char *page = calloc(1, RP_PAGES_KEPT_BYTES + 2);

	memset(page, 'a', third);
	rp_page_cache_put(cache, "1", page);
	rp_page_cache_put(cache, "2", page);
	rp_page_cache_put(cache, "3", page);
	assert_non_null(rp_page_cache_get(cache, "1"));
	rp_page_cache_put(cache, "4", page);
	assert_null(rp_page_cache_get(cache, "2"));
	assert_non_null(rp_page_cache_get(cache, "1"));
	memset(page, 'a', RP_PAGES_KEPT_BYTES + 1);
	rp_page_cache_put(cache, "5", page);
	assert_null(rp_page_cache_get(cache, "5"));
	assert_non_null(rp_page_cache_get(cache, "4"));
	rp_page_cache_free(cache);
	free(page);
}

static void no_cache_is_none(void **state)
{
	rp_page_cache_put(NULL, "1", "1");
	assert_null(rp_page_cache_get(NULL, "1"));
	assert_null(rp_page_cache_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_wanted_goes),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(no_cache_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

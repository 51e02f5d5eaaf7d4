/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/json.h"

static struct rp_error err;

static json_t *parse(const char *text)
{
	json_t *value = NULL;

	if (rp_json_parse(text, strlen(text), &value, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return value;
}

static void any_one_value_is_taken(void **state)
{
	static const char *const good[] = {"null", "1", "\"x\"", "[]", "{}", " {\"a\":[1,2.5]} \n"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		json_decref(parse(good[i]));
}

static void foreign_json_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"", 0}, {" ", 1}, {"{", 1}, {"{}x", 3}, {"{} {}", 5}, {"{}\0", 3}, {"\0", 1},
		{"{\"a\":1,\"a\":1}", 13}, {"{\"a\":{\"b\":1,\"b\":2}}", 19}, {"\"\\u0000\"", 8},
		{"{\"\\u0000\":1}", 12}, {"\"a\0b\"", 5}, {"\"\xff\"", 3}, {"'a'", 3}, {"[1,]", 4},
		{"01", 2}, {"NaN", 3}, {"1e999", 5}, {"99999999999999999999", 20}, {"\"\n\"", 3},
		{"\"\\ud800\"", 8}, {"\xef\xbb\xbf{}", 5}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *value = (json_t *)&err;

		err = RP_ERROR_NONE;
		if (rp_json_parse(bad[i].text, bad[i].len, &value, &err) != -EINVAL)
			fail_msg("case %zu, \"%s\", was taken", i, bad[i].text);
		if (value != (json_t *)&err)
			fail_msg("case %zu: output touched", i);
		if (err.code != -EINVAL || strncmp(err.text, "not JSON: ", 10) != 0)
			fail_msg("case %zu: text is \"%s\"", i, err.text);
	}
}

static void the_error_says_where(void **state)
{
	json_t *value = NULL;

	assert_int_equal(rp_json_parse("{\n \"a\": x}", 10, &value, &err), -EINVAL);
	assert_non_null(strstr(err.text, "line 2, column 7: "));
}

static void depth_is_bounded(void **state)
{
	static char deep[200000];
	json_t *value = NULL;

	memset(deep, '[', sizeof(deep) / 2);
	memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
	assert_int_equal(rp_json_parse(deep, sizeof(deep), &value, &err), -EINVAL);
	assert_null(value);
}

static void canonical_is_sorted_and_tight(void **state)
{
	rp_cleanup(json) json_t *value =
		parse("{ \"b\" : [1, true, null], \"a\" : \"\xc3\xa9\\u00e9/\\n\", \"B\": {} }");
	rp_cleanup(free) char *canonical = rp_json_canonical(value);
	rp_cleanup(free) char *pretty = NULL;
	rp_cleanup(json) json_t *small = parse("{\"b\":1,\"a\":[]}");

	assert_string_equal(
		canonical, "{\"B\":{},\"a\":\"\xc3\xa9\xc3\xa9/\\n\",\"b\":[1,true,null]}");
	pretty = rp_json_pretty(small);
	assert_string_equal(pretty, "{\n  \"a\": [],\n  \"b\": 1\n}\n");
}

static void canonical_takes_any_value(void **state)
{
	rp_cleanup(json) json_t *value = parse("\"x\"");
	rp_cleanup(free) char *canonical = rp_json_canonical(value);

	assert_string_equal(canonical, "\"x\"");
}

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char document[] =
	"{\"s\":\"text\",\"i\":7,\"r\":7.5,\"t\":true,\"f\":false,\"n\":null,"
	"\"o\":{},\"a\":[],\"h\":\"" SHA "\"}";

static void getters_find_their_type(void **state)
{
	rp_cleanup(json) json_t *doc = parse(document);
	const char *string = NULL;
	json_int_t number = 0;
	bool truth = false;
	json_t *value = NULL;

	assert_int_equal(rp_json_get_string(doc, "s", &string, &err), 0);
	assert_string_equal(string, "text");
	assert_int_equal(rp_json_get_int(doc, "i", 7, 7, &number, &err), 0);
	assert_int_equal(number, 7);
	assert_int_equal(rp_json_get_bool(doc, "t", &truth, &err), 0);
	assert_true(truth);
	assert_int_equal(rp_json_get_bool(doc, "f", &truth, &err), 0);
	assert_false(truth);
	assert_int_equal(rp_json_get_object(doc, "o", &value, &err), 0);
	assert_true(json_is_object(value));
	assert_int_equal(rp_json_get_array(doc, "a", &value, &err), 0);
	assert_true(json_is_array(value));
	assert_int_equal(rp_json_get_sha256(doc, "h", &string, &err), 0);
	assert_string_equal(string, SHA);
	assert_string_equal(rp_json_string_or(doc, "s", "no"), "text");
	assert_string_equal(rp_json_string_or(doc, "i", "no"), "no");
	assert_string_equal(rp_json_string_or(doc, "missing", "no"), "no");
	assert_null(rp_json_string_or(NULL, "s", NULL));
}

enum getter { GET_STRING, GET_INTEGER, GET_BOOLEAN, GET_OBJECT, GET_ARRAY, GET_SHA256 };

static int get(enum getter getter, const json_t *object, const char *key)
{
	const char *string = document;
	json_int_t number = 4711;
	bool truth = true;
	json_t *value = (json_t *)document;
	int r = 0;

	switch (getter) {
	case GET_STRING:
		r = rp_json_get_string(object, key, &string, &err);
		break;
	case GET_INTEGER:
		r = rp_json_get_int(object, key, 0, 6, &number, &err);
		break;
	case GET_BOOLEAN:
		r = rp_json_get_bool(object, key, &truth, &err);
		break;
	case GET_OBJECT:
		r = rp_json_get_object(object, key, &value, &err);
		break;
	case GET_ARRAY:
		r = rp_json_get_array(object, key, &value, &err);
		break;
	case GET_SHA256:
		r = rp_json_get_sha256(object, key, &string, &err);
		break;
	}
	if (string != document || number != 4711 || !truth || value != (json_t *)document)
		fail_msg("key %s: output touched", key);
	return r;
}

static void getters_refuse_the_rest(void **state)
{
	static const struct {
		enum getter getter;
		const char *key, *text;
	} cases[] = {
		{GET_STRING, "x", "x: expected a string, found nothing"},
		{GET_STRING, "i", "i: expected a string, found an integer"},
		{GET_STRING, "n", "n: expected a string, found null"},
		{GET_INTEGER, "i", "i: expected an integer from 0 to 6, found 7"},
		{GET_INTEGER, "r", "r: expected an integer, found a real number"},
		{GET_INTEGER, "s", "s: expected an integer, found a string"},
		{GET_BOOLEAN, "i", "i: expected true or false, found an integer"},
		{GET_BOOLEAN, "n", "n: expected true or false, found null"},
		{GET_OBJECT, "a", "a: expected an object, found an array"},
		{GET_ARRAY, "o", "o: expected an array, found an object"},
		{GET_ARRAY, "t", "t: expected an array, found true"},
		{GET_SHA256, "f", "f: expected a string, found false"},
		{GET_SHA256, "s",
			"s: expected a SHA-256 as 64 lower-case hexadecimal digits, found "
			"\"text\""},
	};
	rp_cleanup(json) json_t *doc = parse(document);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		err = RP_ERROR_NONE;
		if (get(cases[i].getter, doc, cases[i].key) != -EINVAL)
			fail_msg("\"%s\": was taken", cases[i].text);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void getters_want_an_object(void **state)
{
	rp_cleanup(json) json_t *array = json_array();

	for (enum getter getter = GET_STRING; getter <= GET_SHA256; getter++) {
		assert_int_equal(get(getter, array, "s"), -EINVAL);
		assert_string_equal(err.text, "s: expected in an object, found an array");
		assert_int_equal(get(getter, NULL, "s"), -EINVAL);
	}
}

static void unknown_keys_are_named(void **state)
{
	static const char *const allowed[] = {"a", "b", NULL};
	rp_cleanup(json) json_t *good = parse("{\"b\":1}");
	rp_cleanup(json) json_t *bad = parse("{\"a\":1,\"evil\\n\":2}");
	rp_cleanup(json) json_t *array = json_array();

	assert_int_equal(rp_json_check_keys(good, allowed, &err), 0);
	assert_int_equal(rp_json_check_keys(bad, allowed, &err), -EINVAL);
	assert_string_equal(err.text, "evil?: unknown key");
	assert_int_equal(rp_json_check_keys(array, allowed, &err), -EINVAL);
	assert_int_equal(rp_json_check_keys(NULL, allowed, &err), -EINVAL);
}

static void a_file_error_names_the_file(void **state)
{
	json_t *value = NULL;

	assert_int_equal(rp_json_parse_file("/nonexistent", &value, &err), -ENOENT);
	assert_int_equal(rp_json_parse_file("/proc/version", &value, &err), -EINVAL);
	assert_memory_equal(err.text, "/proc/version: not JSON: line 1", 31);
	assert_null(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_one_value_is_taken),
		cmocka_unit_test(foreign_json_is_refused),
		cmocka_unit_test(the_error_says_where),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(canonical_is_sorted_and_tight),
		cmocka_unit_test(canonical_takes_any_value),
		cmocka_unit_test(getters_find_their_type),
		cmocka_unit_test(getters_refuse_the_rest),
		cmocka_unit_test(getters_want_an_object),
		cmocka_unit_test(unknown_keys_are_named),
		cmocka_unit_test(a_file_error_names_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

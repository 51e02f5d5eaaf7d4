/* SPDX-License-Identifier: Apache-2.0 */
/* rigproofd's command line and state folder; its start and end are tested in tests/lab. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/http/http_request.h"
#include "server/server.h"
#include "server/site.h"
#include "tests/unit/folder_lab.h"

#define PARSE(options, ...)                                                                        \
	rp_site_options_parse(sizeof((char *[]){"rigproofd", __VA_ARGS__}) / sizeof(char *),       \
		(char *[]){"rigproofd", __VA_ARGS__, NULL}, options)

static void test_options(void **state)
{
	struct rp_site_options options = {.user = "untouched"};

	assert_int_equal(PARSE(&options, "--listen", "127.0.0.1:0"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "a", "--bogus"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "a", "extra"), -EINVAL);
	assert_string_equal(options.user, "untouched");
	assert_int_equal(PARSE(&options, "--state", "a", "--keys=b", "--config", "c", "--listen",
				 "d", "--user", "e"),
		0);
	assert_string_equal(options.state, "a");
	assert_string_equal(options.keys, "b");
	assert_string_equal(options.config, "c");
	assert_string_equal(options.listen, "d");
	assert_string_equal(options.user, "e");
	assert_int_equal(PARSE(&options, "--state", "x"), 0);
	assert_null(options.keys);
	assert_int_equal(options.limits.connections, 0);
	assert_int_equal(
		PARSE(&options, "--state", "x", "--limit", "peer=7", "--limit=rate=100"), 0);
	assert_int_equal(options.limits.peer, 7);
	assert_int_equal(options.limits.rate, 100);
	assert_int_equal(PARSE(&options, "--state", "x", "--limit", "pee=7"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "x", "--limit", "peer"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "x", "--limit", "peer=0"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "x", "--limit", "peer=-1"), -EINVAL);
	assert_int_equal(PARSE(&options, "--state", "x", "--limit", "peer=9999999999"), -EINVAL);
}

/* Two would sign two logs, and each would turn the other's results away. */
static void test_one_server_a_state(void **state)
{
	char folder[FOLDER_LAB_TEXT];
	rp_cleanup(free) char *keys = NULL;
	struct rp_server first = {0}, second = {0};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_site_options options = {0};

	folder_lab_make(folder);
	keys = rp_path("%s/keys", folder);
	assert_int_equal(rp_pki_init(keys, NULL, &err), 0);
	options.state = folder;
	if (rp_site_load(&first, &options, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rp_site_load(&second, &options, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another rigproofd"));
	rp_site_done(&second);
	rp_site_done(&first);
	assert_int_equal(rp_site_load(&first, &options, &err), 0);
	rp_site_done(&first);
	folder_lab_remove(folder);
}

/* In a child, since there is no way back. What it saw, as text; "" where all is well. */
static void become_nobody(const char *folder, const struct passwd *nobody, char ret[600])
{
	struct rp_server server = {0};
	struct rp_error err = RP_ERROR_NONE;
	struct rp_site_options options = {.state = folder, .user = "nobody"};
	rp_cleanup(free) char *root_crt = rp_path("%s/root.crt", folder);
	rp_cleanup(free) char *offline = rp_path("%s/keys/offline", folder);
	rp_cleanup(free) char *link = rp_path("%s/tftp/link", folder);
	struct stat status;
	uid_t real, effective, saved;

	*ret = '\0';
	if (rp_site_load(&server, &options, &err) < 0 || symlink("/tmp", link) < 0 ||
		rp_site_drop_privileges(&server, &options, &err) < 0)
		snprintf(ret, 600, "%s", err.text);
	else if (getresuid(&real, &effective, &saved) < 0 || real != nobody->pw_uid ||
		 effective != nobody->pw_uid || saved != nobody->pw_uid)
		strcpy(ret, "not nobody");
	else if (getgid() != nobody->pw_gid || getegid() != nobody->pw_gid ||
		 getgroups(0, NULL) != 0)
		strcpy(ret, "still in groups");
	else if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0)
		strcpy(ret, "root again");
	else if (lstat("/tmp", &status) < 0 || status.st_uid == nobody->pw_uid)
		strcpy(ret, "what a link names was given away");
	else if (stat(offline, &status) < 0 || status.st_uid == nobody->pw_uid)
		strcpy(ret, "the offline keys were given away");
	else if (stat(root_crt, &status) < 0 || status.st_uid != nobody->pw_uid)
		strcpy(ret, "the state was not given away");
	else if (rp_site_drop_privileges(&server, &options, &err) != 0)
		strcpy(ret, "whoever is nobody already cannot become it");
	else if ((options.user = "root") &&
		 (rp_site_drop_privileges(&server, &options, &err) != -EPERM ||
			 !strstr(err.text, "only root can become somebody else")))
		strcpy(ret, "nobody became root");
	rp_site_done(&server);
}

static void test_privileges(void **state)
{
	char folder[FOLDER_LAB_TEXT], seen[600] = "";
	const struct passwd *nobody = getpwnam("nobody");
	rp_cleanup(free) char *keys = NULL;
	struct rp_server server = {.state_dir = folder};
	struct rp_site_options options = {.user = "no-such-user"};
	struct rp_error err = RP_ERROR_NONE;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(rp_site_drop_privileges(&server, &options, &err), -ENOENT);
	assert_non_null(strstr(err.text, "adduser --system --group no-such-user"));
	options.user = NULL;
	assert_int_equal(rp_site_drop_privileges(&server, &options, &err), 0);
	if (geteuid() != 0 || !nobody)
		skip();

	folder_lab_make(folder);
	keys = rp_path("%s/keys", folder);
	assert_int_equal(rp_pki_init(keys, NULL, &err), 0);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		become_nobody(folder, nobody, seen);
		_exit(write(pipes[1], seen, sizeof(seen)) == sizeof(seen) ? 0 : 1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], seen, sizeof(seen)), sizeof(seen));
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_string_equal(seen, "");
	assert_int_equal(geteuid(), 0);
	folder_lab_remove(folder);
}

/* Where a link stands in the state folder, a server that may be root does not start, and touches nothing. */
static void test_planted_links(void **state)
{
	static const char *const names[] = {"lock", "tftp", "consoles", "cas", "site.yaml"};
	char other[] = "/tmp/rigproof-site-XXXXXX";
	rp_cleanup(free) char *target = NULL, *remove = NULL;
	struct stat status;

	assert_non_null(mkdtemp(other));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char folder[] = "/tmp/rigproof-site-XXXXXX";
		struct rp_site_options options = {.state = folder};
		struct rp_server server = {0};
		struct rp_error err = RP_ERROR_NONE;
		rp_cleanup(free) char *link = NULL, *clean = NULL;

		assert_non_null(mkdtemp(folder));
		link = rp_path("%s/%s", folder, names[i]);
		clean = rp_path("rm -rf %s", folder);
		assert_int_equal(symlink(other, link), 0);
		if (rp_site_load(&server, &options, &err) != -ELOOP ||
			!strstr(err.text, "is a symbolic link"))
			fail_msg("%s: %s", names[i], err.text);
		rp_site_done(&server);
		assert_int_equal(system(clean), 0);
	}
	target = rp_path("%s/lock", other);
	remove = rp_path("rm -rf %s", other);
	assert_int_equal(stat(other, &status), 0);
	assert_int_equal(status.st_nlink, 2);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(system(remove), 0);
}

static void test_decode(void **state)
{
	static const struct {
		const char *text, *in_path, *in_query; /* NULL: refused */
	} cases[] = {
		{"", "", ""},
		{"a+b", "a+b", "a b"},
		{"%41%7e", "A~", "A~"},
		{"%2F", NULL, "/"},
		{"%00", NULL, NULL},
		{"%7f", NULL, "\177"},
		{"%0a", NULL, "\n"},
		{"%", NULL, NULL},
		{"%4", NULL, NULL},
		{"%4g", NULL, NULL},
		{"%C3%A9", "\303\251", "\303\251"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int query = 0; query < 2; query++) {
			const char *wanted = query ? cases[i].in_query : cases[i].in_path;
			rp_cleanup(free) char *found =
				rp_http_decode(cases[i].text, strlen(cases[i].text), query);

			if (!wanted != !found || (wanted && strcmp(wanted, found) != 0))
				fail_msg("%s: found %s", cases[i].text, found ? found : "nothing");
		}
}

static void test_query_is_text(void **state)
{
	struct rp_query *query;

	assert_int_equal(
		rp_query_parse("p=A%20%ff%0a%c3%28%c3%a9%ed%a0%80%f0%9f%98%80%c3&q", &query), 0);
	assert_string_equal(query[0].value, "A ???"
					    "(\303\251???\360\237\230\200?");
	assert_string_equal(query[1].value, "");
	assert_null(query[2].key);
	rp_query_free(query);
	assert_int_equal(rp_query_parse("a%01=1&a%02=2", &query), -EINVAL);
	assert_int_equal(rp_query_parse("a=%00", &query), -EINVAL);
	assert_int_equal(rp_query_parse(NULL, &query), 0);
	assert_null(query[0].key);
	rp_query_free(query);
}

static void test_range(void **state)
{
	static const struct {
		const char *header;
		int64_t size;
		int result;
		int64_t first, last;
	} cases[] = {
		{"bytes=0-0", 10, 0, 0, 0},
		{"bytes=2-", 10, 0, 2, 9},
		{"bytes=2-99", 10, 0, 2, 9},
		{"Bytes=-3", 10, 0, 7, 9},
		{"bytes=-30", 10, 0, 0, 9},
		{"bytes=0-99999999999999999999", 10, 0, 0, 9},
		{"bytes=10-", 10, -ERANGE, 0, 0},
		{"bytes=-0", 10, -ERANGE, 0, 0},
		{"bytes=0-", 0, -ERANGE, 0, 0},
		{"bytes=5-4", 10, -ENOENT, 0, 0},
		{"bytes=", 10, -ENOENT, 0, 0},
		{"bytes=-", 10, -ENOENT, 0, 0},
		{"bytes=1-2,4-5", 10, -ENOENT, 0, 0},
		{"bytes=1-2x", 10, -ENOENT, 0, 0},
		{"items=1-2", 10, -ENOENT, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t first = 0, last = 0;
		int r = rp_range_parse(cases[i].header, cases[i].size, &first, &last);

		if (r != cases[i].result || first != cases[i].first || last != cases[i].last)
			fail_msg("%s of %lld: %d, %lld-%lld", cases[i].header,
				(long long)cases[i].size, r, (long long)first, (long long)last);
	}
}

static void test_etag(void **state)
{
	assert_int_equal(rp_etag_matches("\"abc\"", "abc"), 1);
	assert_int_equal(rp_etag_matches("\"x\", W/\"abc\"", "abc"), 1);
	assert_int_equal(rp_etag_matches(" *", "abc"), 1);
	assert_int_equal(rp_etag_matches("abc", "abc"), 0);
	assert_int_equal(rp_etag_matches("\"abcd\"", "abc"), 0);
	assert_int_equal(rp_etag_matches("\"abc", "abc"), 0);
	assert_int_equal(rp_etag_matches("", "abc"), 0);
}

static void test_number(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "1x", "0x1", "00"};
	int64_t number = -7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (rp_number_parse(bad[i], 100, &number) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(rp_number_parse("101", 100, &number), -ERANGE);
	assert_int_equal(rp_number_parse("99999999999999999999", 100, &number), -ERANGE);
	assert_int_equal(number, -7);
	assert_int_equal(rp_number_parse("0", 100, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(rp_number_parse("100", 100, &number), 0);
	assert_int_equal(number, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_one_server_a_state),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_planted_links),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_query_is_text),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_etag),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

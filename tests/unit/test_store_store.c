/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/store/store.h"
#include "tests/unit/folder_lab.h"

static char dir[FOLDER_LAB_TEXT], path[96];

static int setup(void **state)
{
	(void)state;
	folder_lab_make(dir);
	snprintf(path, sizeof(path), "%s/store.db", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	folder_lab_remove(dir);
	return 0;
}

static struct rp_store *open_store(void)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_store *store = NULL;

	if (rp_store_open(path, &store, &err) < 0)
		fail_msg("%s", err.text);
	return store;
}

static int add_token(struct rp_store *store, const char *digest)
{
	return rp_store_run(store, RP_SQL_TOKEN_ADD, RP_TEXT(digest), RP_TEXT("name"),
		RP_TEXT("admin"), RP_INT(1));
}

static int has_token(struct rp_store *store, const char *digest)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;

	return rp_store_first(store, &row, RP_SQL_TOKEN_ROLE, RP_TEXT(digest));
}

static void private_and_reopened(void **state)
{
	struct rp_store *store = open_store();
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(add_token(store, "a"), 1);
	rp_store_free(store);
	store = open_store();
	assert_int_equal(has_token(store, "a"), 1);
	assert_int_equal(has_token(store, "b"), 0);
	rp_store_free(store);
}

static void constraints_have_their_errors(void **state)
{
	rp_cleanup(store) struct rp_store *store = open_store();

	(void)state;
	assert_int_equal(rp_store_run(store, RP_SQL_LEAF_ADD, RP_INT(0), RP_BLOB("short", 5),
				 RP_TEXT(""), RP_INT(1)),
		-ESTALE);
	assert_int_equal(rp_store_run(store, RP_SQL_RIG_MAC_ADD, RP_TEXT("mac"), RP_TEXT("nobody")),
		-ESTALE);
	assert_int_equal(rp_store_run(store, RP_SQL_TOKEN_ADD, RP_TEXT("x"), RP_TEXT("name"),
				 RP_TEXT("king"), RP_INT(1)),
		-ESTALE);
	assert_int_equal(rp_store_status(-ENOSPC), 507);
	assert_int_equal(rp_store_status(-EIO), 503);
	assert_int_equal(rp_store_status(-EINVAL), 500);
}

static void transactions_nest(void **state)
{
	rp_cleanup(store) struct rp_store *store = open_store();

	(void)state;
	assert_int_equal(rp_store_begin(store), 0);
	assert_int_equal(rp_store_begin(store), 0);
	assert_int_equal(add_token(store, "a"), 1);
	assert_int_equal(rp_store_end(store, 1), 0);
	assert_int_equal(rp_store_end(store, 0), 0);
	assert_int_equal(has_token(store, "a"), 1);
	/* an inner failure takes all of it back, whatever the outer one says */
	assert_int_equal(rp_store_begin(store), 0);
	assert_int_equal(add_token(store, "b"), 1);
	assert_int_equal(rp_store_begin(store), 0);
	assert_int_equal(rp_store_end(store, -EINVAL), -EINVAL);
	assert_int_equal(add_token(store, "c"), -EINVAL);
	assert_true(rp_store_end(store, 0) < 0);
	assert_int_equal(has_token(store, "b"), 0);
	assert_int_equal(has_token(store, "c"), 0);
	assert_int_equal(add_token(store, "d"), 1);
}

static void full_keeps_nothing_of_a_transaction(void **state)
{
	rp_cleanup(store) struct rp_store *store = open_store();
	char digest[512];
	int r = 0, n;

	(void)state;
	assert_int_equal(rp_store_limit(store, 4096), 0);
	assert_int_equal(rp_store_begin(store), 0);
	for (n = 0; r >= 0 && n < 100000; n++) {
		snprintf(digest, sizeof(digest), "%0500d", n);
		r = add_token(store, digest);
	}
	assert_int_equal(r, -ENOSPC);
	/* SQLite rolled back by itself: what comes next must not slip in alone */
	assert_int_equal(add_token(store, "late"), -ENOSPC);
	assert_int_equal(rp_store_end(store, r), -ENOSPC);
	snprintf(digest, sizeof(digest), "%0500d", 0);
	assert_int_equal(has_token(store, digest), 0);
	assert_int_equal(has_token(store, "late"), 0);
	assert_int_equal(rp_store_limit(store, 1 << 30), 0);
	assert_int_equal(add_token(store, "late"), 1);
}

/* A process that is killed between commits: what was committed is there, the rest is not. */
static void killed(void **state)
{
	struct rp_store *store;
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		store = open_store();
		add_token(store, "kept");
		rp_store_begin(store);
		add_token(store, "lost");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	store = open_store();
	assert_int_equal(has_token(store, "kept"), 1);
	assert_int_equal(has_token(store, "lost"), 0);
	rp_store_free(store);
}

static void not_ours(void **state)
{
	struct rp_error err = RP_ERROR_NONE;
	struct rp_store *store = NULL;
	sqlite3 *newer;

	(void)state;
	assert_int_equal(rp_file_write(path, 0600, "not a database, but long enough", 31, &err), 0);
	assert_int_equal(rp_store_open(path, &store, &err), -EIO);
	assert_null(store);
	unlink(path);
	assert_int_equal(sqlite3_open(path, &newer), SQLITE_OK);
	sqlite3_exec(newer, "PRAGMA user_version = 999", NULL, NULL, NULL);
	sqlite3_close(newer);
	assert_int_equal(rp_store_open(path, &store, &err), -EPROTO);
	assert_non_null(strstr(err.text, "newer rigproofd"));
	assert_true(rp_store_open("/nonexistent/store.db", &store, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(private_and_reopened, setup, teardown),
		cmocka_unit_test_setup_teardown(constraints_have_their_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(transactions_nest, setup, teardown),
		cmocka_unit_test_setup_teardown(
			full_keeps_nothing_of_a_transaction, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

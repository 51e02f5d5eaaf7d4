/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/checkpoint.h"
#include "tests/unit/server_lab.h"

static void append(struct rig_lab *lab, const char *leaf)
{
	struct rp_error err = RP_ERROR_NONE;
	uint64_t index, expected = rp_log_size(lab->server.log);

	lab_ok(rp_store_begin(lab->server.store));
	lab_ok(rp_log_prepare(&lab->server, leaf, strlen(leaf), &index, &err));
	lab_ok(rp_store_end(lab->server.store, 0));
	rp_log_committed(lab->server.log);
	assert_int_equal(index, expected);
}

/* The root that the signed checkpoint names. */
static uint64_t checkpoint(struct rig_lab *lab, rp_merkle_hash ret_root)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *note = NULL;
	uint64_t size;

	lab_ok(rp_log_checkpoint(&lab->server, &note, &err));
	lab_ok(rp_checkpoint_verify(note, lab->server.log_key, &size, ret_root, &err));
	return size;
}

static void grows_and_proves(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	struct rp_merkle_proof proof;
	rp_merkle_hash roots[71], leaf;
	char text[16];

	assert_int_equal(checkpoint(lab, roots[0]), 0);
	for (unsigned n = 0; n < 70; n++) {
		snprintf(text, sizeof(text), "leaf %u", n);
		append(lab, text);
		assert_int_equal(checkpoint(lab, roots[n + 1]), n + 1);
		if (n == 40) {
			lab_stop(lab);
			lab_start(lab);
		}
	}
	for (unsigned n = 0; n < 70; n++) {
		snprintf(text, sizeof(text), "leaf %u", n);
		rp_merkle_leaf_hash(text, strlen(text), leaf);
		lab_ok(rp_log_inclusion(lab->server.log, n, &proof, &err));
		assert_int_equal(rp_merkle_verify_inclusion(leaf, n, 70, &proof, roots[70]), 0);
	}
	for (unsigned from = 1; from <= 70; from += 7) {
		lab_ok(rp_log_consistency(lab->server.log, from, 70, &proof, &err));
		assert_int_equal(
			rp_merkle_verify_consistency(from, roots[from], 70, roots[70], &proof), 0);
	}
	assert_int_equal(rp_log_inclusion(lab->server.log, 70, &proof, &err), -ERANGE);
	assert_int_equal(rp_log_consistency(lab->server.log, 0, 70, &proof, &err), -ERANGE);
	assert_int_equal(rp_log_consistency(lab->server.log, 5, 71, &proof, &err), -ERANGE);
	assert_int_equal(rp_log_consistency(lab->server.log, 6, 5, &proof, &err), -ERANGE);
}

static void rolled_back_is_forgotten(void **state)
{
	struct rig_lab *lab = *state;
	struct rp_error err = RP_ERROR_NONE;
	rp_merkle_hash before, after;
	uint64_t index;

	append(lab, "one");
	checkpoint(lab, before);
	lab_ok(rp_store_begin(lab->server.store));
	lab_ok(rp_log_prepare(&lab->server, "two", 3, &index, &err));
	assert_int_equal(rp_store_end(lab->server.store, -ENOSPC), -ENOSPC);
	assert_int_equal(checkpoint(lab, after), 1);
	assert_memory_equal(before, after, sizeof(before));
	append(lab, "two again");
	lab_stop(lab);
	lab_start(lab);
	assert_int_equal(rp_log_size(lab->server.log), 2);
}

/* Somebody edits the file: the server does not go on with another history. */
static void tampering_is_seen(void **state)
{
	static const char *const edits[] = {
		"UPDATE leaf SET hash = zeroblob(32) WHERE number = 0",
		"DELETE FROM leaf WHERE number = 1",
		"DELETE FROM leaf WHERE number = 0",
		"DELETE FROM checkpoint",
	};
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *path = rp_path("%s/rigproof.db", lab->dir);
	struct rp_error err = RP_ERROR_NONE;

	append(lab, "one");
	append(lab, "two");
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		rp_cleanup(free) char *copy = NULL;
		size_t len;
		sqlite3 *database;

		lab_stop(lab);
		lab_ok(rp_file_read(path, 1 << 24, &copy, &len, &err));
		assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
		assert_int_equal(sqlite3_exec(database, edits[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(database);
		lab_ok(rp_store_open(path, &lab->server.store, &err));
		assert_int_equal(rp_log_open(&lab->server, &err), -EBADMSG);
		lab->server.store = rp_store_free(lab->server.store);
		lab_ok(rp_file_write(path, 0600, copy, len, &err));
		lab_start(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grows_and_proves, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(rolled_back_is_forgotten, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(tampering_is_seen, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6962 against Certificate Transparency's reference tree and against a second, naive, one. */
#include "tests/unit/keys_lab.h"

/* The eight leaves of certificate-transparency's merkle tests, in hexadecimal. */
static const char *const reference_leaves[] = {"", "00", "10", "2021", "3031", "40414243",
	"5051525354555657", "606162636465666768696a6b6c6d6e6f"};

/* The tree hash of the first n of them, n = 0..8. */
static const char *const reference_roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

#define MANY 70

static rp_merkle_hash leaves[MANY];

/* Pairs level by level, an odd last one moving up: the same tree by another rule. */
static void naive_root(const rp_merkle_hash *hashes, size_t n, rp_merkle_hash ret)
{
	rp_merkle_hash level[MANY];

	memcpy(level, hashes, n * sizeof(rp_merkle_hash));
	for (; n > 1; n = (n + 1) / 2)
		for (size_t i = 0; i < n; i += 2) {
			uint8_t pair[65] = {0x01};

			if (i + 1 == n) {
				memmove(level[i / 2], level[i], 32);
				continue;
			}
			memcpy(pair + 1, level[i], 32);
			memcpy(pair + 33, level[i + 1], 32);
			assert_int_equal(rp_sha256(pair, sizeof(pair), level[i / 2]), 0);
		}
	memcpy(ret, level[0], 32);
}

static void reference_tree(void **state)
{
	struct rp_merkle_frontier frontier = {0};
	rp_merkle_hash hashes[8], root, expected;

	for (size_t n = 0; n <= 8; n++) {
		assert_int_equal(rp_hex_decode(reference_roots[n], expected, 32), 0);
		assert_int_equal(rp_merkle_root(hashes, n, root), 0);
		assert_memory_equal(root, expected, 32);
		assert_int_equal(rp_merkle_frontier_root(&frontier, root), 0);
		assert_memory_equal(root, expected, 32);
		if (n < 8) {
			uint8_t leaf[16];
			size_t len = strlen(reference_leaves[n]) / 2;

			assert_int_equal(rp_hex_decode(reference_leaves[n], leaf, len), 0);
			assert_int_equal(rp_merkle_leaf_hash(leaf, len, hashes[n]), 0);
			assert_int_equal(rp_merkle_frontier_add(&frontier, hashes[n]), 0);
		}
	}
}

static void roots(void **state)
{
	struct rp_merkle_frontier frontier = {0};
	rp_merkle_hash root, expected;

	for (size_t n = 1; n <= MANY; n++) {
		naive_root(leaves, n, expected);
		assert_int_equal(rp_merkle_root(leaves, n, root), 0);
		assert_memory_equal(root, expected, 32);
		assert_int_equal(rp_merkle_frontier_add(&frontier, leaves[n - 1]), 0);
		assert_int_equal(rp_merkle_frontier_root(&frontier, root), 0);
		assert_memory_equal(root, expected, 32);
	}
}

static void inclusion(void **state)
{
	for (size_t n = 1; n <= MANY; n++) {
		rp_merkle_hash root;

		naive_root(leaves, n, root);
		for (size_t i = 0; i < n; i++) {
			struct rp_merkle_proof proof;

			assert_int_equal(rp_merkle_inclusion_proof(leaves, n, i, &proof), 0);
			for (size_t j = 0; j < n; j++)
				assert_int_equal(
					rp_merkle_verify_inclusion(leaves[i], j, n, &proof, root),
					i == j ? 0 : -EACCES);
			assert_int_equal(rp_merkle_verify_inclusion(
						 leaves[(i + 1) % MANY], i, n, &proof, root),
				-EACCES);
			proof.len++;
			assert_int_equal(
				rp_merkle_verify_inclusion(leaves[i], i, n, &proof, root), -EACCES);
			proof.len--;
			for (size_t k = 0; k < proof.len; k++) {
				proof.hash[k][k % 32] ^= 1;
				assert_int_equal(
					rp_merkle_verify_inclusion(leaves[i], i, n, &proof, root),
					-EACCES);
				proof.hash[k][k % 32] ^= 1;
			}
			if (proof.len) {
				proof.len--;
				assert_int_equal(
					rp_merkle_verify_inclusion(leaves[i], i, n, &proof, root),
					-EACCES);
			}
		}
	}
}

static void consistency(void **state)
{
	for (size_t n = 1; n <= MANY; n++) {
		rp_merkle_hash root, old_root;

		naive_root(leaves, n, root);
		for (size_t old = 1; old <= n; old++) {
			struct rp_merkle_proof proof;

			naive_root(leaves, old, old_root);
			assert_int_equal(rp_merkle_consistency_proof(leaves, n, old, &proof), 0);
			assert_int_equal(
				rp_merkle_verify_consistency(old, old_root, n, root, &proof), 0);
			old_root[0] ^= 1;
			assert_int_equal(
				rp_merkle_verify_consistency(old, old_root, n, root, &proof),
				-EACCES);
			old_root[0] ^= 1;
			root[0] ^= 1;
			assert_int_equal(
				rp_merkle_verify_consistency(old, old_root, n, root, &proof),
				-EACCES);
			root[0] ^= 1;
			for (size_t k = 0; k < proof.len; k++) {
				proof.hash[k][31] ^= 0x80;
				assert_int_equal(rp_merkle_verify_consistency(
							 old, old_root, n, root, &proof),
					-EACCES);
				proof.hash[k][31] ^= 0x80;
			}
			proof.len++;
			assert_int_equal(
				rp_merkle_verify_consistency(old, old_root, n, root, &proof),
				-EACCES);
		}
	}
}

static void out_of_range(void **state)
{
	struct rp_merkle_proof proof = {0};

	assert_int_equal(rp_merkle_inclusion_proof(leaves, 3, 3, &proof), -ERANGE);
	assert_int_equal(rp_merkle_inclusion_proof(leaves, 0, 0, &proof), -ERANGE);
	assert_int_equal(rp_merkle_consistency_proof(leaves, 3, 0, &proof), -ERANGE);
	assert_int_equal(rp_merkle_consistency_proof(leaves, 3, 4, &proof), -ERANGE);
	assert_int_equal(rp_merkle_verify_inclusion(leaves[0], 0, 0, &proof, leaves[0]), -EACCES);
	assert_int_equal(rp_merkle_verify_consistency(0, leaves[0], 1, leaves[0], &proof), -EACCES);
	assert_int_equal(rp_merkle_verify_consistency(2, leaves[0], 1, leaves[0], &proof), -EACCES);
	assert_int_equal(rp_merkle_verify_inclusion(
				 leaves[0], UINT64_MAX - 1, UINT64_MAX, &proof, leaves[0]),
		-EACCES);
	proof.len = RP_MERKLE_PROOF_MAX + 1;
	assert_int_equal(rp_merkle_verify_inclusion(leaves[0], 0, 1, &proof, leaves[0]), -EACCES);
	assert_int_equal(rp_merkle_verify_consistency(1, leaves[0], 2, leaves[0], &proof), -EACCES);
}

static int set_up(void **state)
{
	for (size_t i = 0; i < MANY; i++)
		if (rp_merkle_leaf_hash(&i, sizeof(i), leaves[i]) < 0)
			return -1;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_tree),
		cmocka_unit_test(roots),
		cmocka_unit_test(inclusion),
		cmocka_unit_test(consistency),
		cmocka_unit_test(out_of_range),
	};

	return cmocka_run_group_tests_name("keys merkle", tests, set_up, NULL);
}

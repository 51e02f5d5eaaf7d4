/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merkle trees, inclusion and consistency proofs of RFC 6962, section 2.1, over SHA-256.
 * hashes are leaf hashes, in order. The proof makers read all n of them (O(n) hashing); the
 * verifiers need none. A log that grows keeps a frontier: O(log n) an append.
 */
#ifndef RP_KEYS_MERKLE_H
#define RP_KEYS_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/must_use.h"

#define RP_MERKLE_PROOF_MAX 64 /* hashes in a proof of a tree of fewer than 2^63 leaves */

typedef uint8_t rp_merkle_hash[RP_SHA256_LEN];

struct rp_merkle_proof {
	size_t len;
	rp_merkle_hash hash[RP_MERKLE_PROOF_MAX];
};

/* SHA-256(0x00 || leaf) */
int rp_merkle_leaf_hash(const void *leaf, size_t len, rp_merkle_hash ret);

/* The tree hash; of n = 0: SHA-256 of nothing. -EIO (OpenSSL). */
int rp_merkle_root(const rp_merkle_hash *hashes, size_t n, rp_merkle_hash ret);

/* PATH(index, D[n]). -ERANGE unless index < n. */
int rp_merkle_inclusion_proof(
	const rp_merkle_hash *hashes, size_t n, size_t index, struct rp_merkle_proof *ret);

/* PROOF(old, D[n]). -ERANGE unless 0 < old <= n. Empty where old == n. */
int rp_merkle_consistency_proof(
	const rp_merkle_hash *hashes, size_t n, size_t old, struct rp_merkle_proof *ret);

/* 0 where the leaf is at index of the tree of size leaves with this root, else -EACCES. */
RP_MUST_USE int rp_merkle_verify_inclusion(const rp_merkle_hash leaf, uint64_t index, uint64_t size,
	const struct rp_merkle_proof *proof, const rp_merkle_hash root);

/*
 * 0 where the tree of old_size is a prefix of the tree of size, else -EACCES. 0 < old_size <= size.
 */
RP_MUST_USE int rp_merkle_verify_consistency(uint64_t old_size, const rp_merkle_hash old_root,
	uint64_t size, const rp_merkle_hash root, const struct rp_merkle_proof *proof);

/* The roots of the perfect subtrees of a growing tree. Zero-initialised it is the empty tree. */
struct rp_merkle_frontier {
	uint64_t size;
	rp_merkle_hash
		subtree[RP_MERKLE_PROOF_MAX]; /* [k]: of 2^k leaves, where bit k of size is set */
};

int rp_merkle_frontier_add(struct rp_merkle_frontier *frontier, const rp_merkle_hash leaf);
int rp_merkle_frontier_root(const struct rp_merkle_frontier *frontier, rp_merkle_hash ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/merkle.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"

#define LEAF 0x00
#define NODE 0x01

static int node_hash(const rp_merkle_hash left, const rp_merkle_hash right, rp_merkle_hash ret)
{
	uint8_t bytes[1 + 2 * RP_SHA256_LEN];

	bytes[0] = NODE;
	memcpy(bytes + 1, left, RP_SHA256_LEN);
	memcpy(bytes + 1 + RP_SHA256_LEN, right, RP_SHA256_LEN);
	return rp_sha256(bytes, sizeof(bytes), ret);
}

int rp_merkle_leaf_hash(const void *leaf, size_t len, rp_merkle_hash ret)
{
	static const uint8_t prefix = LEAF;
	rp_cleanup(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
		EVP_DigestUpdate(ctx, &prefix, 1) != 1 || EVP_DigestUpdate(ctx, leaf, len) != 1 ||
		EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		return -EIO;
	return 0;
}

/* The largest power of two smaller than n; n > 1. */
static size_t split(size_t n)
{
	return (size_t)1 << (63 - __builtin_clzll((unsigned long long)n - 1));
}

static int subtree_root(const rp_merkle_hash *hashes, size_t n, rp_merkle_hash ret)
{
	rp_merkle_hash left, right;
	size_t k;
	int r;

	if (n == 1) {
		memcpy(ret, hashes[0], RP_SHA256_LEN);
		return 0;
	}
	k = split(n);
	r = subtree_root(hashes, k, left);
	if (r == 0)
		r = subtree_root(hashes + k, n - k, right);
	return r < 0 ? r : node_hash(left, right, ret);
}

int rp_merkle_root(const rp_merkle_hash *hashes, size_t n, rp_merkle_hash ret)
{
	return n ? subtree_root(hashes, n, ret) : rp_sha256("", 0, ret);
}

static int append_root(const rp_merkle_hash *hashes, size_t n, struct rp_merkle_proof *proof)
{
	return subtree_root(hashes, n, proof->hash[proof->len++]);
}

/* PATH(m, D[n]) */
static int path(const rp_merkle_hash *hashes, size_t n, size_t m, struct rp_merkle_proof *proof)
{
	size_t k;
	int r;

	if (n == 1)
		return 0;
	k = split(n);
	if (m < k) {
		r = path(hashes, k, m, proof);
		return r < 0 ? r : append_root(hashes + k, n - k, proof);
	}
	r = path(hashes + k, n - k, m - k, proof);
	return r < 0 ? r : append_root(hashes, k, proof);
}

int rp_merkle_inclusion_proof(
	const rp_merkle_hash *hashes, size_t n, size_t index, struct rp_merkle_proof *ret)
{
	struct rp_merkle_proof proof = {0};
	int r;

	if (index >= n)
		return -ERANGE;
	r = path(hashes, n, index, &proof);
	if (r < 0)
		return r;
	*ret = proof;
	return 0;
}

/* SUBPROOF(m, D[n], b): known says that the verifier has the root of these n leaves already. */
static int subproof(
	const rp_merkle_hash *hashes, size_t n, size_t m, int known, struct rp_merkle_proof *proof)
{
	size_t k;
	int r;

	if (m == n)
		return known ? 0 : append_root(hashes, n, proof);
	k = split(n);
	if (m <= k) {
		r = subproof(hashes, k, m, known, proof);
		return r < 0 ? r : append_root(hashes + k, n - k, proof);
	}
	r = subproof(hashes + k, n - k, m - k, 0, proof);
	return r < 0 ? r : append_root(hashes, k, proof);
}

int rp_merkle_consistency_proof(
	const rp_merkle_hash *hashes, size_t n, size_t old, struct rp_merkle_proof *ret)
{
	struct rp_merkle_proof proof = {0};
	int r;

	if (!old || old > n)
		return -ERANGE;
	r = subproof(hashes, n, old, 1, &proof);
	if (r < 0)
		return r;
	*ret = proof;
	return 0;
}

static int same(const rp_merkle_hash a, const rp_merkle_hash b)
{
	return CRYPTO_memcmp(a, b, RP_SHA256_LEN) == 0;
}

/* RFC 9162, 2.1.3.2 */
int rp_merkle_verify_inclusion(const rp_merkle_hash leaf, uint64_t index, uint64_t size,
	const struct rp_merkle_proof *proof, const rp_merkle_hash root)
{
	uint64_t node = index, last = size - 1;
	rp_merkle_hash hash;

	if (index >= size || proof->len > RP_MERKLE_PROOF_MAX)
		return -EACCES;
	memcpy(hash, leaf, sizeof(hash));
	for (size_t i = 0; i < proof->len; i++) {
		int r;

		if (!last)
			return -EACCES;
		if ((node & 1) || node == last) {
			r = node_hash(proof->hash[i], hash, hash);
			while (!(node & 1) && node) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			r = node_hash(hash, proof->hash[i], hash);
		}
		if (r < 0)
			return r;
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && same(hash, root) ? 0 : -EACCES;
}

/* RFC 9162, 2.1.4.2 */
int rp_merkle_verify_consistency(uint64_t old_size, const rp_merkle_hash old_root, uint64_t size,
	const rp_merkle_hash root, const struct rp_merkle_proof *proof)
{
	uint64_t node = old_size - 1, last = size - 1;
	rp_merkle_hash old_hash, hash;
	size_t next = 0;

	if (!old_size || old_size > size || proof->len > RP_MERKLE_PROOF_MAX)
		return -EACCES;
	if (old_size == size)
		return proof->len == 0 && same(old_root, root) ? 0 : -EACCES;
	while (node & 1) {
		node >>= 1;
		last >>= 1;
	}
	/* A power of two: the old root itself is the first hash, and is left out of the proof. */
	if (node == 0) {
		memcpy(hash, old_root, sizeof(hash));
	} else {
		if (proof->len == 0)
			return -EACCES;
		memcpy(hash, proof->hash[next++], sizeof(hash));
	}
	memcpy(old_hash, hash, sizeof(hash));
	for (; next < proof->len; next++) {
		int r;

		if (!last)
			return -EACCES;
		if ((node & 1) || node == last) {
			r = node_hash(proof->hash[next], old_hash, old_hash);
			if (r == 0)
				r = node_hash(proof->hash[next], hash, hash);
			while (!(node & 1) && node) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			r = node_hash(hash, proof->hash[next], hash);
		}
		if (r < 0)
			return r;
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && same(old_hash, old_root) && same(hash, root) ? 0 : -EACCES;
}

int rp_merkle_frontier_add(struct rp_merkle_frontier *frontier, const rp_merkle_hash leaf)
{
	rp_merkle_hash hash;
	unsigned int level = 0;

	memcpy(hash, leaf, sizeof(hash));
	for (; frontier->size >> level & 1; level++) {
		int r = node_hash(frontier->subtree[level], hash, hash);

		if (r < 0)
			return r;
	}
	memcpy(frontier->subtree[level], hash, sizeof(hash));
	frontier->size++;
	return 0;
}

int rp_merkle_frontier_root(const struct rp_merkle_frontier *frontier, rp_merkle_hash ret)
{
	rp_merkle_hash hash;
	int have = 0;

	if (!frontier->size)
		return rp_sha256("", 0, ret);
	for (unsigned int level = 0; level < RP_MERKLE_PROOF_MAX; level++) {
		if (!(frontier->size >> level & 1))
			continue;
		if (!have) {
			memcpy(hash, frontier->subtree[level], sizeof(hash));
		} else {
			int r = node_hash(frontier->subtree[level], hash, hash);

			if (r < 0)
				return r;
		}
		have = 1;
	}
	memcpy(ret, hash, sizeof(hash));
	return 0;
}

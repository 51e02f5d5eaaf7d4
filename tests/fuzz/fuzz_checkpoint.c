/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: what verifies must be the one text for its size and root. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "keys/checkpoint.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/openssl_cleanup.h"
#include "tests/fuzz/keys_public.h"

#include <openssl/pem.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *log_key(void)
{
	static EVP_PKEY *key;

	if (!key) {
		rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(log_pem, -1);

		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		if (!key)
			abort();
	}
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rp_cleanup(free) char *note = strndup((const char *)data, size);
	rp_cleanup(free) char *root64 = NULL;
	rp_cleanup(free) char *head = NULL;
	char origin[RP_CHECKPOINT_ORIGIN];
	rp_merkle_hash root;
	uint64_t count;

	if (!note || rp_checkpoint_verify(note, log_key(), &count, root, NULL) < 0)
		return 0;
	root64 = rp_base64_encode(root, sizeof(root));
	if (rp_checkpoint_origin(log_key(), origin) < 0 ||
		asprintf(&head, "%s\n%" PRIu64 "\n%s\n\n", origin, count, root64) < 0 ||
		strncmp(note, head, strlen(head)) != 0)
		abort();
	return 0;
}

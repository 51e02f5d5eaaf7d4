/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "lib/encoding.h"

static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* A predictable nonce is worse than a dead process. */
static void fill_random(uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = getrandom(bytes, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		bytes += n;
		len -= (size_t)n;
	}
}

static void put_base32(uint64_t value, size_t characters, char *text)
{
	while (characters--) {
		text[characters] = base32[value & 31];
		value >>= 5;
	}
}

void rp_id_new(char ret_text[RP_ID_TEXT])
{
	uint64_t random[2];

	fill_random((uint8_t *)random, sizeof(random));
	put_base32((uint64_t)rp_clock_realtime() / 1000, 10, ret_text);
	put_base32(random[0], 8, ret_text + 10);
	put_base32(random[1], 8, ret_text + 18);
	ret_text[RP_ID_TEXT - 1] = '\0';
}

int rp_id_prefix_valid(const char *text)
{
	size_t len = strlen(text);

	/* 26 characters hold 130 bits; the first two must be zero. */
	return len && len < RP_ID_TEXT && strspn(text, base32) == len && text[0] <= '7';
}

int rp_id_valid(const char *text)
{
	return strlen(text) == RP_ID_TEXT - 1 && rp_id_prefix_valid(text);
}

void rp_nonce_hex(size_t len, char *ret_text)
{
	uint8_t bytes[64];

	*ret_text = '\0';
	while (len) {
		size_t n = len < sizeof(bytes) ? len : sizeof(bytes);

		fill_random(bytes, n);
		rp_hex_encode(bytes, n, ret_text);
		ret_text += 2 * n;
		len -= n;
	}
	explicit_bzero(bytes, sizeof(bytes));
}

int rp_name_valid(const char *text)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(text);

	return len >= 1 && len <= 63 && strspn(text, inner) == len && !strchr("._-", text[0]);
}

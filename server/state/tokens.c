/* SPDX-License-Identifier: Apache-2.0 */
#include "server/state/tokens.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/id.h"
#include "server/server.h"
#include "server/store/store.h"

#define TOKEN_BYTES 32
#define TOKEN_TEXT (2 * TOKEN_BYTES + 1)

static const struct {
	const char *role, *file;
} tokens[] = {
	{"admin", "operator.token"},
	{"viewer", "viewer.token"},
};

static int read_or_make(const char *path, char ret_token[TOKEN_TEXT], struct rp_error *err)
{
	rp_cleanup(free) char *text = NULL;
	char line[TOKEN_TEXT + 1];
	int r;

	if (access(path, F_OK) < 0) {
		rp_nonce_hex(TOKEN_BYTES, ret_token);
		snprintf(line, sizeof(line), "%s\n", ret_token);
		return rp_file_create(path, 0600, line, strlen(line), err);
	}
	r = rp_file_read_secret(path, 4096, &text, NULL, err);
	if (r < 0)
		return r;
	text[strcspn(text, "\r\n")] = '\0';
	if (!rp_sha256_hex_valid(text))
		return rp_error_set(err, -EINVAL,
			"%s: not a token (64 hexadecimal digits): remove the file, a new one is "
			"made at start",
			path);
	memcpy(ret_token, text, TOKEN_TEXT);
	return 0;
}

int rp_tokens_prepare(struct rp_server *server, struct rp_error *err)
{
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s", server->state_dir, tokens[i].file);
		char token[TOKEN_TEXT], digest[RP_SHA256_HEX];
		int r;

		if (!path)
			return rp_error_memory(err);
		r = read_or_make(path, token, err);
		if (r < 0)
			return r;
		r = rp_sha256_hex(token, strlen(token), digest);
		if (r == 0)
			r = rp_store_run(server->store, RP_SQL_TOKEN_ADD, RP_TEXT(digest),
				RP_TEXT(tokens[i].file), RP_TEXT(tokens[i].role),
				RP_INT(rp_store_now(server->store)));
		if (r >= 0)
			r = rp_store_run(server->store, RP_SQL_TOKEN_FORGET,
				RP_TEXT(tokens[i].file), RP_TEXT(digest));
		if (r < 0)
			return rp_error_set(err, r, "%s: %s", path, rp_store_reason(server->store));
	}
	return 0;
}

int rp_tokens_role(struct rp_server *server, const char *bearer)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	char digest[RP_SHA256_HEX];
	int r;

	if (!bearer || !rp_sha256_hex_valid(bearer))
		return RP_TOKEN_NONE;
	/* Looked up by digest: how long that takes says nothing about the token. */
	r = rp_sha256_hex(bearer, strlen(bearer), digest);
	if (r < 0)
		return r;
	r = rp_store_first(server->store, &row, RP_SQL_TOKEN_ROLE, RP_TEXT(digest));
	if (r <= 0)
		return r < 0 ? r : RP_TOKEN_NONE;
	return strcmp(rp_column_text(row, 0), "admin") == 0 ? RP_TOKEN_ADMIN : RP_TOKEN_VIEWER;
}

void rp_tokens_name(struct rp_server *server, const char *bearer, char *ret_name, size_t size)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	char digest[RP_SHA256_HEX];

	*ret_name = '\0';
	if (bearer && rp_sha256_hex(bearer, strlen(bearer), digest) == 0 &&
		rp_store_first(server->store, &row, RP_SQL_TOKEN_NAME, RP_TEXT(digest)) > 0)
		snprintf(ret_name, size, "%s", rp_column_text(row, 0));
}

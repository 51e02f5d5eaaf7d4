/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/http.h"
#include "lib/json.h"
#include "server/cas/uploads.h"
#include "server/cli/settings.h"

struct rp_client {
	struct rp_http *http;
	char *url;
};

struct rp_client *rp_client_free(struct rp_client *client)
{
	if (!client)
		return NULL;
	rp_http_free(client->http);
	free(client->url);
	free(client);
	return NULL;
}

int rp_client_open(const struct rp_cli *cli, struct rp_client **ret, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = calloc(1, sizeof(*client));
	rp_cleanup(free) char *root = NULL;
	rp_cleanup(free) char *token = NULL;
	struct rp_http_config config = {.connect_timeout_s = 10, .idle_timeout_s = 60};
	rp_cleanup(settings) struct rp_settings settings = {0};
	int r;

	if (!client)
		return rp_error_memory(err);
	r = rp_settings_load(cli, &settings, err);
	if (r >= 0)
		r = rp_settings_read(&settings, RP_SETTING_SERVER, &client->url, err);
	if (r >= 0)
		r = rp_settings_read(&settings, RP_SETTING_ROOT, &root, err);
	if (r >= 0)
		r = rp_settings_read(&settings, RP_SETTING_TOKEN, &token, err);
	if (r >= 0)
		r = rp_host_check_url(client->url, err);
	if (r < 0)
		return r;
	/* "https://host/" is what people copy from a browser. */
	if (*client->url && client->url[strlen(client->url) - 1] == '/')
		client->url[strlen(client->url) - 1] = '\0';
	config.base_url = client->url;
	config.root_pem = root;
	config.bearer = token;
	r = rp_http_new(&config, &client->http, err);
	if (r < 0)
		return r;
	*ret = rp_steal(client);
	return 0;
}

static int refuse(const struct rp_client *client, const struct rp_http_response *response,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *json = NULL;
	const char *what;
	const char *remedy;
	int code = -EPROTO;

	switch (response->status) {
	case 404:
		code = -ENOENT;
		break;
	case 401:
	case 403:
		code = -EACCES;
		break;
	case 409:
		code = -EEXIST;
		break;
	case 503:
	case 507:
		code = -EAGAIN;
		break;
	default:
		break;
	}
	if (rp_json_parse(response->body, response->body_len, &json, NULL) < 0)
		return rp_error_set(
			err, code, "%s answers with status %ld", client->url, response->status);
	what = rp_json_string_or(json, "error", "");
	remedy = rp_json_string_or(json, "remedy", "");
	return rp_error_set(err, code, "%s%s%s", *what ? what : "refused by the server",
		*remedy ? ": " : "", remedy);
}

static int request(struct rp_client *client, const char *method, const char *path, const char *type,
	const void *body, size_t len, struct rp_http_response *ret, struct rp_error *err)
{
	rp_cleanup(free) char *full = rp_path("/api/v1%s", path);
	struct rp_http_response response = {0};
	int r;

	if (!full)
		return rp_error_memory(err);
	r = rp_http_request(client->http, method, full, type, body, len, &response, err);
	if (r < 0)
		return r;
	if (response.status >= 400) {
		r = refuse(client, &response, err);
		rp_http_response_done(&response);
		return r;
	}
	*ret = response;
	return 0;
}

int rp_client_call(struct rp_client *client, const char *method, const char *path,
	const json_t *body, json_t **ret, struct rp_error *err)
{
	rp_cleanup(http_response) struct rp_http_response response = {0};
	rp_cleanup(free) char *text = NULL;
	int r;

	if (body && !(text = rp_json_canonical(body)))
		return rp_error_memory(err);
	r = request(client, method, path, text ? "application/json" : NULL, text,
		text ? strlen(text) : 0, &response, err);
	if (r < 0 || !ret)
		return r;
	if (!response.body_len) {
		*ret = json_null();
		return 0;
	}
	r = rp_json_parse(response.body, response.body_len, ret, err);
	if (r < 0)
		rp_error_prefix(err, "%s: its answer", client->url);
	return r;
}

int rp_client_text(struct rp_client *client, const char *path, char **ret, size_t *ret_len,
	struct rp_error *err)
{
	rp_cleanup(http_response) struct rp_http_response response = {0};
	int r = request(client, "GET", path, NULL, NULL, 0, &response, err);

	if (r < 0)
		return r;
	*ret = rp_steal(response.body);
	*ret_len = response.body_len;
	return 0;
}

static int upload_parts(struct rp_client *client, const char *path, int fd, off_t size,
	const char *sha256, struct rp_error *err)
{
	rp_cleanup(free) char *part = malloc(RP_UPLOAD_PART_MAX);
	off_t offset = 0;

	if (!part)
		return rp_error_memory(err);
	do {
		rp_cleanup(http_response) struct rp_http_response response = {0};
		char target[160];
		ssize_t len = pread(fd, part, RP_UPLOAD_PART_MAX, offset);
		int r;

		if (len < 0 || (len == 0 && offset < size))
			return rp_error_set(
				err, -EIO, "%s: changed while it was read: try again", path);
		snprintf(target, sizeof(target), "/cas/sha256/%s?offset=%lld&total=%lld", sha256,
			(long long)offset, (long long)size);
		r = request(client, "PUT", target, "application/octet-stream", part, (size_t)len,
			&response, err);
		if (r < 0)
			return r;
		if (response.status == 201) /* complete, or there already */
			return 0;
		offset += len;
	} while (offset < size);
	return rp_error_set(
		err, -EPROTO, "%s: the server did not confirm the last part", client->url);
}

int rp_client_upload(struct rp_client *client, const char *path, char ret_sha256[RP_SHA256_HEX],
	struct rp_error *err)
{
	rp_cleanup(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char sha256[RP_SHA256_HEX];
	off_t size;
	int r;

	if (fd < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	r = rp_sha256_fd_hex(fd, sha256, &size);
	if (r < 0)
		return rp_error_set(err, r, "%s: %s", path, strerror(-r));
	r = upload_parts(client, path, fd, size, sha256, err);
	if (r < 0) {
		rp_error_prefix(err, "%s", path);
		return r;
	}
	memcpy(ret_sha256, sha256, sizeof(sha256));
	return 0;
}

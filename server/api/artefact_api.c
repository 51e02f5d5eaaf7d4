/* SPDX-License-Identifier: Apache-2.0 */
/* Artefacts over HTTP: GET for everyone (their authenticity is the digest), PUT for admins. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "server/api/api.h"
#include "server/cas/uploads.h"
#include "server/http/http_request.h"
#include "server/server.h"

/* UEFI firmware wants to see a file name that ends in .efi: "HEX.efi" and "HEX/any.efi" do. */
static int get_artefact(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	const char *name = request->parameter[0];
	size_t len = strlen(name);

	if (len == RP_SHA256_HEX - 1 + 4 && !strcmp(name + len - 4, ".efi"))
		len -= 4;
	if (len != RP_SHA256_HEX - 1)
		return rp_reply_error(reply, 404,
			"an artefact's name is its SHA-256, 64 lower-case hexadecimal digits",
			"no such artefact");
	memcpy(reply->artefact, name, len);
	reply->artefact[len] = '\0';
	if (!rp_sha256_hex_valid(reply->artefact)) {
		reply->artefact[0] = '\0';
		return rp_reply_error(reply, 404,
			"an artefact's name is its SHA-256, 64 lower-case hexadecimal digits",
			"no such artefact");
	}
	return 0;
}

static int put_failed(struct rp_reply *reply, int result, int64_t expected, const char *text)
{
	switch (-result) {
	case ESPIPE:
		rp_reply_error(reply, 409, "go on from \"offset\"", "%s", text);
		json_object_set_new(reply->json, "offset", json_integer(expected));
		return 0;
	case EBADMSG:
		return rp_reply_error(
			reply, 422, "upload the file that has this digest", "%s", text);
	case EINVAL:
		return rp_reply_error(
			reply, 400, "PUT the parts in order with ?offset=N&total=T", "%s", text);
	case EFBIG:
		return rp_reply_error(reply, 413,
			"upload it in parts of at most 4194304 bytes: ?offset=N&total=T", "%s",
			text);
	case EBUSY:
		reply->retry_after_s = 30;
		return rp_reply_error(reply, 503, "try again later", "%s", text);
	case ENOSPC:
	case EDQUOT:
		reply->retry_after_s = 60;
		return rp_reply_error(
			reply, 507, "make room in the server's state directory", "%s", text);
	default:
		return result;
	}
}

static int put_artefact(
	struct rp_server *server, const struct rp_request *request, struct rp_reply *reply)
{
	const char *offset_text = rp_request_query(request, "offset");
	const char *total_text = rp_request_query(request, "total");
	const char *name = request->parameter[0];
	struct rp_error err = RP_ERROR_NONE;
	int64_t offset = 0, total = (int64_t)request->body_len, expected = 0;
	int r;

	if (*offset_text || *total_text)
		if (rp_number_parse(offset_text, INT64_MAX / 2, &offset) < 0 ||
			rp_number_parse(total_text, INT64_MAX / 2, &total) < 0)
			return rp_reply_error(reply, 400, "give both, in bytes: ?offset=N&total=T",
				"offset and total are not two numbers");
	r = rp_uploads_put(server->uploads, name, offset, total, request->body, request->body_len,
		&expected, &err);
	if (r < 0)
		return put_failed(reply, r, expected, err.text);
	reply->status = r ? 201 : 202;
	reply->json = json_pack("{s:s, s:I, s:I}", "sha256", name, "offset", (json_int_t)expected,
		"total", (json_int_t)total);
	return reply->json ? 0 : -ENOMEM;
}

const struct rp_route rp_artefact_routes[] = {
	{"GET", "/cas/sha256/:sha256", RP_ACCESS_ANY, get_artefact, .plain = true},
	{"GET", "/cas/sha256/:sha256/:name", RP_ACCESS_ANY, get_artefact, .plain = true},
	{"PUT", "/api/v1/cas/sha256/:sha256", RP_ACCESS_ADMIN, put_artefact,
		.body_max = RP_UPLOAD_PART_MAX},
	{NULL},
};

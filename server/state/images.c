/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/command_line.h"
#include "lib/id.h"
#include "lib/json.h"
#include "server/cas/artefacts.h"
#include "server/state/rigs.h"
#include "server/server.h"
#include "server/store/store.h"

static int check_modules(const json_t *modules, struct rp_error *err)
{
	size_t i;
	json_t *module;

	json_array_foreach (modules, i, module) {
		const char *name, *sha256;
		int r = rp_json_get_string(module, "name", &name, err);

		if (r == 0)
			r = rp_json_get_sha256(module, "sha256", &sha256, err);
		if (r == 0 && !rp_name_valid(name))
			r = rp_error_set(err, -EINVAL, "name: not a module name: %s", name);
		if (r < 0) {
			rp_error_prefix(err, "modules[%zu]", i);
			return r;
		}
	}
	return 0;
}

int rp_images_put(struct rp_server *server, const json_t *description, struct rp_error *err)
{
	rp_cleanup(free) char *text = NULL;
	const char *name, *sha256, *command_line;
	json_t *modules;
	int r;

	r = rp_json_get_string(description, "name", &name, err);
	if (r == 0)
		r = rp_json_get_sha256(description, "sha256", &sha256, err);
	if (r == 0)
		r = rp_json_get_string(description, "command_line", &command_line, err);
	if (r == 0) {
		r = rp_command_line_check(command_line, err);
		if (r < 0)
			rp_error_prefix(err, "command_line");
	}
	if (r == 0)
		r = rp_json_get_array(description, "modules", &modules, err);
	if (r == 0)
		r = check_modules(modules, err);
	if (r < 0)
		return r;
	if (!rp_name_valid(name))
		return rp_error_set(err, -EINVAL, "name: not an image name: %s", name);
	if (!rp_artefacts_has(server->artefacts, sha256))
		return rp_error_set(err, -ENOENT,
			"%s: there is no artefact %s: upload it first (PUT /api/v1/cas/sha256/%s)",
			name, sha256, sha256);
	text = rp_json_canonical(description);
	if (!text)
		return rp_error_memory(err);
	r = rp_store_run(server->store, RP_SQL_IMAGE_PUT, RP_TEXT(name), RP_TEXT(sha256),
		RP_TEXT(text), RP_INT(rp_store_now(server->store)));
	return r < 0 ? rp_error_set(err, r, "%s", rp_store_reason(server->store)) : 0;
}

int rp_images_get(struct rp_server *server, const char *name, struct rp_image *ret)
{
	rp_cleanup(row) sqlite3_stmt *row = NULL;
	int r;

	if (!*name)
		name = server->site->image;
	if (*name)
		r = rp_store_first(server->store, &row, RP_SQL_IMAGE_BY_NAME, RP_TEXT(name));
	else
		r = rp_store_first(server->store, &row, RP_SQL_IMAGE_NEWEST);
	if (r <= 0)
		return r;
	rp_column_copy(row, 0, ret->name);
	rp_column_copy(row, 1, ret->sha256);
	ret->description = rp_column_json(row, 2);
	return 1;
}

void rp_image_done(struct rp_image *image)
{
	json_decref(image->description);
	*image = (struct rp_image){0};
}

static json_t *read_image_row(sqlite3_stmt *row, const void *context)
{
	json_t *json = rp_column_json(row, 2);

	(void)context;
	json_object_set_new(json, "created", rp_column_time(row, 3));
	return json;
}

int rp_images_list(struct rp_server *server, json_t **ret)
{
	return rp_store_list(server->store, RP_SQL_IMAGE_LIST, RP_NONE, read_image_row, NULL, ret);
}

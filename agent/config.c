/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <string.h>

#include "keys/pem.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/id.h"
#include "lib/json.h"

#define CERTIFICATE_MAX (64u << 10)

static int parse(struct rp_agent_config *config, const json_t *json, struct rp_error *err)
{
	static const char *const keys[] = {"server", "image", NULL};
	static const char *const image_keys[] = {"name", NULL};
	const char *server, *name;
	json_t *image;
	int r;

	r = rp_json_check_keys(json, keys, err);
	if (r == 0)
		r = rp_json_get_string(json, "server", &server, err);
	if (r == 0)
		r = rp_json_get_object(json, "image", &image, err);
	if (r == 0)
		r = rp_json_check_keys(image, image_keys, err);
	if (r == 0)
		r = rp_json_get_string(image, "name", &name, err);
	if (r < 0)
		return r;
	if (!rp_name_valid(name))
		return rp_error_set(err, -EINVAL, "image.name: \"%.64s\" is not a name", name);
	config->server = strdup(server);
	config->image = strdup(name);
	return config->server && config->image ? 0 : rp_error_memory(err);
}

int rp_agent_config_load(const char *dir, struct rp_agent_config **ret, struct rp_error *err)
{
	rp_cleanup(agent_config) struct rp_agent_config *config = calloc(1, sizeof(*config));
	rp_cleanup(free) char *json_path = rp_path("%s/agent.json", dir);
	rp_cleanup(free) char *root_path = rp_path("%s/root.crt", dir);
	rp_cleanup(json) json_t *json = NULL;
	int r;

	if (!config || !json_path || !root_path)
		return rp_error_memory(err);
	r = rp_json_parse_file(json_path, &json, err);
	if (r < 0)
		return r;
	r = parse(config, json, err);
	if (r < 0) {
		rp_error_prefix(err, "%s", json_path);
		return r;
	}
	r = rp_file_read(root_path, CERTIFICATE_MAX, &config->root_pem, NULL, err);
	if (r < 0)
		return r;
	r = rp_pem_read_cert(config->root_pem, &config->root, err);
	if (r < 0) {
		rp_error_prefix(err, "%s", root_path);
		return r;
	}
	*ret = rp_steal(config);
	return 0;
}

struct rp_agent_config *rp_agent_config_free(struct rp_agent_config *config)
{
	if (!config)
		return NULL;
	free(config->server);
	free(config->image);
	free(config->root_pem);
	X509_free(config->root);
	free(config);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/* What one source says; "" and NULL are nothing. */
struct source {
	const char *text[RP_SETTINGS], *path[RP_SETTINGS];
	const char *text_from[RP_SETTINGS], *path_from[RP_SETTINGS];
	const char *state, *state_from;
};

static const char *const state_files[RP_SETTINGS] = {
	[RP_SETTING_SERVER] = "address",
	[RP_SETTING_ROOT] = "root.crt",
	[RP_SETTING_TOKEN] = "operator.token",
};

static bool is_given(const char *text)
{
	return text && *text;
}

static void options_source(const struct rp_cli *cli, struct source *ret)
{
	*ret = (struct source){
		.text = {[RP_SETTING_SERVER] = rp_cli_value(cli, "--server")},
		.text_from = {[RP_SETTING_SERVER] = "--server"},
		.path = {[RP_SETTING_ROOT] = rp_cli_value(cli, "--root"),
			[RP_SETTING_TOKEN] = rp_cli_value(cli, "--token-file")},
		.path_from = {[RP_SETTING_ROOT] = "--root", [RP_SETTING_TOKEN] = "--token-file"},
		.state = rp_cli_value(cli, "--state"),
		.state_from = "--state",
	};
}

static void environment_source(struct source *ret)
{
	*ret = (struct source){
		.text = {[RP_SETTING_SERVER] = getenv("RIGPROOF_SERVER"),
			[RP_SETTING_TOKEN] = getenv("RIGPROOF_TOKEN")},
		.text_from = {[RP_SETTING_SERVER] = "RIGPROOF_SERVER",
			[RP_SETTING_TOKEN] = "RIGPROOF_TOKEN"},
		.path = {[RP_SETTING_ROOT] = getenv("RIGPROOF_ROOT"),
			[RP_SETTING_TOKEN] = getenv("RIGPROOF_TOKEN_FILE")},
		.path_from = {[RP_SETTING_ROOT] = "RIGPROOF_ROOT",
			[RP_SETTING_TOKEN] = "RIGPROOF_TOKEN_FILE"},
		.state = getenv("RIGPROOF_STATE"),
		.state_from = "RIGPROOF_STATE",
	};
}

static int copy(const char *text, char **ret, struct rp_error *err)
{
	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : rp_error_memory(err);
}

/* Settings that nobody before this source has. */
static int take(struct rp_settings *settings, const struct source *source, struct rp_error *err)
{
	bool owns_state = !settings->state && is_given(source->state);
	int r = 0;

	if (owns_state)
		r = copy(source->state, &settings->state, err);
	for (size_t i = 0; r >= 0 && i < RP_SETTINGS; i++) {
		struct rp_setting_value *value = &settings->values[i];

		if (value->text || value->path)
			continue;
		if (is_given(source->text[i])) {
			r = copy(source->text[i], &value->text, err);
			if (r >= 0)
				r = copy(source->text_from[i], &value->from, err);
		} else if (is_given(source->path[i])) {
			r = copy(source->path[i], &value->path, err);
			if (r >= 0)
				r = copy(source->path_from[i], &value->from, err);
		} else if (owns_state) {
			value->path = rp_path("%s/%s", settings->state, state_files[i]);
			value->state = settings->state;
			r = value->path ? copy(source->state_from, &value->from, err)
					: rp_error_memory(err);
		}
	}
	return r;
}

static char *config_path(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	/* Relative ones are to be ignored (XDG Base Directory Specification). */
	if (xdg && *xdg == '/')
		return rp_path("%s/rigproof/config", xdg);
	return is_given(home) ? rp_path("%s/.config/rigproof/config", home) : strdup("");
}

/* As the file means it: relative to itself. "" stays. */
static int resolve(
	const struct rp_manifest *manifest, const char *path, char **ret, struct rp_error *err)
{
	*ret = *path ? rp_manifest_resolve(manifest, path) : strdup("");
	return *ret ? 0 : rp_error_memory(err);
}

static int take_file(struct rp_settings *settings, const char *path, struct rp_error *err)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(free) char *state = NULL;
	rp_cleanup(free) char *root = NULL;
	rp_cleanup(free) char *token_file = NULL;
	const struct rp_client_manifest *client;
	int r = rp_manifest_load_kind(path, RP_MANIFEST_CLIENT, &manifest, err);

	if (r < 0)
		return r;
	client = manifest->client;
	settings->color = client->color;
	r = resolve(manifest, client->state, &state, err);
	if (r >= 0)
		r = resolve(manifest, client->root, &root, err);
	if (r >= 0)
		r = resolve(manifest, client->token_file, &token_file, err);
	if (r < 0)
		return r;
	return take(settings,
		&(struct source){
			.text = {[RP_SETTING_SERVER] = client->server},
			.text_from = {[RP_SETTING_SERVER] = path},
			.path = {[RP_SETTING_ROOT] = root, [RP_SETTING_TOKEN] = token_file},
			.path_from = {[RP_SETTING_ROOT] = path, [RP_SETTING_TOKEN] = path},
			.state = state,
			.state_from = path,
		},
		err);
}

/* The parser has seen to it that the word is one of these. */
static enum rp_color color_of(const char *word)
{
	return !strcmp(word, "always")	? RP_COLOR_ALWAYS
	       : !strcmp(word, "never") ? RP_COLOR_NEVER
					: RP_COLOR_AUTO;
}

int rp_settings_load(const struct rp_cli *cli, struct rp_settings *ret, struct rp_error *err)
{
	rp_cleanup(settings) struct rp_settings settings = {0};
	rp_cleanup(free) char *path = config_path();
	const char *color = rp_cli_value(cli, "--color");
	struct source source;
	int r;

	if (!path)
		return rp_error_memory(err);
	options_source(cli, &source);
	r = take(&settings, &source, err);
	if (r >= 0) {
		environment_source(&source);
		r = take(&settings, &source, err);
	}
	if (r >= 0 && *path && access(path, F_OK) == 0)
		r = take_file(&settings, path, err);
	if (r < 0)
		return r;
	if (is_given(getenv("NO_COLOR")))
		settings.color = RP_COLOR_NEVER;
	if (color)
		settings.color = color_of(color);
	*ret = settings;
	settings = (struct rp_settings){0};
	return 0;
}

void rp_settings_done(struct rp_settings *settings)
{
	for (size_t i = 0; i < RP_SETTINGS; i++) {
		free(settings->values[i].text);
		free(settings->values[i].path);
		free(settings->values[i].from);
	}
	free(settings->state);
	*settings = (struct rp_settings){0};
}

static int nobody_says(enum rp_setting setting, struct rp_error *err)
{
	if (setting == RP_SETTING_ROOT)
		return rp_error_set(err, RP_CLI_WRONG_USE,
			"which lab's root certificate? Add --root CRT, or --state DIR of the "
			"server, or set RIGPROOF_ROOT, or write it into the configuration file: "
			"man rigproof-client");
	return rp_error_set(err, RP_CLI_WRONG_USE,
		"where is the server? Add --state DIR (or set RIGPROOF_STATE), or --server URL "
		"--root CRT --token-file FILE (or set RIGPROOF_SERVER, _ROOT, _TOKEN), or write "
		"them into the configuration file: man rigproof-client");
}

int rp_settings_read(const struct rp_settings *settings, enum rp_setting setting, char **ret,
	struct rp_error *err)
{
	const struct rp_setting_value *value = &settings->values[setting];
	rp_cleanup(free) char *text = NULL;
	int r;

	if (value->text)
		return copy(value->text, ret, err);
	if (!value->path)
		return nobody_says(setting, err);
	r = setting == RP_SETTING_TOKEN ? rp_file_read_secret(value->path, 4096, &text, NULL, err)
					: rp_file_read(value->path, 1 << 16, &text, NULL, err);
	if (r == -ENOENT && value->state)
		return rp_error_set(err, r,
			"%s: not there: has rigproofd --state %s been started once?", value->path,
			value->state);
	if (r < 0) {
		rp_error_prefix(err, "%s", value->from);
		return r;
	}
	if (setting != RP_SETTING_ROOT)
		text[strcspn(text, "\r\n")] = '\0';
	*ret = rp_steal(text);
	return 0;
}

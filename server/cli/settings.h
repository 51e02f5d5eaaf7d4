/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the server is and who asks it. Each setting is taken from the first that has it: options,
 * environment, configuration file. In each of them a folder of the server's (--state,
 * $RIGPROOF_STATE, state:) stands for what it does not name itself: address, root.crt and
 * operator.token of that folder.
 */
#ifndef RP_SERVER_CLI_SETTINGS_H
#define RP_SERVER_CLI_SETTINGS_H

#include <stdbool.h>

#include "lib/error.h"
#include "manifests/manifest.h"
#include "server/cli/cli.h"

enum rp_setting { RP_SETTING_SERVER, RP_SETTING_ROOT, RP_SETTING_TOKEN, RP_SETTINGS };

/* The value itself, or the file that has it; both NULL: nobody says. */
struct rp_setting_value {
	char *text, *path;
	const char *state; /* the server's folder that path is of; NULL: it was named itself */
	char *from;	   /* "--server", "RIGPROOF_SERVER", "~/.config/rigproof/config" */
};

struct rp_settings {
	struct rp_setting_value values[RP_SETTINGS];
	char *state; /* NULL: nobody names one */
	enum rp_color color;
};

/*
 * The configuration file is $XDG_CONFIG_HOME/rigproof/config, else $HOME/.config/rigproof/config;
 * there need be none. Nothing else is read yet.
 */
int rp_settings_load(const struct rp_cli *cli, struct rp_settings *ret, struct rp_error *err);
void rp_settings_done(struct rp_settings *settings);

/*
 * Read what a setting is, without its end of line. RP_CLI_WRONG_USE: nobody says; -EPERM: a token's
 * file whose mode is not 0600. Caller frees.
 */
int rp_settings_read(const struct rp_settings *settings, enum rp_setting setting, char **ret,
	struct rp_error *err);

static inline void rp_cleanup_settings(struct rp_settings *settings)
{
	rp_settings_done(settings);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What each word of a usage line is: for VERB --help, and for completion. */
#include "server/cli/usage.h"

#include <string.h>

#define F RP_USAGE_FILE
#define D RP_USAGE_DIR
#define T RP_USAGE_TEXT

/* The rows of one command stand before those for all. */
static const struct rp_usage_help rows[] = {
	{"setup", "--check",
		"say what is wrong with an installation, each with its remedy; change nothing"},
	{"setup", "--interface", "the network interface that the rigs are on"},
	{"setup", "--address",
		"the address that rigs reach this machine by; without: the interface's"},
	{"setup", "--unknown", "what happens with machines that nobody has added; without: ignore",
		T, "ignore|register"},
	{"setup", "--no-image", "do not build the node image"},
	{"setup", "--no-start", "do not start the services"},
	{"setup", "--etc", "where keys and site.yaml are; without: /etc/rigproof", D},
	{"setup", "--cache", "where iPXE and images are; without: /var/cache/rigproof", D},
	{"keys", "DIR", "the folder of the keys", D},
	{"keys", "--host", "a name that rigs reach the server by"},
	{"keys", "--address", "an IP address that rigs reach the server by"},
	{"image build", "MANIFEST", "an image's manifest", F},
	{"image build", "--keys", "the folder of the keys that sign it", D},
	{"image build", "--out", "the folder that gets NAME.efi and NAME.json", D},
	{"image build", "--server-url", "where the agent in it finds the server"},
	{"image build", "--modules", "a folder with .ko files, looked at before ours", D},
	{"image build", "--checks", "a folder with checks of your own, beside ours", D},
	{"image build", "--programs", "the folder of rigproof-agent and checks/", D},
	{"image add", "NAME.json", "what image build wrote beside NAME.efi", F},
	{"image show", "NAME", "of an image"},
	{"rig add", "MANIFEST", "a rig's manifest", F},
	{"rig approve", "--manifest", "the manifest that it gets; without: as it registered", F},
	{"rig power", "on|off|cycle|status", "what to do"},
	{"rig announce", "--for", "how long that holds: 90s, 10m, 1h; without: 10m"},
	{"rig state", "ready|quarantined|retired", "the state that it gets"},
	{"rig", "--status", "those in this state alone", T,
		"pending|enrolled|training|ready|busy|quarantined|retired"},
	{"rig", "NAME", "of a rig"},
	{"job submit", "--plan", "the plan's manifest", F},
	{"job submit", "--rig", "the rig that it runs on"},
	{"job submit", "--image", "the image; without: the plan's, the site's, the newest"},
	{"job submit", "--module", "a module that is used in place of the image's"},
	{"job submit", "--wait", "follow it to its end, exit as job wait does"},
	{"job list", "--status", "those in this state, or with this verdict", T,
		"queued|running|done|cancelled|pass|fail|error|skip"},
	{"result list", "--status", "those with this verdict", T, "pass|fail|error|skip"},
	{"log check", "--seen",
		"where the last checkpoint is remembered; without: log.seen in the "
		"server's folder",
		F},
	{"claim list", "FILE|DIR", "claims, or folders of them; without: those that came with us",
		F},
	{"claim judge", "--claims", "a file or folder of claims; without: those that came with us",
		F},
	{"claim judge", "EVIDENCE", "evidence.json of a job", F},
	{"verify", "FILE", "evidence.json of a job", F},
	{"completion", "bash|zsh", "the shell"},
	{"manifest check", "FILE", "a manifest", F},
	{"manifest manual", "site|rig|image|plan|claim|client", "the kind"},
	{"help", "NOUN", "what to explain"},
	{"help", "VERB", "what to explain of it"},

	{NULL, "JOB", "its id, or the beginning of it where no other job's begins so"},
	{NULL, "-o", "write to this file; without, and for -: to standard output", F},
	{NULL, "--rig", "those of this rig alone"},
	{NULL, "--plan", "those of this plan alone"},
	{NULL, "--since", "those since then: 2026-11-20, 2026-11-20T12:00:00, 90m, 12h or 7d"},
	{NULL, "--limit", "the newest N; 0: all; without: 25, and with --json all"},
	{NULL, "--state", "a rigproofd's folder on this machine", D},
	{NULL, "--server", "the server: https://ADDRESS:PORT"},
	{NULL, "--root", "the lab's root certificate, PEM", F},
	{NULL, "--token-file", "the file, readable by you alone, with the token", F},
	{NULL, "--color", "colour: auto (on a terminal), always, never", T, "auto|always|never"},
	{NULL, "--json", "print JSON, errors too"},
	{NULL, "--help", "explain"},
	{NULL, "--version", "the version"},
};

static bool is_of(const struct rp_usage_help *row, const struct rp_cli_command *command)
{
	char name[64];

	if (!row->command)
		return true;
	if (!command)
		return false;
	snprintf(name, sizeof(name), "%s %s", command->noun, command->verb ? command->verb : "");
	return !strcmp(row->command, command->noun) || !strcmp(row->command, name);
}

const struct rp_usage_help *rp_usage_help(const struct rp_cli_command *command, const char *word)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].word, word) && is_of(&rows[i], command))
			return &rows[i];
	return NULL;
}

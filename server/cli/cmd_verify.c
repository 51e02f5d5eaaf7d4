/* SPDX-License-Identifier: Apache-2.0 */
/* Offline: reads two files and talks to nobody. */
#include <errno.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/openssl_cleanup.h"
#include "server/cli/evidence.h"

static int run_verify(const struct rp_cli *cli, struct rp_error *err)
{
	rp_cleanup(verified) struct rp_verified verified = {0};
	rp_cleanup(x509) X509 *root = NULL;
	rp_cleanup(free) char *text = NULL;
	const char *path = cli->operands[0];
	size_t len;
	int r;

	r = rp_file_read(path, RP_EVIDENCE_MAX, &text, &len, err);
	if (r >= 0)
		r = rp_cli_root_cert(cli, &root, err);
	if (r < 0)
		return r;
	r = rp_evidence_verify(text, len, root, &verified, err);
	if (r < 0) {
		rp_error_prefix(err, "%s: proves nothing", path);
		return r;
	}
	if (cli->json) {
		rp_cleanup(json) json_t *explained = rp_evidence_explain_json(&verified);

		return explained ? rp_cli_print_json(explained, err) : -ENOMEM;
	}
	r = rp_evidence_explain(&verified, stdout);
	return r < 0 ? rp_error_set(err, r, "standard output: cannot write") : RP_EXIT_OK;
}

const struct rp_cli_command rp_cli_verify[] = {
	{"verify", NULL, "[--root CRT] FILE",
		"say what evidence proves, offline; exits 1 on any flaw", run_verify},
	{NULL},
};

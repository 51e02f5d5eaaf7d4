/* SPDX-License-Identifier: Apache-2.0 */
/* rigproof, the operator's command line. What it can do stands in the tables of cmd_*.c. */
#include <signal.h>
#include <stdio.h>

#include <curl/curl.h>

#include "server/cli/cli.h"

int main(int argc, char **argv)
{
	/* A server that goes away in the middle of an upload is an error, not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return rp_cli_main(argc, argv, stdout, stderr);
}

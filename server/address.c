/* SPDX-License-Identifier: Apache-2.0 */
/* How rigs reach the server, once rp_site_listen has found it out. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/server.h"
#include "server/site.h"

char *rp_site_host_and_port(const char *host, int port)
{
	return strchr(host, ':') ? rp_path("[%s]:%d", host, port) : rp_path("%s:%d", host, port);
}

const char *rp_site_address(const struct rp_server *server)
{
	return server->address;
}

char *rp_site_http_url(const struct rp_server *server)
{
	rp_cleanup(free) char *host = NULL;

	if (!server->http_port)
		return NULL;
	host = rp_site_host_and_port(server->address, server->http_port);
	return host ? rp_path("http://%s", host) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/folder.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "manifests/manifest.h"
#include "pxe/loader.h"
#include "pxe/tftpd.h"
#include "server/boot/netboot.h"
#include "server/boot/policy.h"
#include "server/server.h"

struct rp_netboot {
	struct rp_proxydhcp *proxy;
	struct rp_tftpd *tftpd;
};

static int boot_for(void *context, const struct rp_pxe_client *client, struct rp_pxe_answer *ret)
{
	return rp_policy_boot_for(context, client, ret);
}

static void pxe_event(void *context, const struct rp_pxe_client *client, enum rp_pxe_event what,
	const char *detail)
{
	struct rp_server *server = context;
	char name[64];

	snprintf(name, sizeof(name), "pxe_events_total{event=\"%s\"}", rp_pxe_event_name(what));
	rp_metrics_add(server->metrics, name, 1);
	rp_log_debug("pxe: %s: %s %s", client->mac, rp_pxe_event_name(what), detail);
	rp_policy_pxe_event(server, client, what, detail);
}

static void tftpd_event(void *context, enum rp_tftpd_event what, const char *text)
{
	rp_metrics_add(((struct rp_server *)context)->metrics, "tftpd_starts_total",
		what == RP_TFTPD_STARTED);
	rp_log(what == RP_TFTPD_STARTED ? RP_LOG_INFO : RP_LOG_WARNING, "%s", text);
}

/*
 * The loaders are made anew at each start, so that they fit the lab's keys and this address. A
 * server that cannot make them can still serve rigs that boot by HTTP, and all the rest.
 */
static void build_loaders(struct rp_server *server)
{
	struct rp_error err = RP_ERROR_NONE;
	/* We may still be root, and the folder somebody else's: no link of his leads us away. */
	rp_cleanup(fd) int state = rp_folder_open(AT_FDCWD, server->state_dir, &err);
	rp_cleanup(fd) int folder = state < 0 ? -1 : rp_folder_make(state, "tftp", 0755, &err);
	rp_cleanup(free) char *tftp_root = rp_path("/proc/self/fd/%d", folder);
	rp_cleanup(json) json_t *files = NULL;
	const struct rp_loader_build build = {
		.keys_dir = server->keys_dir,
		.tftp_root = tftp_root,
		.server_url = server->url,
		.http_url = server->http_url,
	};
	json_t *file;
	size_t i;

	if (folder < 0 || !tftp_root || rp_loader_build(&build, &files, &err) < 0) {
		rp_log_warning("no loaders for rigs that boot by TFTP: %s", err.text);
		return;
	}
	json_array_foreach (files, i, file)
		rp_log_info("tftp: %s sha256 %s", rp_json_string_or(file, "name", ""),
			rp_json_string_or(file, "sha256", ""));
}

static int start_tftpd(struct rp_server *server, struct rp_netboot *netboot, const char *root,
	struct rp_error *err)
{
	const struct rp_tftpd_config config = {
		.root = root,
		.address = server->address,
		.port = (uint16_t)server->site->tftp_port,
		.event = tftpd_event,
		.ctx = server,
	};

	return rp_tftpd_start(server->base, &config, &netboot->tftpd, err);
}

static int start_proxy(struct rp_server *server, struct rp_netboot *netboot, struct rp_error *err)
{
	const struct rp_pxe_ops ops = {boot_for, pxe_event, server};
	struct rp_proxydhcp_config config = {.interface = server->site->interface};

	if (inet_pton(AF_INET, server->address, &config.server) != 1)
		return rp_error_set(err, -EINVAL,
			"%s: DHCP needs an IPv4 address: set `address` in the site's manifest, or "
			"`dhcp: off`",
			server->address);
	return rp_proxydhcp_start(server->base, &config, &ops, &netboot->proxy, err);
}

int rp_netboot_start(struct rp_server *server, struct rp_error *err)
{
	rp_cleanup(free) char *root = rp_path("%s/tftp", server->state_dir);
	int r = 0;

	server->netboot = calloc(1, sizeof(*server->netboot));
	if (!server->netboot || !root)
		return rp_error_memory(err);
	if (!*server->site->interface) {
		rp_log_info("no `interface` in the site's manifest: no DHCP, no TFTP");
		return 0;
	}
	if (server->site->tftp != RP_TFTP_OFF)
		build_loaders(server);
	if (server->site->tftp == RP_TFTP_SPAWN)
		r = start_tftpd(server, server->netboot, root, err);
	if (r == 0 && server->site->dhcp == RP_DHCP_PROXY)
		r = start_proxy(server, server->netboot, err);
	return r;
}

struct rp_netboot *rp_netboot_free(struct rp_netboot *netboot)
{
	if (!netboot)
		return NULL;
	rp_proxydhcp_free(netboot->proxy);
	rp_tftpd_free(netboot->tftpd);
	free(netboot);
	return NULL;
}

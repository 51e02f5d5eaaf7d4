/* SPDX-License-Identifier: Apache-2.0 */
/* What may be wrong with an installation, one function a thing. */
#include <errno.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/x509v3.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/process.h"
#include "manifests/manifest.h"
#include "pxe/loader.h"
#include "server/cli/client.h"
#include "server/cli/setup.h"

#define HOLDERS 8

/* Before this was written no clock of a server can be right. 2026-01-01. */
#define EARLIEST 1767225600

struct check {
	const struct rp_setup *setup;
	const struct rp_site *site; /* NULL: there is none that can be read */
	char *address;		    /* as rigs reach us; NULL: not known */
	rp_setup_report report;
	void *context;
	unsigned wrong;
};

__attribute__((format(printf, 4, 5))) static void tell(
	struct check *check, const char *name, bool wrong, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->wrong += wrong;
	check->report(check->context, name, wrong, text);
}

/* ---- what is installed ---- */

static bool is_installed(const char *package)
{
	rp_cleanup(free) char *status = NULL;
	const struct rp_process query = {
		.argv = (const char *const[]){"dpkg-query", "-W", "-f", "${db:Status-Status}",
			package, NULL},
		.timeout_s = 30,
	};

	return rp_process_run(&query, &status, NULL, NULL) == 0 && !strcmp(status, "installed");
}

static void check_packages(struct check *check)
{
	rp_cleanup(free) char *path = rp_path(
		"%s/share/rigproof/server.txt", check->setup->prefix ? check->setup->prefix : "");
	rp_cleanup(free) char *list = NULL;
	char missing[600] = "";
	char *save = NULL;

	if (!check->setup->prefix || !path || rp_file_read(path, 1 << 16, &list, NULL, NULL) < 0)
		return;
	for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t used = strlen(missing);

		line[strcspn(line, "# \t")] = '\0';
		if (*line && !is_installed(line))
			snprintf(missing + used, sizeof(missing) - used, " %s", line);
	}
	if (*missing)
		tell(check, "packages", true, "missing: apt-get install --no-install-recommends%s",
			missing);
	else
		tell(check, "packages", false, "all that a server runs with are installed");
}

static const struct passwd *check_user(struct check *check)
{
	const struct passwd *user = getpwnam(check->setup->user);

	if (user)
		tell(check, "user", false, "%s", check->setup->user);
	else
		tell(check, "user", true, "there is no user %s: run rigproof setup",
			check->setup->user);
	return user;
}

/* ---- keys ---- */

/* Whether a user who is not root gets through, by the mode alone: 4 to read, 1 to pass. */
static bool allows(const struct stat *st, const struct passwd *user, mode_t bit)
{
	if (st->st_uid == user->pw_uid)
		return st->st_mode & (bit << 6);
	if (st->st_gid == user->pw_gid)
		return st->st_mode & (bit << 3);
	return st->st_mode & bit;
}

static bool can_read(const char *path, const struct passwd *user)
{
	rp_cleanup(free) char *folder = strdup(path);
	struct stat st;

	if (!folder || stat(path, &st) < 0 || !allows(&st, user, 4))
		return false;
	*strrchr(folder, '/') = '\0';
	return stat(folder, &st) == 0 && allows(&st, user, 1);
}

static void check_needed_key(struct check *check, const char *name, const struct passwd *user)
{
	rp_cleanup(free) char *path = rp_path("%s/%s.key", check->setup->keys, name);
	struct stat st;

	if (!path || stat(path, &st) < 0)
		tell(check, "keys", true,
			"%s/%s.key: not there: bring it back from your copy of the folder",
			check->setup->keys, name);
	else if (st.st_mode & 077)
		tell(check, "keys", true, "%s: mode is %04o, others may read it: chmod 600 %s",
			path, st.st_mode & 07777, path);
	else if (user && !can_read(path, user))
		tell(check, "keys", true,
			"%s: %s cannot read it, so the server cannot start: chown %s %s", path,
			user->pw_name, user->pw_name, path);
}

static void check_keys(struct check *check, const struct passwd *user)
{
	static const char *const needed[] = {"tls", "job", "log", "boot-ca", "db"};
	static const char *const kept[] = {"root", "PK", "KEK", "module"};
	rp_cleanup(free) char *root = rp_path("%s/root.crt", check->setup->keys);
	unsigned before = check->wrong;
	struct stat st;

	if (!root || stat(root, &st) < 0) {
		tell(check, "keys", true, "%s: no keys there: run rigproof setup",
			check->setup->keys);
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		check_needed_key(check, needed[i], user);
	for (size_t i = 0; user && i < sizeof(kept) / sizeof(*kept); i++) {
		rp_cleanup(free) char *path = rp_pki_key_path(check->setup->keys, kept[i]);

		if (path && can_read(path, user))
			tell(check, "keys", true,
				"%s: %s can read it, and the server never needs it: chown root: "
				"%s, or "
				"take it away",
				path, user->pw_name, path);
	}
	if (check->wrong == before)
		tell(check, "keys", false, "%s", check->setup->keys);
}

/* ---- the site and its address ---- */

static void check_site(struct check *check, struct rp_manifest **manifest)
{
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_manifest_load_kind(check->setup->site, RP_MANIFEST_SITE, manifest, &err);

	if (r == -ENOENT) {
		tell(check, "site", true, "%s: not there: run rigproof setup", check->setup->site);
		return;
	}
	if (r < 0) {
		tell(check, "site", true, "%s: correct it", err.text);
		return;
	}
	check->site = (*manifest)->site;
	if (!*check->site->interface)
		tell(check, "site", true,
			"%s: no `interface`, so there is neither DHCP nor TFTP: name the one that "
			"the rigs "
			"are on",
			check->setup->site);
	else if (!if_nametoindex(check->site->interface))
		tell(check, "site", true,
			"%s: this machine has no interface %s: correct `interface`",
			check->setup->site, check->site->interface);
	else
		tell(check, "site", false, "%s, interface %s", check->setup->site,
			check->site->interface);
	check->address = *check->site->address ? strdup(check->site->address)
					       : rp_setup_interface_address(check->site->interface);
	if (!check->address)
		tell(check, "address", true,
			"interface %s has no IPv4 address: give it one, or set `address` in %s",
			check->site->interface, check->setup->site);
}

static void check_certificate(struct check *check)
{
	const char *keys = check->setup->keys;
	rp_cleanup(x509) X509 *cert = NULL;

	if (!check->address || rp_pki_load_cert(keys, "tls", &cert, NULL) < 0)
		return;
	if (rp_address_valid(check->address)
			? X509_check_ip_asc(cert, check->address, 0) == 1
			: X509_check_host(cert, check->address, 0, 0, NULL) == 1)
		tell(check, "certificate", false, "names %s", check->address);
	else
		tell(check, "certificate", true,
			"%s/tls.crt does not name %s, so rigs refuse this server: rigproof keys "
			"tls %s "
			"--address %s, then systemctl restart rigproofd",
			keys, check->address, keys, check->address);
}

/* ---- ports ---- */

static bool is_dhcp_server(const char *program)
{
	static const char *const names[] = {"dnsmasq", "dhcpd", "kea-dhcp4", "udhcpd",
		"systemd-network", "dhcpd-pools", "isc-dhcp-server"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(program, names[i]))
			return true;
	return false;
}

/* Ours: the server, its socket unit's systemd, and in.tftpd with our folder. */
static bool is_ours(const struct check *check, const struct rp_port_holder *holder)
{
	rp_cleanup(free) char *tftp = rp_path("%s/tftp", check->setup->state);

	if (!strcmp(holder->program, "in.tftpd"))
		return tftp && strstr(holder->command_line, tftp);
	return !strcmp(holder->program, "rigproofd") || holder->pid == 1;
}

static void check_port(struct check *check, bool udp, int port, const char *purpose)
{
	struct rp_port_holder holders[HOLDERS];
	char name[32];
	int count = rp_port_holders(check->setup->proc, udp, (uint16_t)port, holders, HOLDERS);

	snprintf(name, sizeof(name), "port %d/%s", port, udp ? "udp" : "tcp");
	if (count < 0) {
		tell(check, name, true, "%s/net cannot be read: %s", check->setup->proc,
			strerror(-count));
		return;
	}
	for (int i = 0; i < count; i++) {
		if (is_ours(check, &holders[i]))
			continue;
		if (!holders[i].pid)
			tell(check, name, true,
				"taken by another user's program, needed for %s: run this as root",
				purpose);
		else if (port == 67 && is_dhcp_server(holders[i].program))
			tell(check, "DHCP server", true,
				"%s (pid %d) serves DHCP on this host, and proxyDHCP needs a host "
				"of its own: "
				"move one of them, or set `dhcp: off` in %s and let %s name our "
				"loader",
				holders[i].program, holders[i].pid, check->setup->site,
				holders[i].program);
		else
			tell(check, name, true, "taken by %s (pid %d), needed for %s: end it%s",
				holders[i].program, holders[i].pid, purpose,
				!strcmp(holders[i].program, "in.tftpd")
					? ": systemctl disable --now tftpd-hpa"
					: "");
		return;
	}
	tell(check, name, false, count ? "ours" : "free");
}

static void check_ports(struct check *check)
{
	const struct rp_site *site = check->site;

	if (!site)
		return;
	if (site->dhcp == RP_DHCP_PROXY) {
		check_port(check, true, 67, "proxyDHCP");
		check_port(check, true, 4011, "proxyDHCP");
	}
	if (site->tftp != RP_TFTP_OFF)
		check_port(check, true, site->tftp_port, "TFTP");
	if (site->https_port)
		check_port(check, false, site->https_port, "HTTPS");
	if (site->http_port)
		check_port(check, false, site->http_port, "plain HTTP");
}

/* ---- what rigs boot ---- */

static void check_ipxe(struct check *check)
{
	rp_cleanup(free) char *folder = NULL;
	rp_cleanup(free) char *file = NULL;
	struct stat st;

	setenv("RIGPROOF_CACHE", check->setup->cache, 1);
	if (rp_loader_find_ipxe(&folder, NULL) == 0)
		file = rp_path("%s/ipxe.efi", folder);
	if (!file || stat(file, &st) < 0)
		tell(check, "iPXE", true,
			"not in %s, so no rig can boot by TFTP: RIGPROOF_CACHE=%s "
			"rigproof-fetch-ipxe, then "
			"systemctl restart rigproofd",
			check->setup->cache, check->setup->cache);
	else
		tell(check, "iPXE", false, "%s", folder);
}

/* The server is asked as its operator, as every command does. */
static void check_server(struct check *check)
{
	const struct rp_cli cli = {
		.options = {{"--state", check->setup->state}}, .options_count = 1};
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	struct rp_error err = RP_ERROR_NONE;
	json_t *images;
	int r = rp_client_open(&cli, &client, &err);

	if (r >= 0)
		r = rp_client_call(client, "GET", "/images", NULL, &answer, &err);
	if (r < 0) {
		tell(check, "server", true,
			"does not answer (%s): systemctl status rigproofd; journalctl -u rigproofd",
			err.text);
		return;
	}
	tell(check, "server", false, "answers");
	images = json_object_get(answer, "images");
	if (json_array_size(images))
		tell(check, "image", false, "%s",
			rp_json_string_or(json_array_get(images, 0), "name", "?"));
	else
		tell(check, "image", true,
			"the server has none, so no job can run: rigproof setup, or rigproof image "
			"build and "
			"rigproof image add");
}

static void check_clock(struct check *check)
{
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&check->setup->now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	if (check->setup->now < EARLIEST)
		tell(check, "clock", true,
			"it is not %s: set the clock (timedatectl set-ntp true), since results "
			"carry its time",
			date);
	else
		tell(check, "clock", false, "%s", date);
}

unsigned rp_setup_check(const struct rp_setup *setup, rp_setup_report report, void *context)
{
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	struct check check = {.setup = setup, .report = report, .context = context};
	const struct passwd *user;

	check_packages(&check);
	user = check_user(&check);
	check_keys(&check, user);
	check_site(&check, &manifest);
	check_certificate(&check);
	check_ports(&check);
	check_ipxe(&check);
	check_server(&check);
	check_clock(&check);
	free(check.address);
	return check.wrong;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What `rigproof setup` makes, one function a thing; each finds what is there already and leaves it. */
#include "server/cli/setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/efi_auth.h"
#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/folder.h"
#include "lib/json.h"
#include "lib/process.h"
#include "manifests/image.h"
#include "manifests/manifest.h"
#include "server/cli/beside.h"
#include "server/cli/client.h"

#define FETCH_SECONDS 900
#define TOOL_SECONDS 120

struct making {
	const struct rp_setup *setup;
	rp_setup_told told;
	void *context;
	struct rp_manifest *site;
	char *address; /* as rigs reach us */
};

__attribute__((format(printf, 4, 5))) static void tell(
	struct making *making, enum rp_setup_step step, const char *name, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	making->told(making->context, step, name, text);
}

static int run(const char *const *argv, const char *const *env, int seconds, struct rp_error *err)
{
	return rp_process_run(&(struct rp_process){.argv = argv, .env = env, .timeout_s = seconds},
		NULL, NULL, err);
}

static bool succeeds(const char *const *argv)
{
	return run(argv, NULL, TOOL_SECONDS, NULL) == 0;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- addresses of this machine ---- */

static bool is_ipv4(const struct ifaddrs *at, char text[INET_ADDRSTRLEN])
{
	const struct sockaddr_in *address = (const struct sockaddr_in *)at->ifa_addr;

	return address && address->sin_family == AF_INET &&
	       inet_ntop(AF_INET, &address->sin_addr, text, INET_ADDRSTRLEN);
}

char *rp_setup_interface_address(const char *interface)
{
	struct ifaddrs *list = NULL;
	char text[INET_ADDRSTRLEN];
	char *found = NULL;

	if (getifaddrs(&list) < 0)
		return NULL;
	for (struct ifaddrs *at = list; at && !found; at = at->ifa_next)
		if (!strcmp(at->ifa_name, interface) && is_ipv4(at, text))
			found = strdup(text);
	freeifaddrs(list);
	return found;
}

char *rp_setup_interfaces(void)
{
	struct ifaddrs *list = NULL;
	char text[INET_ADDRSTRLEN];
	char *all = strdup("");

	if (getifaddrs(&list) < 0)
		return all;
	for (struct ifaddrs *at = list; at && all; at = at->ifa_next) {
		char *longer;

		if (at->ifa_flags & IFF_LOOPBACK || !is_ipv4(at, text))
			continue;
		longer = rp_path("%s%s%s %s", all, *all ? ", " : "", at->ifa_name, text);
		free(all);
		all = longer;
	}
	freeifaddrs(list);
	return all;
}

/* ---- user and folders ---- */

static int make_user(struct making *making, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	rp_cleanup(free) char *users =
		rp_path("%s/lib/sysusers.d/rigproof.conf", setup->prefix ? setup->prefix : "");
	bool there = getpwnam(setup->user);
	int r;

	if (!users)
		return rp_error_memory(err);
	if (!there && !exists(users))
		return rp_error_set(err, -ENOENT,
			"there is no user %s, and %s is not there, which makes it: make install",
			setup->user, users);
	if (!there) {
		r = run((const char *const[]){"systemd-sysusers", users, NULL}, NULL, TOOL_SECONDS,
			err);
		if (r < 0)
			return r;
	}
	if (!getpwnam(setup->user))
		return rp_error_set(err, -ENOENT, "systemd-sysusers made no user %s", setup->user);
	tell(making, there ? RP_SETUP_KEPT : RP_SETUP_MADE, "user", "%s", setup->user);
	return 0;
}

/* Modes as tmpfiles.d has them; here too, since a folder given by an option is in no tmpfiles.d. */
static int make_folder(
	struct making *making, const char *path, mode_t mode, bool ours, struct rp_error *err)
{
	const struct passwd *user = getpwnam(making->setup->user);
	bool there = exists(path);
	rp_cleanup(fd) int fd = -1;
	int r = rp_file_make_directories(path, 0755, err);

	if (r < 0)
		return r;
	fd = rp_folder_open(AT_FDCWD, path, err);
	if (fd < 0)
		return fd;
	if (!there &&
		(fchmod(fd, mode) < 0 || (ours && fchown(fd, user->pw_uid, user->pw_gid) < 0)))
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	tell(making, there ? RP_SETUP_KEPT : RP_SETUP_MADE, "folder", "%s", path);
	return 0;
}

static int make_folders(struct making *making, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	rp_cleanup(free) char *etc =
		strndup(setup->site, (size_t)(strrchr(setup->site, '/') - setup->site));
	int r;

	if (!etc)
		return rp_error_memory(err);
	r = make_folder(making, etc, 0755, false, err);
	if (r == 0)
		r = make_folder(making, setup->cache, 0755, false, err);
	if (r == 0)
		r = make_folder(making, setup->state, 0711, true, err);
	return r;
}

/* ---- site ---- */

static int load_site(struct making *making, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	int r = rp_manifest_load_kind(setup->site, RP_MANIFEST_SITE, &making->site, err);

	if (r < 0)
		return r;
	making->address = *making->site->site->address
				  ? strdup(making->site->site->address)
				  : rp_setup_interface_address(making->site->site->interface);
	if (!making->address)
		return rp_error_set(err, -ENODEV,
			"%s: names no address, and interface %s has none: set `address`",
			setup->site, making->site->site->interface);
	return 0;
}

static int make_site(struct making *making, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	rp_cleanup(free) char *text = NULL;
	int r;

	if (exists(setup->site)) {
		tell(making, RP_SETUP_KEPT, "site", "%s", setup->site);
		return load_site(making, err);
	}
	text = rp_path("# Made by rigproof setup. Every setting, with its default: "
		       "%s/share/rigproof/sites/example.yaml\n"
		       "kind: site\n"
		       "interface: %s\n"
		       "address: \"%s\"\n"
		       "# TFTP is rigproof-tftpd.service: the server runs without root.\n"
		       "tftp: external\n"
		       "unknown: %s\n",
		setup->prefix ? setup->prefix : "/usr/local", setup->interface, setup->address,
		setup->unknown);
	if (!text)
		return rp_error_memory(err);
	r = rp_file_create(setup->site, 0644, text, strlen(text), err);
	if (r == 0)
		r = load_site(making, err);
	if (r < 0) /* an interface or address that is none: it is not left behind */
		unlink(setup->site);
	else
		tell(making, RP_SETUP_MADE, "site",
			"%s: interface %s, address %s, unknown machines: %s", setup->site,
			setup->interface, setup->address, setup->unknown);
	return r;
}

/* ---- keys ---- */

/* The server's own keys are the server's; the folder and what is offline stay root's. */
static int hand_over_keys(struct making *making, struct rp_error *err)
{
	static const char *const needed[] = {"tls", "job", "log", "boot-ca", "db"};
	const struct passwd *user = getpwnam(making->setup->user);
	rp_cleanup(fd) int folder = rp_folder_open(AT_FDCWD, making->setup->keys, err);

	if (folder < 0)
		return folder;
	if (fchmod(folder, 0755) < 0)
		return rp_error_set(err, -errno, "%s: %s", making->setup->keys, strerror(errno));
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		char name[32];
		rp_cleanup(fd) int fd = -1;
		struct stat st;

		snprintf(name, sizeof(name), "%s.key", needed[i]);
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return rp_error_set(err, -errno, "%s/%s: %s", making->setup->keys, name,
				strerror(errno));
		if (st.st_uid != user->pw_uid && fchown(fd, user->pw_uid, user->pw_gid) < 0)
			return rp_error_set(err, -errno, "%s/%s: %s", making->setup->keys, name,
				strerror(errno));
	}
	return 0;
}

static int make_keys(struct making *making, struct rp_error *err)
{
	const char *dir = making->setup->keys;
	rp_cleanup(free) char *root = rp_path("%s/root.crt", dir);
	const char *hosts[] = {making->address, NULL};
	int r;

	if (!root)
		return rp_error_memory(err);
	if (exists(root)) {
		r = hand_over_keys(making, err);
		if (r == 0)
			tell(making, RP_SETUP_KEPT, "keys", "%s", dir);
		return r;
	}
	r = rp_pki_init(dir, hosts, err);
	if (r == 0)
		r = rp_efi_auth_make(dir, err);
	if (r == 0)
		r = hand_over_keys(making, err);
	if (r == 0)
		tell(making, RP_SETUP_MADE, "keys",
			"%s, for %s; copy it to a safe place, then take away %s/" RP_PKI_OFFLINE
			": it is needed here for images with modules and new certificates alone",
			dir, making->address, dir);
	return r;
}

/* ---- what rigs boot ---- */

static int make_ipxe(struct making *making, struct rp_error *err)
{
	static const struct {
		const char *folder, *name;
	} places[] = {{"../sbin", "rigproof-fetch-ipxe"}, {"../../pxe", "fetch-ipxe"}};
	rp_cleanup(free) char *cache = rp_path("RIGPROOF_CACHE=%s", making->setup->cache);
	rp_cleanup(free) char *program = NULL;
	rp_cleanup(free) char *found = NULL;
	int r;

	for (size_t i = 0; !program && i < sizeof(places) / sizeof(*places); i++) {
		rp_cleanup(free) char *folder = rp_cli_beside_us(
			(const char *const[]){places[i].folder, NULL}, places[i].name);

		program = folder ? rp_path("%s/%s", folder, places[i].name) : NULL;
	}
	if (!program)
		return rp_error_set(err, -ENOENT,
			"rigproof-fetch-ipxe is not where this program is installed: make install");
	if (!cache)
		return rp_error_memory(err);
	r = rp_process_run(
		&(struct rp_process){
			.argv = (const char *const[]){program, NULL},
			.env = (const char *const[]){cache, NULL},
			.timeout_s = FETCH_SECONDS,
		},
		&found, NULL, err);
	if (r < 0)
		return r;
	found[strcspn(found, "\n")] = '\0';
	tell(making, RP_SETUP_MADE, "iPXE", "%s", found);
	return 0;
}

static int make_image(struct making *making, const char *description, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	rp_cleanup(manifest) struct rp_manifest *manifest = NULL;
	rp_cleanup(image_result) struct rp_image_result result = {0};
	rp_cleanup(free) char *path = rp_path("%s/share/rigproof/images/node.yaml", setup->prefix);
	rp_cleanup(free) char *rootfs = rp_path("%s/share/rigproof/rootfs", setup->prefix);
	rp_cleanup(free) char *programs = rp_path("%s/libexec/rigproof", setup->prefix);
	rp_cleanup(free) char *modules = rp_path("%s/lib/rigproof/modules", setup->prefix);
	rp_cleanup(free) char *output = rp_path("%s/images", setup->cache);
	rp_cleanup(free) char *server = NULL;
	int r;

	if (exists(description)) {
		tell(making, RP_SETUP_KEPT, "image", "%s", description);
		return 0;
	}
	server = rp_path(strchr(making->address, ':') ? "https://[%s]:%d" : "https://%s:%d",
		making->address, making->site->site->https_port);
	if (!path || !rootfs || !programs || !modules || !output || !server)
		return rp_error_memory(err);
	r = rp_manifest_load_kind(path, RP_MANIFEST_IMAGE, &manifest, err);
	if (r == 0)
		r = rp_image_build(
			&(struct rp_image_build){
				.manifest = manifest->image,
				.keys = setup->keys,
				.server = server,
				.binaries = programs,
				.modules = modules,
				.output = output,
				.rootfs = rootfs,
				.cache = setup->cache,
			},
			&result, err);
	if (r == 0)
		tell(making, RP_SETUP_MADE, "image", "%s, which talks to %s", result.path, server);
	return r;
}

/* ---- services ---- */

/*
 * Debian's package of in.tftpd brings a service that has our port. It is somebody's only where its folder has
 * something in it.
 */
static int free_tftp_port(struct making *making, struct rp_error *err)
{
	static const char unit[] = "tftpd-hpa.service";
	rp_cleanup(dir) DIR *folder = opendir("/srv/tftp");
	struct dirent *entry;
	int r;

	if (!succeeds((const char *const[]){"systemctl", "--quiet", "is-enabled", unit, NULL}) &&
		!succeeds((const char *const[]){"systemctl", "--quiet", "is-active", unit, NULL}))
		return 0;
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			return rp_error_set(err, -EBUSY,
				"%s has the TFTP port, and /srv/tftp is in use: move that server, "
				"or if it "
				"is nobody's: systemctl disable --now %s",
				unit, unit);
	r = run((const char *const[]){"systemctl", "--quiet", "disable", "--now", unit, NULL}, NULL,
		TOOL_SECONDS, err);
	if (r == 0)
		tell(making, RP_SETUP_MADE, "TFTP",
			"%s is off, since rigproof-tftpd.service has its port (undo: systemctl "
			"enable --now "
			"%s)",
			unit, unit);
	return r;
}

static int start_services(struct making *making, struct rp_error *err)
{
	static const char *const units[] = {
		"rigproofd.socket", "rigproofd.service", "rigproof-tftpd.service"};
	bool all = true;
	int r;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		all = all &&
		      succeeds((const char *const[]){
			      "systemctl", "--quiet", "is-active", units[i], NULL}) &&
		      succeeds((const char *const[]){
			      "systemctl", "--quiet", "is-enabled", units[i], NULL});
	if (all) {
		tell(making, RP_SETUP_KEPT, "services", "rigproofd and rigproof-tftpd run");
		return 0;
	}
	r = run((const char *const[]){"systemctl", "daemon-reload", NULL}, NULL, TOOL_SECONDS, err);
	if (r == 0)
		r = run((const char *const[]){"systemctl", "--quiet", "enable", "--now", units[0],
				units[1], units[2], NULL},
			NULL, TOOL_SECONDS, err);
	if (r < 0) {
		rp_error_prefix(err, "see: journalctl -u rigproofd -u rigproof-tftpd");
		return r;
	}
	tell(making, RP_SETUP_MADE, "services",
		"rigproofd and rigproof-tftpd run, now and after each boot");
	return 0;
}

static int ask_images(
	struct making *making, struct rp_client **client, json_t **ret, struct rp_error *err)
{
	const struct rp_cli cli = {
		.options = {{"--state", making->setup->state}}, .options_count = 1};
	int r = rp_client_open(&cli, client, err);

	return r < 0 ? r : rp_client_call(*client, "GET", "/images", NULL, ret, err);
}

static int hand_in_image(struct making *making, const char *description, struct rp_error *err)
{
	rp_cleanup(client) struct rp_client *client = NULL;
	rp_cleanup(json) json_t *answer = NULL;
	rp_cleanup(free) char *state = rp_path("RIGPROOF_STATE=%s", making->setup->state);
	json_t *image;
	size_t i;
	int r = ask_images(making, &client, &answer, err);

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(answer, "images"), i, image)
		if (!strcmp(rp_json_string_or(image, "name", ""), "node")) {
			tell(making, RP_SETUP_KEPT, "image", "node is on the server");
			return 0;
		}
	if (!state)
		return rp_error_memory(err);
	r = run((const char *const[]){"/proc/self/exe", "image", "add", description, NULL},
		(const char *const[]){state, NULL}, FETCH_SECONDS, err);
	if (r == 0)
		tell(making, RP_SETUP_MADE, "image", "node is on the server");
	return r;
}

static int make_all(struct making *making, struct rp_error *err)
{
	const struct rp_setup *setup = making->setup;
	rp_cleanup(free) char *description = rp_path("%s/images/node.json", setup->cache);
	bool systemd = exists("/run/systemd/system");
	int r;

	if (!description)
		return rp_error_memory(err);
	r = make_user(making, err);
	if (r == 0)
		r = make_folders(making, err);
	if (r == 0)
		r = make_site(making, err);
	if (r == 0)
		r = make_keys(making, err);
	if (r == 0)
		r = make_ipxe(making, err);
	if (r == 0 && setup->image)
		r = make_image(making, description, err);
	if (r < 0 || !setup->start || !systemd)
		return r;
	r = free_tftp_port(making, err);
	if (r == 0)
		r = start_services(making, err);
	if (r == 0 && exists(description))
		r = hand_in_image(making, description, err);
	return r;
}

int rp_setup_make(
	const struct rp_setup *setup, rp_setup_told told, void *context, struct rp_error *err)
{
	struct making making = {.setup = setup, .told = told, .context = context};
	int r;

	if (geteuid() != 0)
		return rp_error_set(
			err, -EPERM, "only root can set up a server: sudo rigproof setup");
	r = make_all(&making, err);
	rp_manifest_free(making.site);
	free(making.address);
	return r;
}

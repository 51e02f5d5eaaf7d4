/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/folder.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/version.h"
#include "manifests/manifest.h"
#include "server/cas/artefacts.h"
#include "server/cas/uploads.h"
#include "server/http/event_cleanup.h"
#include "server/http/https.h"
#include "server/http/limits.h"
#include "server/boot/schedule.h"
#include "server/state/announced.h"
#include "server/state/log.h"
#include "server/boot/netboot.h"
#include "server/pages/page_cache.h"
#include "server/power/power.h"
#include "server/server.h"
#include "server/site.h"
#include "server/store/store.h"

/* Strangers make us log: of each kind so much that one sees what happens, and how often. */
#define LOG_LINES 10
#define LOG_WINDOW_S 10
#define LOG_BYTES_PER_MINUTE (768 << 10)

/* By descriptor: with --user the folder is somebody else's, while we are still root. */
static int make_layout(struct rp_server *server, struct rp_error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"cas/sha256", 0700}, {"cas/tmp", 0700}, {"consoles", 0700}, {"tftp", 0755}};
	char resolved[PATH_MAX];
	int r = rp_file_make_directories(server->state_dir, 0700, err);

	if (r < 0)
		return r;
	if (!realpath(server->state_dir, resolved))
		return rp_error_set(err, -errno, "%s: %s", server->state_dir, strerror(errno));
	free((char *)server->state_dir);
	server->state_dir = strdup(resolved);
	if (!server->state_dir)
		return rp_error_memory(err);
	server->state_fd = rp_folder_open(AT_FDCWD, resolved, err);
	if (server->state_fd < 0)
		return server->state_fd;
	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(*folders); i++) {
		rp_cleanup(fd) int fd =
			rp_folder_make(server->state_fd, folders[i].name, folders[i].mode, err);

		if (fd < 0)
			r = fd;
	}
	if (r < 0)
		rp_error_prefix(err, "%s", server->state_dir);
	return r;
}

/* The kernel lets go of it however we end, so what a SIGKILL leaves behind locks nobody out. */
static int lock_state(struct rp_server *server, struct rp_error *err)
{
	rp_cleanup(fd) int fd = rp_folder_open_file(server->state_fd, "lock", 0600, err);

	if (fd < 0) {
		rp_error_prefix(err, "%s", server->state_dir);
		return fd;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return rp_error_set(err, -EBUSY,
			"%s: another rigproofd runs with this state: end it, or name another "
			"--state",
			server->state_dir);
	server->lock = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* never 0, which is none */
	return server->lock < 0 ? rp_error_set(err, -errno, "%s/lock", server->state_dir) : 0;
}

/* What a parser says of a file quotes it: no link may make us quote somebody else's. */
static int find_usual_manifest(struct rp_server *server, const char **path, struct rp_error *err)
{
	struct stat st;

	if (fstatat(server->state_fd, "site.yaml", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		*path = NULL;
		return 0;
	}
	return S_ISLNK(st.st_mode)
		       ? rp_error_set(err, -ELOOP,
				 "%s: is a symbolic link: name the file itself with --config",
				 *path)
		       : 0;
}

static int load_manifest(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	rp_cleanup(free) char *usual = rp_path("%s/site.yaml", server->state_dir);
	const char *path = options->config;
	int r;

	if (!usual)
		return rp_error_memory(err);
	if (!path) {
		path = usual;
		r = find_usual_manifest(server, &path, err);
		if (r < 0)
			return r;
	}
	r = path ? rp_manifest_load_kind(path, RP_MANIFEST_SITE, &server->site_manifest, err)
		 : rp_manifest_default_site(&server->site_manifest, err);
	if (r == 0)
		server->site = server->site_manifest->site;
	return r;
}

static int load_keys(struct rp_server *server, struct rp_error *err)
{
	rp_cleanup(free) char *copy = rp_path("%s/root.crt", server->state_dir);
	rp_cleanup(free) char *pem = NULL;
	rp_cleanup(free) char *old = NULL;
	int r;

	r = rp_pki_load_cert(server->keys_dir, "root", &server->root_cert, err);
	if (r == -ENOENT)
		rp_error_set(err, r, "%s: no keys there: make them: rigproof keys init %s",
			server->keys_dir, server->keys_dir);
	if (r == 0)
		r = rp_pki_load_cert(server->keys_dir, "job", &server->job_cert, err);
	if (r == 0)
		r = rp_pki_load_cert(server->keys_dir, "log", &server->log_cert, err);
	if (r == 0)
		r = rp_pki_load_cert(server->keys_dir, "boot-ca", &server->boot_ca_cert, err);
	if (r == 0)
		r = rp_pki_load_key(server->keys_dir, "job", &server->job_key, err);
	if (r == 0)
		r = rp_pki_load_key(server->keys_dir, "log", &server->log_key, err);
	if (r == 0)
		r = rp_pki_load_key(server->keys_dir, "boot-ca", &server->boot_ca_key, err);
	if (r == 0)
		r = rp_pki_chain_pem(server->keys_dir, "root", &pem, err);
	if (r == 0 && !copy)
		r = -ENOMEM;
	if (r != 0)
		return r;
	/* On a full disk a server that has its copy already must start again. */
	if (rp_file_read(copy, 1 << 16, &old, NULL, NULL) == 0 && !strcmp(old, pem))
		return 0;
	return rp_file_write(copy, 0644, pem, strlen(pem), err);
}

/* libevent's own words, among ours and under our limits. */
static void from_libevent(int severity, const char *text)
{
	switch (severity) {
	case EVENT_LOG_ERR:
		rp_log_error("libevent: %s", text);
		break;
	case EVENT_LOG_WARN:
		rp_log_warning("libevent: %s", text);
		break;
	default:
		rp_log_debug("libevent: %s", text);
		break;
	}
}

int rp_site_load(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	struct rlimit files;
	int r;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	event_set_log_callback(from_libevent);
	rp_log_set_limits(LOG_LINES, LOG_WINDOW_S, LOG_BYTES_PER_MINUTE);
	server->state_dir = strdup(options->state);
	server->keys_dir = options->keys ? strdup(options->keys) : NULL;
	if (!server->state_dir || (options->keys && !server->keys_dir))
		return rp_error_memory(err);
	r = make_layout(server, err);
	if (r == 0)
		r = lock_state(server, err);
	if (r < 0)
		return r;
	if (!server->keys_dir)
		server->keys_dir = rp_path("%s/keys", server->state_dir);
	if (!server->keys_dir)
		return rp_error_memory(err);
	r = load_manifest(server, options, err);
	if (r == 0)
		r = load_keys(server, err);
	if (r < 0)
		return r;
	server->base = event_base_new();
	/* operators; all else; machines that we do not know */
	if (server->base && event_base_priority_init(server->base, 3) < 0)
		return rp_error_memory(err);
	server->metrics = rp_metrics_new();
	server->page_cache = rp_page_cache_new();
	server->power = server->base ? rp_power_new(server->base, server->metrics) : NULL;
	if (!server->metrics || !server->power || !server->page_cache)
		return rp_error_memory(err);
	r = rp_artefacts_new(
		server->base, server->state_dir, server->metrics, &server->artefacts, err);
	return r < 0 ? r
		     : rp_uploads_new(server->artefacts, server->metrics, &server->uploads, err);
}

/* Whoever takes this process over has them too; nothing that it does needs them. */
static void warn_of_offline_keys(const struct rp_server *server)
{
	size_t at = 0;
	char *path;

	while ((path = rp_pki_next_exposed(server->keys_dir, &at))) {
		rp_log_warning(
			"%s: this server can read it and does not need it: take it away, or leave "
			"it to root alone and run rigproofd as another user",
			path);
		free(path);
	}
}

int rp_site_drop_privileges(
	struct rp_server *server, const struct rp_site_options *options, struct rp_error *err)
{
	const struct passwd *user;
	uid_t new_owner;
	gid_t new_group;
	int r;

	if (!options->user) {
		warn_of_offline_keys(server);
		return 0;
	}
	errno = 0;
	user = getpwnam(options->user);
	if (!user)
		return rp_error_set(err, -ENOENT,
			"--user %s: no such user: make it: adduser --system --group %s",
			options->user, options->user);
	if (geteuid() == user->pw_uid) {
		warn_of_offline_keys(server);
		return 0;
	}
	if (geteuid() != 0)
		return rp_error_set(err, -EPERM,
			"--user %s: only root can become somebody else: leave --user out",
			options->user);
	new_owner = user->pw_uid;
	new_group = user->pw_gid;
	r = rp_folder_give(server->state_fd, new_owner, new_group, "keys/" RP_PKI_OFFLINE, err);
	if (r < 0) {
		rp_error_prefix(err, "%s cannot be given to %s", server->state_dir, options->user);
		return r;
	}
	if (setgroups(0, NULL) < 0 || setresgid(new_group, new_group, new_group) < 0 ||
		setresuid(new_owner, new_owner, new_owner) < 0)
		return rp_error_set(err, -errno, "--user %s: %s", options->user, strerror(errno));
	if (new_owner != 0 && setuid(0) == 0)
		return rp_error_set(err, -EPERM, "--user %s: still root after it", options->user);
	if (access(server->keys_dir, R_OK | X_OK) < 0)
		rp_log_warning(
			"%s cannot read %s any more, so no rig can be enrolled: chown -R %s %s",
			options->user, server->keys_dir, options->user, server->keys_dir);
	warn_of_offline_keys(server);
	return 0;
}

static void stop(evutil_socket_t number, short what, void *context)
{
	rp_log_info("%s: ending", strsignal((int)number));
	event_base_loopbreak(context);
}

static void tell_suppressed(evutil_socket_t fd, short what, void *context)
{
	rp_log_tell_suppressed();
}

static void alive(evutil_socket_t fd, short what, void *context)
{
	sd_notify(0, "WATCHDOG=1");
}

static int write_address(struct rp_server *server, struct rp_error *err)
{
	rp_cleanup(free) char *path = rp_path("%s/address", server->state_dir);
	rp_cleanup(free) char *line = rp_path("%s\n", server->listening);
	rp_cleanup(free) char *old = NULL;

	if (!path || !line)
		return rp_error_memory(err);
	if (rp_file_read(path, 4096, &old, NULL, NULL) == 0 && !strcmp(old, line))
		return 0;
	return rp_file_write(path, 0644, line, strlen(line), err);
}

int rp_site_run(struct rp_server *server, struct rp_error *err)
{
	rp_cleanup(event) struct event *terminate =
		evsignal_new(server->base, SIGTERM, stop, server->base);
	rp_cleanup(event) struct event *interrupt =
		evsignal_new(server->base, SIGINT, stop, server->base);
	rp_cleanup(event) struct event *watchdog =
		event_new(server->base, -1, EV_PERSIST, alive, NULL);
	rp_cleanup(event) struct event *suppressed =
		event_new(server->base, -1, EV_PERSIST, tell_suppressed, NULL);
	uint64_t interval_us = 0;
	int r;

	if (!terminate || !interrupt || !watchdog || !suppressed ||
		event_add(terminate, NULL) < 0 || event_add(interrupt, NULL) < 0 ||
		event_add(suppressed, &(struct timeval){LOG_WINDOW_S, 0}) < 0)
		return rp_error_memory(err);
	if (sd_watchdog_enabled(0, &interval_us) > 0)
		event_add(watchdog, &(struct timeval){(time_t)(interval_us / 2 / 1000000),
					    (suseconds_t)(interval_us / 2 % 1000000)});
	r = write_address(server, err);
	if (r < 0)
		return r;
	rp_log_info("rigproofd %s serves %s, state in %s", rp_version(), server->listening,
		server->state_dir);
	sd_notifyf(0, "READY=1\nSTATUS=Serving %s", server->listening);
	if (event_base_dispatch(server->base) < 0)
		return rp_error_set(err, -EIO, "the event loop failed");
	sd_notify(0, "STOPPING=1");
	return 0;
}

void rp_site_done(struct rp_server *server)
{
	if (server->base) {
		rp_schedule_stop(server);
		rp_announced_free(server);
		rp_netboot_free(server->netboot);
		rp_https_free(server->https);
		rp_https_free(server->http);
		rp_limits_free(server->limits);
		rp_page_cache_free(server->page_cache);
		rp_power_free(server->power);
	}
	rp_uploads_free(server->uploads);
	rp_artefacts_free(server->artefacts);
	rp_log_free(server->log);
	rp_store_free(server->store);
	rp_metrics_free(server->metrics);
	if (server->base)
		event_base_free(server->base);
	EVP_PKEY_free(server->job_key);
	EVP_PKEY_free(server->log_key);
	EVP_PKEY_free(server->boot_ca_key);
	X509_free(server->job_cert);
	X509_free(server->log_cert);
	X509_free(server->boot_ca_cert);
	X509_free(server->root_cert);
	rp_manifest_free(server->site_manifest);
	free(server->address);
	free(server->listening);
	free(server->url);
	free(server->http_url);
	free((char *)server->keys_dir);
	free((char *)server->state_dir);
	if (server->lock > 0)
		close(server->lock);
	if (server->state_fd > 0)
		close(server->state_fd);
	*server = (struct rp_server){0};
}

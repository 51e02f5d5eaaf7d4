/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `rigproof setup --check` finds: each thing as it should be, and as it is when it is wrong. The installation is a folder,
 * the kernel's tables are files in it.
 */
#include "tests/unit/cli_lab.h"

#include <pwd.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/setup.h"

#define NOW 1767225600 + 86400

#define SITE "kind: site\ninterface: lo\naddress: 127.0.0.1\ntftp: external\n"

static struct {
	char *proc, *keys, *site, *cache;
	struct rp_setup setup;
	char said[16384]; /* "WRONG name: text\n" or "ok name: text\n" */
	unsigned wrong;
} at;

static char *below(const char *folder, const char *name)
{
	char *path = rp_path("%s/%s", folder, name);

	assert_non_null(path);
	return path;
}

static void put(const char *folder, const char *name, mode_t mode, const char *text)
{
	rp_cleanup(free) char *path = below(folder, name);
	rp_cleanup(free) char *parent = strdup(path);
	struct rp_error err = RP_ERROR_NONE;

	*strrchr(parent, '/') = '\0';
	lab_ok(rp_file_make_directories(parent, 0755, &err));
	lab_ok(rp_file_write(path, mode, text, strlen(text), &err));
}

/* A process with one socket. */
static void put_process(const char *pid, const char *name, const char *inode)
{
	rp_cleanup(free) char *comm = rp_path("%s/comm", pid), *fd = rp_path("%s/fd", pid);
	rp_cleanup(free) char *folder = below(at.proc, fd), *socket = rp_path("socket:[%s]", inode);
	rp_cleanup(free) char *link = below(folder, "5"), *line = rp_path("%s\n", name);
	struct rp_error err = RP_ERROR_NONE;

	put(at.proc, comm, 0644, line);
	lab_ok(rp_file_make_directories(folder, 0755, &err));
	assert_int_equal(symlink(socket, link), 0);
}

#define HEAD                                                                                       \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"
#define LINE(address, port, state, inode)                                                          \
	"  12: " address ":" port " 00000000:0000 " state                                          \
	" 00000000:00000000 00:00000000 00000000     0        0 " inode " 2 0000000000000000 0\n"

static void keep(void *context, const char *name, bool wrong, const char *text)
{
	size_t used = strlen(at.said);

	snprintf(at.said + used, sizeof(at.said) - used, "%s %s: %s\n", wrong ? "WRONG" : "ok",
		name, text);
}

static void look(void)
{
	*at.said = '\0';
	at.wrong = rp_setup_check(&at.setup, keep, NULL);
}

#define assert_said(text)                                                                          \
	do {                                                                                       \
		look();                                                                            \
		if (!strstr(at.said, text))                                                        \
			fail_msg("not said: %s\n%s", text, at.said);                               \
	} while (0)

static int make(void **state)
{
	struct rig_lab *lab;
	const struct passwd *nobody = getpwnam("nobody");
	static const char *const needed[] = {"tls", "job", "log", "boot-ca", "db"};

	if (geteuid() != 0 || !nobody || cli_lab_setup(state) != 0)
		return -1;
	lab = *state;
	at.proc = below(lab->dir, "proc");
	at.keys = strdup(lab->keys);
	at.site = below(lab->dir, "etc-site.yaml");
	at.cache = below(lab->dir, "cache");
	at.setup = (struct rp_setup){.keys = at.keys,
		.site = at.site,
		.state = lab->dir,
		.cache = at.cache,
		.user = "nobody",
		.proc = at.proc,
		.now = NOW};
	put(lab->dir, "etc-site.yaml", 0644, SITE);
	put(at.cache, "ipxe-1.21.1/ipxe.efi", 0644, "x");
	put(at.proc, "net/udp", 0644, HEAD);
	put(at.proc, "net/tcp", 0644, HEAD);
	assert_int_equal(chmod(at.keys, 0755), 0);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		rp_cleanup(free) char *path = rp_path("%s/%s.key", at.keys, needed[i]);

		assert_int_equal(chown(path, nobody->pw_uid, nobody->pw_gid), 0);
	}
	return 0;
}

static int done(void **state)
{
	free(at.proc);
	free(at.keys);
	free(at.site);
	free(at.cache);
	return cli_lab_teardown(state);
}

static void nothing_is_wrong(void **state)
{
	look();
	if (at.wrong)
		fail_msg("%u\n%s", at.wrong, at.said);
	assert_said("ok user: nobody\n");
	assert_said("ok keys: ");
	assert_said("ok certificate: names 127.0.0.1\n");
	assert_said("ok port 67/udp: free\n");
	assert_said("ok port 4011/udp: free\n");
	assert_said("ok port 69/udp: free\n");
	assert_said("ok port 8443/tcp: free\n");
	assert_said("ok iPXE: ");
	assert_said("ok server: answers\n");
	assert_said("ok clock: 2026-01-02\n");
}

static void image(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *path = below(lab->dir, "rigproof.db");
	sqlite3 *store = NULL;

	assert_said("ok image: node\n");
	assert_int_equal(sqlite3_open(path, &store), SQLITE_OK);
	assert_int_equal(sqlite3_exec(store, "DELETE FROM image", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(store);
	assert_said("WRONG image: the server has none, so no job can run: rigproof setup");
}

static void user(void **state)
{
	at.setup.user = "no-such-user";
	assert_said("WRONG user: there is no user no-such-user: run rigproof setup\n");
}

static void keys(void **state)
{
	rp_cleanup(free) char *job = below(at.keys, "job.key"),
			      *root = below(at.keys, "offline/root.key");
	rp_cleanup(free) char *offline = below(at.keys, "offline"), *away = below(at.keys, "away");
	const struct passwd *nobody = getpwnam("nobody");

	assert_int_equal(chmod(job, 0640), 0);
	assert_said("job.key: mode is 0640, others may read it: chmod 600");
	assert_int_equal(chmod(job, 0600), 0);
	assert_int_equal(chown(job, 0, 0), 0);
	assert_said("job.key: nobody cannot read it, so the server cannot start: chown nobody");
	assert_int_equal(rename(job, away), 0);
	assert_said("job.key: not there: bring it back");
	assert_int_equal(rename(away, job), 0); /* the keys are those of all tests here */

	/* Its mode lets him, the folder does not. */
	assert_int_equal(chown(root, nobody->pw_uid, nobody->pw_gid), 0);
	look();
	assert_null(strstr(at.said, "root.key"));
	assert_int_equal(chmod(offline, 0755), 0);
	assert_said(
		"offline/root.key: nobody can read it, and the server never needs it: chown root:");
	assert_int_equal(chown(root, 0, 0), 0);
	assert_int_equal(chmod(offline, 0700), 0);
	look();
	assert_null(strstr(at.said, "root.key"));
	at.setup.keys = at.cache;
	assert_said(": no keys there: run rigproof setup\n");
}

static void site(void **state)
{
	struct rig_lab *lab = *state;

	put(lab->dir, "etc-site.yaml", 0644, "kind: site\naddress: 10.0.0.300\n");
	assert_said("WRONG site: ");
	assert_said("found \"10.0.0.300\", expected an IP address or a DNS name");
	put(lab->dir, "etc-site.yaml", 0644, "kind: site\naddress: 10.77.0.1\n");
	assert_said("no `interface`, so there is neither DHCP nor TFTP");
	put(lab->dir, "etc-site.yaml", 0644, "kind: site\ninterface: none0\n");
	assert_said("WRONG site: ");
	assert_said("this machine has no interface none0: correct `interface`");
	assert_said("WRONG address: interface none0 has no IPv4 address");
	put(lab->dir, "etc-site.yaml", 0644, "kind: site\ninterface: lo\naddress: 10.77.0.2\n");
	assert_said("WRONG certificate: ");
	assert_said(
		"tls.crt does not name 10.77.0.2, so rigs refuse this server: rigproof keys tls ");
	assert_int_equal(unlink(at.site), 0);
	assert_said("WRONG site: ");
	assert_said("not there: run rigproof setup");
}

static void ports(void **state)
{
	put(at.proc, "net/udp", 0644,
		HEAD LINE("00000000", "0043", "07", "100") LINE("0100007F", "0045", "07", "101")
			LINE("00000000", "0FAB", "07", "102"));
	put(at.proc, "net/tcp", 0644,
		HEAD LINE("00000000", "20FB", "0A", "103") LINE("0100007F", "0045", "0A", "104"));
	put(at.proc, "net/tcp6", 0644, HEAD);
	put_process("300", "strange", "100");
	put_process("301", "in.tftpd", "101");
	put(at.proc, "301/cmdline", 0644, "/usr/sbin/in.tftpd --listen /srv/tftp");
	put_process("302", "rigproofd", "102");
	assert_said(
		"WRONG port 67/udp: taken by strange (pid 300), needed for proxyDHCP: end it\n");
	assert_said("WRONG port 69/udp: taken by in.tftpd (pid 301), needed for TFTP: end it: "
		    "systemctl "
		    "disable --now tftpd-hpa\n");
	assert_said("ok port 4011/udp: ours\n");
	assert_said("WRONG port 8443/tcp: taken by another user's program");
}

static void ports_of_ours(void **state)
{
	struct rig_lab *lab = *state;
	rp_cleanup(free) char *line = rp_path("/usr/sbin/in.tftpd -L %s/tftp", lab->dir);

	put(at.proc, "net/udp", 0644, HEAD LINE("00000000", "0045", "07", "101"));
	/* A connection of somebody's to the same number is no listening socket. */
	put(at.proc, "net/tcp", 0644,
		HEAD LINE("00000000", "20FB", "0A", "103") LINE("0100007F", "20FB", "01", "104"));
	put_process("301", "in.tftpd", "101");
	put(at.proc, "301/cmdline", 0644, line);
	put_process("1", "systemd", "103");
	put_process("305", "browser", "104");
	assert_said("ok port 69/udp: ours\n");
	assert_said("ok port 8443/tcp: ours\n");
	at.setup.proc = "/nowhere";
	assert_said("WRONG port 67/udp: /nowhere/net cannot be read");
}

static void dhcp_server(void **state)
{
	struct rig_lab *lab = *state;

	put(at.proc, "net/udp", 0644, HEAD LINE("00000000", "0043", "07", "100"));
	put_process("300", "dnsmasq", "100");
	assert_said("WRONG DHCP server: dnsmasq (pid 300) serves DHCP on this host, and proxyDHCP "
		    "needs a host");
	put(lab->dir, "etc-site.yaml", 0644, SITE "dhcp: off\n");
	look();
	assert_null(strstr(at.said, "DHCP server"));
	assert_null(strstr(at.said, "port 67"));
}

static void ipxe(void **state)
{
	rp_cleanup(free) char *file = below(at.cache, "ipxe-1.21.1/ipxe.efi");

	assert_int_equal(unlink(file), 0);
	assert_said("so no rig can boot by TFTP: RIGPROOF_CACHE=");
	assert_said("rigproof-fetch-ipxe, then systemctl restart rigproofd\n");
}

static void clock_unset(void **state)
{
	at.setup.now = 3600;
	assert_said("WRONG clock: it is not 1970-01-01: set the clock");
}

static void server_away(void **state)
{
	at.setup.state = "/nowhere";
	assert_said("WRONG server: does not answer (");
	assert_said("systemctl status rigproofd; journalctl -u rigproofd\n");
}

static void packages(void **state)
{
	struct rig_lab *lab = *state;

	put(lab->dir, "share/rigproof/server.txt", 0644, "# a list\ndpkg\nno-such-package-1\n");
	at.setup.prefix = lab->dir;
	assert_said("WRONG packages: missing: apt-get install --no-install-recommends "
		    "no-such-package-1\n");
	put(lab->dir, "share/rigproof/server.txt", 0644, "dpkg # there\n");
	assert_said("ok packages: ");
}

/* Through the command line: what is wrong decides the exit status. */
static void exit_status(void **state)
{
	struct rig_lab *lab = *state;

	assert_int_equal(cli_run("setup --check --etc %s/none --cache %s", lab->dir, at.cache), 1);
	assert_printed("WRONG  keys: ");
	assert_printed("look again with: rigproof setup --check");
	assert_int_equal(cli_run("setup --check --json --etc %s/none", lab->dir), 1);
	rp_cleanup(json) json_t *document = json_loads(cli_out, 0, NULL);

	assert_true(json_integer_value(json_object_get(document, "wrong")) > 1);
	assert_true(json_array_size(json_object_get(document, "setup")) > 3);
	assert_int_equal(cli_run("setup --frobnicate"), 2);
	/* Built here, installed nowhere. */
	assert_int_equal(cli_run("setup"), 1);
	assert_complained("this rigproof is not installed: make install");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, done)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_wrong),
		TEST(image),
		TEST(user),
		TEST(keys),
		TEST(site),
		TEST(ports),
		TEST(ports_of_ours),
		TEST(dhcp_server),
		TEST(ipxe),
		TEST(clock_unset),
		TEST(server_away),
		TEST(packages),
		TEST(exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* proc_net(5): local address and port are hexadecimal, the state of a listening TCP socket is 0A. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "server/cli/setup.h"

#define TABLE_MAX (16u << 20)
#define LISTENING 0x0A

/* The socket's inode, where this line is about our port; 0: it is not. */
static unsigned long inode_of(const char *line, bool udp, uint16_t port)
{
	unsigned local_port, state;
	unsigned long inode;

	if (sscanf(line,
		    " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
		    &local_port, &state, &inode) != 3)
		return 0;
	return local_port == port && (udp || state == LISTENING) ? inode : 0;
}

static bool is_pid(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

static bool has_socket(const char *proc, const char *pid, unsigned long inode)
{
	rp_cleanup(free) char *path = rp_path("%s/%s/fd", proc, pid);
	rp_cleanup(dir) DIR *dir = path ? opendir(path) : NULL;
	char wanted[48], target[48];
	struct dirent *entry;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, wanted))
			return true;
	}
	return false;
}

static void read_into(const char *proc, const char *pid, const char *file, char *ret, size_t size)
{
	rp_cleanup(free) char *path = rp_path("%s/%s/%s", proc, pid, file);
	rp_cleanup(free) char *text = NULL;
	size_t len = 0;

	if (!path || rp_file_read(path, 1 << 20, &text, &len, NULL) < 0)
		return;
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\0'))
		len--;
	if (len > size - 1)
		len = size - 1;
	for (size_t i = 0; i < len; i++)
		ret[i] = isprint((unsigned char)text[i]) ? text[i] : ' ';
	ret[len] = '\0';
}

/* Several processes may hold one socket: a service that systemd opened it for, and systemd. */
static int add_holders(
	const char *proc, unsigned long inode, struct rp_port_holder *ret, size_t max)
{
	rp_cleanup(dir) DIR *dir = opendir(proc);
	struct dirent *entry;
	size_t count = 0;

	while (dir && count < max && (entry = readdir(dir))) {
		struct rp_port_holder *holder = &ret[count];

		if (!is_pid(entry->d_name) || !has_socket(proc, entry->d_name, inode))
			continue;
		*holder = (struct rp_port_holder){.pid = atoi(entry->d_name)};
		read_into(proc, entry->d_name, "comm", holder->program, sizeof(holder->program));
		read_into(proc, entry->d_name, "cmdline", holder->command_line,
			sizeof(holder->command_line));
		count++;
	}
	if (!count && max) {
		ret[0] = (struct rp_port_holder){0};
		count = 1;
	}
	return (int)count;
}

static int search(const char *proc, const char *table, bool udp, uint16_t port,
	struct rp_port_holder *ret, size_t max)
{
	rp_cleanup(free) char *path = rp_path("%s/net/%s", proc, table);
	rp_cleanup(free) char *text = NULL;
	char *save = NULL;
	size_t count = 0;
	int r = path ? rp_file_read(path, TABLE_MAX, &text, NULL, NULL) : -ENOMEM;

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line && count < max;
		line = strtok_r(NULL, "\n", &save)) {
		unsigned long inode = inode_of(line, udp, port);

		if (inode)
			count += (size_t)add_holders(proc, inode, ret + count, max - count);
	}
	return (int)count;
}

int rp_port_holders(
	const char *proc, bool udp, uint16_t port, struct rp_port_holder *ret, size_t max)
{
	int four = search(proc, udp ? "udp" : "tcp", udp, port, ret, max), six;

	if (four < 0)
		return four;
	/* A kernel without IPv6 has no such table. */
	six = search(proc, udp ? "udp6" : "tcp6", udp, port, ret + four, max - (size_t)four);
	return six < 0 ? four : four + six;
}

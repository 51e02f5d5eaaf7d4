/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An installed server: where its parts are, what `rigproof setup` makes of them, and what may be wrong with
 * them. setup.c makes, setup_check.c judges, port_holder.c knows who has a port; cmd_setup.c is the command line.
 */
#ifndef RP_SERVER_CLI_SETUP_H
#define RP_SERVER_CLI_SETUP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/error.h"

struct rp_setup {
	const char *keys;  /* /etc/rigproof/keys */
	const char *site;  /* /etc/rigproof/site.yaml */
	const char *state; /* /var/lib/rigproof */
	const char *cache; /* /var/cache/rigproof: iPXE, the base of images, and images/ */
	const char *user;  /* what rigproofd runs as: rigproof */
	const char *proc;  /* /proc */
	time_t now;	   /* of the wall clock */
	const char *
		prefix; /* where we are installed, as /usr/local; NULL: we run where we were built */

	/* For making alone. */
	const char *interface, *address; /* NULL: as the site's manifest says, else asked for */
	const char *unknown;		 /* "ignore" or "register" */
	bool image, start;		 /* build the node image; start the services */
};

/*
 * One thing that was looked at: wrong false: text says what is so. wrong true: what is wrong, and its remedy.
 */
typedef void (*rp_setup_report)(void *context, const char *name, bool wrong, const char *text);

/* Look at everything; returns how many things are wrong. Nothing is changed. */
unsigned rp_setup_check(const struct rp_setup *setup, rp_setup_report report, void *context);

/* What setup did about one thing. */
enum rp_setup_step { RP_SETUP_KEPT, RP_SETUP_MADE };
typedef void (*rp_setup_told)(
	void *context, enum rp_setup_step step, const char *name, const char *text);

/*
 * Make what is missing, in this order: user and folders, keys, site, iPXE, node image, services, the image on the
 * server. What is there stays as it is. Needs root. Stops at the first thing that cannot be made: negative errno
 * with the reason and remedy; what was made stays, and the next call goes on from there.
 */
int rp_setup_make(
	const struct rp_setup *setup, rp_setup_told told, void *context, struct rp_error *err);

/*
 * The IPv4 address of an interface. Caller frees; NULL: none. And, for people, "eth0 10.77.0.1, eth1 192.0.2.5":
 * what there is to choose from, without loopback.
 */
char *rp_setup_interface_address(const char *interface);
char *rp_setup_interfaces(void);

/* ---- port_holder.c ---- */

struct rp_port_holder {
	int pid;		/* 0: not to be seen (only root sees everybody's) */
	char program[32];	/* as the kernel names it; "" with pid 0 */
	char command_line[256]; /* blanks between the words */
};

/*
 * Who has a local port: proc is "/proc". Up to max holders (several share one by SO_REUSEADDR). Returns how many, or
 * negative errno where the kernel's tables cannot be read. TCP: listening sockets alone.
 */
int rp_port_holders(
	const char *proc, bool udp, uint16_t port, struct rp_port_holder *ret, size_t max);

#endif

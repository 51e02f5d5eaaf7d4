/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: what a person writes about a site, its rigs, images, plans and claims, and where the
 * rigproof command finds its server. YAML, one
 * schema, one parser, strict: unknown and duplicate keys, wrong types, missing keys and missing
 * files are errors that name FILE:LINE:COL, what was found and what was expected. Anchors, aliases,
 * tags and a second document are refused. manifests/README.md lists every key with its default.
 *
 * In every struct below char pointers are never NULL (absent text is ""), an array of count 0 may
 * be NULL, and numbers hold their defaults where the file was silent. All of it belongs to the
 * struct rp_manifest that it came from.
 */
#ifndef RP_MANIFESTS_MANIFEST_H
#define RP_MANIFESTS_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

#define RP_MANIFEST_MAX ((size_t)1 << 20) /* bytes of one file */

enum rp_manifest_kind {
	RP_MANIFEST_SITE,
	RP_MANIFEST_RIG,
	RP_MANIFEST_IMAGE,
	RP_MANIFEST_PLAN,
	RP_MANIFEST_CLAIM,
	RP_MANIFEST_CLIENT,
};

enum rp_site_dhcp { RP_DHCP_PROXY, RP_DHCP_OFF };
enum rp_site_tftp { RP_TFTP_SPAWN, RP_TFTP_EXTERNAL, RP_TFTP_OFF };
enum rp_site_unknown { RP_UNKNOWN_IGNORE, RP_UNKNOWN_REGISTER };
enum rp_site_approve { RP_APPROVE_OPERATOR, RP_APPROVE_AUTOMATIC };

/* How long each stage of a boot may take, in seconds. */
struct rp_stage_limits {
	int power_s, dhcp_s, loader_s, script_s, kernel_s, agent_s, checks_s, report_s;
};

struct rp_site {
	char *name; /* "lab" */
	char *description;
	char *address; /* IP address or name that rigs reach the server by; "": that of interface */
	int https_port;	 /* 8443; 0: any free one */
	int http_port;	 /* 0: no plain HTTP */
	char *interface; /* network interface of the rigs; "": none, no DHCP */
	enum rp_site_dhcp dhcp;
	enum rp_site_tftp tftp;
	int tftp_port;
	enum rp_site_unknown unknown;
	enum rp_site_approve approve;
	int training_boots;   /* clean boots before a new rig serves */
	char *image;	      /* of boots without a job; "": the newest image */
	int retries;	      /* of a job that ends in error */
	int quarantine_after; /* errors in a row; 0: never */
	int queue_s;	      /* a job ends that waited so long while its rig did nothing */
	struct rp_stage_limits stages;
};

enum rp_loader { RP_LOADER_IPXE, RP_LOADER_SNPONLY, RP_LOADER_HTTP, RP_LOADER_UNDIONLY };
enum rp_power_kind { RP_POWER_NONE, RP_POWER_QEMU };
enum rp_disks { RP_DISKS_NEVER, RP_DISKS_WRITE };

struct rp_rig_power {
	enum rp_power_kind driver;
	char *qmp; /* driver qemu: path of its QMP socket */
};

struct rp_rig_manifest {
	char *name;
	char *description;
	char **mac; /* lower case, at least one */
	unsigned mac_count;
	char *uuid;   /* SMBIOS text form in lower case; "": any */
	char *serial; /* the system's serial number as SMBIOS has it; "": any */
	enum rp_loader loader;
	bool ignore; /* left alone: never answered, never booted */
	bool bios_allowed;
	enum rp_disks disks;
	struct rp_rig_power power;
	char *console; /* Unix socket of the serial console; "": none */
};

struct rp_image_manifest {
	char *name;
	char *description;
	char *kernel; /* "stock", or a path as written: see rp_manifest_resolve */
	char *suite;
	char **packages; /* beside those that every node image has */
	unsigned packages_count;
	char **modules; /* names of ours, signed into the image */
	unsigned modules_count;
	/* appended to that of every node image; with it a kernel command line (rp_command_line_check) */
	char *command_line;
};

/*
 * That of every node image. The last console is the one that programs write to. A panic ends in a
 * reboot, which the server sees, and not in a rig that hangs.
 */
#define RP_IMAGE_COMMAND_LINE "console=tty0 console=ttyS0,115200 rigproof=1 panic=30 quiet"

enum rp_scheduler { RP_SCHEDULER_OTHER, RP_SCHEDULER_FIFO, RP_SCHEDULER_RR };

struct rp_plan_module {
	char *name;
	char *parameters; /* "key=value ..." */
};

struct rp_plan_check {
	char *name;
	char **exec; /* argv; exec[0] is a program of /usr/libexec/rigproof/checks or a path */
	unsigned exec_count;
	int timeout_s;
	int memory_mb; /* 0: no limit */
	char *cpus;    /* "0-1,3"; "": all */
	enum rp_scheduler scheduler;
	int priority; /* 1-99 for fifo and rr, else 0 */
	char *user;   /* "": root */
};

/* Exactly one of max and min is not NULL. */
struct rp_plan_limit {
	char *metric; /* "check/metric" */
	double *max, *min;
};

struct rp_plan {
	char *name;
	char *description;
	char *image; /* "": the job or the site says */
	struct rp_plan_module *modules;
	unsigned modules_count;
	struct rp_plan_check *checks; /* at least one */
	unsigned checks_count;
	struct rp_plan_limit *limits;
	unsigned limits_count;
	char **expected_reports; /* kinds of kernel reports that its checks provoke: rp_report_kinds */
	unsigned expected_reports_count;
	int timeout_s; /* of all checks together */
	enum rp_disks disks;
};

enum rp_claim_op { RP_CLAIM_AT_MOST, RP_CLAIM_AT_LEAST, RP_CLAIM_EQUALS };

/*
 * A sentence that somebody wrote, and what decides it: a metric of a check with a threshold, or
 * tests of a check that must all be ok; or, where no check of ours can, what it would take.
 */
struct rp_claim {
	char *name;
	char *sentence; /* word for word */
	char *source;	/* who says so, where */
	char *subject;	/* "module:NAME" or "image:NAME": must be among the result's subjects */
	char *kernel;	/* "6.1": the release that it must be measured on begins so; "": any */
	char *plan;	/* that measures it; "": any with the check */
	char *check;	/* "": nothing judges it, and needs is not empty */
	char *metric;	/* "": tests decide */
	enum rp_claim_op op; /* for metrics, as are threshold and unit */
	double *threshold;   /* NULL: tests decide */
	char *unit;	     /* "": whatever the metric has */
	char **tests;	     /* the first words of their descriptions, before a colon */
	unsigned tests_count;
	bool physical; /* figures of virtual rigs never count, and are never shown */
	char **needs;  /* what it takes to measure it, for people */
	unsigned needs_count;
};

enum rp_color { RP_COLOR_AUTO, RP_COLOR_ALWAYS, RP_COLOR_NEVER };

/* Where the rigproof command finds its server; paths as written: see rp_manifest_resolve. */
struct rp_client_manifest {
	char *state;	  /* folder of a rigproofd on this machine; "": none */
	char *server;	  /* URL; "": that of state */
	char *root;	  /* "": that of state */
	char *token_file; /* "": that of state */
	enum rp_color color;
};

struct rp_manifest {
	enum rp_manifest_kind kind;
	char *path; /* where it was read; the label for rp_manifest_parse */
	union {	    /* by kind */
		struct rp_site *site;
		struct rp_rig_manifest *rig;
		struct rp_image_manifest *image;
		struct rp_plan *plan;
		struct rp_claim *claim;
		struct rp_client_manifest *client;
		void *any;
	};
};

/*
 * Read, check and complete a file. An empty file is a site with all defaults. -EINVAL: it breaks a
 * rule, err says which and where; -ENOENT: it, or a file that it names, is not there; -EFBIG.
 */
int rp_manifest_load(const char *path, struct rp_manifest **ret, struct rp_error *err);

/* rp_manifest_load where the caller needs one kind: another one is -EINVAL. */
int rp_manifest_load_kind(const char *path, enum rp_manifest_kind kind, struct rp_manifest **ret,
	struct rp_error *err);

/* The same for text in memory; label stands where a path would. Named files are not looked for. */
int rp_manifest_parse(const char *label, const char *text, size_t len, struct rp_manifest **ret,
	struct rp_error *err);

/* A manifest with every default and nothing else, for kinds that have no required key: sites. */
int rp_manifest_default_site(struct rp_manifest **ret, struct rp_error *err);

/* Takes NULL, returns NULL. */
struct rp_manifest *rp_manifest_free(struct rp_manifest *manifest);

/*
 * All keys, defaults included, {"kind": "rig", "name": ...}. What rp_manifest_from_json takes back.
 * NULL: no memory. from_json is as strict as the parser, and also wants strings where text stands.
 */
json_t *rp_manifest_to_json(const struct rp_manifest *manifest);
int rp_manifest_from_json(const json_t *json, struct rp_manifest **ret, struct rp_error *err);

/*
 * The part of a job payload that a plan decides: {"plan", "checks", "limits", "disks", "timeout_s",
 * "modules": [{"name", "parameters"}]}. Modules have no digests yet.
 */
int rp_plan_to_job(const struct rp_plan *plan, json_t **ret, struct rp_error *err);

/* -EPERM where the plan writes disks and the rig's manifest does not allow it. */
int rp_plan_allowed_on(
	const struct rp_plan *plan, const struct rp_rig_manifest *rig, struct rp_error *err);

/*
 * A path of a manifest: as it is where absolute, else beside the manifest's own file. Caller frees.
 */
char *rp_manifest_resolve(const struct rp_manifest *manifest, const char *path);

/* Seconds that a stage may take; stage is "power" ... "report", -EINVAL for other words. */
int rp_site_stage_limit(const struct rp_site *site, const char *stage);

/* The word of an enum as YAML and JSON have it. */
const char *rp_manifest_kind_name(enum rp_manifest_kind kind); /* "site" ... */
const char *rp_loader_name(enum rp_loader loader);

static inline void rp_cleanup_manifest(struct rp_manifest **manifest)
{
	rp_manifest_free(*manifest);
}

#endif

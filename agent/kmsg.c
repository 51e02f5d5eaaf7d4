/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/report_kind.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX */
#define FACILITY_SHIFT 3
#define REFUSED_MAX 64 /* records too long to be read, in one go */

struct rp_kmsg {
	int fd;
	EVP_MD_CTX *digest;
	json_t *reports;
	char *text;
	size_t len, dropped;	 /* dropped: bytes that text no longer holds */
	unsigned long long next; /* sequence of the record to come; 0: none came yet */
	bool overrun; /* read(2) says that records are gone; how many, the next one tells */
	json_t *loss; /* the report about it, in reports; NULL: nothing was lost */
	unsigned long long lost; /* records known to be lost */
};

enum place {
	ANYWHERE,
	AT_START,
	AFTER_PREFIX, /* at the start, or behind "watchdog: ", "traps: " and the like */
};

/*
 * What looks like a report and is none: errors that the hardware corrected by itself. Asked
 * before the patterns.
 */
static const struct {
	const char *needle, *also; /* also: NULL, or a second text that has to be there */
} harmless[] = {
	{"[Hardware Error]", "Corrected error"},
	{"[Hardware Error]", "severity: corrected"},
	{"[Hardware Error]", "type: corrected"},
	{"[Hardware Error]", "no action required"},
};

/* The first that matches counts: the more telling stand before the more general. */
static const struct {
	const char *kind, *needle, *also;
	enum place place; /* of needle; also may be anywhere */
} patterns[] = {
	{"KASAN", "BUG: KASAN", NULL, AFTER_PREFIX},
	{"KASAN", "KASAN: ", NULL, AT_START},
	{"KCSAN", "BUG: KCSAN", NULL, AFTER_PREFIX},
	{"KMSAN", "BUG: KMSAN", NULL, AFTER_PREFIX},
	{"KFENCE", "BUG: KFENCE", NULL, AFTER_PREFIX},

	{"lockdep", "possible circular locking dependency", NULL, ANYWHERE},
	{"lockdep", "possible recursive locking", NULL, ANYWHERE},
	{"lockdep", "inconsistent lock state", NULL, ANYWHERE},
	{"lockdep", "possible irq lock inversion", NULL, ANYWHERE},
	{"lockdep", "-safe -> ", NULL, ANYWHERE},
	{"lockdep", "bad unlock balance", NULL, ANYWHERE},
	{"lockdep", "bad contention detected", NULL, ANYWHERE},
	{"lockdep", "Nested lock was not taken", NULL, ANYWHERE},
	{"lockdep", "held lock freed", NULL, ANYWHERE},
	{"lockdep", "still has locks held", NULL, ANYWHERE},
	{"lockdep", "lock held when returning to user space", NULL, ANYWHERE},
	{"lockdep", "lock held at task exit", NULL, ANYWHERE},
	{"lockdep", "Invalid wait context", NULL, ANYWHERE},
	{"lockdep", "trying to register non-static key", NULL, ANYWHERE},
	{"lockdep", "BUG: MAX_", " too low", AFTER_PREFIX},
	{"lockdep", "BUG: key ", NULL, AFTER_PREFIX},

	{"RCU", "suspicious RCU usage", NULL, ANYWHERE},
	{"RCU", "suspicious rcu_dereference_check() usage", NULL, ANYWHERE},
	{"RCU", "self-detected stall", NULL, ANYWHERE},
	{"RCU", "detected stalls on", NULL, ANYWHERE},
	{"RCU", "detected stall on", NULL, ANYWHERE},
	{"RCU", "detected expedited stalls", NULL, ANYWHERE},
	{"RCU", "kthread starved for", NULL, ANYWHERE},
	{"RCU", "kthread timer wakeup didn't happen", NULL, ANYWHERE},

	{"UBSAN", "UBSAN: ", NULL, AFTER_PREFIX},
	{"kmemleak", "new suspected memory leaks", NULL, ANYWHERE},
	{"hung task", " blocked for more than ", NULL, ANYWHERE},
	{"hung task", "INFO: task ", " for more than ", AFTER_PREFIX},
	{"hung task", "INFO: task ", " is blocked on ", AFTER_PREFIX},
	{"hard lockup", "ard LOCKUP", NULL, ANYWHERE},
	{"panic", "Kernel panic - not syncing", NULL, AFTER_PREFIX},

	{"BUG", "kernel BUG at ", NULL, ANYWHERE},
	{"BUG", "BUG: ", NULL, AFTER_PREFIX},
	{"BUG", "BUG ", NULL, AT_START}, /* SLUB: "BUG kmalloc-64 (Not tainted): ..." */
	{"BUG", "[ BUG: ", NULL, AT_START},
	{"BUG", "Slab corruption", NULL, AFTER_PREFIX},
	{"BUG", "slab error in ", NULL, AFTER_PREFIX},
	{"BUG", "list_add corruption", NULL, ANYWHERE},
	{"BUG", "list_del corruption", NULL, ANYWHERE},
	{"BUG", "list_add double add", NULL, ANYWHERE},
	{"BUG", "refcount_t: ", NULL, AT_START},
	{"BUG", "usercopy: Kernel memory ", NULL, AT_START},
	{"BUG", "huh, entered ", NULL, ANYWHERE},
	{"BUG", "bad: scheduling from the idle thread", NULL, ANYWHERE},
	{"BUG", "preempt leak: ", NULL, ANYWHERE},
	{"BUG", "to become free. Usage count", NULL, ANYWHERE},
	{"BUG", "VFS: Busy inodes after unmount", NULL, ANYWHERE},
	{"BUG", "VFS: Close: file count is ", NULL, ANYWHERE},
	{"BUG", "unchecked MSR access error: ", NULL, ANYWHERE},

	{"Oops", "Oops: ", NULL, AFTER_PREFIX},
	{"Oops", "Internal error: ", NULL, AFTER_PREFIX},
	{"Oops", "Unable to handle kernel ", NULL, ANYWHERE},
	{"Oops", "unable to handle kernel ", NULL, ANYWHERE},
	{"Oops", "general protection fault", NULL, AT_START},
	{"Oops", "segment-related general protection fault", NULL, AFTER_PREFIX},
	{"Oops", "invalid opcode: ", NULL, AT_START},
	{"Oops", "stack segment: ", NULL, AT_START},
	{"Oops", "divide error: ", NULL, AT_START},
	{"Oops", "divide_error: ", NULL, AT_START},
	{"Oops", "int3: ", NULL, AT_START},
	{"Oops", "control protection: ", NULL, AT_START},
	{"Oops", "Missing ENDBR: ", NULL, AFTER_PREFIX},
	{"Oops", "CFI failure at ", NULL, AFTER_PREFIX},
	{"Oops", "Bad pagetable: ", NULL, AT_START},
	{"Oops", "PANIC: ", NULL, AFTER_PREFIX},
	{"Oops", "Bad mode in ", " handler", AFTER_PREFIX},
	{"Oops", "Insufficient stack space to handle exception", NULL, AFTER_PREFIX},
	{"Oops", "Kernel stack overflow", NULL, ANYWHERE},
	{"Oops", "kernel stack overflow", NULL, ANYWHERE},

	{"hardware", "[Hardware Error]", NULL, ANYWHERE},
	{"hardware", "Machine Check Exception: ", NULL, ANYWHERE},
	{"hardware", "achine check in kernel mode", NULL, ANYWHERE},
	{"hardware", "hardware memory corruption", NULL, ANYWHERE},
	{"hardware", "Uncorrected hardware memory error", NULL, ANYWHERE},
	{"hardware", "Memory failure: 0x", NULL, AFTER_PREFIX},
	{"hardware", "EDAC ", " UE ", AFTER_PREFIX},
	{"hardware", "EDAC ", "ncorrect", AFTER_PREFIX},
	{"hardware", "AER: ", "Uncorrect", ANYWHERE},
	{"hardware", "PCIe Bus Error: severity=Uncorrect", NULL, ANYWHERE},
	{"hardware", "DPC: ", "containment event", ANYWHERE},
	{"hardware", "DPC: ", "uncorrectable error", ANYWHERE},
	{"hardware", "SError Interrupt on CPU", NULL, ANYWHERE},
	{"hardware", "NMI received for unknown reason", NULL, ANYWHERE},
	{"hardware", "NMI: PCI system error", NULL, ANYWHERE},
	{"hardware", "NMI: IOCK error", NULL, ANYWHERE},
	{"hardware", "irq ", ": nobody cared", AFTER_PREFIX},

	{"IOMMU", "DMAR: [", "fault", ANYWHERE},
	{"IOMMU", "DMAR: ", "handling fault status", ANYWHERE},
	{"IOMMU", "DMAR: ", "Time-out Error", ANYWHERE},
	{"IOMMU", "AMD-Vi: Event logged [", NULL, ANYWHERE},
	{"IOMMU", "AMD-Vi: Completion-Wait loop timed out", NULL, ANYWHERE},
	{"IOMMU", "AMD-Vi: ", "IO_PAGE_FAULT", ANYWHERE},
	{"IOMMU", "arm-smmu", "nhandled context fault", ANYWHERE},
	{"IOMMU", "arm-smmu", "global fault", ANYWHERE},
	{"IOMMU", "arm-smmu-v3", " received:", ANYWHERE},
	{"IOMMU", "arm-smmu-v3", "event: F_", ANYWHERE},

	{"GPU", "NVRM: Xid ", NULL, ANYWHERE},
	{"GPU", "fallen off the bus", NULL, ANYWHERE},
	{"GPU", "amdgpu", " timeout, ", ANYWHERE},
	{"GPU", "amdgpu", "] page fault (", ANYWHERE},
	{"GPU", "ring ", " timeout, signaled seq", ANYWHERE},
	{"GPU", "GPU reset begin", NULL, ANYWHERE},
	{"GPU", "GPU reset(", NULL, ANYWHERE},
	{"GPU", "GPU fault detected", NULL, ANYWHERE},
	{"GPU", "GPU HANG", NULL, ANYWHERE},
	{"GPU", "GPU lockup", NULL, ANYWHERE},
	{"GPU", "gpu lockup", NULL, ANYWHERE},
	{"GPU", "Resetting GPU for hang", NULL, ANYWHERE},
	{"GPU", "recover hung GPU", NULL, ANYWHERE},
	{"GPU", "gpu sched timeout", NULL, ANYWHERE},
	{"GPU", "Engine reset: ", NULL, ANYWHERE},
	{"GPU", "i915 ", "] Resetting ", ANYWHERE},
	{"GPU", "xe ", "Timedout job: ", ANYWHERE},
	{"GPU", "nouveau ", "fifo: SCHED_ERROR", ANYWHERE},
	{"GPU", "nouveau ", " fault ", ANYWHERE},

	{"WARNING", "WARNING: ", NULL, AT_START},
};

/* Behind "NAME: ", but not behind "NAME : ", by which mitigations give their advice. */
static bool follows_prefix(const char *message, const char *found)
{
	return found == message ||
	       (found - message >= 3 && found[-1] == ' ' && found[-2] == ':' && found[-3] != ' ');
}

/* Whether needle is in message, at its place at least once. */
static bool has(const char *message, const char *needle, enum place place)
{
	const char *found = message;

	if (place == AT_START)
		return strncmp(message, needle, strlen(needle)) == 0;
	while ((found = strstr(found, needle))) {
		if (place == ANYWHERE || follows_prefix(message, found))
			return true;
		found++;
	}
	return false;
}

/* Every architecture's die() ends its first line so: " [#1]", the count of oopses since the boot. */
static bool counts_an_oops(const char *message)
{
	const char *found = message;

	while ((found = strstr(found, " [#"))) {
		size_t digits = strspn(found + 3, "0123456789");

		if (digits && found[3 + digits] == ']')
			return true;
		found += 3;
	}
	return false;
}

const char *rp_kmsg_classify(const char *message)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (strstr(message, harmless[i].needle) && strstr(message, harmless[i].also))
			return NULL;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (has(message, patterns[i].needle, patterns[i].place) &&
			(!patterns[i].also || strstr(message, patterns[i].also)))
			return patterns[i].kind;
	return counts_an_oops(message) ? "Oops" : NULL;
}

struct rp_kmsg *rp_kmsg_new(void)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = calloc(1, sizeof(*kmsg));

	if (!kmsg)
		return NULL;
	kmsg->fd = -1;
	kmsg->digest = EVP_MD_CTX_new();
	kmsg->reports = json_array();
	kmsg->text = calloc(1, RP_KMSG_TEXT_MAX + 1);
	if (!kmsg->digest || !kmsg->reports || !kmsg->text ||
		EVP_DigestInit_ex(kmsg->digest, EVP_sha256(), NULL) != 1)
		return NULL;
	return rp_steal(kmsg);
}

int rp_kmsg_open(const char *path, struct rp_kmsg **ret, struct rp_error *err)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();

	if (!kmsg)
		return rp_error_set(err, -ENOMEM, "%s: no memory", path);
	kmsg->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg->fd < 0 || lseek(kmsg->fd, 0, SEEK_END) < 0)
		return rp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret = rp_steal(kmsg);
	return 0;
}

struct rp_kmsg *rp_kmsg_free(struct rp_kmsg *kmsg)
{
	if (!kmsg)
		return NULL;
	if (kmsg->fd >= 0)
		close(kmsg->fd);
	EVP_MD_CTX_free(kmsg->digest);
	json_decref(kmsg->reports);
	free(kmsg->text);
	free(kmsg);
	return NULL;
}

int rp_kmsg_fd(const struct rp_kmsg *kmsg)
{
	return kmsg->fd;
}

/* Whole lines go, the older half. */
static void make_room(struct rp_kmsg *kmsg, size_t len)
{
	const char *half, *newline;
	size_t gone;

	if (kmsg->len + len <= RP_KMSG_TEXT_MAX)
		return;
	half = kmsg->text + kmsg->len / 2;
	newline = memchr(half, '\n', kmsg->len - kmsg->len / 2);
	gone = newline ? (size_t)(newline + 1 - kmsg->text) : kmsg->len;
	memmove(kmsg->text, kmsg->text + gone, kmsg->len - gone);
	kmsg->len -= gone;
	kmsg->dropped += gone;
}

static int append(struct rp_kmsg *kmsg, const char *line)
{
	size_t len = strlen(line);

	if (EVP_DigestUpdate(kmsg->digest, line, len) != 1)
		return -EIO;
	make_room(kmsg, len);
	memcpy(kmsg->text + kmsg->len, line, len + 1);
	kmsg->len += len;
	return 0;
}

static bool has_kind(const json_t *reports, const char *kind)
{
	const json_t *one;
	size_t i;

	json_array_foreach (reports, i, one)
		if (strcmp(json_string_value(json_object_get(one, "kind")), kind) == 0)
			return true;
	return false;
}

static int report(struct rp_kmsg *kmsg, const char *message)
{
	const char *kind = rp_kmsg_classify(message);

	if (!kind)
		return 0;
	if (json_array_size(kmsg->reports) - (kmsg->loss != NULL) >= RP_KMSG_REPORTS_MAX &&
		has_kind(kmsg->reports, kind))
		return 0;
	return json_array_append_new(
		       kmsg->reports, json_pack("{s:s, s:s}", "kind", kind, "line", message)) < 0
		       ? -ENOMEM
		       : 0;
}

/* The one report on what is missing, made or brought up to date. */
__attribute__((format(printf, 2, 3))) static int report_loss(
	struct rp_kmsg *kmsg, const char *format, ...)
{
	char line[160];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (kmsg->loss)
		return json_object_set_new(kmsg->loss, "line", json_string(line)) < 0 ? -ENOMEM : 0;
	kmsg->loss = json_pack("{s:s, s:s}", "kind", RP_REPORT_LOST, "line", line);
	if (json_array_append_new(kmsg->reports, kmsg->loss) < 0) {
		kmsg->loss = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Records are numbered without a gap, those of user space too. */
static int follow_sequence(struct rp_kmsg *kmsg, unsigned long long sequence)
{
	unsigned long long from = kmsg->next;
	bool gap = from && sequence > from, overrun = kmsg->overrun;

	kmsg->overrun = false;
	if (sequence >= from)
		kmsg->next = sequence + 1;
	if (gap) {
		kmsg->lost += sequence - from;
		return report_loss(kmsg,
			"%llu records were lost before they were read, the last of them %llu to "
			"%llu",
			kmsg->lost, from, sequence - 1);
	}
	return overrun ? report_loss(kmsg, "records before %llu were lost before they were read",
				 sequence)
		       : 0;
}

/* The kernel writes bytes that it would not print as \xHH; the prefix' own fields are decimal. */
int rp_kmsg_add(struct rp_kmsg *kmsg, const char *record, size_t len)
{
	char head[64], message[1024], line[1100];
	const char *semicolon = memchr(record, ';', len);
	const char *start, *end;
	unsigned int priority;
	unsigned long long sequence, microseconds;
	int r;

	if (!semicolon || (size_t)(semicolon - record) >= sizeof(head))
		return 0;
	memcpy(head, record, (size_t)(semicolon - record));
	head[semicolon - record] = '\0';
	if (sscanf(head, "%9u,%19llu,%19llu,", &priority, &sequence, &microseconds) != 3)
		return 0;
	r = follow_sequence(kmsg, sequence);
	if (r < 0 || priority >> FACILITY_SHIFT != 0)
		return r;
	start = semicolon + 1;
	end = memchr(start, '\n', len - (size_t)(start - record));
	if (!end)
		end = record + len;
	rp_printable_copy(message, sizeof(message), start, (size_t)(end - start));
	snprintf(line, sizeof(line), "[%5llu.%06llu] %s\n", microseconds / 1000000,
		microseconds % 1000000, message);
	r = append(kmsg, line);
	return r < 0 ? r : report(kmsg, message);
}

/* Nothing more is there: what was overrun is told now, should no record come that says how much. */
static int end_read(struct rp_kmsg *kmsg)
{
	return kmsg->overrun && !kmsg->loss
		       ? report_loss(kmsg, "records were lost before they were read")
		       : 0;
}

static int fail_read(struct rp_kmsg *kmsg, int error)
{
	int r = report_loss(kmsg, "it could not be read: %s", strerror(-error));

	return r < 0 ? r : error;
}

int rp_kmsg_read(struct rp_kmsg *kmsg)
{
	char record[RECORD_MAX];
	int refused = 0, r = 0;

	while (kmsg && kmsg->fd >= 0 && r == 0) {
		ssize_t n = read(kmsg->fd, record, sizeof(record));

		if (n < 0 && errno == EINTR)
			continue;
		/*
		 * EPIPE: records were overwritten. EINVAL: one was too long; from what is no log of
		 * records it comes for ever. The next one is read.
		 */
		if (n < 0 && (errno == EPIPE || (errno == EINVAL && ++refused < REFUSED_MAX)))
			kmsg->overrun = true;
		else if (n == 0 || (n < 0 && errno == EAGAIN))
			return end_read(kmsg);
		else
			r = n < 0 ? fail_read(kmsg, -errno) : rp_kmsg_add(kmsg, record, (size_t)n);
	}
	return r;
}

int rp_kmsg_sha256(const struct rp_kmsg *kmsg, char ret_hex[RP_SHA256_HEX])
{
	rp_cleanup(md_ctx) EVP_MD_CTX *copy = EVP_MD_CTX_new();
	uint8_t digest[RP_SHA256_LEN];

	if (!copy || EVP_MD_CTX_copy_ex(copy, kmsg->digest) != 1 ||
		EVP_DigestFinal_ex(copy, digest, NULL) != 1)
		return -EIO;
	rp_hex_encode(digest, sizeof(digest), ret_hex);
	return 0;
}

json_t *rp_kmsg_reports(const struct rp_kmsg *kmsg)
{
	return kmsg->reports;
}

const char *rp_kmsg_text(const struct rp_kmsg *kmsg)
{
	return kmsg->text;
}

size_t rp_kmsg_mark(const struct rp_kmsg *kmsg)
{
	return kmsg->dropped + kmsg->len;
}

void rp_kmsg_since(const struct rp_kmsg *kmsg, size_t mark, char *ret_text, size_t size)
{
	const char *line = kmsg->text + (mark > kmsg->dropped ? mark - kmsg->dropped : 0);
	size_t len = 0;

	*ret_text = '\0';
	while (*line) {
		const char *end = strchrnul(line, '\n');
		const char *message = memchr(line, ']', (size_t)(end - line));
		size_t n;

		message = message ? message + 2 : line;
		n = (size_t)(end - message);
		/* The newest matter: when it is full, begin anew. */
		if (len + n + 3 > size)
			len = 0;
		if (n + 3 <= size) {
			if (len) {
				memcpy(ret_text + len, "; ", 2);
				len += 2;
			}
			memcpy(ret_text + len, message, n);
			len += n;
			ret_text[len] = '\0';
		}
		line = *end ? end + 1 : end;
	}
}

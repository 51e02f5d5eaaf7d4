/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/encoding.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX */
#define FACILITY_SHIFT 3

struct rp_kmsg {
	int fd;
	EVP_MD_CTX *digest;
	json_t *reports;
	char *text;
	size_t len, dropped; /* dropped: bytes that text no longer holds */
};

/* The first that matches counts: the more telling stand before the more general. */
static const struct {
	const char *kind, *needle;
	bool anywhere; /* else at the start of the message */
} patterns[] = {
	{"KASAN", "BUG: KASAN", false},
	{"KCSAN", "BUG: KCSAN", false},
	{"KFENCE", "BUG: KFENCE", false},
	{"lockdep", "possible circular locking dependency", true},
	{"lockdep", "possible recursive locking", true},
	{"lockdep", "inconsistent lock state", true},
	{"lockdep", "possible irq lock inversion", true},
	{"lockdep", "-safe -> ", true},
	{"lockdep", "bad unlock balance", true},
	{"lockdep", "Nested lock was not taken", true},
	{"lockdep", "held lock freed", true},
	{"lockdep", "lock held when returning to user space", true},
	{"lockdep", "Invalid wait context", true},
	{"RCU", "suspicious RCU usage", true},
	{"RCU", "self-detected stall", true},
	{"RCU", "detected stalls on", true},
	{"RCU", "detected expedited stalls", true},
	{"RCU", "kthread starved for", true},
	{"UBSAN", "UBSAN: ", false},
	{"kmemleak", "new suspected memory leaks", true},
	{"hung task", " blocked for more than ", true},
	{"panic", "Kernel panic - not syncing", false},
	{"BUG", "BUG: ", false},
	{"BUG", "watchdog: BUG: ", false},
	{"BUG", "kernel BUG at ", true},
	{"Oops", "Oops: ", false},
	{"Oops", "Internal error: ", false},
	{"Oops", "Unable to handle kernel ", false},
	{"Oops", "general protection fault", false},
	{"Oops", "invalid opcode: ", false},
	{"Oops", "stack segment: ", false},
	{"Oops", "divide error: ", false},
	{"WARNING", "WARNING: ", false},
};

const char *rp_kmsg_classify(const char *message)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		const char *found = strstr(message, patterns[i].needle);

		if (found && (patterns[i].anywhere || found == message))
			return patterns[i].kind;
	}
	return NULL;
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

static int report(struct rp_kmsg *kmsg, const char *message)
{
	const char *kind = rp_kmsg_classify(message);

	if (!kind || json_array_size(kmsg->reports) >= RP_KMSG_REPORTS_MAX)
		return 0;
	return json_array_append_new(
		       kmsg->reports, json_pack("{s:s, s:s}", "kind", kind, "line", message)) < 0
		       ? -ENOMEM
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
	if (sscanf(head, "%9u,%19llu,%19llu,", &priority, &sequence, &microseconds) != 3 ||
		priority >> FACILITY_SHIFT != 0)
		return 0;
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

int rp_kmsg_read(struct rp_kmsg *kmsg)
{
	char record[RECORD_MAX];

	for (;;) {
		ssize_t n = read(kmsg->fd, record, sizeof(record));
		int r;

		if (n < 0 && (errno == EINTR || errno == EPIPE || errno == EINVAL))
			continue; /* EPIPE: records were overwritten; the next one is read */
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return 0;
		r = rp_kmsg_add(kmsg, record, (size_t)n);
		if (r < 0)
			return r;
	}
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

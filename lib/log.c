/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/printable.h"

#define KINDS 64
#define MINUTE (60 * RP_SECOND)

static atomic_int highest = RP_LOG_INFO;

/* Lines of one kind. Two that share a place share its window: less is said, never more. */
struct kind {
	const char *format;
	enum rp_log_level level;
	int64_t began; /* monotonic; 0: never used */
	int lines, suppressed;
};

static struct {
	pthread_mutex_t lock;
	int lines, window_s, bytes_per_minute; /* lines 0: no limits */
	struct kind kinds[KINDS];
	int64_t minute; /* monotonic: when it began */
	int64_t bytes;	/* in it */
	int64_t cut;	/* lines that found no room in it */
} limits = {.lock = PTHREAD_MUTEX_INITIALIZER};

void rp_log_set_level(enum rp_log_level level)
{
	atomic_store_explicit(&highest, level, memory_order_relaxed);
}

/* The variable is inherited by children whose standard error went elsewhere: compare the file. */
static int is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static const char *level_name(enum rp_log_level level)
{
	switch (level) {
	case RP_LOG_ERROR:
		return "error";
	case RP_LOG_WARNING:
		return "warning";
	case RP_LOG_INFO:
		return "info";
	case RP_LOG_DEBUG:
		return "debug";
	}
	return "?";
}

static void put_prefix(enum rp_log_level level, char *line, size_t size)
{
	char now[RP_TIME_TEXT];

	if (is_journal()) {
		snprintf(line, size, "<%d>", level);
		return;
	}
	rp_clock_format(rp_clock_realtime(), now);
	snprintf(line, size, "%s %s: ", now, level_name(level));
}

static struct kind *kind_of(const char *format)
{
	return &limits.kinds[((uintptr_t)format >> 3) % KINDS];
}

/* One write a line: threads and children share this descriptor. */
static void put_line(char *line, size_t size, size_t len)
{
	if (len > size - 2)
		len = size - 2;
	line[len] = '\0';
	rp_printable(line);
	len = strlen(line);
	line[len] = '\n';
	while (write(STDERR_FILENO, line, len + 1) < 0 && errno == EINTR)
		;
}

static void put_count(enum rp_log_level level, int64_t count, const char *what)
{
	char line[512];
	size_t len;

	put_prefix(level, line, sizeof(line));
	len = strlen(line);
	snprintf(line + len, sizeof(line) - len - 1, "%lld more like \"%.200s\" not logged",
		(long long)count, what);
	put_line(line, sizeof(line), strlen(line));
}

/* Its window is over: what was left out in it is told, and the next begins. Locked. */
static void turn_window(struct kind *kind, int64_t now)
{
	int suppressed = kind->suppressed;

	if (now - kind->began < limits.window_s * RP_SECOND)
		return;
	kind->began = now;
	kind->lines = kind->suppressed = 0;
	if (suppressed)
		put_count(kind->level, suppressed, kind->format);
}

/* Whether this line may be written. Locked. */
static bool may_log(enum rp_log_level level, const char *format, size_t len)
{
	int64_t now = rp_clock_monotonic();
	struct kind *kind = kind_of(format);

	if (now - limits.minute >= MINUTE) {
		int64_t cut = limits.cut;

		limits.minute = now;
		limits.bytes = limits.cut = 0;
		if (cut)
			put_count(RP_LOG_WARNING, cut, "all kinds together");
	}
	if (level < RP_LOG_DEBUG) {
		turn_window(kind, now);
		kind->format = format;
		kind->level = level;
		if (kind->lines >= limits.lines) {
			kind->suppressed++;
			return false;
		}
		kind->lines++;
	}
	if (limits.bytes + (int64_t)len > limits.bytes_per_minute) {
		limits.cut++;
		return false;
	}
	limits.bytes += (int64_t)len;
	return true;
}

void rp_log_set_limits(int lines, int window_s, int bytes_per_minute)
{
	pthread_mutex_lock(&limits.lock);
	limits.lines = lines;
	limits.window_s = window_s;
	limits.bytes_per_minute = bytes_per_minute;
	memset(limits.kinds, 0, sizeof(limits.kinds));
	limits.minute = rp_clock_monotonic();
	limits.bytes = limits.cut = 0;
	pthread_mutex_unlock(&limits.lock);
}

void rp_log_tell_suppressed(void)
{
	int64_t now = rp_clock_monotonic();

	pthread_mutex_lock(&limits.lock);
	for (size_t i = 0; limits.lines && i < KINDS; i++)
		if (limits.kinds[i].suppressed)
			turn_window(&limits.kinds[i], now);
	pthread_mutex_unlock(&limits.lock);
}

void rp_log(enum rp_log_level level, const char *format, ...)
{
	int saved = errno;
	char line[2048];
	va_list args;
	size_t len;

	if ((int)level > atomic_load_explicit(&highest, memory_order_relaxed))
		return;
	put_prefix(level, line, sizeof(line));
	len = strlen(line);
	errno = saved; /* for %m */
	va_start(args, format);
	vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	len = strlen(line);
	pthread_mutex_lock(&limits.lock);
	if (!limits.lines || may_log(level, format, len + 1))
		put_line(line, sizeof(line), len);
	pthread_mutex_unlock(&limits.lock);
	errno = saved;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/printable.h"

static atomic_int highest = RP_LOG_INFO;

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
	rp_printable(line);
	len = strlen(line);
	line[len] = '\n';
	/* One write a line: threads and children share this descriptor. */
	while (write(STDERR_FILENO, line, len + 1) < 0 && errno == EINTR)
		;
	errno = saved;
}

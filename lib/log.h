/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines of the daemons, to standard error: one line a call, with the journal's priority
 * prefix (sd-daemon(3)) when standard error is the journal, with a time stamp otherwise.
 * Only programs log (server/, agent/); library code returns errors and stays silent.
 */
#ifndef RP_LIB_LOG_H
#define RP_LIB_LOG_H

enum rp_log_level { RP_LOG_ERROR = 3, RP_LOG_WARNING = 4, RP_LOG_INFO = 6, RP_LOG_DEBUG = 7 };

/* Lines above this level are dropped; RP_LOG_INFO at start. */
void rp_log_set_level(enum rp_log_level level);

/*
 * For a daemon whom strangers make log: at most lines of a kind in each window of so many seconds,
 * and at most bytes of all in a minute. A kind is a call's format. What was left out is counted, and
 * told by the next line of that kind or by rp_log_tell_suppressed. 0 lines: no limit, as at start.
 * Debug lines have no kind: who asks for each step gets each, as far as the bytes go.
 */
void rp_log_set_limits(int lines, int window_s, int bytes_per_minute);

/* Say now how many lines of each kind were left out in windows that are over. */
void rp_log_tell_suppressed(void);

/* Control characters become '?'. Keeps errno. */
void rp_log(enum rp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define rp_log_error(...) rp_log(RP_LOG_ERROR, __VA_ARGS__)
#define rp_log_warning(...) rp_log(RP_LOG_WARNING, __VA_ARGS__)
#define rp_log_info(...) rp_log(RP_LOG_INFO, __VA_ARGS__)
#define rp_log_debug(...) rp_log(RP_LOG_DEBUG, __VA_ARGS__)

#endif

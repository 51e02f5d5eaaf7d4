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

/* Control characters become '?'. Keeps errno. */
void rp_log(enum rp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define rp_log_error(...) rp_log(RP_LOG_ERROR, __VA_ARGS__)
#define rp_log_warning(...) rp_log(RP_LOG_WARNING, __VA_ARGS__)
#define rp_log_info(...) rp_log(RP_LOG_INFO, __VA_ARGS__)
#define rp_log_debug(...) rp_log(RP_LOG_DEBUG, __VA_ARGS__)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object. Functions return 0 or positive on success and a negative errno on
 * failure; where a person or a peer will read the reason, they also fill a struct rp_error.
 *
 * A text names the thing and the remedy: "keys/db.key: mode is 0644, must be 0600: chmod 600 it".
 */
#ifndef RP_LIB_ERROR_H
#define RP_LIB_ERROR_H

struct rp_error {
	int code;	/* negative errno; 0 while nothing went wrong */
	char text[512]; /* one line, no newline, cut at the end where it does not fit */
};

#define RP_ERROR_NONE ((struct rp_error){0})

/*
 * Fill err and return code, so that a failing function ends in one line:
 *     return rp_error_set(err, -EINVAL, "%s: not a DSSE envelope", path);
 * err may be NULL: only the code is handed on. Control characters of the text become '?',
 * since it often quotes foreign bytes.
 */
int rp_error_set(struct rp_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* rp_error_set(err, -ENOMEM, "no memory"): returns -ENOMEM. */
int rp_error_memory(struct rp_error *err);

/* Put "PREFIX: " before the text of err, on the way up. err may be NULL: then nothing happens. */
void rp_error_prefix(struct rp_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Like rp_error_set, with the OpenSSL error queue's newest reason appended; clears the queue. */
int rp_error_openssl(struct rp_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

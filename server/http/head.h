/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request (RFC 9112): request line and header fields, read strictly. What two readers
 * could read in two ways is refused: bare CR or LF, folded lines, white space before a colon, a
 * length given twice, a transfer coding (nobody who talks to us sends one).
 */
#ifndef RP_SERVER_HTTP_HEAD_H
#define RP_SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RP_HEAD_MAX (16 << 10) /* bytes, the empty line included */
#define RP_HEAD_FIELDS_MAX 64

struct rp_head_field {
	const char *name, *value; /* value without white space around it */
};

struct rp_head {
	const char *method;
	const char *path;  /* still percent-encoded, never empty */
	const char *query; /* without '?'; NULL: none */
	int64_t length;	   /* of the body; 0: none */
	bool keep_alive, expects_continue;
	bool is_1_0; /* HTTP/1.0: it is told that the connection stays, later ones know */
	size_t count;
	struct rp_head_field fields[RP_HEAD_FIELDS_MAX];
};

/*
 * The length of the head that bytes begin with, empty line included; 0: not all of it is there.
 * Empty lines before it belong to it. known is how many of the bytes were looked at before.
 */
size_t rp_head_length(const char *bytes, size_t len, size_t known);

/*
 * Parse the len bytes that rp_head_length found. They are changed, and ret points into them.
 * -EINVAL: no request (400); -E2BIG: too many fields (431); -ENOTSUP: a transfer coding (501);
 * -EPROTONOSUPPORT: not HTTP/1 (505).
 */
int rp_head_parse(char *bytes, size_t len, struct rp_head *ret);

/* The value of the first field of that name, in any case; NULL: none. */
const char *rp_head_field(const struct rp_head *head, const char *name);

#endif

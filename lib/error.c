/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/printable.h"

/* All formatting goes to a copy first: callers quote err->text in a new text for err. */
static int store(struct rp_error *err, int code, const char *text)
{
	snprintf(err->text, sizeof(err->text), "%.*s", (int)sizeof(err->text) - 1, text);
	rp_printable(err->text);
	err->code = code;
	return code;
}

int rp_error_set(struct rp_error *err, int code, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return store(err, code, text);
}

int rp_error_memory(struct rp_error *err)
{
	return rp_error_set(err, -ENOMEM, "no memory");
}

void rp_error_prefix(struct rp_error *err, const char *format, ...)
{
	char text[2 * sizeof(err->text) + 2];
	char prefix[sizeof(err->text)];
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(prefix, sizeof(prefix), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
	store(err, err->code, text);
}

int rp_error_openssl(struct rp_error *err, int code, const char *format, ...)
{
	unsigned long newest = ERR_peek_last_error();
	char text[sizeof(err->text) + 256];
	char reason[256] = "";
	va_list args;
	size_t len;

	if (newest && ERR_reason_error_string(newest))
		snprintf(reason, sizeof(reason), "%s", ERR_reason_error_string(newest));
	else if (newest)
		ERR_error_string_n(newest, reason, sizeof(reason));
	ERR_clear_error();
	if (!err)
		return code;

	va_start(args, format);
	vsnprintf(text, sizeof(err->text), format, args);
	va_end(args);
	len = strlen(text);
	if (*reason)
		snprintf(text + len, sizeof(text) - len, ": %s", reason);
	return store(err, code, text);
}

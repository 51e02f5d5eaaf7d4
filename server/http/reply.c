/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/printable.h"
#include "server/http/reply.h"

void rp_reply_done(struct rp_reply *reply)
{
	json_decref(reply->json);
	free(reply->text);
	free(reply->headers_location);
	memset(reply, 0, sizeof(*reply));
}

int rp_reply_error(struct rp_reply *reply, int status, const char *remedy, const char *format, ...)
{
	int retry_after_s = reply->retry_after_s;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	rp_printable(text);
	rp_reply_done(reply);
	reply->status = status;
	reply->retry_after_s = retry_after_s;
	/* Quoted foreign bytes need not be UTF-8, and a cut may split a character. */
	reply->json = json_pack("{s:s, s:s}", "error", text, "remedy", remedy ? remedy : "");
	if (!reply->json)
		reply->json = json_pack("{s:s, s:s}", "error",
			"the request is wrong, and what is wrong with it is not UTF-8 text",
			"remedy", remedy ? remedy : "");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pxe/bootscript.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/command_line.h"
#include "lib/encoding.h"
#include "lib/id.h"

enum { DHCP_TRIES = 5, SCRIPT_TRIES = 5, RETRIES_DEFAULT = 3, RETRIES_MAX = 20 };

/*
 * Everything that the server asks of a machine. iPXE expands settings that the firmware does not
 * have to nothing. netX is the device opened last: the one on which DHCP worked.
 */
#define SCRIPT_URL                                                                                 \
	"${base}/boot/v1/script?mac=${netX/mac}&uuid=${uuid}&arch=${buildarch}"                    \
	"&platform=${platform}&manufacturer=${manufacturer:uristring}"                             \
	"&product=${product:uristring}&serial=${serial:uristring}&asset=${asset:uristring}"

/*
 * The end of all roads. Not every firmware can power off or reset when asked to; an exit with an
 * error makes firmware go on to its next boot entry rather than to its menu.
 */
#define POWER_OFF                                                                                  \
	"poweroff ||\n"                                                                            \
	"reboot ||\n"                                                                              \
	"exit 1\n"

/* A text whose every character is one of ours. */
static bool only(const char *text, const char *extra)
{
	for (; *text; text++) {
		char c = *text;

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    strchr(extra, c)))
			return false;
	}
	return true;
}

static int check_url(const char *url, struct rp_error *err)
{
	const char *host = NULL;

	if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	if (!host || !*host || strlen(url) > 200 || !only(host, ".-:[]"))
		return rp_error_set(err, -EINVAL,
			"server URL '%s': must be https://HOST:PORT without a path", url);
	return 0;
}

static int print(char **ret, struct rp_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int print(char **ret, struct rp_error *err, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return rp_error_memory(err);
	*ret = text;
	return 0;
}

int rp_bootscript_autoexec(const char *server_url, char **ret, struct rp_error *err)
{
	int r = check_url(server_url, err);

	if (r < 0)
		return r;
	/*
	 * ifconf, since `dhcp` would also wait 4 s for an IPv6 router.
	 * The server's scripts set "leave" before they exit: then a failed chain is no failure.
	 * A script that came to its end without a boot also ends here, in a power-off.
	 */
	return print(ret, err,
		"#!ipxe\n"
		"set base %s\n"
		"set try:int32 1\n"
		":dhcp\n"
		"ifconf --configurator dhcp && goto found ||\n"
		"set error ${errno}\n"
		"echo rigproof: DHCP failed, try ${try} of %d\n"
		"iseq ${try} %d && goto failed ||\n"
		"inc try\n"
		"sleep 1\n"
		"goto dhcp\n"
		":found\n"
		"set try:int32 1\n"
		":script\n"
		"chain --autofree --timeout 30000 " SCRIPT_URL " && goto end ||\n"
		"set error ${errno}\n"
		"isset ${leave} && exit 1 ||\n"
		"echo rigproof: no boot script from ${base}, try ${try} of %d\n"
		"iseq ${try} %d && goto failed ||\n"
		"inc try\n"
		"sleep 2\n"
		"goto script\n"
		":failed\n"
		"echo rigproof: giving up with error ${error}\n"
		":end\n"
		"isset ${leave} && exit 1 ||\n" POWER_OFF,
		server_url, DHCP_TRIES, DHCP_TRIES, SCRIPT_TRIES, SCRIPT_TRIES);
}

static int check_boot(const struct rp_bootscript_boot *boot, struct rp_error *err)
{
	int r = check_url(boot->server_url, err);

	if (r < 0)
		return r;
	if (boot->image_path[0] != '/' || strlen(boot->image_path) > 255 ||
		!only(boot->image_path, "/._-"))
		return rp_error_set(
			err, -EINVAL, "image path '%s': not a plain URL path", boot->image_path);
	/* A word of its own, and no option of iPXE's command. */
	if (!boot->image_name[0] || boot->image_name[0] == '-' || strlen(boot->image_name) > 63 ||
		!only(boot->image_name, "._-"))
		return rp_error_set(err, -EINVAL,
			"image name '%s': must be 1 to 63 of a-z A-Z 0-9 . _ -", boot->image_name);
	if (strlen(boot->token) > 128 || !only(boot->token, ""))
		return rp_error_set(err, -EINVAL, "token: must be at most 128 hexadecimal digits");
	if (!rp_id_valid(boot->boot))
		return rp_error_set(err, -EINVAL, "boot id '%s': not a ULID", boot->boot);
	if (boot->retries < 0 || boot->retries > RETRIES_MAX)
		return rp_error_set(
			err, -EINVAL, "retries: %d, must be 0 to %d", boot->retries, RETRIES_MAX);
	r = rp_command_line_check(boot->command_line, err);
	if (r < 0)
		rp_error_prefix(err, "command line");
	return r;
}

int rp_bootscript_boot(const struct rp_bootscript_boot *boot, char **ret, struct rp_error *err)
{
	const bool has_token = boot->token[0];
	const int tries = boot->retries ? boot->retries : RETRIES_DEFAULT;
	int r = check_boot(boot, err);

	if (r < 0)
		return r;
	/*
	 * imgfree: systemd-stub 252 fails ("Already started") while iPXE offers any other image
	 * as an initrd, and a cut-off download must not be the one that is started. The image is
	 * fetched and started in two steps, so that the report says which of the two it was.
	 */
	return print(ret, err,
		"#!ipxe\n"
		"set base %s\n"
		"set boot %s\n"
		"set try:int32 1\n"
		":load\n"
		"imgfree\n"
		"echo rigproof: loading %s, try ${try} of %d\n"
		"set step download\n"
		"imgfetch --name %s --timeout 30000 ${base}%s || goto again\n"
		"set step start\n"
		"boot %s%s%s%s%s || goto again\n"
		"goto report\n"
		":again\n"
		"set error ${errno}\n"
		"echo rigproof: ${step} failed with error ${error}\n"
		"iseq ${try} %d && goto report ||\n"
		"inc try\n"
		"sleep 2\n"
		"goto load\n"
		":report\n"
		"imgfree\n"
		"imgfetch --name report --timeout 5000 "
		"${base}/boot/v1/failed?boot=${boot}&step=${step}&error=${error:uristring} ||\n"
		"imgfree\n" POWER_OFF,
		boot->server_url, boot->boot, boot->image_name, tries, boot->image_name,
		boot->image_path, boot->image_name, boot->command_line[0] ? " " : "",
		boot->command_line, has_token ? " rigproof.token=" : "", boot->token, tries);
}

static int check_reason(const char *reason, struct rp_error *err)
{
	int r;

	if (strlen(reason) > 200)
		return rp_error_set(err, -EINVAL, "reason: longer than 200 bytes");
	r = rp_ipxe_words_check(reason, err);
	if (r < 0)
		rp_error_prefix(err, "reason");
	return r;
}

int rp_bootscript_exit(const char *reason, char **ret, struct rp_error *err)
{
	int r = check_reason(reason, err);

	if (r < 0)
		return r;
	return print(ret, err,
		"#!ipxe\n"
		"echo rigproof: %s\n"
		"set leave 1\n"
		"exit 1\n",
		reason);
}

int rp_bootscript_wait(
	const char *server_url, const char *reason, int seconds, char **ret, struct rp_error *err)
{
	int r = check_url(server_url, err);

	if (r == 0)
		r = check_reason(reason, err);
	if (r < 0)
		return r;
	if (seconds < 1 || seconds > 3600)
		return rp_error_set(err, -EINVAL, "seconds: %d, must be 1 to 3600", seconds);
	/*
	 * --replace: the next script takes this one's place, so a long wait needs no more memory.
	 */
	return print(ret, err,
		"#!ipxe\n"
		"set base %s\n"
		"echo rigproof: %s\n"
		"sleep %d\n"
		"chain --replace --autofree --timeout 30000 " SCRIPT_URL "\n",
		server_url, reason, seconds);
}

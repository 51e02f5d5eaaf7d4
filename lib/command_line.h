/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel command lines and other words in the scripts that iPXE runs. It has no quoting: a line is
 * split at blanks, settings are expanded first. So what a manifest says is checked where it is
 * read, and not when the rig boots.
 */
#ifndef RP_LIB_COMMAND_LINE_H
#define RP_LIB_COMMAND_LINE_H

#include "lib/error.h"
#include "lib/must_use.h"

/* Bytes, without what the server adds for one boot: the kernel takes 2047 in all on x86. */
#define RP_COMMAND_LINE_MAX 1500

/*
 * Words of a line that iPXE takes as they are: printable ASCII, no "${", no word "||" or "&&", none
 * that begins with '#'. -EINVAL with "found WHAT, expected REMEDY".
 */
RP_MUST_USE int rp_ipxe_words_check(const char *text, struct rp_error *err);

/*
 * Such words as a kernel command line: also at most RP_COMMAND_LINE_MAX bytes, and no double quote
 * left open, which would take in what the server adds behind. "" is one.
 */
RP_MUST_USE int rp_command_line_check(const char *text, struct rp_error *err);

#endif

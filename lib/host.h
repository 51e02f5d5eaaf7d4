/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and addresses of machines, as people type them. Nothing here asks a name server.
 */
#ifndef RP_LIB_HOST_H
#define RP_LIB_HOST_H

#include <stdbool.h>

#include "lib/error.h"

/* An IPv4 address of four decimal numbers, or an IPv6 address without brackets and zone. */
bool rp_address_valid(const char *text);

/*
 * An address, or a DNS name: labels of letters, digits and hyphens (RFC 1123 2.1). A name whose
 * last label is a number is none, whatever else it looks like: resolvers read 10.0.0.300 as an address
 * that is not there (RFC 3696 2).
 */
bool rp_host_valid(const char *text);

/*
 * "https://HOST[:PORT]", HOST as above or an IPv6 address in brackets, with nothing behind it but
 * perhaps one slash. -EINVAL, with what is wrong.
 */
int rp_host_check_url(const char *url, struct rp_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as rigs need it: libcurl's newest beside iPXE's RSA key exchange with CBC. */
#ifndef RP_SERVER_HTTP_TLS_H
#define RP_SERVER_HTTP_TLS_H

#include <openssl/ssl.h>

#include "lib/error.h"

/*
 * A server context with tls.key and the whole chain of tls.crt of the folder, root included: iPXE
 * verifies by the root's fingerprint alone and must be shown it.
 *
 * A client certificate is asked for, not required. One that is not of role `boot` below our root
 * ends the handshake. It is asked of clients with TLS 1.3 only: older iPXE (up to 1.21.1 of 2023)
 * gives up when it is asked, agents always have 1.3.
 *
 * root is borrowed: it must outlive the context.
 */
int rp_tls_server_context(const char *keys_dir, X509 *root, SSL_CTX **ret, struct rp_error *err);

/* The verified client certificate of a connection, a new reference, or NULL. */
X509 *rp_tls_client_certificate(SSL *ssl);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup types for OpenSSL's handles; see lib/cleanup.h. */
#ifndef RP_LIB_OPENSSL_CLEANUP_H
#define RP_LIB_OPENSSL_CLEANUP_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/cleanup.h"

RP_DEFINE_CLEANUP(bio, BIO, BIO_free_all)
RP_DEFINE_CLEANUP(pkey, EVP_PKEY, EVP_PKEY_free)
RP_DEFINE_CLEANUP(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
RP_DEFINE_CLEANUP(x509, X509, X509_free)
RP_DEFINE_CLEANUP(x509_req, X509_REQ, X509_REQ_free)
RP_DEFINE_CLEANUP(x509_store, X509_STORE, X509_STORE_free)
RP_DEFINE_CLEANUP(x509_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)
RP_DEFINE_CLEANUP(x509_extension, X509_EXTENSION, X509_EXTENSION_free)
RP_DEFINE_CLEANUP(ssl_ctx, SSL_CTX, SSL_CTX_free)

#endif

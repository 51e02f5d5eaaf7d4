/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cleanup type for every foreign handle that we hold.
 *
 *   rp_cleanup(json) json_t *doc = json_object();      freed when doc leaves scope
 *   return rp_steal(doc);                              ... unless it is handed on
 *
 * The destructors take NULL. A function uses these, or goto unwinding, never both.
 * rp_cleanup(x) needs x to be initialised at its declaration.
 */
#ifndef RP_LIB_CLEANUP_H
#define RP_LIB_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <errno.h>

#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define rp_cleanup(kind) __attribute__((cleanup(rp_cleanup_##kind)))

/* Take the value out of a cleaned-up variable: the caller owns it from here. */
#define rp_steal(variable)                                                                         \
	({                                                                                         \
		__typeof__(variable) rp_stolen_ = (variable);                                      \
		(variable) = NULL;                                                                 \
		rp_stolen_;                                                                        \
	})

/* The same for a file descriptor. */
#define rp_steal_fd(variable)                                                                      \
	({                                                                                         \
		int rp_stolen_ = (variable);                                                       \
		(variable) = -1;                                                                   \
		rp_stolen_;                                                                        \
	})

#define RP_DEFINE_CLEANUP(kind, type, destroy)                                                     \
	static inline void rp_cleanup_##kind(type **handle)                                        \
	{                                                                                          \
		if (*handle)                                                                       \
			destroy(*handle);                                                          \
	}

/* Memory of malloc: any pointer type. */
static inline void rp_cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

/* A file descriptor, -1 for none. Keeps errno. */
static inline void rp_cleanup_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

RP_DEFINE_CLEANUP(file, FILE, fclose)
RP_DEFINE_CLEANUP(dir, DIR, closedir)

RP_DEFINE_CLEANUP(json, json_t, json_decref)

RP_DEFINE_CLEANUP(bio, BIO, BIO_free_all)
RP_DEFINE_CLEANUP(pkey, EVP_PKEY, EVP_PKEY_free)
RP_DEFINE_CLEANUP(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
RP_DEFINE_CLEANUP(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
RP_DEFINE_CLEANUP(x509, X509, X509_free)
RP_DEFINE_CLEANUP(x509_req, X509_REQ, X509_REQ_free)
RP_DEFINE_CLEANUP(x509_store, X509_STORE, X509_STORE_free)
RP_DEFINE_CLEANUP(x509_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)
RP_DEFINE_CLEANUP(x509_extension, X509_EXTENSION, X509_EXTENSION_free)
RP_DEFINE_CLEANUP(ssl_ctx, SSL_CTX, SSL_CTX_free)

RP_DEFINE_CLEANUP(curl, CURL, curl_easy_cleanup)
RP_DEFINE_CLEANUP(curl_slist, struct curl_slist, curl_slist_free_all)
RP_DEFINE_CLEANUP(curl_url, CURLU, curl_url_cleanup)

RP_DEFINE_CLEANUP(evbuffer, struct evbuffer, evbuffer_free)
RP_DEFINE_CLEANUP(event, struct event, event_free)

RP_DEFINE_CLEANUP(sqlite_stmt, sqlite3_stmt, sqlite3_finalize)

RP_DEFINE_CLEANUP(bus, sd_bus, sd_bus_unref)
RP_DEFINE_CLEANUP(bus_message, sd_bus_message, sd_bus_message_unref)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cleanup type for every foreign handle that we hold. Here are those of libc and jansson, which
 * every folder uses. Others stand with the lowest user of their library: OpenSSL's in
 * lib/openssl_cleanup.h, sd-bus's in agent/bus_cleanup.h, libevent's in
 * server/http/event_cleanup.h; what one file alone holds (libcurl, SQLite) is defined in it.
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

#include <jansson.h>

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

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What analysers cannot see from a declaration: rp_error_set and rp_error_openssl hand on their code, which is negative,
 * and rp_error_memory gives -ENOMEM.
 * Without it each "return rp_error_set(...)" might be a success whose outputs nobody wrote. Included in front of every
 * file by `make analyze`, never by a build.
 */
#include <errno.h>

#include "lib/error.h"

#define RP_FAILURE(call, value)                                                                    \
	({                                                                                         \
		int rp_code_ = (value);                                                            \
		(void)(call);                                                                      \
		if (rp_code_ >= 0)                                                                 \
			__builtin_unreachable();                                                   \
		rp_code_;                                                                          \
	})
#define rp_error_set(err, code, ...) RP_FAILURE((rp_error_set)(err, code, __VA_ARGS__), code)
#define rp_error_memory(err) RP_FAILURE((rp_error_memory)(err), -ENOMEM)
#define rp_error_openssl(err, code, ...)                                                           \
	RP_FAILURE((rp_error_openssl)(err, code, __VA_ARGS__), code)

/* SPDX-License-Identifier: Apache-2.0 */
/* External tools (sbsign, sign-file, mmdebstrap...), run to their end. Never through a shell. */
#ifndef RP_LIB_PROCESS_H
#define RP_LIB_PROCESS_H

#include <stddef.h>

#include "lib/error.h"

struct rp_process {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *env;	 /* NULL-terminated "NAME=value" added to ours; NULL: none */
	const char *directory;	 /* where it runs; NULL: here */
	const void *input;	 /* its standard input; NULL: empty */
	size_t input_len;
	int timeout_s; /* killed after so many seconds; 0: never */
};

/*
 * Run and wait. Returns 0 where it exits with 0. Else -ENOENT (no such program: the text says which
 * and that a package has to be installed), -ETIMEDOUT or -EIO, with the program's name, its exit status
 * and the last line of its standard error in err. ret_output (standard output, NUL-terminated, at
 * most 16 MiB, allocated) and ret_len may be NULL: then standard output is dropped.
 */
int rp_process_run(
	const struct rp_process *process, char **ret_output, size_t *ret_len, struct rp_error *err);

#endif

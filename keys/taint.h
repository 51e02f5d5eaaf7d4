/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's taint bits in words (linux/Documentation/admin-guide/tainted-kernels.rst). Private to
 * keys/.
 */
#ifndef RP_KEYS_TAINT_H
#define RP_KEYS_TAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RP_TAINT_BITS 63 /* of /proc/sys/kernel/tainted, read as a signed number */

/*
 * The bits that nothing of the job explains. Its modules are built out of the kernel's tree (O), and
 * perhaps not signed with a key that the kernel knows (E): where some were loaded, these two are.
 */
uint64_t rp_taint_unexplained(uint64_t bits, bool modules_loaded);

/* "machine check (M)"; of a bit that this version knows no word for, "bit 40". */
void rp_taint_describe(unsigned int bit, char *ret_text, size_t size);

#endif

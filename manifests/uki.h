/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unified kernel images: systemd's EFI stub with a kernel, an initrd and a command line appended as
 * PE sections (UAPI Group, "Unified Kernel Image"; systemd-stub(7), here of systemd 252). Assembled
 * here and not by objcopy: the addresses are computed (a kernel above 16 MiB overran fixed ones),
 * nothing may overlap, and the same parts give the same bytes.
 */
#ifndef RP_MANIFESTS_UKI_H
#define RP_MANIFESTS_UKI_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define RP_UKI_STUB "/usr/lib/systemd/boot/efi/linuxx64.efi.stub" /* package systemd-boot-efi */

struct rp_uki_section {
	const char *name; /* ".linux": 1 to 8 characters */
	const void *data;
	size_t size; /* not 0; the virtual size, which is what the stub measures to PCR 11 */
};

/*
 * The PE file stub with the sections appended, each at the next 4096-byte boundary, readable data.
 * *ret_image is allocated. -EINVAL: stub is not a PE32+ file that sections can be appended to
 * (signed, truncated, overlapping, data behind its last section), a section is there already, or
 * its name is not one. -ENOSPC: no room for another section header. -EFBIG: beyond 4 GiB.
 * Nothing is checked of what the sections hold.
 */
int rp_uki_append(const void *stub, size_t stub_size, const struct rp_uki_section *sections,
	size_t count, uint8_t **ret_image, size_t *ret_size, struct rp_error *err);

/*
 * The bytes of a section, of its virtual size, inside image. -ENOENT: it has none of that name;
 * -EINVAL: image is no PE32+ file.
 */
int rp_uki_find(const void *image, size_t size, const char *name, const uint8_t **ret_data,
	size_t *ret_size, struct rp_error *err);

#define RP_KERNEL_RELEASE 65

/*
 * The release ("6.1.0-56-amd64") that an x86 bzImage says it is: Documentation/arch/x86/boot.rst,
 * kernel_version. -EINVAL: not a bzImage, or one without an EFI stub of its own (the UKI stub needs
 * it).
 */
int rp_kernel_release(
	const void *kernel, size_t size, char ret_release[RP_KERNEL_RELEASE], struct rp_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Secure Boot variables of the lab, ready to be written through efivarfs in Setup Mode, in the
 * order db, KEK, PK (attributes RP_EFI_AUTH_ATTRIBUTES): signed EFI_VARIABLE_AUTHENTICATION_2
 * updates (UEFI 2.10, 8.2.2 and 32.4.1) made by efitools.
 *
 *   PK.auth   PK.crt                signed by PK
 *   KEK.auth  KEK.crt               signed by PK
 *   db.auth   db.crt, module.crt    signed by KEK
 *
 * A variable has to be written to a rig in one write(2): the attributes, then the file's bytes.
 */
#ifndef RP_KEYS_EFI_AUTH_H
#define RP_KEYS_EFI_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define RP_EFI_AUTH_ATTRIBUTES                                                                     \
	0x27u /* non-volatile, boot services, runtime, time-based authentication */
#define RP_EFI_AUTH_CERTS_MAX 16

/*
 * Make key_dir/{PK,KEK,db}.{esl,auth} from its keys (replaced where they exist). Time stamp
 * 2000-01-01 00:00:00 UTC; owner GUID: that of key_dir/owner.guid, made once. Needs efitools.
 * The same keys give the same bytes.
 */
int rp_efi_auth_make(const char *key_dir, struct rp_error *err);

/* What a .auth file holds; pointers into the data that was parsed. */
struct rp_efi_auth {
	uint16_t year;
	uint8_t month, day, hour, minute, second;
	const uint8_t *signature; /* PKCS#7 SignedData, DER, without ContentInfo; not verified */
	size_t signature_len;
	const uint8_t *payload; /* the signature lists, as the variable will hold them */
	size_t payload_len;
	size_t certs; /* X.509 certificates in the lists */
	struct {
		const uint8_t *der;
		size_t len;
		uint8_t owner[16];
	} cert[RP_EFI_AUTH_CERTS_MAX];
};

/*
 * Check the form of an update: nothing is left over, only X.509 lists. Signatures are
 * the firmware's. -EINVAL.
 */
int rp_efi_auth_parse(const void *data, size_t len, struct rp_efi_auth *ret, struct rp_error *err);

#endif

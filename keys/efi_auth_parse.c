/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "keys/efi_auth.h"

#define TIME_LEN 16
#define CERTIFICATE_LEN 24 /* WIN_CERTIFICATE_UEFI_GUID up to CertData */
#define LIST_LEN 28	   /* EFI_SIGNATURE_LIST up to SignatureHeader */
#define OWNER_LEN 16
#define REVISION 0x0200
#define TYPE_EFI_GUID 0x0EF1

/* Mixed-endian, as they stand in memory. */
static const uint8_t pkcs7_guid[16] = {0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49, 0x8a, 0xa9,
	0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7};
static const uint8_t x509_guid[16] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5,
	0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Length of the DER SEQUENCE at p with its header, 0 where there is none within len bytes. */
static size_t der_sequence(const uint8_t *p, size_t len)
{
	size_t content, header = 2;

	if (len < 2 || p[0] != 0x30)
		return 0;
	content = p[1];
	if (content & 0x80) {
		size_t bytes = content & 0x7f;

		if (bytes < 1 || bytes > 3 || len < 2 + bytes)
			return 0;
		header += bytes;
		content = 0;
		for (size_t i = 0; i < bytes; i++)
			content = content << 8 | p[2 + i];
	}
	return content <= len - header ? header + content : 0;
}

static int parse_time(const uint8_t *p, struct rp_efi_auth *ret, struct rp_error *err)
{
	static const uint8_t zero[9];

	ret->year = le16(p);
	ret->month = p[2];
	ret->day = p[3];
	ret->hour = p[4];
	ret->minute = p[5];
	ret->second = p[6];
	if (ret->year < 1900 || ret->year > 9999 || ret->month < 1 || ret->month > 12 ||
		ret->day < 1 || ret->day > 31 || ret->hour > 23 || ret->minute > 59 ||
		ret->second > 59)
		return rp_error_set(err, -EINVAL, "the time stamp is not a time");
	if (memcmp(p + 7, zero, sizeof(zero)) != 0)
		return rp_error_set(
			err, -EINVAL, "the time stamp has more than seconds: firmware refuses it");
	return 0;
}

static int parse_list(const uint8_t *p, size_t len, struct rp_efi_auth *ret, struct rp_error *err)
{
	size_t size = le32(p + 24);

	if (memcmp(p, x509_guid, sizeof(x509_guid)) != 0)
		return rp_error_set(err, -EINVAL, "a signature list is not of X.509 certificates");
	if (le32(p + 20) != 0 || size <= OWNER_LEN || (len - LIST_LEN) % size != 0)
		return rp_error_set(err, -EINVAL, "the sizes of a signature list do not fit");
	for (p += LIST_LEN, len -= LIST_LEN; len; p += size, len -= size) {
		if (ret->certs == RP_EFI_AUTH_CERTS_MAX)
			return rp_error_set(
				err, -EINVAL, "more than %d certificates", RP_EFI_AUTH_CERTS_MAX);
		if (der_sequence(p + OWNER_LEN, size - OWNER_LEN) != size - OWNER_LEN)
			return rp_error_set(
				err, -EINVAL, "an entry of a signature list is not a certificate");
		memcpy(ret->cert[ret->certs].owner, p, OWNER_LEN);
		ret->cert[ret->certs].der = p + OWNER_LEN;
		ret->cert[ret->certs].len = size - OWNER_LEN;
		ret->certs++;
	}
	return 0;
}

static int parse_payload(struct rp_efi_auth *ret, struct rp_error *err)
{
	const uint8_t *p = ret->payload;
	size_t left = ret->payload_len;

	/* To firmware an empty payload means: delete the variable. */
	if (!left)
		return rp_error_set(err, -EINVAL, "there is no signature list");
	while (left) {
		size_t size = left < LIST_LEN ? 0 : le32(p + 16);
		int r;

		if (size <= LIST_LEN || size > left)
			return rp_error_set(err, -EINVAL, "a signature list ends early");
		r = parse_list(p, size, ret, err);
		if (r < 0)
			return r;
		p += size;
		left -= size;
	}
	return 0;
}

int rp_efi_auth_parse(const void *data, size_t len, struct rp_efi_auth *ret, struct rp_error *err)
{
	const uint8_t *p = data;
	struct rp_efi_auth auth = {0};
	size_t certificate;
	int r;

	if (len < TIME_LEN + CERTIFICATE_LEN)
		return rp_error_set(err, -EINVAL, "too short for an authenticated variable");
	r = parse_time(p, &auth, err);
	if (r < 0)
		return r;
	p += TIME_LEN;
	len -= TIME_LEN;
	certificate = le32(p);
	if (certificate < CERTIFICATE_LEN || certificate > len)
		return rp_error_set(err, -EINVAL, "the certificate's length does not fit");
	if (le16(p + 4) != REVISION || le16(p + 6) != TYPE_EFI_GUID ||
		memcmp(p + 8, pkcs7_guid, sizeof(pkcs7_guid)) != 0)
		return rp_error_set(err, -EINVAL, "the signature is not PKCS#7");
	auth.signature = p + CERTIFICATE_LEN;
	auth.signature_len = certificate - CERTIFICATE_LEN;
	if (der_sequence(auth.signature, auth.signature_len) != auth.signature_len)
		return rp_error_set(err, -EINVAL, "the signature is not DER");
	auth.payload = p + certificate;
	auth.payload_len = len - certificate;
	r = parse_payload(&auth, err);
	if (r < 0)
		return r;
	*ret = auth;
	return 0;
}

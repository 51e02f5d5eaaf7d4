/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/ecdsa.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "lib/cleanup.h"

#define SIGNATURE_MAX 72 /* DER of two integers of 33 bytes */

/* The order n of P-256 (FIPS 186-4, D.1.2.3). NULL: no memory. */
static BIGNUM *order(void)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *n = group ? BN_dup(EC_GROUP_get0_order(group)) : NULL;

	EC_GROUP_free(group);
	return n;
}

/* 1 where s is above n/2, with *ret_other = n - s; 0; or -ENOMEM. */
static int is_high(const BIGNUM *s, BIGNUM **ret_other)
{
	BIGNUM *n = order();
	BIGNUM *other = BN_new();
	int r = -ENOMEM;

	if (n && other && BN_sub(other, n, s) == 1)
		r = BN_cmp(s, other) > 0;
	BN_free(n);
	if (r == 1 && ret_other)
		*ret_other = other;
	else
		BN_free(other);
	return r;
}

static ECDSA_SIG *parse(const uint8_t *signature, size_t len)
{
	const unsigned char *at = signature;
	ECDSA_SIG *parsed = len <= SIGNATURE_MAX ? d2i_ECDSA_SIG(NULL, &at, (long)len) : NULL;

	ERR_clear_error();
	if (parsed && at != signature + len) {
		ECDSA_SIG_free(parsed);
		return NULL;
	}
	return parsed;
}

int rp_ecdsa_lower(uint8_t *signature, size_t *len)
{
	ECDSA_SIG *parsed = parse(signature, *len);
	BIGNUM *low = NULL, *r_copy;
	unsigned char *at = signature;
	int r;

	if (!parsed)
		return -EINVAL;
	r = is_high(ECDSA_SIG_get0_s(parsed), &low);
	if (r == 1) {
		r_copy = BN_dup(ECDSA_SIG_get0_r(parsed));
		if (r_copy && ECDSA_SIG_set0(parsed, r_copy, low) == 1) {
			*len = (size_t)i2d_ECDSA_SIG(parsed, &at);
			r = 0;
		} else {
			BN_free(r_copy);
			BN_free(low);
			r = -ENOMEM;
		}
	}
	ECDSA_SIG_free(parsed);
	return r;
}

bool rp_ecdsa_is_low(const uint8_t *signature, size_t len)
{
	ECDSA_SIG *parsed = parse(signature, len);
	unsigned char again[SIGNATURE_MAX + 8], *at = again;
	bool low;

	if (!parsed)
		return false;
	low = i2d_ECDSA_SIG(parsed, NULL) == (int)len && i2d_ECDSA_SIG(parsed, &at) == (int)len &&
	      memcmp(again, signature, len) == 0 && is_high(ECDSA_SIG_get0_s(parsed), NULL) == 0;
	ECDSA_SIG_free(parsed);
	return low;
}

/* The signature of a certificate, NULL where it is not ECDSA. */
static const ASN1_BIT_STRING *signature_of(const X509 *cert)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *algorithm;

	X509_get0_signature(&signature, &algorithm, cert);
	return OBJ_obj2nid(algorithm->algorithm) == NID_ecdsa_with_SHA256 ? signature : NULL;
}

int rp_ecdsa_lower_certificate(X509 *cert)
{
	/* X509_sign has written it and there is no call that replaces it, hence without const. */
	ASN1_BIT_STRING *signature = (ASN1_BIT_STRING *)signature_of(cert);
	uint8_t bytes[SIGNATURE_MAX];
	size_t len;
	int r;

	if (!signature)
		return 0;
	len = (size_t)ASN1_STRING_length(signature);
	if (len > sizeof(bytes))
		return -EINVAL;
	memcpy(bytes, ASN1_STRING_get0_data(signature), len);
	r = rp_ecdsa_lower(bytes, &len);
	if (r < 0)
		return r;
	return ASN1_BIT_STRING_set(signature, bytes, (int)len) == 1 ? 0 : -ENOMEM;
}

bool rp_ecdsa_certificate_is_low(const X509 *cert)
{
	const ASN1_BIT_STRING *signature = signature_of(cert);

	return !signature || rp_ecdsa_is_low(ASN1_STRING_get0_data(signature),
				     (size_t)ASN1_STRING_length(signature));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/pem.h"

#include "lib/openssl_cleanup.h"

int rp_pem_read_cert_strict(const char *text, X509 **ret, struct rp_error *err)
{
	rp_cleanup(x509) X509 *cert = NULL;
	rp_cleanup(free) char *again = NULL;
	int r = rp_pem_read_cert(text, &cert, err);

	if (r < 0)
		return r;
	again = rp_pem_write_cert(cert);
	if (!again)
		return rp_error_memory(err);
	if (strcmp(again, text) != 0)
		return rp_error_set(err, -EINVAL,
			"not one PEM certificate in its plain form (64 columns, DER)");
	*ret = rp_steal(cert);
	return 0;
}

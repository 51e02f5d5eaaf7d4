/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/evidence.h"

#include <errno.h>
#include <string.h>

#include <openssl/pem.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"
#include "lib/printable.h"

int rp_cli_root_cert(const struct rp_cli *cli, X509 **ret, struct rp_error *err)
{
	rp_cleanup(free) char *pem = NULL;
	rp_cleanup(bio) BIO *bio = NULL;
	X509 *cert;
	int r = rp_cli_root(cli, &pem, err);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(pem, -1);
	cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!cert)
		return rp_error_openssl(err, -EINVAL, "the root certificate is not PEM");
	*ret = cert;
	return 0;
}

int rp_client_evidence(struct rp_client *client, const char *job, char **ret, size_t *ret_len,
	struct rp_error *err)
{
	rp_cleanup(json) json_t *document = NULL;
	rp_cleanup(free) char *path = rp_path("/jobs/%s/evidence", job);
	rp_cleanup(free) char *pretty = NULL;
	char *text;
	int r;

	if (!path)
		return -ENOMEM;
	r = rp_client_call(client, "GET", path, NULL, &document, err);
	if (r < 0)
		return r;
	/* The API may pack its JSON; what is signed inside is base64 and stays as it is. */
	pretty = rp_json_pretty(document);
	text = pretty ? rp_printable_json(pretty) : NULL;
	if (!text)
		return -ENOMEM;
	*ret = text;
	*ret_len = strlen(text);
	return 0;
}

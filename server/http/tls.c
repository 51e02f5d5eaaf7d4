/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <string.h>

#include "keys/pki.h"
#include "lib/cleanup.h"
#include "lib/openssl_cleanup.h"
#include "server/http/tls.h"

/*
 * iPXE 1.21 has RSA key exchange with AES-CBC and AES-GCM, and in later builds ECDHE; it does not
 * get forward secrecy, but what it fetches is public or signed. Everything else here has it.
 */
#define CIPHERS_TLS12                                                                              \
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:"             \
	"ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:"           \
	"AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA"

static int offers_tls13(SSL *ssl)
{
	const unsigned char *versions;
	size_t len;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &versions, &len) ||
		len < 1 || versions[0] != len - 1)
		return 0;
	for (size_t i = 1; i + 1 < len; i += 2)
		if (versions[i] == (TLS1_3_VERSION >> 8) &&
			versions[i + 1] == (TLS1_3_VERSION & 0xff))
			return 1;
	return 0;
}

static int client_hello(SSL *ssl, int *alert, void *context)
{
	if (!offers_tls13(ssl))
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int verify_client(X509_STORE_CTX *store_ctx, void *context)
{
	X509 *root = context;
	struct rp_error err = RP_ERROR_NONE;
	int r = rp_pki_verify(X509_STORE_CTX_get0_cert(store_ctx),
		X509_STORE_CTX_get0_untrusted(store_ctx), root, RP_ROLE_BOOT, &err);

	X509_STORE_CTX_set_error(
		store_ctx, r < 0 ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
	return r == 0;
}

/* The certificates of a PEM text, the first as ours, the others as our chain. */
static int use_chain(SSL_CTX *ctx, const char *pem, struct rp_error *err)
{
	rp_cleanup(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	int count = 0;

	if (!bio)
		return rp_error_memory(err);
	for (;; count++) {
		rp_cleanup(x509) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		long ok;

		if (!cert)
			break;
		ok = count ? SSL_CTX_add1_chain_cert(ctx, cert)
			   : SSL_CTX_use_certificate(ctx, cert);
		if (ok != 1)
			return rp_error_openssl(err, -EINVAL, "tls.crt");
	}
	ERR_clear_error();
	if (count < 2)
		return rp_error_set(err, -EINVAL,
			"tls.crt: its chain has %d certificates, the root must be in it: make the "
			"keys anew with `rigproof keys init`",
			count);
	return 0;
}

int rp_tls_server_context(const char *keys_dir, X509 *root, SSL_CTX **ret, struct rp_error *err)
{
	static const unsigned char session_context[] = "rigproofd";
	rp_cleanup(ssl_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	rp_cleanup(pkey) EVP_PKEY *key = NULL;
	rp_cleanup(free) char *chain = NULL;
	int r;

	if (!ctx)
		return rp_error_openssl(err, -ENOMEM, "TLS");
	r = rp_pki_load_key(keys_dir, "tls", &key, err);
	if (r == 0)
		r = rp_pki_chain_pem(keys_dir, "tls", &chain, err);
	if (r == 0)
		r = use_chain(ctx, chain, err);
	if (r < 0)
		return r;
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return rp_error_openssl(err, -EINVAL,
			"%s: tls.crt is not of tls.key: make the keys anew with `rigproof keys "
			"init`",
			keys_dir);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) != 1 ||
		SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1) !=
			1 ||
		SSL_CTX_add_client_CA(ctx, root) != 1)
		return rp_error_openssl(err, -EINVAL, "TLS");
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_client, root);
	SSL_CTX_set_client_hello_cb(ctx, client_hello, NULL);
	*ret = rp_steal(ctx);
	return 0;
}

X509 *rp_tls_client_certificate(SSL *ssl)
{
	return SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get1_peer_certificate(ssl) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/agent_server_lab.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keys/dsse.h"
#include "keys/pem.h"
#include "keys/pki.h"
#include "keys/rig_protocol.h"
#include "keys/statement.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/openssl_cleanup.h"

#define PEER_BODY_MAX (1 << 20)

void peer_answer(struct peer *peer, const char *path, int status, int retry_after_s, json_t *body)
{
	pthread_mutex_lock(&peer->lock);
	for (size_t i = 0; i < PEER_ANSWERS; i++) {
		if (peer->answers[i].path && strcmp(peer->answers[i].path, path) != 0)
			continue;
		free(peer->answers[i].body);
		peer->answers[i].path = path;
		peer->answers[i].status = status;
		peer->answers[i].retry_after_s = retry_after_s;
		peer->answers[i].body = body ? rp_json_canonical(body) : NULL;
		peer->answers[i].acknowledge = false;
		break;
	}
	pthread_mutex_unlock(&peer->lock);
	json_decref(body);
}

void peer_acknowledges(struct peer *peer, const char *path)
{
	peer_answer(peer, path, 200, 0, NULL);
	for (size_t i = 0; i < PEER_ANSWERS; i++)
		if (peer->answers[i].path && strcmp(peer->answers[i].path, path) == 0)
			peer->answers[i].acknowledge = true;
}

int peer_asked(struct peer *peer, const char *path, const struct peer_asked **ret)
{
	int count = 0;

	pthread_mutex_lock(&peer->lock);
	for (size_t i = 0; i < peer->asked_count; i++)
		if (strcmp(peer->asked[i].path, path) == 0) {
			count++;
			if (ret)
				*ret = &peer->asked[i];
		}
	pthread_mutex_unlock(&peer->lock);
	return count;
}

void peer_forget(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	for (size_t i = 0; i < peer->asked_count; i++)
		free(peer->asked[i].body);
	peer->asked_count = 0;
	pthread_mutex_unlock(&peer->lock);
}

static char *peer_receipt(const struct peer *peer, const char *job, const char *body)
{
	char sha256[RP_SHA256_HEX];
	rp_cleanup(json) json_t *ack = NULL;
	rp_cleanup(json) json_t *receipt = NULL;

	rp_sha256_hex(body, strlen(body), sha256);
	ack = json_pack("{s:i, s:s, s:s, s:i, s:s}", "version", 1, "result", job, "sha256", sha256,
		"index", 0, "accepted", LAB_TIME);
	receipt = lab_answer(peer->lab, "ack", "log", RP_TYPE_ACK, ack);
	return rp_json_canonical(receipt);
}

/* Headers and body, as far as Content-Length goes. Caller frees; *ret_body points into it. */
static char *peer_read(SSL *ssl, char **ret_body)
{
	char *text = calloc(1, PEER_BODY_MAX);
	size_t len = 0, want = 0;
	char *end = NULL;

	while (len + 1 < PEER_BODY_MAX && (!end || len < want)) {
		int n = SSL_read(ssl, text + len, (int)(PEER_BODY_MAX - len - 1));

		if (n <= 0)
			break;
		len += (size_t)n;
		if (!end && (end = strstr(text, "\r\n\r\n"))) {
			const char *length = strcasestr(text, "content-length:");

			end += 4;
			want = (size_t)(end - text) + (length ? strtoul(length + 15, NULL, 10) : 0);
		}
	}
	*ret_body = end ? end : text + len;
	return text;
}

static void peer_note(
	struct peer *peer, SSL *ssl, const char *text, const char *body, struct peer_asked *ret)
{
	rp_cleanup(x509) X509 *cert = SSL_get1_peer_certificate(ssl);
	char boot[RP_ID_TEXT];

	*ret = (struct peer_asked){.body = strdup(body)};
	sscanf(text, "%7s %127s", ret->method, ret->path);
	if (cert && rp_pki_boot_identity(cert, ret->rig, boot, NULL) < 0)
		snprintf(ret->rig, sizeof(ret->rig), "?");
}

static char *peer_reply(const struct peer *peer, const struct peer_asked *asked)
{
	char *reply = NULL, retry_after[32] = "";

	for (size_t i = 0; i < PEER_ANSWERS && peer->answers[i].path; i++) {
		rp_cleanup(free) char *receipt = NULL;
		const char *body = peer->answers[i].body;

		if (strcmp(peer->answers[i].path, asked->path) != 0)
			continue;
		if (peer->answers[i].acknowledge)
			body = receipt =
				peer_receipt(peer, strrchr(asked->path, '/') + 1, asked->body);
		if (peer->answers[i].retry_after_s)
			snprintf(retry_after, sizeof(retry_after), "Retry-After: %d\r\n",
				peer->answers[i].retry_after_s);
		return asprintf(&reply,
			       "HTTP/1.1 %d X\r\nConnection: close\r\n%sContent-Length: "
			       "%zu\r\n\r\n%s",
			       peer->answers[i].status, retry_after, body ? strlen(body) : 0,
			       body ? body : "") < 0
			       ? NULL
			       : reply;
	}
	return strdup("HTTP/1.1 404 X\r\nConnection: close\r\n\r\n"
		      "{\"error\":\"nothing is here\",\"remedy\":\"look around\"}");
}

static void peer_serve(struct peer *peer, SSL *ssl)
{
	rp_cleanup(free) char *text = NULL;
	rp_cleanup(free) char *reply = NULL;
	struct peer_asked asked;
	char *body;

	if (SSL_accept(ssl) != 1)
		return;
	text = peer_read(ssl, &body);
	peer_note(peer, ssl, text, body, &asked);
	pthread_mutex_lock(&peer->lock);
	reply = peer_reply(peer, &asked);
	if (peer->asked_count < PEER_ASKED)
		peer->asked[peer->asked_count++] = asked;
	else
		free(asked.body);
	pthread_mutex_unlock(&peer->lock);
	if (reply)
		SSL_write(ssl, reply, (int)strlen(reply));
	SSL_shutdown(ssl);
}

static void *peer_main(void *context)
{
	struct peer *peer = context;
	int fd;

	while ((fd = accept(peer->fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(peer->ctx);

		SSL_set_fd(ssl, fd);
		peer_serve(peer, ssl);
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static int peer_any_client(int ok, X509_STORE_CTX *ctx)
{
	return 1;
}

static int peer_load_keys(struct peer *peer)
{
	rp_cleanup(free) char *path = lab_path(peer->lab, "tls.chain");
	rp_cleanup(free) char *chain = NULL;
	rp_cleanup(pkey) EVP_PKEY *key = NULL;

	if (rp_pki_chain_pem(peer->lab->keys, "tls", &chain, NULL) < 0 ||
		rp_file_write(path, 0600, chain, strlen(chain), NULL) < 0 ||
		rp_pki_load_key(peer->lab->keys, "tls", &key, NULL) < 0)
		return -1;
	peer->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_id_context(peer->ctx, (const unsigned char *)"lab", 3);
	SSL_CTX_set_verify(peer->ctx, SSL_VERIFY_PEER, peer_any_client);
	return SSL_CTX_use_certificate_chain_file(peer->ctx, path) == 1 &&
			       SSL_CTX_use_PrivateKey(peer->ctx, key) == 1
		       ? 0
		       : -1;
}

int peer_start(struct peer *peer, const struct lab *lab)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*peer = (struct peer){.lab = lab, .lock = PTHREAD_MUTEX_INITIALIZER};
	signal(SIGPIPE, SIG_IGN);
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer_load_keys(peer) < 0 ||
		bind(peer->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(peer->fd, 8) < 0 ||
		getsockname(peer->fd, (struct sockaddr *)&address, &len) < 0)
		return -1;
	snprintf(peer->url, sizeof(peer->url), "https://127.0.0.1:%d", ntohs(address.sin_port));
	return pthread_create(&peer->thread, NULL, peer_main, peer);
}

void peer_stop(struct peer *peer)
{
	shutdown(peer->fd, SHUT_RDWR); /* ends accept */
	pthread_join(peer->thread, NULL);
	close(peer->fd);
	SSL_CTX_free(peer->ctx);
	peer_forget(peer);
	for (size_t i = 0; i < PEER_ANSWERS; i++)
		free(peer->answers[i].body);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers try over real sockets: bodies nobody asked for, silence, dripping, not reading. */
#include <arpa/inet.h>
#include <openssl/ssl.h>

#include "tests/unit/https_lab.h"

#define PATIENCE_S 8 /* the lab's limits are 2 s, looked at once a second; the host may be busy */

/* One end of a conversation, TLS or plain. */
struct talk {
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: plain */
	int fd;
};

static struct talk talk_to(bool plain)
{
	struct talk talk = {.fd = lab_connect(plain ? lab.plain_name : lab.name)};
	const struct timeval patience = {PATIENCE_S, 0};

	setsockopt(talk.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (plain)
		return talk;
	talk.ctx = SSL_CTX_new(TLS_client_method());
	talk.ssl = SSL_new(talk.ctx);
	SSL_set_fd(talk.ssl, talk.fd);
	assert_int_equal(SSL_connect(talk.ssl), 1);
	return talk;
}

static void talk_end(struct talk *talk)
{
	SSL_free(talk->ssl);
	SSL_CTX_free(talk->ctx);
	close(talk->fd);
}

/* False: the other side does not take it any more. */
static bool say(struct talk *talk, const void *bytes, size_t len)
{
	if (talk->ssl)
		return SSL_write(talk->ssl, bytes, (int)len) == (int)len;
	return send(talk->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool say_text(struct talk *talk, const char *text)
{
	return say(talk, text, strlen(text));
}

static ssize_t hear(struct talk *talk, char *buffer, size_t size)
{
	return talk->ssl ? SSL_read(talk->ssl, buffer, (int)size) : recv(talk->fd, buffer, size, 0);
}

/* All that comes until the end, at most size - 1 bytes; -1: no end came in time. */
static ssize_t hear_all(struct talk *talk, char *buffer, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	memset(buffer, 0, size);
	while (len + 1 < size && (n = hear(talk, buffer + len, size - 1 - len)) > 0)
		len += (size_t)n;
	return n < 0 && errno == EAGAIN ? -1 : (ssize_t)len;
}

/* ---- bodies ---- */

/* The answer comes at the end of the head: nothing of the body was sent, and none is waited for. */
static void test_refused_unread(void **state)
{
	static const struct {
		const char *head, *answer;
	} cases[] = {
		{"PUT /big HTTP/1.1\r\nContent-Length: 16777216\r\n\r\n", "401 "},
		{"PUT /big HTTP/1.1\r\nAuthorization: Bearer viewer-token\r\n"
		 "Content-Length: 16777216\r\n\r\n",
			"403 "},
		{"PUT /big HTTP/1.1\r\nAuthorization: Bearer admin-token\r\n"
		 "Content-Length: 16777217\r\n\r\n",
			"413 "},
		{"POST /echo/a HTTP/1.1\r\nContent-Length: 262145\r\n\r\n", "413 "},
		{"GET /echo/a HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "413 "},
		{"POST /nothing HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", "404 "},
		{"POST /rig/v1/who HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", "405 "},
		{"PUT /big HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
			"401 "},
		{"PUT /big HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "501 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct talk talk = talk_to(false);
		char answer[4096];

		assert_true(say_text(&talk, cases[i].head));
		assert_true(hear_all(&talk, answer, sizeof(answer)) > 0);
		if (!strstr(answer, cases[i].answer) || !strstr(answer, "Connection: close\r\n") ||
			!strstr(answer, "\"remedy\":") || strstr(answer, "100 Continue"))
			fail_msg("%s\nfound %s", cases[i].head, answer);
		talk_end(&talk);
	}
}

/* Who sends on all the same reads the answer before he is cut off, and fills no memory of ours. */
static void test_refused_in_the_middle(void **state)
{
	for (int plain = 0; plain < 2; plain++) {
		struct talk talk = talk_to(plain);
		char *chunk = calloc(1, 1 << 16);
		char answer[4096];

		assert_true(say_text(&talk, plain ? "GET /echo/a HTTP/1.1\r\n"
						    "Content-Length: 16777216\r\n\r\n"
						  : "PUT /big HTTP/1.1\r\n"
						    "Content-Length: 16777216\r\n\r\n"));
		for (int i = 0; i < 64; i++) /* on its way while the refusal is */
			say(&talk, chunk, 1 << 16);
		assert_true(hear_all(&talk, answer, sizeof(answer)) > 0);
		assert_non_null(strstr(answer, plain ? "413 " : "401 "));
		free(chunk);
		talk_end(&talk);
	}
}

static void test_continue(void **state)
{
	struct talk talk = talk_to(false);
	char answer[4096] = "";

	assert_true(say_text(&talk, "PUT /big HTTP/1.1\r\nAuthorization: Bearer admin-token\r\n"
				    "Expect: 100-continue\r\nContent-Length: 4\r\n"
				    "Connection: close\r\n\r\n"));
	assert_true(hear(&talk, answer, sizeof(answer) - 1) > 0);
	assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_true(say_text(&talk, "body"));
	assert_true(hear_all(&talk, answer, sizeof(answer)) > 0);
	assert_non_null(strstr(answer, "200 OK\r\n"));
	assert_non_null(strstr(answer, "\"len\":4"));
	talk_end(&talk);
}

/* Bodies of the unknown have 1 MiB together here: more of them cost one another, not us. */
static void test_bodies_together(void **state)
{
	struct talk talks[8];
	char *half = calloc(1, 200 << 10);
	long before = lab_counter("connections_evicted_total{why=\"bytes\"}");

	for (int i = 0; i < 8; i++) {
		talks[i] = talk_to(false);
		say_text(&talks[i], "POST /echo/a HTTP/1.1\r\nContent-Length: 262144\r\n\r\n");
		say(&talks[i], half, 200 << 10);
	}
	for (int i = 0;
		i < 50 && lab_counter("connections_evicted_total{why=\"bytes\"}") < before + 3; i++)
		usleep(20000);
	assert_true(lab_counter("connections_evicted_total{why=\"bytes\"}") >= before + 3);
	for (int i = 0; i < 8; i++)
		talk_end(&talks[i]);
	free(half);
}

/* Depth and counts are refused before anything is built of them. */
static void test_json_bounds(void **state)
{
	const size_t len = 256 << 10;
	char *body = malloc(len);

	memset(body, '[', 200);
	memset(body + 200, ']', 200);
	assert_int_equal(
		lab_request(NULL, "POST", "/echo/a", "application/json", body, 400, NULL), 400);
	for (size_t i = 0; i < len; i += 2)
		memcpy(body + i, "0,", 2);
	body[0] = '[';
	memcpy(body + len - 2, "0]", 2);
	assert_int_equal(
		lab_request(NULL, "POST", "/echo/a", "application/json", body, len, NULL), 400);
	memset(body, 'a', len);
	memcpy(body, "[\"", 2);
	memcpy(body + len - 2, "\"]", 2);
	assert_int_equal(
		lab_request(NULL, "POST", "/echo/a", "application/json", body, len, NULL), 200);
	free(body);
}

/* ---- time ---- */

/* One byte at a time, for as long as it is let. Seconds until it was cut off; -1: it was not. */
static int drip(bool plain, const char *start)
{
	struct talk talk = talk_to(plain);
	const struct timeval moment = {0, 300000};
	char buffer[512];
	int r = -1;

	setsockopt(talk.fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	say_text(&talk, start);
	for (int i = 0; i < PATIENCE_S * 3 && r < 0; i++) {
		ssize_t n;

		errno = 0;
		n = say_text(&talk, "a") ? hear(&talk, buffer, sizeof(buffer)) : 0;
		if (n >= 0 || (errno != EAGAIN && errno != 0))
			r = i / 3;
	}
	talk_end(&talk);
	return r;
}

/* However busy it looks, a request has its time; on both ports. */
static void test_slow_senders(void **state)
{
	for (int plain = 0; plain < 2; plain++)
		assert_true(drip(plain, "GET /echo/a HTTP/1.1\r\nX: ") >= 0);
	assert_true(drip(false, "POST /echo/a HTTP/1.1\r\nContent-Length: 200000\r\n\r\n") >= 0);
	assert_true(lab_counter("connections_ended_total{why=\"head\"}") >= 2);
	assert_true(lab_counter("connections_ended_total{why=\"slow_sender\"}") >= 1);
}

/* Who takes less than the rate is cut off; who takes it as it comes gets all of it. */
static void test_slow_readers(void **state)
{
	rp_cleanup(free) char *request =
		rp_path("GET /cas/sha256/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			lab.blob_sha256);
	char *all = malloc(BLOB_LEN + 4096);

	for (int plain = 0; plain < 2; plain++) {
		struct talk talk = talk_to(plain);
		long before = lab_counter("connections_ended_total{why=\"slow_reader\"}");
		const int little = 4096;
		ssize_t len;

		setsockopt(talk.fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
		assert_true(say_text(&talk, request));
		for (int i = 0; i < PATIENCE_S * 10; i++) {
			assert_true(hear(&talk, all, 100) != 0);
			if (lab_counter("connections_ended_total{why=\"slow_reader\"}") > before)
				break;
			usleep(100000);
		}
		assert_int_equal(
			lab_counter("connections_ended_total{why=\"slow_reader\"}"), before + 1);
		talk_end(&talk);

		talk = talk_to(plain);
		assert_true(say_text(&talk, request));
		len = hear_all(&talk, all, BLOB_LEN + 4096);
		assert_true(len > BLOB_LEN);
		assert_memory_equal(all + len - 1000, lab.blob + BLOB_LEN - 1000, 1000);
		talk_end(&talk);
	}
	free(all);
}

/* A rig or an operator may be silent between two requests for longer than a stranger. */
static void test_idle(void **state)
{
	struct talk stranger = talk_to(false);
	struct talk operator= talk_to(false);
	char answer[4096];

	say_text(&operator, "GET /view HTTP/1.1\r\nAuthorization: Bearer viewer-token\r\n\r\n");
	assert_true(hear(&operator, answer, sizeof(answer)) > 0);
	assert_true(hear_all(&stranger, answer, sizeof(answer)) == 0);
	say_text(&operator, "GET /view HTTP/1.1\r\nAuthorization: Bearer viewer-token\r\n\r\n");
	assert_true(hear(&operator, answer, sizeof(answer)) > 0);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
	talk_end(&stranger);
	talk_end(&operator);
}

/* Handshakes that never go on, from another address: places are lost by those who hold them. */
static void test_stalled_handshakes(void **state)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
	struct sockaddr_in there = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strchr(lab.name, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fds[300];
	int64_t start = rp_clock_monotonic();

	for (int i = 0; i < 300; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&here, sizeof(here)), 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&there, sizeof(there)), 0);
		assert_true(send(fds[i], "\x16\x03\x01", 3, MSG_NOSIGNAL) >= -1);
	}
	assert_int_equal(lab_request("viewer-token", "GET", "/view", NULL, NULL, 0, NULL), 200);
	assert_true(rp_clock_monotonic() - start < PATIENCE_S * RP_SECOND);
	assert_true(rp_https_connections(lab.server.https) < 100);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_unread),
		cmocka_unit_test(test_refused_in_the_middle),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_bodies_together),
		cmocka_unit_test(test_json_bounds),
		cmocka_unit_test(test_slow_senders),
		cmocka_unit_test(test_slow_readers),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_stalled_handshakes),
	};

	return cmocka_run_group_tests(tests, https_lab_setup, https_lab_teardown);
}

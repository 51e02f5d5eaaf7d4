/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/server_lab.h"
#include "tests/unit/folder_lab.h"

static struct rig_lab *power_lab; /* the power seam has no context of its own */

static int64_t lab_now(void *context)
{
	return ((struct rig_lab *)context)->now;
}

static int64_t lab_wall(void *context)
{
	struct rig_lab *lab = context;

	return lab->now + lab->set_by;
}

static void lab_power(struct rp_server *server, const struct rp_rig_manifest *rig,
	enum rp_power_action action, rp_power_done done, void *context)
{
	(void)server;
	(void)rig;
	if (power_lab->done)
		power_lab->done(power_lab->done_context, -ECANCELED, RP_POWER_STATE_UNKNOWN, "");
	power_lab->cycles += action == RP_POWER_CYCLE;
	power_lab->offs += action == RP_POWER_OFF;
	power_lab->done = done;
	power_lab->done_context = context;
}

void lab_power_answer(struct rig_lab *lab, int result, const char *text)
{
	rp_power_done done = lab->done;

	assert_non_null(done);
	lab->done = NULL;
	done(lab->done_context, result, RP_POWER_STATE_ON, text);
}

void lab_start(struct rig_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *path = rp_path("%s/rigproof.db", lab->dir);

	lab_ok(rp_store_open(path, &lab->server.store, &err));
	rp_store_set_clock(lab->server.store, (struct rp_clock){lab_now, lab, lab_wall});
	lab_ok(rp_log_open(&lab->server, &err));
	lab_ok(rp_tokens_prepare(&lab->server, &err));
	lab_ok(rp_schedule_start(&lab->server, &err));
	rp_schedule_set_power(&lab->server, lab_power);
	assert_int_equal(rp_announced_set_clock(&lab->server, lab_now, lab), 0);
}

void lab_stop(struct rig_lab *lab)
{
	rp_schedule_stop(&lab->server);
	rp_announced_free(&lab->server);
	if (lab->done)
		lab->done(lab->done_context, -ECANCELED, RP_POWER_STATE_UNKNOWN, "");
	lab->done = NULL;
	lab->server.log = rp_log_free(lab->server.log);
	lab->server.store = rp_store_free(lab->server.store);
}

void lab_write(struct rig_lab *lab, const char *name, const char *text)
{
	rp_cleanup(free) char *path = rp_path("%s/%s", lab->keys, name);
	struct rp_error err = RP_ERROR_NONE;

	lab_ok(rp_file_write(path, 0644, text, strlen(text), &err));
}

void lab_image(struct rig_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;
	char sha256[65];
	rp_cleanup(json) json_t *image = NULL;

	lab_ok(rp_artefacts_add(lab->server.artefacts, "image", 5, sha256, &err));
	lab_ok(rp_artefacts_add(lab->server.artefacts, "module", 6, lab->module_sha256, &err));
	image = json_pack("{s:s, s:s, s:i, s:s, s:[{s:s, s:s}]}", "name", "node", "sha256", sha256,
		"size", 5, "command_line", "rigproof=1", "modules", "name", "xsc", "sha256",
		lab->module_sha256);
	lab_ok(rp_images_put(&lab->server, image, &err));
}

static char keys_dir[FOLDER_LAB_TEXT];

static void lab_remove_keys(void)
{
	folder_lab_remove(keys_dir);
}

void lab_keys(struct rig_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;

	if (!keys_dir[0]) {
		folder_lab_make(keys_dir);
		atexit(lab_remove_keys);
		lab_ok(rp_pki_init(keys_dir, NULL, &err));
	}
	strcpy(lab->keys, keys_dir);
	lab_write(lab, "db.esl", "the lists of db");
	lab_write(lab, "db.auth", "db update");
	lab_write(lab, "KEK.auth", "KEK update");
	lab_write(lab, "PK.auth", "PK update");
}

void lab_begin(struct rig_lab *lab)
{
	struct rp_error err = RP_ERROR_NONE;

	*lab = (struct rig_lab){.now = START};
	power_lab = lab;
	folder_lab_make(lab->dir);
	lab_keys(lab);
	lab_ok(rp_manifest_default_site(&lab->site, &err));
	lab->site->site->unknown = RP_UNKNOWN_REGISTER;
	lab->server = (struct rp_server){.site = lab->site->site,
		.state_dir = lab->dir,
		.keys_dir = lab->keys,
		.url = strdup("https://10.77.0.1:8443"),
		.metrics = rp_metrics_new()};
	lab_ok(rp_pki_load_key(lab->keys, "job", &lab->server.job_key, &err));
	lab_ok(rp_pki_load_key(lab->keys, "log", &lab->server.log_key, &err));
	lab_ok(rp_pki_load_cert(lab->keys, "job", &lab->server.job_cert, &err));
	lab_ok(rp_pki_load_cert(lab->keys, "log", &lab->server.log_cert, &err));
	lab_ok(rp_pki_load_cert(lab->keys, "boot-ca", &lab->server.boot_ca_cert, &err));
	lab_ok(rp_pki_load_cert(lab->keys, "root", &lab->server.root_cert, &err));
	lab_ok(rp_artefacts_new(NULL, lab->dir, lab->server.metrics, &lab->server.artefacts, &err));
	lab_start(lab);
	lab_image(lab);
}

void lab_end(struct rig_lab *lab)
{
	lab_stop(lab);
	rp_artefacts_free(lab->server.artefacts);
	rp_metrics_free(lab->server.metrics);
	EVP_PKEY_free(lab->server.job_key);
	EVP_PKEY_free(lab->server.log_key);
	X509_free(lab->server.job_cert);
	X509_free(lab->server.log_cert);
	X509_free(lab->server.boot_ca_cert);
	X509_free(lab->server.root_cert);
	free(lab->server.url);
	rp_manifest_free(lab->site);
	folder_lab_remove(lab->dir);
}

int lab_setup(void **state)
{
	static struct rig_lab lab;

	lab_begin(&lab);
	*state = &lab;
	return 0;
}

int lab_teardown(void **state)
{
	lab_end(*state);
	return 0;
}

void lab_pass(struct rig_lab *lab, int seconds)
{
	lab->now += seconds * RP_SECOND;
	rp_schedule_tick(&lab->server);
}

void answer_done(struct answer *answer)
{
	json_decref(answer->json);
	free(answer->text);
	*answer = (struct answer){0};
}

static int route_fits(const char *pattern, char *path, const char *parameter[2])
{
	int captures = 0;

	for (;;) {
		size_t a = strcspn(pattern, "/"), b = strcspn(path, "/");
		int more = pattern[a] == '/';

		if (more != (path[b] == '/'))
			return 0;
		if (*pattern == ':')
			parameter[captures++] = path;
		else if (a != b || strncmp(pattern, path, a) != 0)
			return 0;
		if (!more)
			return 1;
		pattern += a + 1;
		path += b + 1;
	}
}

static const struct rp_route *find_route(const char *method, char *path, const char *parameter[2])
{
	const struct rp_route *const tables[] = {rp_rig_routes, rp_operator_routes};

	for (size_t t = 0; t < 2; t++) {
		for (const struct rp_route *route = tables[t]; route->method; route++) {
			if (strcmp(route->method, method) == 0 &&
				route_fits(route->pattern, path, parameter))
				return route;
		}
	}
	return NULL;
}

struct answer ask_from(struct rig_lab *lab, const char *peer, const char *method,
	const char *path_and_query, json_t *json, X509 *cert)
{
	char path[512], *query, *save = NULL;
	rp_cleanup(free) char *body = json ? rp_json_canonical(json) : NULL;
	struct rp_query pairs[16] = {0};
	struct rp_request request = {.method = method, .path = path, .parameter = {"", ""}};
	struct rp_reply reply = {0};
	const struct rp_route *route;
	struct answer answer;
	int n = 0, r;

	snprintf(path, sizeof(path), "%s", path_and_query);
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	for (char *pair = query ? strtok_r(query, "&", &save) : NULL; pair && n < 15;
		pair = strtok_r(NULL, "&", &save)) {
		char *equals = strchr(pair, '=');

		*equals = '\0';
		pairs[n++] = (struct rp_query){pair, equals + 1};
	}
	request.query = pairs;
	request.json = json;
	request.body = body;
	request.body_len = body ? strlen(body) : 0;
	request.client_cert = cert;
	request.bearer = lab->bearer;
	snprintf(request.peer, sizeof(request.peer), "%s", peer);
	route = find_route(method, path, request.parameter);
	if (!route)
		fail_msg("no route for %s %s", method, path);
	if ((int64_t)request.body_len > route->body_max)
		fail_msg("%s %s: a body of %zu bytes", method, path, request.body_len);
	/* a capture ends at its segment */
	for (int i = 0; i < 2; i++) {
		char *slash = strchr(request.parameter[i], '/');

		if (slash)
			*slash = '\0';
	}
	assert_false(route->access == RP_ACCESS_RIG && !cert);
	r = route->handler(&lab->server, &request, &reply);
	answer = (struct answer){.status = r < 0	  ? 500
					   : reply.status ? reply.status
							  : 200,
		.json = json_incref(reply.json),
		.text = reply.text ? strdup(reply.text) : NULL,
		.retry_after_s = reply.retry_after_s,
		.close = reply.close};
	rp_reply_done(&reply);
	return answer;
}

struct answer ask(
	struct rig_lab *lab, const char *method, const char *path, json_t *json, X509 *cert)
{
	struct answer answer = ask_from(lab, PEER, method, path, json, cert);

	json_decref(json);
	return answer;
}

int status_of(struct rig_lab *lab, const char *method, const char *path, json_t *json, X509 *cert)
{
	struct answer answer = ask(lab, method, path, json, cert);
	int status = answer.status;

	answer_done(&answer);
	return status;
}

void agent_done(struct agent *agent)
{
	EVP_PKEY_free(agent->key);
	X509_free(agent->cert);
	*agent = (struct agent){0};
}

json_t *rig_manifest(const char *name, const char *driver)
{
	json_t *json = json_pack(
		"{s:s, s:s, s:[s], s:s}", "kind", "rig", "name", name, "mac", MAC, "uuid", UUID);

	if (strcmp(driver, "qemu") == 0)
		json_object_set_new(json, "power",
			json_pack("{s:s, s:s}", "driver", "qemu", "qmp", "/run/none.sock"));
	return json;
}

struct answer fetch_script(struct rig_lab *lab, struct agent *agent)
{
	struct answer answer = ask(lab, "GET",
		"/boot/v1/script?mac=" MAC "&uuid=" UUID
		"&arch=x86_64&platform=efi&manufacturer=QEMU&product=Q35&serial=1&asset=2",
		NULL, NULL);
	const char *token = strstr(answer.text, "rigproof.token=");

	assert_int_equal(answer.status, 200);
	agent->token[0] = '\0';
	if (token) {
		memcpy(agent->token, token + 15, 64);
		agent->token[64] = '\0';
	}
	return answer;
}

int script_boots(struct rig_lab *lab, struct agent *agent)
{
	struct answer answer = fetch_script(lab, agent);
	int boots = strstr(answer.text, "/cas/sha256/") != NULL;
	char sha256[65] = "";

	if (boots) { /* as iPXE goes on */
		sscanf(strstr(answer.text, "/cas/sha256/"), "/cas/sha256/%64[0-9a-f]", sha256);
		rp_policy_artefact_fetched(&lab->server,
			&(struct rp_fetched){
				.peer = PEER, .sha256 = sha256, .sent = 100, .size = 100});
	}
	answer_done(&answer);
	return boots;
}

json_t *hello_body(struct agent *agent)
{
	struct rp_error err = RP_ERROR_NONE;
	rp_cleanup(free) char *csr = NULL;

	if (!agent->key)
		lab_ok(rp_pki_new_boot_key(&agent->key, &err));
	lab_ok(rp_pki_make_csr(agent->key, &csr, &err));
	return json_pack("{s:s, s:[s], s:s, s:s, s:{s:b, s:b}, s:{s:s}, s:s, s:s}", "csr", csr,
		"mac", MAC, "uuid", UUID, "token", agent->token, "secure_boot", "enabled",
		agent->enabled, "setup_mode", agent->setup_mode, "inventory", "cpu", "one", "agent",
		"1", "image", "node");
}

int hello(struct rig_lab *lab, struct agent *agent)
{
	return hello_from(lab, PEER, agent, hello_body(agent));
}

int hello_from(struct rig_lab *lab, const char *peer, struct agent *agent, json_t *body)
{
	struct rp_error err = RP_ERROR_NONE;
	struct answer answer = ask_from(lab, peer, "POST", "/rig/v1/hello", body, NULL);
	int status = answer.status;

	json_decref(body);
	if (status == 200) {
		X509_free(agent->cert);
		agent->cert = NULL;
		lab_ok(rp_pem_read_cert(
			rp_json_string_or(answer.json, "certificate", ""), &agent->cert, &err));
		snprintf(agent->rig, sizeof(agent->rig), "%s",
			rp_json_string_or(answer.json, "rig", ""));
		snprintf(agent->boot, sizeof(agent->boot), "%s",
			rp_json_string_or(answer.json, "boot", ""));
		snprintf(agent->action, sizeof(agent->action), "%s",
			rp_json_string_or(answer.json, "action", ""));
		snprintf(agent->assurance, sizeof(agent->assurance), "%s",
			rp_json_string_or(answer.json, "assurance", ""));
	}
	answer_done(&answer);
	return status;
}

json_t *plan_manifest(void)
{
	return json_pack("{s:s, s:s, s:[{s:s}], s:[{s:s, s:[s]}]}", "kind", "plan", "name", "ring",
		"modules", "name", "xsc", "checks", "name", "ring", "exec", "xsc_ring_test");
}

void submit_job(struct rig_lab *lab, const char *rig, char ret_id[27])
{
	struct answer answer = ask(lab, "POST", "/api/v1/jobs",
		json_pack("{s:o, s:s, s:s}", "plan", plan_manifest(), "image", "node", "rig", rig),
		NULL);

	if (answer.status != 201)
		fail_msg("job: %d %s", answer.status, rp_json_string_or(answer.json, "error", ""));
	snprintf(ret_id, 27, "%s", rp_json_string_or(answer.json, "job", ""));
	answer_done(&answer);
}

void job_field(struct rig_lab *lab, const char *job, const char *key, char ret[64])
{
	char path[96];
	struct answer answer;

	snprintf(path, sizeof(path), "/api/v1/jobs/%s", job);
	answer = ask(lab, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	snprintf(ret, 64, "%s", rp_json_string_or(answer.json, key, ""));
	answer_done(&answer);
}

json_t *make_result(struct rig_lab *lab, struct agent *agent, const char *verdict)
{
	struct rp_error err = RP_ERROR_NONE;
	struct answer answer = ask(lab, "GET", "/rig/v1/job", NULL, agent->cert);
	rp_cleanup(free) uint8_t *payload = NULL;
	rp_cleanup(json) json_t *job = NULL;
	rp_cleanup(json) json_t *statement = NULL;
	rp_cleanup(json) json_t *modules = NULL;
	rp_cleanup(json) json_t *checks = NULL;
	rp_cleanup(json) json_t *kernel = NULL;
	rp_cleanup(json) json_t *error = NULL;
	json_t *envelope = NULL;
	char at[RP_TIME_TEXT];
	size_t len;

	assert_int_equal(answer.status, 200);
	lab_ok(rp_dsse_verify(json_object_get(answer.json, "job"), lab->server.job_key, RP_TYPE_JOB,
		&payload, &len, &err));
	answer_done(&answer);
	lab_ok(rp_json_parse((const char *)payload, len, &job, &err));
	rp_clock_format(lab->now, at);
	modules = json_pack("[{s:s, s:s, s:b, s:i, s:s}]", "name", "xsc", "sha256",
		rp_json_string_or(json_array_get(json_object_get(job, "modules"), 0), "sha256", ""),
		"loaded", 1, "errno", 0, "message", "");
	checks = json_pack("[{s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:s, s:[{s:i, s:b, s:s, s:s, "
			   "s:s}], s:[]}]",
		"name", "ring", "verdict", strcmp(verdict, "error") == 0 ? "error" : verdict,
		"message", "", "exit_status", strcmp(verdict, "pass") == 0 ? 0 : 1, "exit_result",
		strcmp(verdict, "pass") == 0 ? "success" : "exit-code", "started", at,
		"duration_ms", 10, "output_sha256", lab->module_sha256, "tests", "number", 1, "ok",
		strcmp(verdict, "pass") == 0, "description", "nop", "directive", "", "reason", "",
		"metrics");
	kernel = json_pack("{s:s, s:s, s:s, s:[], s:i}", "release", "6.1.0", "command_line",
		lab->command_line, "log_sha256", lab->module_sha256, "reports", "tainted", 0);
	if (strcmp(verdict, "error") == 0)
		error = json_pack("{s:s, s:s}", "stage", "checks", "message", "no such program");
	lab_ok(rp_statement_make(&(struct rp_statement_parts){.job_payload = payload,
					 .job_payload_len = len,
					 .job = job,
					 .modules = modules,
					 .checks = checks,
					 .kernel = kernel,
					 .started = at,
					 .finished = at,
					 .error = error},
		&statement, &err));
	lab_ok(rp_dsse_sign_json(agent->key, RP_TYPE_INTOTO, statement, &envelope, &err));
	return envelope;
}

int put_result(struct rig_lab *lab, struct agent *agent, const char *job, json_t *envelope,
	json_t **ret_ack)
{
	char path[96];
	struct answer answer;
	int status;

	snprintf(path, sizeof(path), "/rig/v1/result/%s", job);
	answer = ask_from(lab, PEER, "PUT", path, envelope, agent->cert);
	status = answer.status;
	if (ret_ack)
		*ret_ack = json_incref(json_object_get(answer.json, "ack"));
	answer_done(&answer);
	return status;
}

size_t refusals(struct rig_lab *lab)
{
	struct answer answer = ask(lab, "GET", "/api/v1/refused", NULL, NULL);
	size_t n = json_array_size(json_object_get(answer.json, "refused"));

	answer_done(&answer);
	return n;
}

void force_state(struct rig_lab *lab, const char *name, enum rp_rig_state state)
{
	assert_true(rp_store_run(lab->server.store, RP_SQL_RIG_SET_STATE, RP_TEXT(name),
			    RP_TEXT(rp_rig_state_text(state)), RP_TEXT("")) >= 0);
}

void ready_rig(struct rig_lab *lab, const char *name, const char *driver)
{
	assert_int_equal(
		status_of(lab, "POST", "/api/v1/rigs", rig_manifest(name, driver), NULL), 201);
	force_state(lab, name, RP_RIG_READY);
	assert_true(rp_store_run(lab->server.store, RP_SQL_RIG_SET_TRAINING, RP_TEXT(name),
			    RP_INT(0)) >= 0);
}

void finish_job(struct rig_lab *lab, const char *rig, const char *verdict, char ret_job[27])
{
	struct agent agent = {0};
	rp_cleanup(json) json_t *result = NULL;

	submit_job(lab, rig, ret_job);
	assert_true(script_boots(lab, &agent));
	assert_int_equal(hello(lab, &agent), 200);
	result = make_result(lab, &agent, verdict);
	assert_int_equal(put_result(lab, &agent, ret_job, result, NULL), 200);
	agent_done(&agent);
}

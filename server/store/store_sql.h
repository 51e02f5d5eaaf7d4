/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every SQL statement of the server. X(NAME, text) becomes the enum RP_SQL_NAME and a row of the
 * table that rp_store_open prepares. Columns are named; rows that a struct is read from share one
 * column list, so that the reader's numbers hold for all of them.
 */
#ifndef RP_SERVER_STORE_STORE_SQL_H
#define RP_SERVER_STORE_STORE_SQL_H

/*
 * Order of making is that of rowid: ids of one millisecond have none, and clocks are set back.
 */

/* struct rp_rig, in rigs.c */
#define RIG_COLUMNS                                                                                \
	"name, state, manifest, training_left, errors, keys_enrolled, secure_boot, inventory, "    \
	"created, last_seen, settle_until, off_at, reason"

/* struct rp_boot, in boots.c */
#define BOOT_COLUMNS                                                                               \
	"id, rig, job, purpose, state, mac, uuid, address, image, image_sha256, loader, "          \
	"loader_sha256, token, assurance, boot_key, nonce, stage, stage_deadline, started, "       \
	"script_at, certified_at, ended, heartbeat_at, silent, message, power, "                   \
	"offered_at, image_bytes, image_at, announced_by, announced_at"

/* struct rp_job, in jobs.c */
#define JOB_COLUMNS                                                                                \
	"id, rig, plan, image, image_sha256, spec, state, verdict, error_stage, error_message, "   \
	"attempt, attempts_max, boot, created, started, finished, deadline"

/* struct rp_selection: its fields are ?1 to ?7 */
#define JOB_SELECTED                                                                               \
	"(?1 = '' OR state = ?1 OR verdict = ?1) AND (?2 = '' OR rig = ?2) AND "                   \
	"(?3 = '' OR plan = ?3) AND substr(id, 1, length(?4)) = ?4 AND created >= ?5"
#define RESULT_SELECTED                                                                            \
	"FROM result JOIN boot ON boot.id = result.boot JOIN job ON job.id = result.job "          \
	"WHERE (?1 = '' OR result.verdict = ?1) AND (?2 = '' OR boot.rig = ?2) AND "               \
	"(?3 = '' OR job.plan = ?3) AND substr(result.job, 1, length(?4)) = ?4 AND "               \
	"result.accepted >= ?5"

#define RP_STORE_STATEMENTS(X)                                                                     \
	/* tokens */                                                                               \
	X(TOKEN_ROLE, "SELECT role FROM token WHERE sha256 = ?1")                                  \
	X(TOKEN_NAME, "SELECT name FROM token WHERE sha256 = ?1")                                  \
	X(TOKEN_FORGET, "DELETE FROM token WHERE name = ?1 AND sha256 <> ?2")                      \
	X(TOKEN_ADD, "INSERT INTO token (sha256, name, role, created) VALUES (?1, ?2, ?3, ?4) "    \
		     "ON CONFLICT (sha256) DO UPDATE SET name = ?2, role = ?3")                    \
	/* rigs */                                                                                 \
	X(RIG_BY_NAME, "SELECT " RIG_COLUMNS " FROM rig WHERE name = ?1")                          \
	X(RIG_BY_MAC, "SELECT " RIG_COLUMNS                                                        \
		      " FROM rig WHERE name = (SELECT rig FROM rig_mac WHERE mac = ?1)")           \
	X(RIG_LIST, "SELECT " RIG_COLUMNS " FROM rig ORDER BY name")                               \
	X(RIG_ADD, "INSERT INTO rig (name, state, manifest, training_left, created, last_seen, "   \
		   "reason) "                                                                      \
		   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                          \
	X(RIG_SET_MANIFEST, "UPDATE rig SET manifest = ?2 WHERE name = ?1")                        \
	X(RIG_RENAME, "UPDATE rig SET name = ?2 WHERE name = ?1")                                  \
	X(RIG_SET_STATE, "UPDATE rig SET state = ?2, reason = ?3 WHERE name = ?1")                 \
	X(RIG_SET_TRAINING, "UPDATE rig SET training_left = ?2 WHERE name = ?1")                   \
	X(RIG_SET_ERRORS, "UPDATE rig SET errors = ?2 WHERE name = ?1")                            \
	X(RIG_SET_SEEN, "UPDATE rig SET last_seen = ?2 WHERE name = ?1")                           \
	X(RIG_SET_SETTLE, "UPDATE rig SET settle_until = ?2, off_at = ?3 WHERE name = ?1")         \
	X(RIG_CLEAR_OFF, "UPDATE rig SET off_at = 0 WHERE name = ?1")                              \
	X(RIG_SET_INVENTORY,                                                                       \
		"UPDATE rig SET inventory = ?2, secure_boot = ?3, last_seen = ?4 WHERE name = ?1") \
	X(RIG_SET_KEYS, "UPDATE rig SET keys_enrolled = ?2, secure_boot = ?3 WHERE name = ?1")     \
	X(RIG_COUNT_STATE, "SELECT COUNT(*) FROM rig WHERE state = ?1")                            \
	X(RIG_SET_FROM, "UPDATE rig SET registered_from = ?2 WHERE name = ?1")                     \
	X(RIG_COUNT_FROM,                                                                          \
		"SELECT COUNT(*) FROM rig WHERE state = 'pending' AND registered_from = ?1")       \
	X(RIG_LOUDEST, "SELECT registered_from FROM rig "                                          \
		       "WHERE state = 'pending' AND inventory = '' "                               \
		       "GROUP BY registered_from ORDER BY COUNT(*) DESC LIMIT 1")                  \
	X(RIG_OLDEST_FROM, "SELECT name FROM rig "                                                 \
			   "WHERE state = 'pending' AND inventory = '' AND registered_from = ?1 "  \
			   "ORDER BY MAX(last_seen, created), rowid LIMIT 1")                      \
	X(RIG_STALE, "SELECT name FROM rig WHERE state = 'pending' "                               \
		     "AND MAX(last_seen, created) <= ?1 AND NOT EXISTS "                           \
		     "(SELECT 1 FROM boot WHERE boot.rig = rig.name AND boot.state = 'open') "     \
		     "LIMIT 16")                                                                   \
	X(RIG_FORGET, "DELETE FROM rig WHERE name = ?1")                                           \
	X(RIG_FORGET_BOOTS, "DELETE FROM boot WHERE rig = ?1")                                     \
	X(RIG_FORGET_STAGES,                                                                       \
		"DELETE FROM stage WHERE boot IN (SELECT id FROM boot WHERE rig = ?1)")            \
	X(RIG_FORGET_EVENTS,                                                                       \
		"DELETE FROM event WHERE boot IN (SELECT id FROM boot WHERE rig = ?1)")            \
	X(RIG_MAC_ADD, "INSERT INTO rig_mac (mac, rig) VALUES (?1, ?2)")                           \
	X(RIG_MAC_CLEAR, "DELETE FROM rig_mac WHERE rig = ?1")                                     \
	X(RIG_TO_SWITCH_OFF,                                                                       \
		"SELECT name FROM rig WHERE off_at > 0 AND off_at <= ?1 AND NOT EXISTS "           \
		"(SELECT 1 FROM boot WHERE boot.rig = rig.name AND boot.state = 'open')")          \
	X(RIG_DUE, "SELECT name FROM rig WHERE settle_until <= ?1 AND NOT EXISTS "                 \
		   "(SELECT 1 FROM boot WHERE boot.rig = rig.name AND boot.state = 'open') "       \
		   "AND (state = 'training' OR "                                                   \
		   "(state = 'enrolled' AND instr(secure_boot, '\"setup_mode\":true')) OR "        \
		   "(state IN ('enrolled', 'ready') AND EXISTS "                                   \
		   "(SELECT 1 FROM job WHERE job.rig = rig.name AND job.state = 'queued')))")      \
	/* images */                                                                               \
	X(IMAGE_PUT,                                                                               \
		"INSERT INTO image (name, sha256, description, created) VALUES (?1, ?2, ?3, ?4) "  \
		"ON CONFLICT (name) DO UPDATE SET sha256 = ?2, description = ?3, created = ?4")    \
	X(IMAGE_BY_NAME, "SELECT name, sha256, description, created FROM image WHERE name = ?1")   \
	X(IMAGE_NEWEST, "SELECT name, sha256, description, created FROM image "                    \
			"ORDER BY created DESC, name LIMIT 1")                                     \
	X(IMAGE_LIST, "SELECT name, sha256, description, created FROM image ORDER BY name")        \
	/* boots */                                                                                \
	X(BOOT_BY_ID, "SELECT " BOOT_COLUMNS " FROM boot WHERE id = ?1")                           \
	X(BOOT_NEWEST_OF_RIG,                                                                      \
		"SELECT " BOOT_COLUMNS " FROM boot WHERE rig = ?1 ORDER BY rowid DESC LIMIT 1")    \
	X(BOOT_OPEN_OF_RIG, "SELECT " BOOT_COLUMNS " FROM boot WHERE rig = ?1 AND state = 'open'") \
	X(BOOT_OPEN_LIST, "SELECT " BOOT_COLUMNS " FROM boot WHERE state = 'open' ORDER BY id")    \
	X(BOOT_LIST_OF_RIG,                                                                        \
		"SELECT " BOOT_COLUMNS " FROM boot WHERE rig = ?1 ORDER BY rowid DESC LIMIT 200")  \
	X(BOOT_BY_KEY, "SELECT " BOOT_COLUMNS " FROM boot WHERE boot_key = ?1")                    \
	X(BOOT_OPEN_AT_ADDRESS,                                                                    \
		"SELECT " BOOT_COLUMNS " FROM boot WHERE address = ?1 AND state = 'open'")         \
	X(BOOT_DUE,                                                                                \
		"SELECT " BOOT_COLUMNS " FROM boot WHERE state = 'open' AND stage_deadline > 0 "   \
		"AND stage_deadline <= ?1 ORDER BY stage_deadline")                                \
	X(BOOT_SILENT, "SELECT " BOOT_COLUMNS " FROM boot WHERE state = 'open' AND silent = 0 "    \
		       "AND heartbeat_at > 0 AND heartbeat_at < ?1 AND stage = 6")                 \
	X(BOOT_ADD,                                                                                \
		"INSERT INTO boot (id, rig, job, purpose, state, mac, uuid, image, image_sha256, " \
		"token, nonce, stage, stage_deadline, started, power) "                            \
		"VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")    \
	X(BOOT_SET_JOB,                                                                            \
		"UPDATE boot SET job = ?2, purpose = 'job', image = ?3, image_sha256 = ?4 "        \
		"WHERE id = ?1")                                                                   \
	X(BOOT_SET_ENVELOPE, "UPDATE boot SET envelope = ?2 WHERE id = ?1")                        \
	X(BOOT_ENVELOPE, "SELECT envelope FROM boot WHERE id = ?1")                                \
	X(BOOT_SET_STAGE, "UPDATE boot SET stage = ?2, stage_deadline = ?3 WHERE id = ?1")         \
	X(BOOT_SET_DEADLINE, "UPDATE boot SET stage_deadline = ?2 WHERE id = ?1")                  \
	X(BOOT_SET_LOADER,                                                                         \
		"UPDATE boot SET loader = ?2, loader_sha256 = ?3, mac = ?4 WHERE id = ?1")         \
	X(BOOT_SET_SCRIPT, "UPDATE boot SET mac = ?2, uuid = ?3, address = ?4, script_at = ?5, "   \
			   "image_bytes = 0, image_at = 0 WHERE id = ?1")                          \
	X(BOOT_SET_OFFERED, "UPDATE boot SET offered_at = ?2 WHERE id = ?1")                       \
	X(BOOT_SET_IMAGE, "UPDATE boot SET image_bytes = ?2, image_at = ?3 WHERE id = ?1")         \
	X(BOOT_SET_CERTIFIED,                                                                      \
		"UPDATE boot SET boot_key = ?2, assurance = ?3, certificate = ?4, record = ?5, "   \
		"certified_at = ?6, heartbeat_at = ?6 WHERE id = ?1 AND certified_at = 0")         \
	X(BOOT_SET_ACTION, "UPDATE boot SET action = ?2 WHERE id = ?1")                            \
	X(BOOT_PAPERS, "SELECT certificate, record, action, envelope FROM boot WHERE id = ?1")     \
	X(BOOT_SET_HEARTBEAT, "UPDATE boot SET heartbeat_at = ?2, silent = 0 WHERE id = ?1")       \
	X(BOOT_SET_SILENT, "UPDATE boot SET silent = 1 WHERE id = ?1")                             \
	X(BOOT_SET_POWER, "UPDATE boot SET power = ?2 WHERE id = ?1")                              \
	X(BOOT_SET_CONTESTED, "UPDATE boot SET contested_by = ?2 WHERE id = ?1")                   \
	X(BOOT_CONTESTED_OF_JOB,                                                                   \
		"SELECT address, contested_by FROM boot WHERE job = ?1 AND contested_by <> '' "    \
		"ORDER BY rowid DESC LIMIT 1")                                                     \
	X(BOOT_CONTESTED_SINCE,                                                                    \
		"SELECT MIN(started) FROM boot WHERE rig = ?1 AND rowid > (SELECT "                \
		"COALESCE(MAX(rowid), 0) FROM boot WHERE rig = ?1 AND contested_by = '')")         \
	X(BOOT_SET_ANNOUNCED,                                                                      \
		"UPDATE boot SET announced_by = ?2, announced_at = ?3 WHERE id = ?1")              \
	X(BOOT_SET_PURPOSE, "UPDATE boot SET purpose = ?2 WHERE id = ?1")                          \
	X(BOOT_CLOSE, "UPDATE boot SET state = ?2, ended = ?3, message = ?4, stage_deadline = 0 "  \
		      "WHERE id = ?1 AND state = 'open'")                                          \
	/* stages and events of a boot */                                                          \
	X(STAGE_START, "INSERT INTO stage (boot, stage, start, state, detail) "                    \
		       "VALUES (?1, ?2, ?3, 'running', ?4) ON CONFLICT DO NOTHING")                \
	X(STAGE_SET_END, "UPDATE stage SET \"end\" = ?3, state = ?4 "                              \
			 "WHERE boot = ?1 AND stage <= ?2 AND state = 'running'")                  \
	X(STAGE_SET_DETAIL, "UPDATE stage SET detail = ?3 WHERE boot = ?1 AND stage = ?2")         \
	X(STAGE_LIST, "SELECT stage, start, \"end\", state, detail FROM stage WHERE boot = ?1 "    \
		      "ORDER BY stage")                                                            \
	X(EVENT_LAST, "SELECT seq, time, stage, message FROM event WHERE boot = ?1 ORDER BY seq "  \
		      "DESC LIMIT 1")                                                              \
	X(EVENT_ADD,                                                                               \
		"INSERT INTO event (boot, seq, time, stage, message) VALUES (?1, ?2, ?3, ?4, ?5)") \
	X(EVENT_TRIM, "DELETE FROM event WHERE boot = ?1 AND seq <= ?2")                           \
	X(EVENT_LIST, "SELECT time, stage, message FROM event WHERE boot = ?1 ORDER BY seq")       \
	/* jobs */                                                                                 \
	X(JOB_BY_ID, "SELECT " JOB_COLUMNS " FROM job WHERE id = ?1")                              \
	X(JOB_LIST, "SELECT id FROM job WHERE " JOB_SELECTED                                       \
		    " ORDER BY rowid DESC LIMIT ?6 OFFSET ?7")                                     \
	X(JOB_COUNT_LIST, "SELECT COUNT(*) FROM job WHERE " JOB_SELECTED)                          \
	X(JOB_QUEUED_OF_RIG,                                                                       \
		"SELECT " JOB_COLUMNS                                                              \
		" FROM job WHERE rig = ?1 AND state = 'queued' ORDER BY rowid LIMIT 1")            \
	X(JOB_ADD,                                                                                 \
		"INSERT INTO job (id, rig, plan, image, image_sha256, spec, state, attempts_max, " \
		"created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?8)")                      \
	X(JOB_SET_RUNNING,                                                                         \
		"UPDATE job SET state = 'running', attempt = ?2, boot = ?3, "                      \
		"started = CASE WHEN started = 0 THEN ?4 ELSE started END, "                       \
		"deadline = CASE WHEN deadline = 0 THEN ?5 ELSE deadline END WHERE id = ?1")       \
	X(JOB_OVERDUE, "SELECT id FROM job WHERE state IN ('queued', 'running') AND deadline > 0 " \
		       "AND deadline <= ?1")                                                       \
	X(JOB_EXTEND, "UPDATE job SET deadline = MAX(deadline, "                                   \
		      "?1 + (attempts_max - attempt + 1) * ?2) "                                   \
		      "WHERE state IN ('queued', 'running') AND deadline > 0")                     \
	/* one that was begun has its own deadline; */                                             \
	/* a boot of another job, or one that came to its end, is a rig at work */                 \
	X(JOB_IN_VAIN,                                                                             \
		"SELECT id FROM job WHERE state = 'queued' AND deadline = 0 AND created <= ?1 "    \
		"AND NOT EXISTS "                                                                  \
		"(SELECT 1 FROM boot WHERE boot.rig = job.rig AND "                                \
		"((boot.state = 'open' AND boot.job IS NOT NULL) OR "                              \
		"(boot.state = 'done' AND boot.ended > ?1)))")                                     \
	X(JOB_SET_QUEUED, "UPDATE job SET state = 'queued' WHERE id = ?1")                         \
	X(JOB_SET_UNTRIED, "UPDATE job SET state = 'queued', attempt = attempt - 1 WHERE id = ?1") \
	X(JOB_SET_ERROR, "UPDATE job SET error_stage = ?2, error_message = ?3 WHERE id = ?1")      \
	X(JOB_FINISH, "UPDATE job SET state = ?2, verdict = ?3, finished = ?4 WHERE id = ?1")      \
	X(JOB_COUNT, "SELECT state, COUNT(*) FROM job GROUP BY state")                             \
	X(ATTEMPT_LIST, "SELECT id, state, message, started, ended FROM boot WHERE job = ?1 "      \
			"ORDER BY rowid")                                                          \
	/* the time of day was set by ?1: what is under way goes with it, to the same moments */   \
	X(MOVE_BOOTS, "UPDATE boot SET started = started + ?1, "                                   \
		      "stage_deadline = stage_deadline + ?1 * (stage_deadline > 0), "              \
		      "script_at = script_at + ?1 * (script_at > 0), "                             \
		      "offered_at = offered_at + ?1 * (offered_at > 0), "                          \
		      "image_at = image_at + ?1 * (image_at > 0), "                                \
		      "announced_at = announced_at + ?1 * (announced_at > 0), "                    \
		      "certified_at = certified_at + ?1 * (certified_at > 0), "                    \
		      "heartbeat_at = heartbeat_at + ?1 * (heartbeat_at > 0) "                     \
		      "WHERE state = 'open'")                                                      \
	X(MOVE_ENDED, "UPDATE boot SET ended = ended + ?1 WHERE ended > ?2")                       \
	X(MOVE_STAGES,                                                                             \
		"UPDATE stage SET start = start + ?1, \"end\" = \"end\" + ?1 * (\"end\" > 0) "     \
		"WHERE boot IN (SELECT id FROM boot WHERE state = 'open')")                        \
	X(MOVE_EVENTS, "UPDATE event SET time = time + ?1 "                                        \
		       "WHERE boot IN (SELECT id FROM boot WHERE state = 'open')")                 \
	X(MOVE_JOBS, "UPDATE job SET created = created + ?1, "                                     \
		     "started = started + ?1 * (started > 0), "                                    \
		     "deadline = deadline + ?1 * (deadline > 0) "                                  \
		     "WHERE state IN ('queued', 'running')")                                       \
	X(MOVE_RIGS, "UPDATE rig SET last_seen = last_seen + ?1 * (last_seen > 0), "               \
		     "settle_until = settle_until + ?1 * (settle_until > 0), "                     \
		     "off_at = off_at + ?1 * (off_at > 0)")                                        \
	/* results */                                                                              \
	X(RESULT_ADD,                                                                              \
		"INSERT INTO result (boot, job, sha256, envelope, verdict, leaf, ack, accepted) "  \
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                         \
	X(RESULT_BY_BOOT, "SELECT sha256, ack, verdict FROM result WHERE boot = ?1")               \
	X(RESULT_OF_JOB, "SELECT boot, envelope, leaf, verdict FROM result WHERE job = ?1 "        \
			 "ORDER BY leaf DESC LIMIT 1")                                             \
	X(RESULT_LIST,                                                                             \
		"SELECT result.job, result.boot, boot.rig, result.sha256, result.verdict, "        \
		"result.leaf, result.accepted, boot.assurance, job.plan, "                         \
		"job.image " RESULT_SELECTED " ORDER BY result.leaf DESC LIMIT ?6 OFFSET ?7")      \
	X(RESULT_COUNT_LIST, "SELECT COUNT(*) " RESULT_SELECTED)                                   \
	X(REFUSED_ADD, "INSERT INTO refused (time, job, boot, peer, what, reason, sha256) "        \
		       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                      \
	X(REFUSED_RECENT, "SELECT time FROM refused ORDER BY id DESC LIMIT 1 OFFSET ?1")           \
	X(REFUSED_TRIM, "DELETE FROM refused WHERE id <= (SELECT MAX(id) FROM refused) - ?1")      \
	X(REFUSED_LIST, "SELECT id, time, job, boot, peer, what, reason, sha256 FROM refused "     \
			"WHERE time >= ?5 ORDER BY id DESC LIMIT ?6 OFFSET ?7")                    \
	X(REFUSED_COUNT_LIST, "SELECT COUNT(*) FROM refused WHERE time >= ?5")                     \
	/* log */                                                                                  \
	X(LEAF_ADD, "INSERT INTO leaf (number, hash, sha256, time) VALUES (?1, ?2, ?3, ?4)")       \
	X(LEAF_LIST, "SELECT number, hash FROM leaf ORDER BY number")                              \
	X(CHECKPOINT_PUT, "INSERT INTO checkpoint (size, note, time) VALUES (?1, ?2, ?3) "         \
			  "ON CONFLICT (size) DO NOTHING")                                         \
	X(CHECKPOINT_NEWEST, "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")

#define X(name, text) RP_SQL_##name,
enum rp_sql { RP_STORE_STATEMENTS(X) RP_SQL_COUNT };
#undef X

/* The schema, one step a row; the version of a file is the number of steps done (user_version). */
extern const char *const rp_store_migrations[];
extern const int rp_store_migrations_count;

#endif

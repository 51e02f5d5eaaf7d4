/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/store_sql.h"

/*
 * A step that was released is never edited: a change is a new step. Times are microseconds since
 * 1970, 0 for "not yet". stage is the number of the stage in a boot's order, 0 power .. 7 report.
 */
const char *const rp_store_migrations[] = {
	"CREATE TABLE token ("
	" sha256 TEXT PRIMARY KEY, name TEXT NOT NULL,"
	" role TEXT NOT NULL CHECK (role IN ('admin', 'viewer')), created INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE rig ("
	" name TEXT PRIMARY KEY,"
	" state TEXT NOT NULL CHECK (state IN ('unknown', 'pending', 'enrolled', 'training', "
	"'ready',"
	"  'busy', 'quarantined', 'retired')),"
	" reason TEXT NOT NULL DEFAULT '',"
	" manifest TEXT NOT NULL,"
	" training_left INTEGER NOT NULL CHECK (training_left >= 0),"
	" errors INTEGER NOT NULL DEFAULT 0,"
	" keys_enrolled TEXT NOT NULL DEFAULT ''," /* sha256 of the db.esl that we enrolled */
	" secure_boot TEXT NOT NULL DEFAULT '',"
	" inventory TEXT NOT NULL DEFAULT '',"
	" created INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
	" settle_until INTEGER NOT NULL DEFAULT 0," /* no new boot before */
	" off_at INTEGER NOT NULL DEFAULT 0"	    /* switched off then, if still idle */
	") STRICT;"
	"CREATE TABLE rig_mac ("
	" mac TEXT PRIMARY KEY,"
	" rig TEXT NOT NULL REFERENCES rig (name) ON DELETE CASCADE ON UPDATE CASCADE"
	") STRICT;"

	"CREATE TABLE image ("
	" name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, description TEXT NOT NULL,"
	" created INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE job ("
	" id TEXT PRIMARY KEY,"
	" rig TEXT NOT NULL REFERENCES rig (name) ON UPDATE CASCADE,"
	" plan TEXT NOT NULL, image TEXT NOT NULL, image_sha256 TEXT NOT NULL,"
	" spec TEXT NOT NULL," /* the part of the payload that is the same for every attempt */
	" state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled')),"
	" verdict TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'pass', 'fail', 'error', "
	"'skip')),"
	" error_stage TEXT NOT NULL DEFAULT '', error_message TEXT NOT NULL DEFAULT '',"
	" attempt INTEGER NOT NULL DEFAULT 0, attempts_max INTEGER NOT NULL,"
	" boot TEXT NOT NULL DEFAULT '',"
	" created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0,"
	" finished INTEGER NOT NULL DEFAULT 0, deadline INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE INDEX job_state ON job (state, rig);"

	"CREATE TABLE boot ("
	" id TEXT PRIMARY KEY,"
	" rig TEXT NOT NULL REFERENCES rig (name) ON UPDATE CASCADE,"
	" job TEXT REFERENCES job (id),"
	" purpose TEXT NOT NULL CHECK (purpose IN ('job', 'training', 'enrol', 'inventory')),"
	" state TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed', 'cancelled')),"
	" message TEXT NOT NULL DEFAULT '',"
	" mac TEXT NOT NULL, uuid TEXT NOT NULL, address TEXT NOT NULL DEFAULT '',"
	" image TEXT NOT NULL, image_sha256 TEXT NOT NULL,"
	" loader TEXT NOT NULL DEFAULT '', loader_sha256 TEXT NOT NULL DEFAULT '',"
	" token TEXT NOT NULL, nonce TEXT NOT NULL,"
	" envelope TEXT NOT NULL DEFAULT '', record TEXT NOT NULL DEFAULT '',"
	" certificate TEXT NOT NULL DEFAULT '', boot_key TEXT NOT NULL DEFAULT '',"
	" action TEXT NOT NULL DEFAULT '',"
	" assurance TEXT NOT NULL DEFAULT 'none'"
	"  CHECK (assurance IN ('none', 'boot-token', 'secure-boot', 'attested')),"
	" stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 7),"
	" stage_deadline INTEGER NOT NULL,"
	" started INTEGER NOT NULL, script_at INTEGER NOT NULL DEFAULT 0,"
	" certified_at INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,"
	" heartbeat_at INTEGER NOT NULL DEFAULT 0, silent INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE UNIQUE INDEX boot_open ON boot (rig) WHERE state = 'open';"
	"CREATE INDEX boot_rig ON boot (rig, id);"
	"CREATE INDEX boot_key ON boot (boot_key) WHERE boot_key <> '';"
	"CREATE INDEX boot_job ON boot (job, id);"

	"CREATE TABLE stage ("
	" boot TEXT NOT NULL REFERENCES boot (id), stage INTEGER NOT NULL,"
	" start INTEGER NOT NULL, \"end\" INTEGER NOT NULL DEFAULT 0,"
	" state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),"
	" detail TEXT NOT NULL DEFAULT '',"
	" PRIMARY KEY (boot, stage)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE event ("
	" boot TEXT NOT NULL REFERENCES boot (id), seq INTEGER NOT NULL, time INTEGER NOT NULL,"
	" stage INTEGER NOT NULL, message TEXT NOT NULL,"
	" PRIMARY KEY (boot, seq)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE leaf ("
	" number INTEGER PRIMARY KEY, hash BLOB NOT NULL CHECK (length(hash) = 32),"
	" sha256 TEXT NOT NULL, time INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE checkpoint ("
	" size INTEGER PRIMARY KEY, note TEXT NOT NULL, time INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE result ("
	" boot TEXT PRIMARY KEY REFERENCES boot (id),"
	" job TEXT NOT NULL REFERENCES job (id),"
	" sha256 TEXT NOT NULL, envelope TEXT NOT NULL, verdict TEXT NOT NULL,"
	" leaf INTEGER NOT NULL UNIQUE REFERENCES leaf (number),"
	" ack TEXT NOT NULL, accepted INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX result_job ON result (job);"
	"CREATE TABLE refused ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, job TEXT NOT NULL,"
	" boot TEXT NOT NULL, peer TEXT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL,"
	" sha256 TEXT NOT NULL"
	") STRICT;",

	/* the address that asked for the script of a boot which another one had */
	"ALTER TABLE boot ADD COLUMN contested_by TEXT NOT NULL DEFAULT '';",

	/* who switched the rig on for this boot; '' nobody that the server knows of */
	"ALTER TABLE boot ADD COLUMN power TEXT NOT NULL DEFAULT ''"
	" CHECK (power IN ('', 'asked', 'driver'));",

	/* what the server saw itself: an offer to the rig's MAC; how much of the image, counted from
	   its beginning, went to the address that has the script; when that was all of it */
	"ALTER TABLE boot ADD COLUMN offered_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE boot ADD COLUMN image_bytes INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE boot ADD COLUMN image_at INTEGER NOT NULL DEFAULT 0;",

	/* whose token announced that a person switches it on, and when; '' nobody did */
	"ALTER TABLE boot ADD COLUMN announced_by TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE boot ADD COLUMN announced_at INTEGER NOT NULL DEFAULT 0;",

	/* from where an unknown machine registered: an address, '' by DHCP, which has none */
	"ALTER TABLE rig ADD COLUMN registered_from TEXT NOT NULL DEFAULT '';",
};

const int rp_store_migrations_count = sizeof(rp_store_migrations) / sizeof(rp_store_migrations[0]);

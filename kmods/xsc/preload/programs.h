/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unmodified programs, and what they are asked to do. Each line is run by sh in
 * an empty folder that holds big (1 MiB) and small, once with libc alone and once
 * with the preload library; what it prints must be the same bytes.
 */
#ifndef XSC_PRELOAD_PROGRAMS_H
#define XSC_PRELOAD_PROGRAMS_H

#include <stdbool.h>

#include "kmods/xsc/preload/suites.h"

static const struct program {
	const char *name;
	const char *needs; /* a program, or a path, that must be there, or the test is skipped */
	const char *line;
	bool counted; /* its traps are counted, too */
	bool timed;   /* its time is compared, too */
} programs[] = {
	{"cat", "cat", "cat big small > out; cat < small - >> out; cat out; cat nothing 2>&1", true,
		true},
	{"cp", "cp", "cp --reflink=never big a && cp --sparse=always a b && cat a b", true, true},
	{"md5sum", "md5sum", "md5sum big small && md5sum < big", true, true},
	{"sort", "sort",
		"sort -S 64k -T . lines | tail -n 500; sort -rn lines -o sorted; cat sorted", true,
		true},
	{"dd", "dd",
		"dd if=big of=o bs=512 status=none; dd if=small of=o oflag=append "
		"conv=notrunc,fsync "
		"status=none; dd if=o bs=4k skip=3 count=200 iflag=skip_bytes status=none",
		true, true},
	{"wc", "wc", "wc big small lines; wc -l < lines; cat lines | wc -c", true, true},
	{"tee", "tee", "tee x y < big > z; tee -a x < small > /dev/null; cat x y z", true, true},
	{"head", "head", "head -c 70000 big; head -n 17 lines; cat lines | head -n 3", true, true},
	{"sh", "sh",
		"x=1; (x=2; echo sub $x; cat small) | tee copy; echo $x; for i in 1 2 3; do echo "
		"$i; done "
		"> loop; cat loop; exec 7> seven; echo 7 >&7; exec 7>&-; cat seven; sh -c 'echo "
		"deep; "
		"exec cat small'; cat << END\nhere\nEND\nfalse; echo $?; kill -0 $$ && echo there",
		true, true},
	{"curl-file", "curl", "curl -s file://$PWD/big; curl -s file://$PWD/none; echo $?", true,
		true},
	{"curl-http", "curl",
		"curl -s http://127.0.0.1:$PORT/big; curl -s -o got http://127.0.0.1:$PORT/big && "
		"cat got",
		true, true},
	{"sqlite3", "sqlite3",
		"sqlite3 db 'create table t(a integer primary key, b text);' && { echo 'begin;'; "
		"i=0; "
		"while [ $i -lt 300 ]; do echo \"insert into t(b) values(hex($i)||'abcdefgh');\"; "
		"i=$((i+1)); done; echo 'commit; delete from t where a%3=0; update t set b=b||a;'; "
		"i=0; "
		"while [ $i -lt 20 ]; do echo \"insert into t(b) values($i);\"; i=$((i+1)); done; "
		"echo "
		"'pragma integrity_check; select count(*),sum(a) from t; pragma journal_mode=wal; "
		"insert "
		"into t(b) values(1); select * from t;'; } | sqlite3 db; cat db | wc -c; sqlite3 "
		"db .dump",
		true, true},
	{"redis", "redis-check-rdb",
		"ln -s \"$(command -v redis-check-rdb)\" redis-server; ./redis-server --port 0 "
		"--unixsocket $PWD/r.sock --save '' --appendonly yes --dir . "
		"--daemonize no > log 2>&1 & i=0; until redis-cli -s r.sock ping > /dev/null 2>&1 "
		"|| [ "
		"$i -gt 300 ]; do i=$((i+1)); sleep 0.1; done; redis-benchmark -s r.sock -q -n 200 "
		"-c 4 -t "
		"set,get,incr,lpush > bench || echo bench $?; i=0; while [ $i -lt 100 ]; do echo "
		"\"set k$i "
		"v$i\"; echo \"append k$i xyz\"; echo \"get k$i\"; i=$((i+1)); done | redis-cli -s "
		"r.sock; "
		"redis-cli -s r.sock debug digest; redis-cli -s r.sock strlen key:__rand_int__; "
		"redis-cli "
		"-s r.sock bgsave; redis-cli -s r.sock shutdown nosave; wait; echo $?; wc -l < "
		"bench",
		false, true},
	{"python-files", PYTHON_TESTS,
		PYTHON("test_fileio test_file test_largefile test_univnewlines test_posix "
		       "test_tempfile"),
		false, false},
	{"python-sockets", PYTHON_TESTS, PYTHON("test_socket test_epoll"), false, false},
	{"fio", "fio", FIO_LINE, false, false},
	/* Small transfers in batches: what glibc has helper threads for. */
	{"fio-aio", "fio",
		"fio --name=a --filename=a --ioengine=posixaio --iodepth=32 --size=4m --bs=512 "
		"--rw=randrw --randseed=3 --thread --fallocate=none --output-format=json > json; "
		"echo $?; grep -c '\"error\" : 0,' json; cmp -n 4194304 a /dev/zero | wc -l",
		false, true},
};

#endif

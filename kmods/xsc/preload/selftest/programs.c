/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unmodified programs, and what they are asked to do. Each line is run by sh in
 * an empty folder that holds big (1 MiB) and small, once with libc alone and once
 * with the preload library; what it prints must be the same bytes.
 */
#include "kmods/xsc/preload/selftest/programs.h"

/*
 * Tests that nobody here wrote. Debian 12 has neither LTP nor xfstests, and
 * liburing's tests make no call of libc that the library stands in front of. It
 * has Python's own tests of files and sockets, package libpython3.11-testsuite,
 * and fio, which writes by five ways of libc and verifies what it reads back.
 * What each test says, ok, failed or skipped, must be the same with the library.
 */

/*
 * A line for each test. Left out are tests of families that no rig has, of files of
 * gigabytes, of networks outside, and the classes of recvmsg, sendmsg and sendfile,
 * which the library does not stand in front of and which take half of the time.
 */
const char python_suite[] =
	"import sys, unittest, test.support\n"
	"test.support.use_resources = []\n"
	"OUT = ('msg', 'Sendfile', 'UDPLITE', 'RDS', 'CAN', 'VSOCK', 'Qipcrtr', 'Bluetooth')\n"
	"class Result(unittest.TestResult):\n"
	"    lines = []\n"
	"    def say(self, word, test): self.lines.append(test.id() + ' ' + word)\n"
	"    def addSuccess(self, test): self.say('ok', test)\n"
	"    def addSkip(self, test, why): self.say('skipped', test)\n"
	"    def addExpectedFailure(self, test, err): self.say('expected', test)\n"
	"    def addUnexpectedSuccess(self, test): self.say('unexpected', test)\n"
	"    def addFailure(self, test, err): self.say('FAILED', test); super().addFailure(test, "
	"err)\n"
	"    def addError(self, test, err): self.say('ERROR', test); super().addError(test, err)\n"
	"    def addSubTest(self, test, sub, err):\n"
	"        if err: self.say('FAILED', test); self.failures.append((sub, str(err)))\n"
	"def tests(suite):\n"
	"    for test in suite:\n"
	"        if isinstance(test, unittest.TestSuite): yield from tests(test)\n"
	"        elif not any(word in test.__class__.__name__ for word in OUT): yield test\n"
	"whole = unittest.defaultTestLoader.loadTestsFromNames('test.' + name for name in "
	"sys.argv[1:])\n"
	"result = Result()\n"
	"unittest.TestSuite(tests(whole)).run(result)\n"
	"print(*sorted(result.lines), sep='\\n')\n"
	"for test, why in result.failures + result.errors: print(test, why, file=sys.stderr)\n";

#define PYTHON_TESTS "/usr/lib/python3.11/test/test_socket.py"
/* What failing tests say of time and place goes to a log. */
#define PYTHON(modules) "python3.11 -B $SUITE " modules " 2> ../suite.log"

#define FIO(name, more)                                                                            \
	"fio --name=" name " --filename=" name " --size=512k --randseed=7 --thread "               \
	"--verify=crc32c --verify_fatal=1 --bsrange=512-8k --fallocate=none " more                 \
	" --output-format=json > " name ".json 2>&1; echo " name " $?; "                           \
	"grep -c '\"error\" : 0,' " name ".json; rm -f " name "; "

#define FIO_LINE                                                                                   \
	FIO("sync", "--ioengine=sync --rw=randrw")                                                 \
	FIO("psync", "--ioengine=psync --rw=randwrite --fsync=16")                                 \
	FIO("vsync", "--ioengine=vsync --iodepth=8 --rw=write")                                    \
	FIO("posixaio", "--ioengine=posixaio --iodepth=16 --rw=randwrite")                         \
	FIO("two", "--ioengine=psync --rw=randrw --numjobs=2 --offset_increment=512k")

const struct program programs[] = {
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
const size_t program_count = sizeof(programs) / sizeof(programs[0]);

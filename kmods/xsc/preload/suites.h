/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that nobody here wrote. Debian 12 has neither LTP nor xfstests, and
 * liburing's tests make no call of libc that the library stands in front of. It
 * has Python's own tests of files and sockets, package libpython3.11-testsuite,
 * and fio, which writes by five ways of libc and verifies what it reads back.
 * What each test says, ok, failed or skipped, must be the same with the library.
 */
#ifndef XSC_PRELOAD_SUITES_H
#define XSC_PRELOAD_SUITES_H

/*
 * A line for each test. Left out are tests of families that no rig has, of files of
 * gigabytes, of networks outside, and the classes of recvmsg, sendmsg and sendfile,
 * which the library does not stand in front of and which take half of the time.
 */
static const char python_suite[] =
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

#endif

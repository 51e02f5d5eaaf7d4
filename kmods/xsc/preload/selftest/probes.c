/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs do that a ring could break: each probe says in a few lines how it
 * went, and must say the same with and without the preload library.
 */
#include "kmods/xsc/preload/selftest/probes.h"

#include <aio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))
/* A result, and why when it is -1. */
#define SHOW(call)                                                                                 \
	do {                                                                                       \
		errno = 0;                                                                         \
		long ret_ = (long)(call);                                                          \
		SAY("%s: %ld %s\n", #call, ret_, ret_ < 0 ? strerrorname_np(errno) : "");          \
	} while (0)

static int file_of(const char *text)
{
	int fd = open("probe", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static volatile uintptr_t bad_address = 1;

static void probe_errors(void)
{
	char buf[128];
	int fd = file_of("0123456789"), dir = open(".", O_RDONLY), ro = open("probe", O_RDONLY);
	struct stat st = {0};
	long sum;

	umask(022);
	SHOW(fstat(open("mode", O_WRONLY | O_CREAT, 0751), &st));
	SAY("%o\n", st.st_mode);
	SHOW(read(fd, buf, 4));
	SHOW(read(999, buf, 4));
	SHOW(read(dir, buf, 4));
	SHOW(write(ro, buf, 4));
	SHOW(read(fd, (char *)bad_address, 4));
	SHOW(pread(fd, buf, 4, -1));
	SHOW(pread(fd, buf, 100, 8));
	SHOW(open("none", O_RDONLY));
	SHOW(open("probe", O_RDONLY | O_CREAT | O_EXCL, 0600));
	SHOW(open("probe", O_RDONLY | O_DIRECTORY));
	SHOW(open((char *)bad_address, O_RDONLY));
	SHOW(close(999));
	SHOW(fsync(999));
	SHOW(fsync(fd));
	SHOW(recv(fd, buf, 4, 0));
	errno = 42;
	sum = read(fd, buf, 1) + pread(fd, buf, 1, 0);
	SAY("%ld %d\n", sum, errno);
	SHOW(close(dir));
	SHOW(close(dir));
	SHOW(close(ro));
	SHOW(close(ro));
}

static void probe_append(void)
{
	int fd = file_of("begin "), a = open("probe", O_WRONLY | O_APPEND), b = dup(a);
	struct iovec vec[2] = {{"v1 ", 3}, {"v2", 2}};
	char buf[64] = "";

	SHOW(write(a, "one ", 4));
	SHOW(lseek(a, 0, SEEK_SET));
	SHOW(write(b, "two ", 4));
	SHOW(pwrite(a, "three ", 6, 0)); /* at the end, as Linux does */
	SHOW(writev(a, vec, 2));
	SHOW(pread(fd, buf, sizeof(buf), 0));
	SAY("%s\n", buf);
}

static void no_handler(int sig)
{
}

/* A handler without SA_RESTART ends a read of a pipe, one with it does not. */
static void probe_interrupt(void)
{
	struct sigaction act = {.sa_handler = no_handler};
	struct itimerval soon = {.it_value.tv_usec = 200000};
	int ends[2], fd = file_of("x");
	char byte;

	SHOW(read(fd, &byte, 1));
	SHOW(close(fd));
	if (pipe(ends))
		abort();
	SHOW(ends[0] - fd); /* what was a file is a pipe now */
	if (!fork()) {
		usleep(3000000);
		_exit(write(ends[1], "late", 4) != 4);
	}
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(read(ends[0], &byte, 1));
	SHOW(mkfifo("fifo", 0600));
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(open("fifo", O_RDONLY));
	act.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (!fork()) {
		usleep(600000);
		_exit(write(ends[1], "x", 1) != 1);
	}
	SHOW(read(ends[0], &byte, 1));
	while (wait(NULL) > 0)
		;
}

static int noisy_fd;
static volatile sig_atomic_t noise;

static void noisy_handler(int sig)
{
	if (write(noisy_fd, "!", 1) == 1)
		noise = noise + 1;
}

/* A handler writes in the middle of the program's own reads and writes. */
static void probe_reentry(void)
{
	struct sigaction act = {.sa_handler = noisy_handler, .sa_flags = SA_RESTART};
	struct itimerval often = {.it_value.tv_usec = 500, .it_interval.tv_usec = 500};
	int fd = file_of("0123456789abcdef"), bad = 0;
	char buf[16];

	noisy_fd = open("noise", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 100000 && (i < 3000 || noise < 20); i++)
		bad += pread(fd, buf, 16, 0) != 16 || memcmp(buf, "0123456789abcdef", 16);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	SAY("bad %d, heard %d, written %d\n", bad, noise >= 20,
		lseek(noisy_fd, 0, SEEK_END) == noise);
}

/* A ring has two or three; one that is lost keeps them. */
static bool few_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;

	while (tasks && readdir(tasks))
		count++;
	closedir(tasks);
	return count < 20;
}

/* How many read(2)s and preads this thread has made; what goes over a ring another one makes. */
static long own_reads(void)
{
	FILE *io = fopen("/proc/thread-self/io", "re");
	char line[128];
	long count = 0;

	while (io && fgets(line, sizeof(line), io))
		sscanf(line, "syscr: %ld", &count);
	if (io)
		fclose(io);
	return count;
}

static long own_of_20(int fd)
{
	long before = own_reads();
	char buf[1];

	for (int i = 0; i < 20; i++)
		if (pread(fd, buf, 1, 0) != 1)
			return -1;
	return own_reads() - before;
}

static void probe_fork(void)
{
	int fd = file_of("0123456789"), status;
	long usual;
	char buf[4] = "", *argv[] = {"cat", "probe", NULL};
	extern char **environ;
	pid_t pid;

	SHOW(read(fd, buf, 3));
	for (int i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			SHOW(read(fd, buf, 1));
			_exit(buf[0] == '3' + i ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		SAY("child %d, next %zd\n", status, pread(fd, buf, 1, 0));
	}
	usual = own_of_20(fd);
	for (int i = status = 0; i < 50; i++) {
		status += pread(fd, buf, 1, 0) != 1;
		pid = vfork();
		if (!pid) {
			close(fd);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	/* A child must neither close its parent's file nor lose its parent's ring. */
	SAY("after vforks %d, few threads %d, reads as before %d\n", status, few_threads(),
		usual >= 0 && own_of_20(fd) == usual);
	pid = vfork();
	if (!pid) {
		/* What the child closes stays open in the parent. */
		close(fd);
		dup2(1, 50);
		execlp("cat", "cat", "probe", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	SAY(" vfork %d\n", status);
	SHOW(read(fd, buf, 1));
	SHOW(fcntl(50, F_GETFD));
	status = posix_spawnp(&pid, "cat", NULL, NULL, argv, environ);
	waitpid(pid, &status, 0);
	SAY(" spawn %d\n", status);
}

static void probe_close_all(void)
{
	int fd = file_of("0123456789");
	struct rlimit few = {.rlim_cur = 20, .rlim_max = 20};
	char buf[4];

	SHOW(read(fd, buf, 2));
	SHOW(open("probe", O_RDONLY) == fd + 1);
	for (int i = 3; i < 1024; i++)
		close(i);
	SHOW(file_of("abc"));
	SHOW(read(3, buf, 2));
	for (int i = 4; i < 1024; i++)
		if (dup2(3, i) != i)
			SAY("dup2 to %d: %m\n", i);
	SHOW(pread(1020, buf, 2, 0));
	for (int i = 4; i < 1024; i++)
		if (pread(i, buf, 1, 0) != 1)
			SAY("%d: %m\n", i);
	closefrom(4);
	SHOW(pread(1020, buf, 2, 0));
	SHOW(pread(3, buf, 2, 0));
	SHOW(close_range(3, ~0u, 0));
	SHOW(file_of("abc"));
	setrlimit(RLIMIT_NOFILE, &few);
	SHOW(read(3, buf, 2));
	if (!fork()) {
		SHOW(read(3, buf, 2));
		_exit(0);
	}
	wait(NULL);
}

static void say_signal(int sig)
{
	SAY("signal %d\n", sig);
}

static void probe_signals(void)
{
	struct rlimit limit = {.rlim_cur = 100008, .rlim_max = RLIM_INFINITY};
	int pair[2], ends[2], fd = file_of("");

	signal(SIGPIPE, say_signal);
	signal(SIGXFSZ, say_signal);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || pipe(ends))
		abort();
	close(pair[1]);
	close(ends[0]);
	SHOW(send(pair[0], "x", 1, MSG_NOSIGNAL));
	SHOW(send(pair[0], "x", 1, 0));
	SHOW(write(pair[0], "x", 1));
	SHOW(write(ends[1], "x", 1));
	setrlimit(RLIMIT_FSIZE, &limit);
	SHOW(lseek(fd, 100000, SEEK_SET));
	SHOW(write(fd, "0123456789", 10));
	SHOW(write(fd, "0123456789", 10));
}

static void *work(void *arg)
{
	long bad = 0;
	char name[16], buf[64], back[64];
	int fd;

	snprintf(name, sizeof(name), "thread%ld", (long)arg);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 300; i++) {
		memset(buf, 'a' + (i + (int)(long)arg) % 26, sizeof(buf));
		bad += pwrite(fd, buf, sizeof(buf), i * 64) != 64;
		bad += pread(fd, back, sizeof(back), i * 64) != 64 || memcmp(buf, back, 64);
	}
	close(fd);
	return (void *)bad;
}

static void *sleep_in_read(void *arg)
{
	char byte;

	return (void *)read(*(int *)arg, &byte, 1);
}

static void probe_threads(void)
{
	pthread_t threads[6];
	void *ret;
	int ends[2];

	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < 6; i++)
			pthread_create(&threads[i], NULL, work, (void *)i);
		for (int i = 0; i < 6; i++) {
			pthread_join(threads[i], &ret);
			SAY("thread %d: %ld bad\n", i, (long)ret);
		}
	}
	if (pipe(ends))
		abort();
	pthread_create(&threads[0], NULL, sleep_in_read, &ends[0]);
	pthread_cancel(threads[0]);
	pthread_join(threads[0], &ret);
	SAY("cancelled %d\n", ret == PTHREAD_CANCELED);
}

static void probe_sockets(void)
{
	struct timeval brief = {.tv_usec = 100000};
	static char big[4000000];
	char buf[64];
	int pair[2];

	memset(big, 'b', sizeof(big));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	SHOW(send(pair[0], "hello", 5, 0));
	SHOW(recv(pair[1], buf, sizeof(buf), MSG_PEEK));
	SHOW(read(pair[1], buf, sizeof(buf)));
	SHOW(recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief));
	SHOW(recv(pair[1], buf, sizeof(buf), 0));
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	SHOW(read(pair[1], buf, sizeof(buf)));
	fcntl(pair[0], F_SETFL, 0);
	if (!fork()) {
		usleep(300000);
		_exit(write(pair[1], "later", 5) != 5);
	}
	SHOW(read(pair[0], buf, sizeof(buf))); /* waits */
	if (!fork()) {
		long got = 0;
		ssize_t n;

		close(pair[0]);
		fcntl(pair[1], F_SETFL, 0);
		setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(brief));
		while ((n = read(pair[1], big, sizeof(big))) > 0)
			got += n;
		SAY("got %ld\n", got);
		_exit(0);
	}
	SHOW(write(pair[0], big, sizeof(big)));
	close(pair[0]);
	close(pair[1]);
	while (wait(NULL) > 0)
		;
}

static void probe_rights(void)
{
	int fd = file_of("0123456789");
	char buf[4];

	SHOW(read(fd, buf, 2));
	if (!geteuid()) {
		chmod("probe", 0600);
		SHOW(setuid(65534));
		SHOW(open("probe", O_RDONLY));
	}
	SHOW(pread(fd, buf, 2, 0));
	SHOW(chdir("/"));
	SHOW(open("proc/self/comm", O_RDONLY) > 0);
}

#define BLOCKS 40

static struct aiocb block(int fd, char *buf, int i)
{
	return (struct aiocb){.aio_fildes = fd,
		.aio_buf = buf + 64 * i,
		.aio_nbytes = 64,
		.aio_offset = 64 * i,
		.aio_lio_opcode = LIO_READ,
		.aio_sigevent.sigev_notify = SIGEV_NONE};
}

static int wait_for(struct aiocb *cb)
{
	const struct aiocb *list[] = {NULL, cb};

	while (aio_error(cb) == EINPROGRESS)
		if (aio_suspend(list, 2, NULL) && errno != EINTR)
			return -1;
	return aio_error(cb);
}

/* Transfers in batches, one by one and as lists, right and wrong ones, the last by glibc. */
static void probe_aio(void)
{
	static char out[64 * BLOCKS], in[64 * BLOCKS];
	static struct aiocb cbs[BLOCKS], odd;
	struct aiocb *list[BLOCKS];
	int fd = file_of(""), append, sum = 0;

	for (int i = 0; i < BLOCKS; i++) {
		memset(out + 64 * i, 'A' + i, 64);
		cbs[i] = block(fd, out, i);
		list[i] = &cbs[i];
		sum += aio_write(&cbs[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		sum += wait_for(&cbs[i]) + (aio_return(&cbs[i]) != 64);
	SAY("wrote, %d wrong, %ld bytes\n", sum, (long)lseek(fd, 0, SEEK_END));
	odd = block(fd, in, 0);
	SHOW(aio_fsync(O_SYNC, &odd));
	SHOW(wait_for(&odd));

	for (int i = 0; i < BLOCKS; i++)
		cbs[i] = block(fd, in, i);
	cbs[3].aio_lio_opcode = LIO_NOP;
	list[4] = NULL;
	SHOW(lio_listio(LIO_WAIT, list, BLOCKS, NULL));
	for (int i = sum = 0; i < BLOCKS; i++)
		sum += i != 3 && i != 4 && (aio_error(&cbs[i]) || aio_return(&cbs[i]) != 64);
	SAY("read, %d wrong, %d differ\n", sum, !!memcmp(in + 320, out + 320, sizeof(in) - 320));
	list[4] = &cbs[4];
	for (int i = 0; i < BLOCKS; i++)
		cbs[i] = block(fd, in, i);
	cbs[7].aio_fildes = 999;
	cbs[9].aio_offset = 1 << 20;
	SHOW(lio_listio(LIO_WAIT, list, BLOCKS, NULL));
	for (int i = 6; i < 10; i++)
		SAY("%d: %s %zd\n", i, strerrorname_np(aio_error(&cbs[i])), aio_return(&cbs[i]));

	for (int i = 0; i < BLOCKS; i++)
		cbs[i] = block(fd, in, i);
	SHOW(lio_listio(LIO_NOWAIT, list, BLOCKS, NULL));
	for (int i = sum = 0; i < BLOCKS; i++)
		sum += wait_for(&cbs[i]);
	SAY("%d wrong\n", sum);
	SHOW(aio_cancel(fd, &cbs[0]));
	SHOW(aio_cancel(fd, NULL));
	SHOW(aio_cancel(999, NULL));
	odd = block(fd, (char *)bad_address, 0);
	SHOW(aio_read(&odd));
	SHOW(wait_for(&odd) == EFAULT);
	SHOW(aio_return(&odd));
	SHOW(lio_listio(7, list, BLOCKS, NULL));

	append = open("probe", O_WRONLY | O_APPEND);
	for (int i = 0; i < BLOCKS; i++) {
		cbs[i] = block(append, out, i);
		cbs[i].aio_nbytes = 1;
		aio_write(&cbs[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		wait_for(&cbs[i]);
	SHOW(pread(fd, in, BLOCKS, 64 * BLOCKS));
	SAY("%.*s\n", BLOCKS, in);
}

const struct probe probes[] = {
	{"errors", probe_errors},
	{"append", probe_append},
	{"interrupt", probe_interrupt},
	{"reentry", probe_reentry},
	{"fork", probe_fork},
	{"close-all", probe_close_all},
	{"signals", probe_signals},
	{"threads", probe_threads},
	{"sockets", probe_sockets},
	{"rights", probe_rights},
	{"aio", probe_aio},
};
const size_t probe_count = sizeof(probes) / sizeof(probes[0]);

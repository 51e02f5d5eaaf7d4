/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzer: processes that live for a fraction of a second and do to a device
 * what a hostile program might: arguments almost right, at the end of what can be
 * read, in memory that changes meanwhile; numbers that are no calls; mappings;
 * threads that sleep in it; forks; and then they are killed. The kernel's log
 * says whether that did harm; what is said here is that every call was reached
 * with arguments that it took.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kmods/fuzz_ioctl.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NOBODY 65534
#define DIR "/tmp/fuzz_ioctl"
#define CALLS_MAX 64
#define ARG_MAX_SIZE 4096
#define PAGE 4096

static const struct fuzz_device *const devices[] = {
	&gaming_fuzz, &gaming_hardware_fuzz, &gaming_memory_fuzz, &gpu_dma_lock_fuzz, &xsc_fuzz};

/* Shared with the processes that come and go. */
static struct counts {
	uint64_t made[CALLS_MAX], taken[CALLS_MAX];
	uint64_t other, random;
} * counts;

/* A page to read and write, and behind it nothing. */
static char *edge;

uint64_t fuzz_next(struct fuzz_random *random)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15u); /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t fuzz_below(struct fuzz_random *random, uint32_t limit)
{
	return limit ? (uint32_t)(fuzz_next(random) % limit) : 0;
}

uint64_t fuzz_value(struct fuzz_random *random)
{
	switch (fuzz_below(random, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << fuzz_below(random, 64);
	case 3:
		return (1ull << fuzz_below(random, 64)) - 1;
	case 4:
		return 0xffff888000000000ull + fuzz_below(random, 1 << 30); /* the kernel's */
	case 5:
		return fuzz_below(random, 4096);
	default:
		return fuzz_next(random);
	}
}

static void mutate(struct fuzz_random *random, char *arg, size_t size)
{
	for (uint32_t n = fuzz_below(random, 3); n; n--) {
		uint64_t value = fuzz_value(random);
		size_t width = 1u << fuzz_below(random, 4);

		if (width <= size)
			memcpy(arg + (fuzz_below(random, (uint32_t)(size - width + 1)) &
					     ~(width - 1)),
				&value, width);
	}
}

static bool is_reached(const struct fuzz_call *call, long result, int error)
{
	if (result >= 0)
		return true;
	for (const int *reached = call->reached; reached && *reached; reached++)
		if (error == *reached)
			return true;
	return false;
}

/* One call of the device's; @whole: with an argument as it should be. */
static void call_device(struct fuzz_session *session, const struct fuzz_device *device, int fd,
	uint32_t index, bool whole)
{
	const struct fuzz_call *call = &device->calls[index];
	char arg[ARG_MAX_SIZE] = {0};
	void *at = arg;
	long result;

	if (call->fill)
		call->fill(session, arg);
	if (!whole) {
		mutate(&session->random, arg, call->size ? call->size : 64);
		switch (fuzz_below(&session->random, 8)) {
		case 0: /* nothing can be read behind it, or not even all of it */
			at = edge + PAGE - call->size +
			     fuzz_below(&session->random, (uint32_t)call->size / 4 + 1) * 4;
			memcpy(at, arg, (size_t)(edge + PAGE - (char *)at));
			break;
		case 1:
			at = (void *)(uintptr_t)fuzz_value(&session->random);
			break;
		case 2: /* larger than the device knows, and perhaps not zero there */
			*(uint32_t *)arg =
				(uint32_t)(call->size + fuzz_below(&session->random, 64));
			arg[call->size + fuzz_below(&session->random, 64)] =
				(char)fuzz_below(&session->random, 2);
			break;
		default:
			break;
		}
	}
	__atomic_fetch_add(&counts->made[index], 1, __ATOMIC_RELAXED);
	result = ioctl(fd, call->cmd, at);
	if (whole && is_reached(call, result, errno))
		__atomic_fetch_add(&counts->taken[index], 1, __ATOMIC_RELAXED);
	if (result >= 0 && call->done && at == arg)
		call->done(session, fd, arg);
}

struct sleeper {
	const struct fuzz_device *device;
	struct fuzz_session session;
	uint32_t index;
	int fd;
};

static void *sleeper_main(void *data)
{
	struct sleeper *sleeper = data;

	for (int i = 0; i < 50; i++)
		call_device(&sleeper->session, sleeper->device, sleeper->fd, sleeper->index,
			fuzz_below(&sleeper->session.random, 4) != 0);
	free(sleeper);
	return NULL;
}

/* In a thread of its own, so that this one can go on and pull the ground away. */
static void call_in_thread(
	struct fuzz_session *session, const struct fuzz_device *device, int fd, uint32_t index)
{
	struct sleeper *sleeper = calloc(1, sizeof(*sleeper));
	pthread_t thread;

	if (!sleeper)
		return;
	*sleeper = (struct sleeper){
		.device = device,
		.session = *session,
		.index = index,
		.fd = fd,
	};
	sleeper->session.random.state = fuzz_next(&session->random);
	memset(sleeper->session.maps, 0, sizeof(sleeper->session.maps));
	if (pthread_create(&thread, NULL, sleeper_main, sleeper)) {
		free(sleeper);
		return;
	}
	pthread_detach(thread);
}

static void map_something(struct fuzz_session *session, int fd)
{
	struct fuzz_random *random = &session->random;
	size_t size = (1 + fuzz_below(random, 128)) * PAGE;
	off_t offset = fuzz_below(random, 2) ? 0 : (off_t)(fuzz_value(random) & ~(PAGE - 1ull));
	void *start = mmap(NULL, size, (int)fuzz_below(random, 8),
		fuzz_below(random, 4) ? MAP_SHARED : MAP_PRIVATE, fd, offset);

	if (start == MAP_FAILED)
		return;
	switch (fuzz_below(random, 4)) {
	case 0:
		mprotect(start, size, PROT_READ | PROT_WRITE | PROT_EXEC);
		break;
	case 1:
		start = mremap(start, size, size * 2, MREMAP_MAYMOVE);
		break;
	case 2:
		madvise(start, size, (int)fuzz_below(random, 26));
		break;
	default:
		munmap(start, size / 2 + PAGE / 2);
		break;
	}
}

static void use_as_file(struct fuzz_session *session, int fd)
{
	struct fuzz_random *random = &session->random;
	char data[256];
	struct pollfd poll_fd = {.fd = fd, .events = (short)fuzz_next(random)};

	switch (fuzz_below(random, 7)) {
	case 0:
		if (read(fd, data, sizeof(data)) > 0)
			session->random.state ^= (unsigned char)data[0];
		break;
	case 1:
		if (write(fd, edge, fuzz_below(random, PAGE)) < 0)
			errno = 0;
		break;
	case 2:
		poll(&poll_fd, 1, (int)fuzz_below(random, 3));
		break;
	case 3:
		lseek(fd, (off_t)fuzz_value(random), (int)fuzz_below(random, 4));
		break;
	case 4:
		fcntl(fd, F_SETFL, fuzz_below(random, 2) ? O_NONBLOCK | O_ASYNC : 0);
		break;
	case 5:
		close(dup(fd));
		break;
	default:
		fsync(fd);
		break;
	}
}

static void one_action(
	struct fuzz_session *session, const struct fuzz_device *device, uint32_t depth)
{
	struct fuzz_random *random = &session->random;
	int *fd = &session->fds[fuzz_below(random, ARRAY_LEN(session->fds))];
	uint32_t action = fuzz_below(random, 100), index = fuzz_below(random, device->count);

	if (*fd < 0)
		*fd = open(device->path, (int)fuzz_below(random, 4) ? O_RDWR : O_RDONLY);
	if (action < 30) {
		if (device->calls[index].blocks)
			call_in_thread(session, device, *fd, index);
		else
			call_device(session, device, *fd, index, true);
	} else if (action < 60) {
		if (device->calls[index].blocks && fuzz_below(random, 4))
			call_in_thread(session, device, *fd, index);
		else
			call_device(session, device, *fd, index, false);
	} else if (action < 68) {
		__atomic_fetch_add(&counts->random, 1, __ATOMIC_RELAXED);
		ioctl(*fd,
			fuzz_below(random, 2)
				? _IOC(fuzz_below(random, 4), device->magic, fuzz_below(random, 32),
					  fuzz_below(random, 512))
				: (unsigned long)fuzz_next(random),
			fuzz_below(random, 2) ? (unsigned long)edge
					      : (unsigned long)fuzz_value(random));
	} else if (action < 88) {
		__atomic_fetch_add(&counts->other, 1, __ATOMIC_RELAXED);
		if (device->other)
			device->other(session);
	} else if (action < 92) {
		map_something(session, *fd);
	} else if (action < 96) {
		use_as_file(session, *fd);
	} else if (action < 98) {
		close(*fd);
		*fd = -1;
	} else if (depth < 2) {
		/* It has the descriptors, not the mappings, and goes without a word. */
		if (fork() == 0) {
			for (uint32_t i = fuzz_below(random, 20); i; i--)
				one_action(session, device, depth + 1);
			_exit(0);
		}
	}
}

/* A process that does what it likes until it crashes or is killed. */
static void session_main(const struct fuzz_device *device, uint64_t seed)
{
	struct fuzz_session session = {.random = {seed}, .fds = {-1, -1, -1, -1}};
	struct rlimit files = {64, 64}, size = {1 << 20, 1 << 20}, core = {0, 0};
	struct rlimit processes = {256, 256};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NPROC, &processes);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	if (getuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
				     setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(2);
	if (chdir(DIR))
		_exit(2);
	/* It may read and write what its parent prints to, but not through these numbers. */
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		open("/dev/null", O_RDWR);
	}
	for (;;)
		one_action(&session, device, 0);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* How many processes were needed. */
static unsigned int fuzz(
	const struct fuzz_device *device, struct fuzz_random *random, double until_s)
{
	unsigned int sessions = 0;

	while (now_s() < until_s) {
		uint64_t seed = fuzz_next(random);
		struct timespec life = {.tv_nsec = (20 + fuzz_below(random, 400)) * 1000000L};
		pid_t child;
		sigset_t chld;

		sigemptyset(&chld);
		sigaddset(&chld, SIGCHLD);
		sigprocmask(SIG_BLOCK, &chld, NULL);
		child = fork();
		if (child < 0)
			break;
		if (!child) {
			sigprocmask(SIG_UNBLOCK, &chld, NULL);
			session_main(device, seed);
		}
		setpgid(child, child);
		sigtimedwait(&chld, NULL, &life);
		kill(-child, SIGKILL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (sigtimedwait(&chld, NULL, &(struct timespec){0}) > 0)
			; /* or the next one would live for no time at all */
		sessions++;
	}
	return sessions;
}

/* One device: a line of TAP. 0 if it passed or is not there. */
static int run_device(
	const struct fuzz_device *device, int number, uint64_t seed, unsigned int seconds)
{
	struct fuzz_random random = {seed};
	bool failed = false;
	unsigned int sessions;

	if (access(device->path, F_OK)) {
		printf("ok %d - %s # SKIP it is not there\n", number, device->path);
		return 0;
	}
	memset(counts, 0, sizeof(*counts));
	sessions = fuzz(device, &random, now_s() + seconds);
	for (uint32_t i = 0; i < device->count; i++)
		failed |= counts->taken[i] == 0;
	printf("%s %d - %s: %u s of calls, each of them reached\n", failed ? "not ok" : "ok",
		number, device->path, seconds);
	for (uint32_t i = 0; i < device->count; i++)
		printf("# %-17s %8llu calls, %llu of them taken%s\n", device->calls[i].name,
			(unsigned long long)counts->made[i], (unsigned long long)counts->taken[i],
			counts->taken[i] ? "" : ": never reached");
	printf("# %u processes, %llu calls of other numbers, %llu scribbles; --seed %#llx\n",
		sessions, (unsigned long long)counts->random, (unsigned long long)counts->other,
		(unsigned long long)seed);
	fflush(stdout);
	return failed;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: fuzz_ioctl [--seconds N] [--seed N] [DEVICE...]\n\n"
		"Calls the devices of our modules with arguments that are almost right, for N\n"
		"seconds each (60), as user nobody if it is run by root. Prints TAP, with the\n"
		"seed that repeats the choices. For a virtual machine: see tests/kmods.\n");
	return status;
}

int main(int argc, char **argv)
{
	unsigned int seconds = 60;
	uint64_t seed = ((uint64_t)time(NULL) << 20) ^ (uint64_t)getpid();
	int number = 0, failed = 0, arg = 1;

	for (; arg < argc && argv[arg][0] == '-'; arg += 2) {
		char *end = NULL;

		if (!strcmp(argv[arg], "--help"))
			return usage(0);
		if (arg + 1 < argc && !strcmp(argv[arg], "--seconds"))
			seconds = (unsigned int)strtoul(argv[arg + 1], &end, 0);
		else if (arg + 1 < argc && !strcmp(argv[arg], "--seed"))
			seed = strtoull(argv[arg + 1], &end, 0);
		if (!end || end == argv[arg + 1] || *end)
			return usage(2);
	}

	counts = mmap(
		NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	edge = mmap(NULL, PAGE * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED || edge == MAP_FAILED || mprotect(edge + PAGE, PAGE, PROT_NONE) ||
		(mkdir(DIR, 0777) && errno != EEXIST) || chmod(DIR, 0777)) {
		printf("Bail out! %m\n");
		return 1;
	}
	printf("TAP version 14\n# --seed %#llx\n", (unsigned long long)seed);
	fflush(stdout);
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		bool wanted = arg == argc;

		for (int a = arg; a < argc; a++)
			wanted |= !strcmp(argv[a], devices[i]->path);
		if (wanted)
			failed += run_device(devices[i], ++number, seed, seconds);
	}
	printf("1..%d\n", number);
	return failed != 0;
}

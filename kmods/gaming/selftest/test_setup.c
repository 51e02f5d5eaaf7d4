/* SPDX-License-Identifier: Apache-2.0 */
/* The device itself, INFO and BATCH; who may call. */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmods/gaming/selftest/ioctl.h"
#include "kmods/gaming/selftest/tests.h"
#include "kmods/selftest/report.h"

#include <linux/gaming_sync.h>

static const struct {
	uint32_t first, count;
} groups[] = {{1000, 4}, {1010, 4}, {1020, 3}, {1030, 4}, {1040, 4}, {1050, 3}, {1060, 3}};

static bool is_call(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (number - groups[i].first < groups[i].count)
			return true;
	return false;
}

int test_setup(void)
{
	struct gaming_info info;
	struct gaming g;
	uint32_t calls = 0;

	EXPECT(sizeof(struct gaming_info), 64);
	EXPECT(sizeof(struct gaming_batch), 32);
	EXPECT(sizeof(struct gaming_batch_entry), 16);
	EXPECT(gaming_open(&g), 0);
	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_INFO, &info), 0);
	EXPECT(info.size, sizeof(info));
	REQUIRE(info.calls == g.calls && info.features == g.features, "two answers of INFO");
	/* What INFO calls done is done: it looks at its argument. All else is not there. */
	for (uint32_t call = GAMING_CALL_FIRST; call <= GAMING_CALL_LAST; call++) {
		long got = ioctl_arg(g.fd, GAMING_IOC(call), NULL);

		calls += is_call(call);
		REQUIRE(is_call(call) || !gaming_has(&g, call), "%u is no call, and done", call);
		if (gaming_has(&g, call))
			REQUIRE(got == -EFAULT || got == -EOPNOTSUPP, "call %u: %ld", call, got);
		else
			EXPECT(got, -ENOSYS);
	}
	EXPECT(calls, 25);
	add_metric("calls_done", "calls", false)->count = 1;
	report->metrics[0].samples[0] = __builtin_popcountll(g.calls);
	report->metrics[0].higher_is_better = true;
	gaming_close(&g);
	gaming_close(&g);
	gaming_close(NULL);
	EXPECT(gaming_ioctl(&g, GAMING_IOC_INFO, &info), -EBADF);
	return 0;
}

/* INFO and BATCH: a byte changed in a good argument, and what must come of it. */
static int bad_info(int fd)
{
	static const struct {
		const char *name;
		size_t offset;
		uint32_t value;
		int err;
	} cases[] = {
		{"size 0", 0, 0, EINVAL},
		{"size too small", 0, sizeof(struct gaming_info) - 1, EINVAL},
		{"size above a page", 0, 1 << 20, EINVAL},
		{"reserved", offsetof(struct gaming_info, resv), 1, EINVAL},
		{"calls not zero", offsetof(struct gaming_info, calls), 1, EINVAL},
		{"features not zero", offsetof(struct gaming_info, features), 1, EINVAL},
		{"last word not zero", sizeof(struct gaming_info) - 4, 1, EINVAL},
	};
	struct {
		struct gaming_info info;
		uint64_t more;
	} longer = {.info.size = sizeof(longer), .more = 1};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_info info = {.size = sizeof(info)}, before;
		long got;

		memcpy((char *)&info + cases[i].offset, &cases[i].value, 4);
		before = info;
		got = ioctl_arg(fd, GAMING_IOC_INFO, &info);
		REQUIRE(got == -cases[i].err, "INFO, %s: %ld", cases[i].name, got);
		REQUIRE(!memcmp(&info, &before, sizeof(info)), "INFO, %s: written to",
			cases[i].name);
	}
	EXPECT(ioctl_arg(fd, GAMING_IOC_INFO, NULL), -EFAULT);
	EXPECT(ioctl_arg(fd, GAMING_IOC_INFO, &longer), -E2BIG);
	longer.more = 0;
	EXPECT(ioctl_arg(fd, GAMING_IOC_INFO, &longer), 0);
	EXPECT(longer.info.size, sizeof(struct gaming_info));
	return 0;
}

int test_bad_input(void)
{
	static struct gaming_batch_entry entries[2];
	static const struct {
		const char *name;
		size_t offset;
		uint64_t value;
		int err;
	} cases[] = {
		{"size 0", offsetof(struct gaming_batch, size), 0, EINVAL},
		{"size too small", offsetof(struct gaming_batch, size), 31, EINVAL},
		{"size above a page", offsetof(struct gaming_batch, size), 4097, EINVAL},
		{"unknown flag", offsetof(struct gaming_batch, flags), 2, EINVAL},
		{"no entry", offsetof(struct gaming_batch, count), 0, EINVAL},
		{"too many", offsetof(struct gaming_batch, count), GAMING_BATCH_MAX + 1, EINVAL},
		{"2^32 - 1 entries", offsetof(struct gaming_batch, count), UINT32_MAX, EINVAL},
		{"done not zero", offsetof(struct gaming_batch, done), 1, EINVAL},
		{"reserved", offsetof(struct gaming_batch, resv), 1, EINVAL},
	};
	int fd = open(GAMING_DEVICE, O_RDWR | O_CLOEXEC);

	REQUIRE(fd >= 0, "open: %m");
	if (bad_info(fd))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gaming_batch batch = {
			.size = sizeof(batch), .count = 2, .entries = (uintptr_t)entries};
		long got;

		memcpy((char *)&batch + cases[i].offset, &cases[i].value, 4);
		memset(entries, 0, sizeof(entries));
		got = ioctl_arg(fd, GAMING_IOC_BATCH, &batch);
		REQUIRE(got == -cases[i].err, "BATCH, %s: %ld", cases[i].name, got);
		EXPECT(entries[0].res, 0);
	}
	EXPECT(ioctl_arg(fd, GAMING_IOC_BATCH, NULL), -EFAULT);
	/* No ioctl of ours: another magic, a direction, a size, a number beyond. */
	EXPECT(ioctl_arg(fd, _IO('G', 64), NULL), -ENOTTY);
	EXPECT(ioctl_arg(fd, _IOR(GAMING_IOC_MAGIC, 64, struct gaming_info), NULL), -ENOTTY);
	EXPECT(ioctl_arg(fd, _IO(GAMING_IOC_MAGIC, 63), NULL), -ENOTTY);
	for (unsigned long nr = 128; nr < 256; nr++)
		EXPECT(ioctl_arg(fd, _IO(GAMING_IOC_MAGIC, nr), NULL), -ENOTTY);
	EXPECT(read(fd, entries, 1), -1);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, 1);
	close(fd);
	return 0;
}

int test_batch(void)
{
	enum { COUNT = GAMING_BATCH_MAX };
	static struct gaming_batch_entry entries[COUNT];
	struct gaming_batch batch = {
		.size = sizeof(batch), .count = 3, .entries = (uintptr_t)entries};
	struct gaming_batch_entry *edge;
	struct gaming g;
	char *pages;

	EXPECT(gaming_open(&g), 0);
	for (int i = 0; i < COUNT; i++)
		entries[i] = (struct gaming_batch_entry){.call = 1004}; /* in no group */
	EXPECT(gaming_batch(&g, entries, COUNT, 0), COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT(entries[i].res, -ENOSYS);

	/* What failed stops it, or not; what was not made is not touched. */
	for (int i = 0; i < 3; i++)
		entries[i] = (struct gaming_batch_entry){.call = i == 1 ? 999 : 1064};
	EXPECT(gaming_batch(&g, entries, 3, GAMING_BATCH_STOP), 1);
	EXPECT(entries[0].res, -ENOTTY);
	EXPECT(entries[1].res, 0);
	entries[0].res = 0;
	entries[1].res = 7;
	EXPECT(gaming_batch(&g, entries, 3, 0), 3);
	EXPECT(entries[0].res, -ENOTTY);
	EXPECT(entries[1].res, -EINVAL);
	EXPECT(entries[2].res, -ENOTTY);
	/* INFO and BATCH are no calls: batches do not nest. */
	for (int i = 0; i < 2; i++)
		entries[i] = (struct gaming_batch_entry){
			.call = 1064 + (uint32_t)i, .arg = (uintptr_t)&batch};
	EXPECT(gaming_batch(&g, entries, 2, 0), 2);
	EXPECT(entries[0].res, -ENOTTY);
	EXPECT(entries[1].res, -ENOTTY);

	/* The second entry lies where nothing is, then where nothing can be written. */
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(pages != MAP_FAILED, "mmap: %m");
	munmap(pages + 4096, 4096);
	edge = (struct gaming_batch_entry *)(void *)(pages + 4096) - 1;
	*edge = (struct gaming_batch_entry){.call = 1004};
	batch.entries = (uintptr_t)edge;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_BATCH, &batch), -EFAULT);
	EXPECT(batch.done, 1);
	EXPECT(edge->res, -ENOSYS);
	edge->res = 0;
	mprotect(pages, 4096, PROT_READ);
	batch.done = 0;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_BATCH, &batch), -EFAULT);
	EXPECT(batch.done, 1);
	batch.done = 0;
	batch.entries = 8;
	EXPECT(ioctl_arg(g.fd, GAMING_IOC_BATCH, &batch), -EFAULT);
	EXPECT(batch.done, 0);
	gaming_close(&g);
	return 0;
}

/* A call that finds nothing to do: what each costs at least. Told, and no reason to fail. */
int test_call_time(void)
{
	struct metric *each = add_metric("call_ns", "ns", false);
	struct metric *batched = add_metric("batched_call_ns", "ns", false);
	struct gaming_futex wake = {
		.size = sizeof(wake), .op = GAMING_FUTEX_WAKE, .addr = 4096, .count = 1};
	struct gaming_batch_entry entries[64];
	struct gaming g;

	EXPECT(gaming_open(&g), 0);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		entries[i] = (struct gaming_batch_entry){
			.call = GAMING_CALL_FUTEX, .arg = (uintptr_t)&wake};
	for (int s = 0; s < MAX_SAMPLES; s++) {
		uint64_t start = now_ns(), middle;

		for (int i = 0; i < 640; i++)
			EXPECT(gaming_ioctl(&g, GAMING_IOC(GAMING_CALL_FUTEX), &wake), 0);
		middle = now_ns();
		for (int i = 0; i < 10; i++)
			EXPECT(gaming_batch(&g, entries, ARRAY_LEN(entries), 0), 64);
		each->samples[each->count++] = (double)(middle - start) / 640;
		batched->samples[batched->count++] = (double)(now_ns() - middle) / 640;
	}
	gaming_close(&g);
	return 0;
}

/* What `gaming_test --exec-probe FD` does: its exit status is the errno of INFO. */
int exec_probe(int fd)
{
	struct gaming_info info = {.size = sizeof(info)};

	return (int)-ioctl_arg(fd, GAMING_IOC_INFO, &info);
}

int test_owner(void)
{
	struct gaming_info info = {.size = sizeof(info)};
	int fd = open(GAMING_DEVICE, O_RDWR), status;
	char number[16];
	pid_t child;

	REQUIRE(fd >= 0, "open: %m");
	EXPECT(exec_probe(fd), 0);
	child = fork();
	if (!child)
		_exit(exec_probe(fd));
	EXPECT(waitpid(child, &status, 0), child);
	EXPECT(WEXITSTATUS(status), EPERM);
	/* vfork's child has the same memory. */
	child = vfork();
	if (!child)
		_exit((int)-ioctl_arg(fd, GAMING_IOC_INFO, &info));
	EXPECT(waitpid(child, &status, 0), child);
	EXPECT(WEXITSTATUS(status), EPERM);
	/* execve keeps the process, and takes its memory away. */
	snprintf(number, sizeof(number), "%d", fd);
	child = fork();
	if (!child) {
		int own = open(GAMING_DEVICE, O_RDWR);

		dup2(own, fd);
		execl("/proc/self/exe", "gaming_test", "--exec-probe", number, NULL);
		_exit(127);
	}
	EXPECT(waitpid(child, &status, 0), child);
	EXPECT(WEXITSTATUS(status), EPERM);
	EXPECT(exec_probe(fd), 0);
	close(fd);
	return 0;
}

enum { NOBODY = 65534 };

/* open(2) by a process of nobody's, in group @group: 0 or the errno. */
static int open_as_nobody(gid_t group)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		if (setgroups(0, NULL) || setgid(group) || setuid(NOBODY))
			_exit(255);
		_exit(open(GAMING_DEVICE, O_RDWR) < 0 ? errno : 0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0 or a negative errno. */
static int set_parameter(const char *name, const char *value)
{
	char path[80];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/module/gaming/parameters/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* The device lets group NOBODY in, by its mode. */
static int access_by_parameters(void)
{
	struct gaming before, g;

	EXPECT(open_as_nobody(NOBODY), 0);
	EXPECT(open_as_nobody(1), EACCES);
	EXPECT(set_parameter("disabled", "3"), -EINVAL);
	EXPECT(set_parameter("disabled", "-1"), -EINVAL);
	EXPECT(gaming_open(&before), 0);

	EXPECT(set_parameter("disabled", "1"), 0);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	EXPECT(gaming_open(&g), 0);
	gaming_close(&g);
	EXPECT(set_parameter("group", "1"), 0);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	EXPECT(set_parameter("group", "65534"), 0);
	EXPECT(open_as_nobody(NOBODY), 0);

	EXPECT(set_parameter("disabled", "2"), 0);
	EXPECT(open_as_nobody(NOBODY), EPERM);
	EXPECT(gaming_open(&g), -EPERM);
	/* A session that is there goes on. */
	EXPECT(gaming_ioctl(&before, GAMING_IOC_INFO, &(struct gaming_info){.size = 64}), 0);
	gaming_close(&before);
	return 0;
}

int test_access(void)
{
	struct stat node;
	int ret;

	if (geteuid() || set_parameter("disabled", "0"))
		return skip("needs root, to set the module's parameters");
	EXPECT(sys(stat(GAMING_DEVICE, &node)), 0);
	EXPECT(node.st_mode & 07777, 0660);
	EXPECT(sys(chown(GAMING_DEVICE, node.st_uid, NOBODY)), 0);
	ret = access_by_parameters();
	/* However it ended: the tests behind this one open the device. */
	set_parameter("disabled", "0");
	set_parameter("group", "-1");
	EXPECT(sys(chown(GAMING_DEVICE, node.st_uid, node.st_gid)), 0);
	return ret;
}

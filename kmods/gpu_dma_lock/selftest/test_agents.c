/* SPDX-License-Identifier: Apache-2.0 */
/* Agents: who is one, who may use it, and how it ends. */
#include <sys/prctl.h>
#include <sys/socket.h>

#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

int test_setup(void)
{
	struct gdl_agent agent = {.size = sizeof(agent)};
	struct gdl_query now;
	struct memory memory;
	long long bytes = live_bytes(), agents = live_agents();
	uint64_t last = 0;
	int fd;

	for (int i = 0; i < 3; i++) {
		agent = (struct gdl_agent){.size = sizeof(agent)};
		fd = open_device();
		REQUIRE(fd >= 0, "open: %m");
		EXPECT(call(fd, GDL_IOC_AGENT, &agent), 0);
		REQUIRE(agent.id > last, "agent %llu after %llu", (unsigned long long)agent.id,
			(unsigned long long)last);
		last = agent.id;
		EXPECT(agent.quota, GDL_DEFAULT_QUOTA);
		REQUIRE((agent.features & 3) == 3, "features %#llx",
			(unsigned long long)agent.features);
		EXPECT(alloc(fd, 3 * PAGE, &memory), 0);
		EXPECT(fcntl(memory.fd, F_GETFD), FD_CLOEXEC);
		EXPECT(lseek(memory.fd, 0, SEEK_END), 3 * PAGE);
		EXPECT(query(fd, memory.handle, &now), 0);
		EXPECT(now.agent, agent.id);
		EXPECT(now.charged, 3 * PAGE);
		EXPECT(now.buffers, 1);
		EXPECT(now.bytes, 3 * PAGE);
		EXPECT(now.segments, memory.segments);
		EXPECT(now.grants + now.attached + now.mapped, 0);
		close(memory.fd);
		EXPECT(query(fd, 0, &now), 0);
		EXPECT(now.charged, 3 * PAGE);
		close(fd);
	}
	REQUIRE(live_becomes(bytes, agents), "%lld bytes more than before", live_bytes() - bytes);
	return 0;
}

/* An ioctl's argument, good but for one word. */
struct bad_case {
	const char *name;
	unsigned long cmd;
	size_t size, at; /* of the argument; which byte */
	uint64_t value;
	int err;
};

#define BAD(cmd, type, field, value, err)                                                          \
	{                                                                                          \
#cmd "." #field " = " #value, GDL_IOC_##cmd, sizeof(struct type),                  \
			offsetof(struct type, field), value, err                                   \
	}

int test_bad_input(void)
{
	static const struct bad_case cases[] = {
		BAD(AGENT, gdl_agent, size, 0, EINVAL),
		BAD(AGENT, gdl_agent, size, 8, EINVAL),
		BAD(AGENT, gdl_agent, size, 1 << 20, EINVAL),
		BAD(ALLOC, gdl_alloc, size, sizeof(struct gdl_alloc) - 1, EINVAL),
		BAD(ALLOC, gdl_alloc, flags, 2, EINVAL),
		BAD(ALLOC, gdl_alloc, flags, 1u << 31, EINVAL),
		BAD(ALLOC, gdl_alloc, bytes, 0, EINVAL),
		BAD(ALLOC, gdl_alloc, bytes, 1, EINVAL),
		BAD(ALLOC, gdl_alloc, bytes, 4097, EINVAL),
		BAD(ALLOC, gdl_alloc, bytes, UINT64_MAX, EINVAL),
		BAD(ALLOC, gdl_alloc, bytes, UINT64_MAX - 4095, EDQUOT),
		BAD(ALLOC, gdl_alloc, bytes, 1ull << 63, EDQUOT),
		BAD(ALLOC, gdl_alloc, handle, 1, EINVAL),
		BAD(ALLOC, gdl_alloc, fd, 1, EINVAL),
		BAD(ALLOC, gdl_alloc, segments, 1, EINVAL),
		BAD(ALLOC, gdl_alloc, resv[1], 1, EINVAL),
		BAD(FREE, gdl_free, flags, 1, EINVAL),
		BAD(FREE, gdl_free, handle, 0, ENOENT),
		BAD(FREE, gdl_free, handle, 1ull << 40, ENOENT),
		BAD(EXPORT, gdl_export, flags, 1, EINVAL),
		BAD(EXPORT, gdl_export, fd, 1, EINVAL),
		BAD(EXPORT, gdl_export, resv, 1, EINVAL),
		BAD(EXPORT, gdl_export, handle, UINT64_MAX, ENOENT),
		BAD(SET_QUOTA, gdl_set_quota, flags, 1, EINVAL),
		BAD(QUERY, gdl_query, flags, 1, EINVAL),
		BAD(QUERY, gdl_query, handle, UINT64_MAX, ENOENT),
		BAD(QUERY, gdl_query, charged, 1, EINVAL),
		BAD(QUERY, gdl_query, resv[0], 1, EINVAL),
		BAD(GRANT, gdl_grant, flags, 4, EINVAL),
		BAD(GRANT, gdl_grant, handle, 0, ENOENT),
		BAD(GRANT, gdl_grant, device.kind, 0, EINVAL),
		BAD(GRANT, gdl_grant, device.kind, 4, EINVAL),
		BAD(GRANT, gdl_grant, device.resv, 1, EINVAL),
		BAD(GRANT, gdl_grant, device.resv2, 1, EINVAL),
		BAD(GRANT, gdl_grant, device.class, 0x30000, EINVAL),
		BAD(GRANT, gdl_grant, device.name, 'x', EINVAL),
		BAD(GRANT, gdl_grant, device.function, 8, EINVAL),
		BAD(GRANT, gdl_grant, device.slot, 32, EINVAL),
		BAD(GRANT, gdl_grant, device.domain, UINT32_MAX, ENODEV),
		BAD(GRANT, gdl_grant, granted, 1, EINVAL),
		BAD(GRANT, gdl_grant, translated, 1, EINVAL),
		BAD(GRANT, gdl_grant, resv, 1, EINVAL),
		BAD(REVOKE, gdl_revoke, flags, 1, EINVAL),
		BAD(REVOKE, gdl_revoke, handle, 0, ENOENT),
		BAD(REVOKE, gdl_revoke, timeout_ms, GDL_MAX_TIMEOUT_MS + 1, EINVAL),
		BAD(REVOKE, gdl_revoke, revoked, 1, EINVAL),
		BAD(REVOKE, gdl_revoke, resv, 1, EINVAL),
		BAD(REVOKE, gdl_revoke, device.bus, 0xfe, ENODATA),
		BAD(CHECK, gdl_check, flags, 1, EINVAL),
		BAD(CHECK, gdl_check, handle, 0, ENOENT),
		BAD(CHECK, gdl_check, device.kind, GDL_DEVICE_PCI_CLASS, EINVAL),
		BAD(CHECK, gdl_check, device.bus, 0xfe, 0),
	};
	unsigned char good[256], arg[256];
	struct memory memory;
	int agent = new_agent(0), fd = open_device();

	REQUIRE(agent >= 0 && fd >= 0, "open: %m");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct bad_case *bad = &cases[i];
		uint32_t size = (uint32_t)bad->size;
		bool byte = bad->value < 256 && bad->at >= 8; /* some of the fields are bytes */
		long got;

		memset(good, 0, sizeof(good));
		memcpy(good, &size, sizeof(size));
		if (bad->cmd == GDL_IOC_ALLOC)
			((struct gdl_alloc *)good)->bytes = PAGE;
		else if (bad->cmd != GDL_IOC_AGENT && bad->cmd != GDL_IOC_SET_QUOTA)
			((struct gdl_free *)good)->handle = memory.handle;
		if (bad->cmd == GDL_IOC_GRANT)
			((struct gdl_grant *)good)->device.kind = GDL_DEVICE_PCI;
		if (bad->cmd == GDL_IOC_REVOKE)
			((struct gdl_revoke *)good)->device.kind = GDL_DEVICE_PCI;
		if (bad->cmd == GDL_IOC_CHECK)
			((struct gdl_check *)good)->device.kind = GDL_DEVICE_PCI;
		/* handle, bytes: all eight; else what fits. */
		if (bad->at == 8 || bad->value > UINT32_MAX)
			memcpy(good + bad->at, &bad->value, 8);
		else
			memcpy(good + bad->at, &bad->value, byte ? 1 : 4);
		memcpy(arg, good, sizeof(arg));
		got = call(bad->cmd == GDL_IOC_AGENT ? fd : agent, bad->cmd, arg);
		REQUIRE(got == -bad->err, "%s: %ld, not %d", bad->name, got, -bad->err);
		REQUIRE(!memcmp(arg, good, sizeof(arg)), "%s: written to", bad->name);
	}
	close(memory.fd);
	return 0;
}

/* What is longer, and what is nowhere. */
int test_ioctl_bad(void)
{
	static const struct {
		unsigned long cmd;
		uint32_t size;
	} all[] = {
		{GDL_IOC_ALLOC, sizeof(struct gdl_alloc)},
		{GDL_IOC_FREE, sizeof(struct gdl_free)},
		{GDL_IOC_QUERY, sizeof(struct gdl_query)},
		{GDL_IOC_SET_QUOTA, sizeof(struct gdl_set_quota)},
		{GDL_IOC_CHECK, sizeof(struct gdl_check)},
		{GDL_IOC_GRANT, sizeof(struct gdl_grant)},
		{GDL_IOC_REVOKE, sizeof(struct gdl_revoke)},
		{GDL_IOC_EXPORT, sizeof(struct gdl_export)},
	};
	struct {
		struct gdl_agent agent;
		uint64_t more;
	} longer = {.agent.size = sizeof(longer), .more = 1};
	struct gdl_alloc *read_only;
	struct gdl_query now;
	unsigned char arg[256] = {0};
	int fd = open_device();
	char byte;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		memcpy(arg, &all[i].size, 4);
		EXPECT(call(fd, all[i].cmd, arg), -ENXIO);
	}
	EXPECT(call(fd, GDL_IOC_AGENT, &longer), -E2BIG);
	EXPECT(call(fd, GDL_IOC_AGENT, NULL), -EFAULT);
	longer.more = 0;
	EXPECT(call(fd, GDL_IOC_AGENT, &longer), 0);
	EXPECT(longer.agent.size, sizeof(struct gdl_agent));
	longer.agent = (struct gdl_agent){.size = sizeof(longer.agent)};
	EXPECT(call(fd, GDL_IOC_AGENT, &longer), -EBUSY);

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		EXPECT(call(fd, all[i].cmd, NULL), -EFAULT);
		EXPECT(call(fd, all[i].cmd, (void *)8), -EFAULT);
	}
	EXPECT(call(fd, _IO(GDL_IOC_MAGIC, 9), arg), -ENOTTY);
	EXPECT(call(fd, _IO(GDL_IOC_MAGIC, 255), arg), -ENOTTY);
	EXPECT(call(fd, _IOWR(GDL_IOC_MAGIC, 1, struct gdl_alloc), arg), -ENOTTY);
	EXPECT(call(fd, _IO('x', 1), arg), -ENOTTY);
	EXPECT(sys(read(fd, &byte, 1)), -EINVAL);
	EXPECT(sys(write(fd, "", 1)), -EINVAL);
	REQUIRE(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, "mmap of the device");

	/* A result that cannot be told: nothing is left of it, no descriptor either. */
	read_only = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*read_only = (struct gdl_alloc){.size = sizeof(*read_only), .bytes = PAGE};
	mprotect(read_only, PAGE, PROT_READ);
	EXPECT(call(fd, GDL_IOC_ALLOC, read_only), -EFAULT);
	EXPECT(query(fd, 0, &now), 0);
	EXPECT(now.buffers, 0);
	EXPECT(now.charged, 0);
	REQUIRE(dup(fd) == fd + 1, "a descriptor was left open");
	return 0;
}

struct someone {
	int agent;
	struct memory memory;
	int expect;
};

/* Every call, by a process that only has the descriptor. */
static int all_calls(void *arg)
{
	struct someone *someone = arg;
	struct gdl_export export = {.size = sizeof(export), .handle = someone->memory.handle};
	struct gdl_device device = pci_device(0, 0, 0, 0);
	struct gdl_query now;
	struct memory memory;
	uint64_t handle = someone->memory.handle;
	long got[] = {
		alloc(someone->agent, PAGE, &memory),
		query(someone->agent, 0, &now),
		call(someone->agent, GDL_IOC_EXPORT, &export),
		set_quota(someone->agent, 1 << 20),
		grant_flags(someone->agent, handle, device, GDL_GRANT_UNTRANSLATED) < 0 ? -EPERM
											: 0,
		check_grant(someone->agent, handle, device) < 0 ? -EPERM : 0,
		take_back(someone->agent, handle, device) < 0 ? -EPERM : 0,
		free_handle(someone->agent, handle),
	};

	for (size_t i = 0; i < ARRAY_LEN(got); i++)
		if (got[i] != someone->expect)
			return (int)i + 1;
	return 0;
}

static int other_agent(void *arg)
{
	struct someone *someone = arg, mine = *someone;
	struct gdl_device device = pci_device(0, 0, 0, 0);
	uint64_t handle = someone->memory.handle;
	struct gdl_query now;

	mine.agent = new_agent(0);
	/* Its first buffer would have the same number: it has none yet. */
	return free_handle(mine.agent, handle) != -ENOENT ||
	       grant(mine.agent, handle, device) != -ENOENT ||
	       take_back(mine.agent, handle, device) != -ENOENT ||
	       check_grant(mine.agent, handle, device) != -ENOENT ||
	       query(mine.agent, handle, &now) != -ENOENT;
}

int test_rights(void)
{
	struct someone someone = {.expect = -EPERM};
	struct gdl_query now;
	int sockets[2], status;
	pid_t child;

	someone.agent = new_agent(0);
	EXPECT(alloc(someone.agent, PAGE, &someone.memory), 0);
	/* fork(2): it has the descriptor. */
	EXPECT(in_child(all_calls, &someone), 0);
	EXPECT(in_child(other_agent, &someone), 0);

	/* A process that was there before, and gets it by a socket. */
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		close(someone.agent);
		someone.agent = take_fd(sockets[1]);
		_exit(someone.agent < 0 ? 99 : all_calls(&someone));
	}
	EXPECT(pass_fd(sockets[0], someone.agent), 0);
	waitpid(child, &status, 0);
	EXPECT(status, 0);

	/* Nothing was changed by them; but that one closed its descriptor ended nothing. */
	EXPECT(query(someone.agent, someone.memory.handle, &now), 0);
	EXPECT(now.quota, GDL_DEFAULT_QUOTA);
	EXPECT(now.grants, 0);

	/* An agent that is made to be shared. */
	someone.agent = new_agent(GDL_AGENT_SHARED);
	someone.expect = 0;
	EXPECT(alloc(someone.agent, PAGE, &someone.memory), 0);
	EXPECT(in_child(all_calls, &someone), 0);
	EXPECT(query(someone.agent, 0, &now), 0);
	EXPECT(now.quota, 1 << 20);
	return 0;
}

int test_exec(void)
{
	struct gdl_agent agent = {.size = sizeof(agent)};
	char number[16];
	int fd = open(GDL_DEVICE, O_RDWR), status;
	pid_t child = fork();

	if (!child) {
		if (call(fd, GDL_IOC_AGENT, &agent))
			_exit(98);
		snprintf(number, sizeof(number), "%d", fd);
		execl("/proc/self/exe", "gpu_dma_test", "--exec-probe", number, NULL);
		_exit(99);
	}
	waitpid(child, &status, 0);
	EXPECT(status, 0);
	return 0;
}

/* After exec, with the descriptor of the program before. */
int exec_probe(int fd)
{
	struct memory memory;

	return alloc(fd, PAGE, &memory) != -EPERM;
}

int test_ends(void)
{
	long long bytes = live_bytes(), agents = live_agents();
	struct memory memory, second;
	struct gdl_query now;
	uint64_t *map;
	int agent = new_agent(0), copy;

	/* Freed, and held: by the descriptor, then by a mapping. */
	EXPECT(alloc(agent, 4 * PAGE, &memory), 0);
	map = map_memory(&memory);
	REQUIRE(map != MAP_FAILED, "mmap: %m");
	map[0] = PATTERN;
	EXPECT(free_handle(agent, memory.handle), 0);
	EXPECT(free_handle(agent, memory.handle), -ENOENT);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.charged, 4 * PAGE);
	EXPECT(now.buffers, 0);
	close(memory.fd);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.charged, 4 * PAGE);
	REQUIRE(map[0] == PATTERN, "a mapping lost its memory");
	munmap(map, memory.bytes);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.charged, 0);

	/* Handles are not used again. */
	EXPECT(alloc(agent, PAGE, &second), 0);
	REQUIRE(second.handle > memory.handle, "a handle was used again");

	/* Closed: what others hold stays, and stays charged. */
	copy = dup(agent);
	close(agent);
	EXPECT(alloc(copy, PAGE, &memory), -ESHUTDOWN);
	EXPECT(lseek(second.fd, 0, SEEK_END), PAGE);
	EXPECT(live_bytes(), bytes + (long long)PAGE);
	EXPECT(live_agents(), agents + 1);
	close(copy);
	EXPECT(live_bytes(), bytes + (long long)PAGE);
	close(second.fd);
	REQUIRE(live_becomes(bytes, agents), "%lld bytes, %lld agents more than before",
		live_bytes() - bytes, live_agents() - agents);
	return 0;
}

/* Killed at any point: while it allocates, grants, maps and frees. */
int test_killed(void)
{
	long long bytes = live_bytes(), agents = live_agents();
	struct gdl_device device = pci_device(0, 0, 0, 0);
	uint32_t random = 12345;

	for (int i = 0; i < 60; i++) {
		pid_t child = fork();

		if (!child) {
			int agent = new_agent(i & 1 ? GDL_AGENT_SHARED : 0);

			for (;;) {
				struct memory memory;
				void *map;

				if (alloc(agent, (1 + (random_next(&random) & 255)) * PAGE,
					    &memory))
					_exit(1);
				map = map_memory(&memory);
				grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED);
				if (random_next(&random) & 1) {
					free_handle(agent, memory.handle);
					munmap(map, memory.bytes);
					close(memory.fd);
				}
				report->progress++;
			}
		}
		random_next(&random);
		/* Half of them have been once around, however slow the machine. */
		if (i & 2) {
			uint64_t before = report->progress;
			int status;

			while (report->progress == before)
				REQUIRE(!waitpid(child, &status, WNOHANG), "owner %d ended", i);
		}
		usleep(500 + random % 20000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	REQUIRE(live_becomes(bytes, agents), "%lld bytes, %lld agents more than before",
		live_bytes() - bytes, live_agents() - agents);
	return 0;
}

/* 0, or what open(2) says to a process of nobody's, in this group. */
static int open_as_nobody(void *arg)
{
	gid_t own = *(gid_t *)arg;

	if (setgroups(0, NULL) || setgid(own) || setuid(NOBODY))
		return 255;
	return open_device() < 0 ? errno : 0;
}

static int access_by_parameters(void)
{
	gid_t nobody = NOBODY, other = 1;
	struct memory memory;
	int agent, fd;

	EXPECT(in_child(open_as_nobody, &nobody), 0);
	EXPECT(in_child(open_as_nobody, &other), EACCES); /* by the mode */
	EXPECT(set_parameter("disabled", "3"), 0);
	EXPECT(set_parameter("disabled", "-1"), 0);
	agent = new_agent(0);

	EXPECT(set_parameter("disabled", "1"), 1);
	EXPECT(in_child(open_as_nobody, &nobody), EPERM);
	fd = open_device();
	REQUIRE(fd >= 0, "CAP_SYS_ADMIN is refused: %m");
	close(fd);
	EXPECT(set_parameter("group", "1"), 1);
	EXPECT(in_child(open_as_nobody, &nobody), EPERM);
	EXPECT(set_parameter("group", "65534"), 1);
	EXPECT(in_child(open_as_nobody, &nobody), 0);

	EXPECT(set_parameter("disabled", "2"), 1);
	EXPECT(in_child(open_as_nobody, &nobody), EPERM);
	EXPECT(sys(open_device()), -EPERM);
	/* An agent that is there goes on. */
	EXPECT(alloc(agent, PAGE, &memory), 0);
	return 0;
}

int test_access(void)
{
	struct stat st;
	int ret;

	if (geteuid() || !set_parameter("disabled", "0"))
		return skip("needs root, to set the module's parameters");
	EXPECT(stat(GDL_DEVICE, &st), 0);
	EXPECT(st.st_mode & 07777, 0660);
	ret = access_by_parameters();
	/* However it ended: the tests behind this open the device. */
	set_parameter("disabled", "0");
	set_parameter("group", "-1");
	return ret;
}

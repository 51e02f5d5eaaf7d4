/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/gpu_dma_lock/selftest/agents.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

long call(int fd, unsigned long cmd, void *arg)
{
	return sys(ioctl(fd, cmd, arg));
}

int open_device(void)
{
	return open(GDL_DEVICE, O_RDWR | O_CLOEXEC);
}

int new_agent(uint32_t flags)
{
	struct gdl_agent agent = {.size = sizeof(agent), .flags = flags};
	int fd = open_device();
	long ret = fd < 0 ? -errno : call(fd, GDL_IOC_AGENT, &agent);

	if (ret < 0 && fd >= 0)
		close(fd);
	return ret < 0 ? (int)ret : fd;
}

long alloc_flags(int agent, uint64_t bytes, uint32_t flags, struct memory *ret_memory)
{
	struct gdl_alloc arg = {.size = sizeof(arg), .bytes = bytes, .flags = flags};
	long ret = call(agent, GDL_IOC_ALLOC, &arg);

	if (!ret)
		*ret_memory = (struct memory){arg.handle, bytes, arg.fd, arg.segments};
	return ret;
}

long alloc(int agent, uint64_t bytes, struct memory *ret_memory)
{
	return alloc_flags(agent, bytes, 0, ret_memory);
}

long free_handle(int agent, uint64_t handle)
{
	struct gdl_free arg = {.size = sizeof(arg), .handle = handle};

	return call(agent, GDL_IOC_FREE, &arg);
}

long set_quota(int agent, uint64_t bytes)
{
	struct gdl_set_quota arg = {.size = sizeof(arg), .quota = bytes};

	return call(agent, GDL_IOC_SET_QUOTA, &arg);
}

long query(int agent, uint64_t handle, struct gdl_query *ret_query)
{
	*ret_query = (struct gdl_query){.size = sizeof(*ret_query), .handle = handle};
	return call(agent, GDL_IOC_QUERY, ret_query);
}

long grant_flags(int agent, uint64_t handle, struct gdl_device device, uint32_t flags)
{
	struct gdl_grant arg = {
		.size = sizeof(arg), .flags = flags, .handle = handle, .device = device};
	long ret = call(agent, GDL_IOC_GRANT, &arg);

	return ret ? ret : (long)arg.granted;
}

long grant(int agent, uint64_t handle, struct gdl_device device)
{
	return grant_flags(agent, handle, device, 0);
}

long take_back_within(int agent, uint64_t handle, struct gdl_device device, uint32_t ms)
{
	struct gdl_revoke arg = {
		.size = sizeof(arg), .handle = handle, .device = device, .timeout_ms = ms};
	long ret = call(agent, GDL_IOC_REVOKE, &arg);

	return ret ? ret : (long)arg.revoked;
}

long take_back(int agent, uint64_t handle, struct gdl_device device)
{
	return take_back_within(agent, handle, device, GDL_MAX_TIMEOUT_MS);
}

long check_grant(int agent, uint64_t handle, struct gdl_device device)
{
	struct gdl_check arg = {.size = sizeof(arg), .handle = handle, .device = device};

	return call(agent, GDL_IOC_CHECK, &arg);
}

long long stat_of(const char *name)
{
	FILE *file = fopen(GDL_PROC "/stats", "re");
	char line[128], key[64];
	long long value, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

long long live_bytes(void)
{
	return stat_of("allocated_bytes") - stat_of("freed_bytes");
}

long long live_agents(void)
{
	return stat_of("agents_created") - stat_of("agents_ended");
}

bool live_becomes(long long bytes, long long agents)
{
	for (int i = 0; i < 5000; i++) {
		if (live_bytes() == bytes && live_agents() == agents)
			return true;
		usleep(1000);
	}
	return false;
}

static int open_parameter(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/gpu_dma_lock/parameters/%s", name);
	return open(path, flags | O_CLOEXEC);
}

void get_parameter(const char *name, char *text, size_t size)
{
	int fd = open_parameter(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

bool set_parameter(const char *name, const char *text)
{
	int fd = open_parameter(name, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static struct {
	const char *name, *wanted;
	char was[32];
} parameters[] = {
	{"any_device", "Y", ""}, /* edu is no GPU */
	{"flush_pause_us", "1000", ""},
};

static struct stat node; /* as the device's was */

int begin_tests(void)
{
	/* Some tests become nobody: the device lets its group in. */
	if (!geteuid() && (stat(GDL_DEVICE, &node) || chown(GDL_DEVICE, node.st_uid, NOBODY)))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		get_parameter(parameters[i].name, parameters[i].was, sizeof(parameters[i].was));
		set_parameter(parameters[i].name, parameters[i].wanted);
	}
	return 0;
}

void end_tests(void)
{
	if (node.st_ino && chown(GDL_DEVICE, node.st_uid, node.st_gid))
		printf("# the group of " GDL_DEVICE " stays changed: %m\n");
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		set_parameter(parameters[i].name, parameters[i].was);
}

int be_nobody(void)
{
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

int in_child(int (*run)(void *), void *arg)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(run(arg));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct gdl_device pci_device(uint32_t domain, uint32_t bus, uint32_t slot, uint32_t function)
{
	return (struct gdl_device){.kind = GDL_DEVICE_PCI,
		.domain = domain,
		.bus = (uint8_t)bus,
		.slot = (uint8_t)slot,
		.function = (uint8_t)function};
}

bool parse_pci(const char *text, struct gdl_device *ret_device)
{
	unsigned int domain, bus, slot, function;

	if (sscanf(text, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return false;
	*ret_device = pci_device(domain, bus, slot, function);
	return true;
}

void domain_type(const char *name, char *type, size_t size)
{
	char path[128];
	FILE *file;

	type[0] = '\0';
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.16s/iommu_group/type", name);
	file = fopen(path, "re");
	if (file && fgets(type, (int)size, file))
		type[strcspn(type, "\n")] = '\0';
	if (file)
		fclose(file);
}

bool find_pci(bool translated, struct gdl_device *ret_device)
{
	DIR *all = opendir("/sys/bus/pci/devices");
	struct dirent *entry;
	bool found = false;
	char type[16];

	while (all && !found && (entry = readdir(all))) {
		if (!parse_pci(entry->d_name, ret_device))
			continue;
		domain_type(entry->d_name, type, sizeof(type));
		found = !strncmp(type, "DMA", 3) == translated;
	}
	if (all)
		closedir(all);
	return found;
}

uint64_t *map_memory(const struct memory *memory)
{
	return mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
}

int pass_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

int take_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

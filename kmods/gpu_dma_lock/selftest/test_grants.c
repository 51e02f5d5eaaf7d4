/* SPDX-License-Identifier: Apache-2.0 */
/* Grants without a device that does anything: names, classes, what GRANT refuses, /proc. */
#include <ctype.h>

#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

int test_grant(void)
{
	struct gdl_device device, nobody = pci_device(0, 0xfe, 31, 7);
	struct memory memory, other;
	struct gdl_query now;
	int agent = new_agent(0);

	if (!find_pci(true, &device))
		return skip("no device here is behind an IOMMU that translates");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(alloc(agent, PAGE, &other), 0);
	EXPECT(check_grant(agent, memory.handle, device), 0);
	EXPECT(take_back(agent, memory.handle, device), -ENODATA);
	EXPECT(grant(agent, memory.handle, device), 1);
	EXPECT(grant(agent, memory.handle, device), -EEXIST);
	EXPECT(check_grant(agent, memory.handle, device), GDL_MAY_MAP);
	/* This buffer and no other, this device and no other. */
	EXPECT(check_grant(agent, other.handle, device), 0);
	EXPECT(check_grant(agent, memory.handle, nobody), 0);
	EXPECT(query(agent, memory.handle, &now), 0);
	EXPECT(now.grants, 1);
	EXPECT(query(agent, other.handle, &now), 0);
	EXPECT(now.grants, 0);
	EXPECT(take_back(agent, memory.handle, device), 1);
	EXPECT(check_grant(agent, memory.handle, device), 0);
	EXPECT(take_back(agent, memory.handle, device), -ENODATA);
	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_STATIC), 1);
	EXPECT(check_grant(agent, memory.handle, device), GDL_MAY_MAP | GDL_MAY_STATIC);
	EXPECT(grant(agent, memory.handle, nobody), -ENODEV);
	EXPECT(free_handle(agent, memory.handle), 0);
	EXPECT(check_grant(agent, memory.handle, device), -ENOENT);
	EXPECT(grant(agent, memory.handle, device), -ENOENT);
	return 0;
}

int test_untranslated(void)
{
	struct gdl_device device;
	struct memory memory;
	int agent = new_agent(0);

	if (!find_pci(false, &device))
		return skip("an IOMMU translates for each device here");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant(agent, memory.handle, device), -EOPNOTSUPP);
	EXPECT(check_grant(agent, memory.handle, device), 0);
	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED), 1);
	EXPECT(check_grant(agent, memory.handle, device), GDL_MAY_MAP | GDL_MAY_UNTRANSLATED);
	EXPECT(take_back(agent, memory.handle, device), 1);
	return 0;
}

/* The class of a PCI device, from sysfs; and how many there are of it. */
static int count_class(uint32_t class, uint32_t mask, bool translated)
{
	DIR *all = opendir("/sys/bus/pci/devices");
	struct dirent *entry;
	char path[128], text[16], type[16];
	int count = 0;

	while (all && (entry = readdir(all))) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.16s/class", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		domain_type(entry->d_name, type, sizeof(type));
		if (fgets(text, sizeof(text), file) && (strtoul(text, NULL, 16) & mask) == class &&
			(!translated || !strncmp(type, "DMA", 3)))
			count++;
		fclose(file);
	}
	if (all)
		closedir(all);
	return count;
}

int test_classes(void)
{
	struct gdl_device display = {
		.kind = GDL_DEVICE_PCI_CLASS, .class = 0x030000, .class_mask = 0xff0000};
	struct gdl_device none = {
		.kind = GDL_DEVICE_PCI_CLASS, .class = 0xfe0000, .class_mask = 0xff0000};
	struct gdl_device bad = display;
	int all = count_class(0x030000, 0xff0000, false);
	int translated = count_class(0x030000, 0xff0000, true);
	struct memory memory;
	struct gdl_query now;
	int agent = new_agent(0);

	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant(agent, memory.handle, none), -ENODEV);
	bad.class_mask = 0xf00000;
	EXPECT(grant(agent, memory.handle, bad), -EINVAL);
	bad = display;
	bad.class = 0x030001;
	EXPECT(grant(agent, memory.handle, bad), -EINVAL);
	bad = display;
	bad.slot = 1;
	EXPECT(grant(agent, memory.handle, bad), -EINVAL);
	if (!all)
		return skip("no PCI device of class display");
	EXPECT(grant(agent, memory.handle, display), translated ? translated : -EOPNOTSUPP);
	if (translated)
		EXPECT(take_back(agent, memory.handle, display), translated);
	EXPECT(grant_flags(agent, memory.handle, display, GDL_GRANT_UNTRANSLATED), all);
	EXPECT(query(agent, memory.handle, &now), 0);
	EXPECT(now.grants, all);
	EXPECT(take_back(agent, memory.handle, display), all);
	EXPECT(take_back(agent, memory.handle, display), -ENODATA);
	return 0;
}

int test_platform(void)
{
	struct gdl_device device = {.kind = GDL_DEVICE_PLATFORM};
	DIR *all = opendir("/sys/bus/platform/devices");
	struct dirent *entry;
	struct memory memory;
	int agent = new_agent(0), granted = 0;

	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant(agent, memory.handle, device), -EINVAL);
	memset(device.name, 'x', sizeof(device.name));
	EXPECT(grant(agent, memory.handle, device), -EINVAL);
	memset(device.name, 0, sizeof(device.name));
	strcpy(device.name, "no such device");
	EXPECT(grant(agent, memory.handle, device), -ENODEV);
	device.name[30] = 'x';
	EXPECT(grant(agent, memory.handle, device), -EINVAL);
	while (all && (entry = readdir(all))) {
		long ret;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(device.name))
			continue;
		memset(device.name, 0, sizeof(device.name));
		memcpy(device.name, entry->d_name, strlen(entry->d_name));
		ret = grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED);
		/* Not all of them do DMA. */
		if (ret == -ENODEV)
			continue;
		EXPECT(ret, 1);
		EXPECT(check_grant(agent, memory.handle, device),
			GDL_MAY_MAP | GDL_MAY_UNTRANSLATED);
		granted++;
		EXPECT(take_back(agent, memory.handle, device), 1);
		EXPECT(check_grant(agent, memory.handle, device), 0);
	}
	if (all)
		closedir(all);
	return granted ? 0 : skip("no platform device that does DMA");
}

/* Platform devices that do DMA: those that a driver of DRM has made a GPU of, and no other. */
static int grants_to_platform(int agent, uint64_t handle)
{
	struct gdl_device device = {.kind = GDL_DEVICE_PLATFORM};
	DIR *all = opendir("/sys/bus/platform/devices");
	struct dirent *entry;
	char drm[128];

	while (all && (entry = readdir(all))) {
		long ret;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(device.name))
			continue;
		memset(device.name, 0, sizeof(device.name));
		memcpy(device.name, entry->d_name, strlen(entry->d_name));
		snprintf(drm, sizeof(drm), "/sys/bus/platform/devices/%.40s/drm", device.name);
		ret = grant_flags(agent, handle, device, GDL_GRANT_UNTRANSLATED);
		if (ret == -ENODEV)
			continue;
		REQUIRE(ret == (access(drm, F_OK) ? -EACCES : 1), "%s: %ld", device.name, ret);
	}
	if (all)
		closedir(all);
	return 0;
}

int test_devices(void)
{
	struct gdl_device bridge = pci_device(0, 0, 0, 0);
	struct gdl_device bridges = {
		.kind = GDL_DEVICE_PCI_CLASS, .class = 0x060000, .class_mask = 0xff0000};
	struct gdl_device displays = {
		.kind = GDL_DEVICE_PCI_CLASS, .class = 0x030000, .class_mask = 0xff0000};
	int there = count_class(0x030000, 0xff0000, false);
	struct memory memory;
	int agent = new_agent(0);

	if (!set_parameter("any_device", "N"))
		return skip("needs root, to set the module's parameters");
	EXPECT(alloc(agent, PAGE, &memory), 0);
	EXPECT(grant_flags(agent, memory.handle, bridge, GDL_GRANT_UNTRANSLATED), -EACCES);
	EXPECT(check_grant(agent, memory.handle, bridge), 0);
	EXPECT(grant_flags(agent, memory.handle, bridges, GDL_GRANT_UNTRANSLATED), -EACCES);
	EXPECT(grant_flags(agent, memory.handle, displays, GDL_GRANT_UNTRANSLATED),
		there ? there : -ENODEV);
	if (grants_to_platform(agent, memory.handle))
		return 1;
	EXPECT(set_parameter("any_device", "Y"), 1);
	EXPECT(grant_flags(agent, memory.handle, bridge, GDL_GRANT_UNTRANSLATED), 1);
	/* It says who may be granted, not who keeps a grant. */
	EXPECT(set_parameter("any_device", "N"), 1);
	EXPECT(check_grant(agent, memory.handle, bridge), GDL_MAY_MAP | GDL_MAY_UNTRANSLATED);
	EXPECT(take_back(agent, memory.handle, bridge), 1);
	EXPECT(set_parameter("any_device", "Y"), 1);
	return 0;
}

static char *read_file(const char *name)
{
	static char text[65536];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), GDL_PROC "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : text;
}

static long control(const char *text)
{
	int fd = open(GDL_PROC "/control", O_WRONLY | O_CLOEXEC);
	long ret = fd < 0 ? -errno : sys(write(fd, text, strlen(text)));

	if (fd >= 0)
		close(fd);
	return ret < 0 ? ret : 0;
}

static int proc_as_nobody(void *unused)
{
	static const char *const closed[] = {"quotas", "allocations", "dma_permissions", "control"};

	if (be_nobody())
		return 90;
	for (size_t i = 0; i < ARRAY_LEN(closed); i++)
		if (read_file(closed[i]))
			return 1 + (int)i;
	return !read_file("stats") || control("end 1\n") != -EACCES;
}

/* Words that are an address of the kernel's: 0x and many digits, or 16 that begin with f. */
static const char *find_address(const char *text)
{
	for (const char *p = text; *p; p++) {
		size_t digits = strspn(p, "0123456789abcdefABCDEF");

		if (digits >= 12 && (p == text || !isalnum((unsigned char)p[-1])) &&
			strspn(p, "0123456789") < digits)
			return p;
		if (!strncmp(p, "0x", 2))
			return p;
		p += digits ? digits - 1 : 0;
	}
	return NULL;
}

int test_proc(void)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *columns;
	} files[] = {
		{"stats", 0444, "agents_created "},
		{"quotas", 0400, "agent uid pid quota charged buffers state\n"},
		{"allocations", 0400, "agent handle bytes segments grants attached mapped flags\n"},
		{"dma_permissions", 0400, "agent handle device flags mapped\n"},
		{"control", 0200, NULL},
	};
	struct gdl_device device = pci_device(0, 0, 0, 0);
	struct gdl_agent me = {.size = sizeof(me)};
	struct memory memory;
	struct stat st;
	char line[128];
	int agent = open_device();

	if (geteuid())
		return skip("needs root");
	EXPECT(call(agent, GDL_IOC_AGENT, &me), 0);
	EXPECT(alloc(agent, 5 * PAGE, &memory), 0);
	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED), 1);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(line, sizeof(line), GDL_PROC "/%s", files[i].name);
		REQUIRE(!stat(line, &st), "no %s", line);
		REQUIRE((st.st_mode & 07777) == files[i].mode, "%s has mode %o", line,
			st.st_mode & 07777);
		if (!files[i].columns)
			continue;
		REQUIRE(!strncmp(read_file(files[i].name), files[i].columns,
				strlen(files[i].columns)),
			"%s begins otherwise", line);
		REQUIRE(!find_address(read_file(files[i].name)), "%s shows %.16s", line,
			find_address(read_file(files[i].name)));
	}
	REQUIRE(find_address("a ffff8880deadbeef") && !find_address("12345678901234 -"),
		"addresses would not be seen");

	snprintf(line, sizeof(line), "\n%llu 0 %d %llu %llu 1 alive\n", (unsigned long long)me.id,
		getpid(), GDL_DEFAULT_QUOTA, (unsigned long long)(5 * PAGE));
	REQUIRE(strstr(read_file("quotas"), line), "quotas: no '%s'", line + 1);
	snprintf(line, sizeof(line), "\n%llu %llu %llu %u 1 0 0 -\n", (unsigned long long)me.id,
		(unsigned long long)memory.handle, (unsigned long long)(5 * PAGE), memory.segments);
	REQUIRE(strstr(read_file("allocations"), line), "allocations: no '%s'", line + 1);
	snprintf(line, sizeof(line), "\n%llu %llu pci:0000:00:00.0 dynamic,untranslated 0\n",
		(unsigned long long)me.id, (unsigned long long)memory.handle);
	REQUIRE(strstr(read_file("dma_permissions"), line), "dma_permissions: no '%s'", line + 1);
	EXPECT(in_child(proc_as_nobody, NULL), 0);
	return 0;
}

int test_control(void)
{
	static const char *const bad[] = {"\n", "allocate\n", "allocate 1 4096 0\n",
		"reset_stats\n", "quota\n", "quota 1\n", "quota 1 2 3\n", "quota x 1\n",
		"quota 1 -1\n", "quota  1 1\n", "quota 1 1 \n", "quota 1 99999999999999999999\n",
		"revoke 1\n", "end\n", "end 1 1\n", "End 1\n"};
	struct gdl_device device = pci_device(0, 0, 0, 0);
	struct gdl_agent me = {.size = sizeof(me)};
	struct memory memory;
	struct gdl_query now;
	char line[128];
	int agent = open_device();

	if (geteuid())
		return skip("needs root");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		REQUIRE(control(bad[i]) == -EINVAL, "'%s' was not refused", bad[i]);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	EXPECT(control(line), -EINVAL);
	EXPECT(control("end 999999999\n"), -ENOENT);

	EXPECT(call(agent, GDL_IOC_AGENT, &me), 0);
	EXPECT(alloc(agent, PAGE, &memory), 0);
	snprintf(line, sizeof(line), "quota %llu %llu\n", (unsigned long long)me.id,
		GDL_DEFAULT_QUOTA * 2);
	EXPECT(control(line), 0);
	EXPECT(query(agent, 0, &now), 0);
	EXPECT(now.quota, GDL_DEFAULT_QUOTA * 2);

	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED), 1);
	snprintf(line, sizeof(line), "revoke %llu 12345\n", (unsigned long long)me.id);
	EXPECT(control(line), -ENOENT);
	snprintf(line, sizeof(line), "revoke %llu %llu", (unsigned long long)me.id,
		(unsigned long long)memory.handle);
	EXPECT(control(line), 0);
	EXPECT(check_grant(agent, memory.handle, device), 0);

	snprintf(line, sizeof(line), "end %llu\n", (unsigned long long)me.id);
	EXPECT(control(line), 0);
	EXPECT(query(agent, 0, &now), -ESHUTDOWN);
	EXPECT(control(line), 0);
	return 0;
}

/* Grants and revokes race with checks: each is either there or not. */
int test_grant_race(void)
{
	struct gdl_device device = pci_device(0, 0, 0, 0);
	int agent = new_agent(GDL_AGENT_SHARED);
	struct memory memory;
	pid_t children[3];
	long ret;

	EXPECT(alloc(agent, PAGE, &memory), 0);
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		if (children[i])
			continue;
		for (;;) {
			ret = i == 0 ? grant_flags(
					       agent, memory.handle, device, GDL_GRANT_UNTRANSLATED)
			      : i == 1 ? take_back(agent, memory.handle, device)
				       : check_grant(agent, memory.handle, device);
			if (ret != 0 && ret != 1 && ret != -EEXIST && ret != -ENODATA &&
				ret != (GDL_MAY_MAP | GDL_MAY_UNTRANSLATED)) {
				FAIL("racer %zu got %ld", i, ret);
				_exit(1);
			}
			report->progress++;
		}
	}
	sleep(2);
	for (size_t i = 0; i < ARRAY_LEN(children); i++)
		kill(children[i], SIGKILL);
	for (size_t i = 0; i < ARRAY_LEN(children); i++)
		waitpid(children[i], NULL, 0);
	REQUIRE(report->progress > 100, "nothing raced");
	ret = take_back(agent, memory.handle, device);
	REQUIRE(ret == 1 || ret == -ENODATA, "revoke: %ld", ret);
	EXPECT(check_grant(agent, memory.handle, device), 0);
	EXPECT(grant_flags(agent, memory.handle, device, GDL_GRANT_UNTRANSLATED), 1);
	return 0;
}

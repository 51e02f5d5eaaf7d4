/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inventory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/printable.h"

#define VALUE_MAX 4096
#define CPUINFO_MAX (4u << 20) /* a thousand CPUs */
#define DEVICES_MAX 256	       /* of a kind */

/* A sysfs or procfs file (whose st_size says nothing), NUL-terminated. NULL: cannot be read. */
static char *read_text(const char *path, size_t max)
{
	rp_cleanup(fd) int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	rp_cleanup(free) char *text = fd >= 0 ? malloc(max + 1) : NULL;
	size_t len = 0;

	while (text && len < max) {
		ssize_t n = read(fd, text + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (text)
		text[len] = '\0';
	return rp_steal(text);
}

static void trim(char *text)
{
	size_t len = strlen(text), skip = strspn(text, " \t\n");

	while (len > skip && isspace((unsigned char)text[len - 1]))
		len--;
	memmove(text, text + skip, len - skip);
	text[len - skip] = '\0';
	rp_printable(text);
	/* SMBIOS strings come in any encoding; JSON takes UTF-8. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
}

/* The file's one value, "" where there is none. NULL: no memory. */
static char *read_value(const char *path)
{
	rp_cleanup(free) char *text = read_text(path, VALUE_MAX);

	if (!text)
		return strdup("");
	trim(text);
	return rp_steal(text);
}

__attribute__((format(printf, 3, 4))) static int set_value(
	json_t *object, const char *key, const char *path_format, ...)
{
	rp_cleanup(free) char *path = NULL;
	rp_cleanup(free) char *value = NULL;
	va_list args;

	va_start(args, path_format);
	if (vasprintf(&path, path_format, args) < 0)
		path = NULL;
	va_end(args);
	value = path ? read_value(path) : NULL;
	return value ? json_object_set_new(object, key, json_string(value)) : -ENOMEM;
}

/* The last part of a symbolic link, as of .../device/driver; "" where there is none. */
static int set_link(json_t *object, const char *key, const char *path)
{
	char target[VALUE_MAX] = "";
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;
	const char *slash;

	target[n < 0 ? 0 : n] = '\0';
	slash = strrchr(target, '/');
	return json_object_set_new(object, key, json_string(slash ? slash + 1 : target));
}

static int set_dmi(json_t *inventory, const char *root)
{
	static const struct {
		const char *key, *file;
	} values[] = {
		{"manufacturer", "sys_vendor"},
		{"product", "product_name"},
		{"serial", "product_serial"},
		{"uuid", "product_uuid"},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values) && r == 0; i++)
		r = set_value(
			inventory, values[i].key, "%s/sys/class/dmi/id/%s", root, values[i].file);
	return r;
}

static int lower_uuid(json_t *inventory)
{
	char text[RP_INVENTORY_UUID] = "";
	const char *uuid = json_string_value(json_object_get(inventory, "uuid"));

	if (!uuid || strlen(uuid) >= sizeof(text))
		return json_object_set_new(inventory, "uuid", json_string(""));
	for (size_t i = 0; uuid[i]; i++)
		text[i] = (char)tolower((unsigned char)uuid[i]);
	return json_object_set_new(inventory, "uuid", json_string(text));
}

/* "model name" of the first CPU, and how many there are. */
static int set_cpus(json_t *inventory, const char *root)
{
	rp_cleanup(free) char *path = rp_path("%s/proc/cpuinfo", root);
	rp_cleanup(free) char *text = read_text(path, CPUINFO_MAX);
	char model[128] = "";
	int count = 0;
	char *rest = NULL;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
		line = strtok_r(NULL, "\n", &rest)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "processor", 9) == 0)
			count++;
		if (!*model && colon && strncmp(line, "model name", 10) == 0)
			snprintf(model, sizeof(model), "%s", colon + 1);
	}
	trim(model);
	return json_object_set_new(inventory, "cpu", json_string(model)) ||
	       json_object_set_new(inventory, "cpus", json_integer(count));
}

static int set_memory(json_t *inventory, const char *root)
{
	rp_cleanup(free) char *path = rp_path("%s/proc/meminfo", root);
	rp_cleanup(free) char *text = read_text(path, VALUE_MAX);
	const char *total = text ? strstr(text, "MemTotal:") : NULL;
	long long kib = total ? strtoll(total + strlen("MemTotal:"), NULL, 10) : 0;

	return json_object_set_new(inventory, "memory_mb", json_integer(kib / 1024));
}

typedef json_t *(*describe_device)(const char *dir, const char *name);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What describe makes of each entry of root/PATH, in the order of names. */
static int set_devices(json_t *inventory, const char *key, const char *root, const char *path,
	describe_device describe)
{
	rp_cleanup(json) json_t *list = json_array();
	rp_cleanup(free) char *dir = rp_path("%s%s", root, path);
	struct dirent **names = NULL;
	int n = dir ? scandir(dir, &names, NULL, by_name) : -1;

	for (int i = 0; i < n; i++) {
		json_t *device = *names[i]->d_name != '.' && json_array_size(list) < DEVICES_MAX
					 ? describe(dir, names[i]->d_name)
					 : NULL;

		if (device)
			json_array_append_new(list, device);
		free(names[i]);
	}
	free(names);
	return json_object_set(inventory, key, list);
}

static bool exists(const char *format, const char *dir, const char *name)
{
	rp_cleanup(free) char *path = NULL;

	if (asprintf(&path, "%s/%s/%s", dir, name, format) < 0)
		path = NULL;
	return path && access(path, F_OK) == 0;
}

/* Only what is hardware: a bridge or lo has no device. */
static json_t *describe_nic(const char *dir, const char *name)
{
	rp_cleanup(json) json_t *nic = json_pack("{s:s}", "name", name);
	rp_cleanup(free) char *driver = rp_path("%s/%s/device/driver", dir, name);
	const char *mac;

	if (!nic || !exists("device", dir, name) ||
		set_value(nic, "mac", "%s/%s/address", dir, name) < 0 ||
		set_link(nic, "driver", driver) < 0)
		return NULL;
	mac = json_string_value(json_object_get(nic, "mac"));
	return mac && strlen(mac) == 17 ? rp_steal(nic) : NULL;
}

static json_t *describe_disk(const char *dir, const char *name)
{
	rp_cleanup(json) json_t *disk = json_pack("{s:s}", "name", name);
	rp_cleanup(free) char *size_path = rp_path("%s/%s/size", dir, name);
	rp_cleanup(free) char *sectors = size_path ? read_value(size_path) : NULL;

	/* ram and loop devices have none */
	if (!disk || !sectors || !exists("device", dir, name) ||
		set_value(disk, "model", "%s/%s/device/model", dir, name) < 0 ||
		json_object_set_new(
			disk, "size_mb", json_integer(strtoll(sectors, NULL, 10) / 2048)) < 0)
		return NULL;
	return rp_steal(disk);
}

/* PCI base class 3: display controllers. */
static json_t *describe_gpu(const char *dir, const char *name)
{
	rp_cleanup(json) json_t *gpu = json_pack("{s:s}", "address", name);
	rp_cleanup(free) char *class_path = rp_path("%s/%s/class", dir, name);
	rp_cleanup(free) char *class = class_path ? read_value(class_path) : NULL;
	rp_cleanup(free) char *driver = rp_path("%s/%s/driver", dir, name);

	if (!gpu || !class || strncmp(class, "0x03", 4) != 0 ||
		set_value(gpu, "vendor", "%s/%s/vendor", dir, name) < 0 ||
		set_value(gpu, "device", "%s/%s/device", dir, name) < 0 ||
		set_link(gpu, "driver", driver) < 0)
		return NULL;
	return rp_steal(gpu);
}

static int set_rest(json_t *inventory, const char *root, const struct rp_secure_boot *secure_boot)
{
	rp_cleanup(free) char *tpm = rp_path("%s/sys/class/tpm/tpm0", root);

	return set_value(inventory, "kernel", "%s/proc/sys/kernel/osrelease", root) ||
	       json_object_set_new(
		       inventory, "secure_boot", json_string(rp_secure_boot_text(secure_boot))) ||
	       json_object_set_new(inventory, "tpm", json_boolean(tpm && access(tpm, F_OK) == 0)) ||
	       set_devices(inventory, "nics", root, "/sys/class/net", describe_nic) ||
	       set_devices(inventory, "disks", root, "/sys/block", describe_disk) ||
	       set_devices(inventory, "gpus", root, "/sys/bus/pci/devices", describe_gpu);
}

json_t *rp_inventory_collect(const char *root, const struct rp_secure_boot *secure_boot)
{
	rp_cleanup(json) json_t *inventory = json_object();

	if (set_dmi(inventory, root) || lower_uuid(inventory) || set_cpus(inventory, root) ||
		set_memory(inventory, root) || set_rest(inventory, root, secure_boot))
		return NULL;
	return rp_steal(inventory);
}

json_t *rp_inventory_macs(const json_t *inventory)
{
	json_t *macs = json_array();
	const json_t *nic;
	size_t i;

	json_array_foreach (json_object_get(inventory, "nics"), i, nic)
		json_array_append(macs, json_object_get(nic, "mac"));
	return macs;
}

char *rp_inventory_command_line(const char *root)
{
	rp_cleanup(free) char *path = rp_path("%s/proc/cmdline", root);

	return path ? read_value(path) : NULL;
}

void rp_inventory_boot_option(const char *root, const char *name, char *ret_value, size_t size)
{
	rp_cleanup(free) char *line = rp_inventory_command_line(root);
	size_t len = strlen(name);
	char *rest = NULL;

	*ret_value = '\0';
	for (char *word = line ? strtok_r(line, " ", &rest) : NULL; word;
		word = strtok_r(NULL, " ", &rest))
		if (strncmp(word, name, len) == 0 && word[len] == '=' &&
			strlen(word + len + 1) < size)
			memcpy(ret_value, word + len + 1, strlen(word + len + 1) + 1);
}

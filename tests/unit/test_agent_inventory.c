/* SPDX-License-Identifier: Apache-2.0 */
/* An inventory of a machine made of files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "agent/inventory.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "tests/unit/folder_lab.h"

static char root[FOLDER_LAB_TEXT];

static const struct {
	const char *path, *text; /* "->...": a symbolic link */
} files[] = {
	{"sys/class/dmi/id/sys_vendor", "QEMU\n"},
	{"sys/class/dmi/id/product_name", "  Standard PC\t(Q35) \n"},
	{"sys/class/dmi/id/product_serial", "\xe9\x01vil\n"},
	{"sys/class/dmi/id/product_uuid", "DEADBEEF-0001-4000-8000-00000000ABCD\n"},
	{"proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: a b\n\n"
			 "processor\t: 1\nmodel name\t: Some CPU @ 3 GHz\n"},
	{"proc/meminfo", "MemTotal:        2048000 kB\nMemFree: 1 kB\n"},
	{"proc/sys/kernel/osrelease", "6.1.0-50-amd64\n"},
	{"proc/cmdline", "console=ttyS0 xrigproof.token=no rigproof.token=00ff quiet\n"},
	{"sys/class/tpm/tpm0/dev", ""},
	{"sys/class/net/eth1/address", "52:54:00:00:00:02\n"},
	{"sys/class/net/eth1/device/driver", "->../../bus/pci/drivers/virtio_net"},
	{"sys/class/net/eth0/address", "52:54:00:00:00:01\n"},
	{"sys/class/net/eth0/device/driver", "->../../bus/pci/drivers/e1000e"},
	{"sys/class/net/lo/address", "00:00:00:00:00:00\n"},
	{"sys/block/sda/size", "2097152\n"},
	{"sys/block/sda/device/model", "DISK 1\n"},
	{"sys/block/loop0/size", "0\n"},
	{"sys/bus/pci/devices/0000:00:01.0/class", "0x030000\n"},
	{"sys/bus/pci/devices/0000:00:01.0/vendor", "0x10de\n"},
	{"sys/bus/pci/devices/0000:00:01.0/device", "0x2204\n"},
	{"sys/bus/pci/devices/0000:00:02.0/class", "0x020000\n"},
};

static void put(const char *path, const char *text)
{
	rp_cleanup(free) char *full = rp_path("%s/%s", root, path);
	rp_cleanup(free) char *dir = strdup(full);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(rp_file_make_directories(dir, 0755, NULL), 0);
	if (strncmp(text, "->", 2) == 0)
		assert_int_equal(symlink(text + 2, full), 0);
	else
		assert_int_equal(rp_file_write(full, 0644, text, strlen(text), NULL), 0);
}

static int set_up(void **state)
{
	folder_lab_make(root);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put(files[i].path, files[i].text);
	return 0;
}

static int tear_down(void **state)
{
	folder_lab_remove(root);
	return 0;
}

static void test_collect(void **state)
{
	const struct rp_secure_boot state_on = {.efi = true, .enabled = true};
	rp_cleanup(json) json_t *inventory = rp_inventory_collect(root, &state_on);
	rp_cleanup(free) char *text = rp_json_canonical(inventory);

	assert_string_equal(text,
		"{\"cpu\":\"Some CPU @ 3 GHz\",\"cpus\":2,"
		"\"disks\":[{\"model\":\"DISK 1\",\"name\":\"sda\",\"size_mb\":1024}],"
		"\"gpus\":[{\"address\":\"0000:00:01.0\",\"device\":\"0x2204\",\"driver\":\"\","
		"\"vendor\":\"0x10de\"}],"
		"\"kernel\":\"6.1.0-50-amd64\",\"manufacturer\":\"QEMU\",\"memory_mb\":2000,"
		"\"nics\":[{\"driver\":\"e1000e\",\"mac\":\"52:54:00:00:00:01\",\"name\":\"eth0\"},"
		"{\"driver\":\"virtio_net\",\"mac\":\"52:54:00:00:00:02\",\"name\":\"eth1\"}],"
		"\"product\":\"Standard PC?(Q35)\",\"secure_boot\":\"enabled\","
		"\"serial\":\"??vil\",\"tpm\":true,"
		"\"uuid\":\"deadbeef-0001-4000-8000-00000000abcd\"}");
}

static void test_macs(void **state)
{
	const struct rp_secure_boot none = {0};
	rp_cleanup(json) json_t *inventory = rp_inventory_collect(root, &none);
	rp_cleanup(json) json_t *macs = rp_inventory_macs(inventory);
	rp_cleanup(free) char *text = rp_json_canonical(macs);

	assert_string_equal(text, "[\"52:54:00:00:00:01\",\"52:54:00:00:00:02\"]");
}

/* A machine that says nothing has an inventory all the same. */
static void test_nothing(void **state)
{
	const struct rp_secure_boot none = {0};
	rp_cleanup(json) json_t *inventory = rp_inventory_collect("/nowhere", &none);

	assert_string_equal(rp_json_string_or(inventory, "serial", "?"), "");
	assert_string_equal(rp_json_string_or(inventory, "secure_boot", "?"), "none");
	assert_int_equal(json_array_size(json_object_get(inventory, "nics")), 0);
	assert_true(json_is_false(json_object_get(inventory, "tpm")));
}

static void test_boot_option(void **state)
{
	char value[5], small[4];

	rp_inventory_boot_option(root, "rigproof.token", value, sizeof(value));
	assert_string_equal(value, "00ff");
	rp_inventory_boot_option(root, "rigproof.token", small, sizeof(small));
	assert_string_equal(small, "");
	rp_inventory_boot_option(root, "quiet", value, sizeof(value));
	assert_string_equal(value, "");
	rp_inventory_boot_option("/nowhere", "rigproof.token", value, sizeof(value));
	assert_string_equal(value, "");
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_boot_option),
	};

	return cmocka_run_group_tests_name("agent/inventory", all, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel messages as they really look, and what they are taken for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "agent/kmsg.h"
#include "keys/report_kind.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static const struct {
	const char *message, *kind; /* kind NULL: no report */
} messages[] = {
	{"BUG: kernel NULL pointer dereference, address: 0000000000000000", "BUG"},
	{"BUG: unable to handle page fault for address: ffffc90000000000", "BUG"},
	{"BUG: sleeping function called from invalid context at mm/slab.h:313", "BUG"},
	{"BUG: scheduling while atomic: insmod/123/0x00000002", "BUG"},
	{"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [xsc:99]", "BUG"},
	{"kernel BUG at kmods/xsc/xsc_ring.c:12!", "BUG"},
	{"------------[ cut here ]------------", NULL},
	{"WARNING: CPU: 0 PID: 121 at kmods/xsc/xsc_ring.c:40 xsc_run+0x12/0x40 [xsc]", "WARNING"},
	{"Oops: 0002 [#1] PREEMPT SMP KASAN", "Oops"},
	{"general protection fault, probably for non-canonical address 0xdead: 0000 [#1]", "Oops"},
	{"invalid opcode: 0000 [#1] PREEMPT SMP NOPTI", "Oops"},
	{"Kernel panic - not syncing: Fatal exception", "panic"},
	{"WARNING: possible circular locking dependency detected", "lockdep"},
	{"WARNING: possible recursive locking detected", "lockdep"},
	{"WARNING: inconsistent lock state", "lockdep"},
	{"WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", "lockdep"},
	{"WARNING: bad unlock balance detected!", "lockdep"},
	{"WARNING: suspicious RCU usage", "RCU"},
	{"rcu: INFO: rcu_preempt self-detected stall on CPU", "RCU"},
	{"rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", "RCU"},
	{"BUG: KASAN: slab-out-of-bounds in xsc_read+0x1/0x2 [xsc]", "KASAN"},
	{"BUG: KCSAN: data-race in a / b", "KCSAN"},
	{"BUG: KFENCE: use-after-free read in xsc_read+0x1/0x2", "KFENCE"},
	{"UBSAN: array-index-out-of-bounds in drivers/x.c:3:4", "UBSAN"},
	{"kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "kmemleak"},
	{"INFO: task xsc:99 blocked for more than 120 seconds.", "hung task"},

	{"BUG: KMSAN: uninit-value in xsc_read+0x1/0x2 [xsc]", "KMSAN"},
	{"KASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]", "KASAN"},
	{"WARNING: xsc/99 still has locks held!", "lockdep"},
	{"[ BUG: xsc/99 still has locks held! ]", "lockdep"},
	{"INFO: trying to register non-static key.", "lockdep"},
	{"BUG: MAX_LOCKDEP_ENTRIES too low!", "lockdep"},
	{"rcu: rcu_preempt kthread starved for 5250 jiffies! g-3 f0x0", "RCU"},
	{"INFO: rcu_tasks detected stalls on tasks:", "RCU"},
	{"INFO: task xsc:99 blocked in I/O wait for more than 120 seconds.", "hung task"},
	{"INFO: task xsc:99 can't die for more than 143 seconds.", "hung task"},
	{"INFO: task xsc:99 is blocked on a mutex likely owned by task b:7.", "hung task"},
	{"watchdog: Watchdog detected hard LOCKUP on cpu 1", "hard lockup"},
	{"watchdog: CPU 1 self-detected hard LOCKUP @ xsc_run+0x1/0x2", "hard lockup"},
	{"watchdog: CPU 0 Hard LOCKUP", "hard lockup"},
	{"NMI watchdog: BUG: soft lockup - CPU#2 stuck for 22s! [xsc:99]", "BUG"},
	{"BUG xsc_entry (Not tainted): Poison overwritten", "BUG"},
	{"Slab corruption (Not tainted): xsc_entry start=ffff888000000000, len=96", "BUG"},
	{"slab error in verify_redzone_free(): cache `xsc_entry': double free detected", "BUG"},
	{"list_del corruption. prev->next should be ffff8880, but was 0000", "BUG"},
	{"refcount_t: underflow; use-after-free.", "BUG"},
	{"softirq: huh, entered softirq 1 TIMER 0000 with preempt_count 0100, exited with 0101?",
		"BUG"},
	{"bad: scheduling from the idle thread!", "BUG"},
	{"unregister_netdevice: waiting for lo to become free. Usage count = 3", "BUG"},
	{"VFS: Busy inodes after unmount of vda1. Self-destruct in 5 seconds.", "BUG"},
	{"unchecked MSR access error: RDMSR from 0x611 at rIP: 0xffffffff8100 (rdmsr+0x1/0x2)",
		"BUG"},
	{"traps: PANIC: double fault, error_code: 0x0", "Oops"},
	{"segment-related general protection fault: e030 [#1] SMP", "Oops"},
	{"divide_error: 0000 [#1] SMP", "Oops"},
	{"int3: 0000 [#3] SMP", "Oops"},
	{"alignment check: 0000 [#1] SMP", "Oops"},
	{"Kernel access of bad area, sig: 11 [#12]", "Oops"},
	{"CPU 1 Unable to handle kernel paging request at virtual address 0008", "Oops"},
	{"CFI failure at xsc_open+0x1/0x2 [xsc] (target: a+0x0/0x1; expected type: 0x1)", "Oops"},
	{"mce: [Hardware Error]: CPU 1: Machine Check Exception: 4 Bank 2: b200", "hardware"},
	{"{2}[Hardware Error]: event severity: fatal", "hardware"},
	{"Memory failure: 0x12345: recovery action for dirty LRU page: Recovered", "hardware"},
	{"EDAC MC1: 2 UE memory scrubbing error on DIMM_B1 (channel:1 slot:0)", "hardware"},
	{"pcieport 0000:00:02.0: AER: Multiple Uncorrectable (Non-Fatal) error message received",
		"hardware"},
	{"nvme 0000:01:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=X", "hardware"},
	{"pcieport 0000:00:02.0: DPC: containment event, status:0x1f01", "hardware"},
	{"Uhhuh. NMI received for unknown reason 2d on CPU 1.", "hardware"},
	{"NMI: IOCK error (debug interrupt?) for reason 61 on CPU 0.", "hardware"},
	{"irq 9: nobody cared (try booting with the \"irqpoll\" option)", "hardware"},
	{"DMAR: [DMA Read NO_PASID] Request device [02:00.0] fault addr 0x1000", "IOMMU"},
	{"nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x1 address=0x2]", "IOMMU"},
	{"arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x0", "IOMMU"},
	{"NVRM: Xid (PCI:0000:01:00): 31, pid=99, MMU Fault", "GPU"},
	{"amdgpu 0000:03:00.0: amdgpu: ring sdma0 timeout, signaled seq=1, emitted seq=2", "GPU"},
	{"amdgpu 0000:03:00.0: amdgpu: GPU reset begin!", "GPU"},
	{"i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:8ed9fff2, in glxgears [99]", "GPU"},
	{"xe 0000:03:00.0: [drm] GT1: Engine reset: engine_class=ccs, logical_mask: 0x1", "GPU"},
	{"radeon 0000:01:00.0: GPU lockup (current fence id 0x1 last fence id 0x2 on ring 0)",
		"GPU"},

	{"xsc: loading out-of-tree module taints kernel.", NULL},
	{"xsc: module verification failed: signature and/or required key missing", NULL},
	{"Loading of unsigned module is rejected", NULL},
	{"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on", NULL},
	{"RETBleed: WARNING: the mitigation leaves the CPU open to attacks", NULL},
	{"DEBUG: nothing", NULL},
	{"traps: xsc[99] general protection fault ip:401000 sp:7ffc00 error:0 in xsc[401000+1]",
		NULL},
	{"traps: xsc[99] trap divide error ip:401000 sp:7ffc00 error:0", NULL},
	{"pcieport 0000:00:1c.0: AER: Corrected error message received from 0000:01:00.0", NULL},
	{"nvme 0000:01:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer", NULL},
	{"EDAC MC0: 1 CE memory read error on DIMM_A1", NULL},
	{"EDAC MC0: Giving out device to module skx_edac", NULL},
	{"[Hardware Error]: Corrected error, no action required.", NULL},
	{"mce: CPU0: Thermal monitoring enabled (TM1)", NULL},
	{"DMAR: Host address width 39", NULL},
	{"AMD-Vi: Interrupt remapping enabled", NULL},
	{"NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.", NULL},
	{"amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 uses VM inv eng 0 on hub 0", NULL},
	{"input: pad [#x]", NULL},
	{"sched: RT throttling activated", NULL},
	{"Out of memory: Killed process 99 (xsc) total-vm:1kB", NULL},
	{"ACPI BIOS Warning (bug): 32/64X length mismatch", NULL},
	{"", NULL},
};

static void test_classify(void **state)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		const char *kind = rp_kmsg_classify(messages[i].message);

		if (!kind != !messages[i].kind || (kind && strcmp(kind, messages[i].kind) != 0))
			fail_msg("%s: %s, not %s", messages[i].message, kind ? kind : "nothing",
				messages[i].kind ? messages[i].kind : "nothing");
		assert_true(!kind || rp_report_kind_valid(kind));
	}
}

static void add(struct rp_kmsg *kmsg, const char *record)
{
	assert_int_equal(rp_kmsg_add(kmsg, record, strlen(record)), 0);
}

static void test_records(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	char sha256[RP_SHA256_HEX], expected[RP_SHA256_HEX], since[64];
	size_t mark;

	assert_non_null(kmsg);
	add(kmsg, "6,1,1500000,-;hello\n SUBSYSTEM=xsc\n DEVICE=c10:1\n");
	mark = rp_kmsg_mark(kmsg);
	add(kmsg, "4,2,2000001,-,more;WARNING: CPU: 0 PID: 1 at a.c:1\n");
	assert_string_equal(rp_kmsg_text(kmsg),
		"[    1.500000] hello\n[    2.000001] WARNING: CPU: 0 PID: 1 at a.c:1\n");
	assert_int_equal(rp_kmsg_sha256(kmsg, sha256), 0);
	rp_sha256_hex(rp_kmsg_text(kmsg), strlen(rp_kmsg_text(kmsg)), expected);
	assert_string_equal(sha256, expected);
	assert_int_equal(json_array_size(rp_kmsg_reports(kmsg)), 1);
	assert_string_equal(rp_json_string_or(json_array_get(rp_kmsg_reports(kmsg), 0), "line", ""),
		"WARNING: CPU: 0 PID: 1 at a.c:1");
	rp_kmsg_since(kmsg, mark, since, sizeof(since));
	assert_string_equal(since, "WARNING: CPU: 0 PID: 1 at a.c:1");
	rp_kmsg_since(kmsg, 0, since, sizeof(since));
	assert_string_equal(since, "hello; WARNING: CPU: 0 PID: 1 at a.c:1");
	rp_kmsg_since(kmsg, 0, since, 36);
	assert_string_equal(since, "WARNING: CPU: 0 PID: 1 at a.c:1");
	rp_kmsg_since(kmsg, rp_kmsg_mark(kmsg), since, sizeof(since));
	assert_string_equal(since, "");
}

static void test_not_the_kernel(void **state)
{
	static const char *const records[] = {
		"12,3,1,-;BUG: says user space\n", /* facility 1 */
		"30,3,1,-;BUG: says systemd\n",
		"no record",
		"",
		";BUG: no head\n",
		"6;BUG: half a head\n",
		"x,y,z,-;BUG: no numbers\n",
		"6,99999999999999999999999999999999999999999999999999999999999999999,1,-;BUG: "
		"long\n",
	};
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		add(kmsg, records[i]);
	assert_string_equal(rp_kmsg_text(kmsg), "");
	assert_int_equal(json_array_size(rp_kmsg_reports(kmsg)), 0);
}

static void test_bounds(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	char since[32], record[1200] = "4,1,1,-;BUG: ";

	memset(record + strlen(record), 'x', 1000);
	for (int i = 0; i < 10000; i++)
		add(kmsg, record);
	add(kmsg, "6,1,1,-;the last\n");
	assert_true(strlen(rp_kmsg_text(kmsg)) <= RP_KMSG_TEXT_MAX);
	assert_int_equal(json_array_size(rp_kmsg_reports(kmsg)), RP_KMSG_REPORTS_MAX);
	/* a mark in what was dropped means all that is left */
	rp_kmsg_since(kmsg, 0, since, sizeof(since));
	assert_string_equal(since, "the last");
}

/* Each record's sequence, and what the one report about lost ones says. */
static void test_gaps(void **state)
{
	static const struct {
		const char *records[4], *line; /* line NULL: nothing was lost */
	} cases[] = {
		{{"6,7,1,-;a\n", "6,8,1,-;b\n", "6,9,1,-;c\n"}, NULL},
		{{"6,7,1,-;a\n", "30,8,1,-;systemd\n", "6,9,1,-;c\n"}, NULL},
		{{"6,7,1,-;a\n", "6,9,1,-;c\n"},
			"1 records were lost before they were read, the last "
			"of them 8 to 8"},
		{{"30,100,1,-;systemd\n", "6,4000,1,-;c\n"},
			"3899 records were lost before they were read, the last of them 101 to "
			"3999"},
		{{"6,7,1,-;a\n", "6,9,1,-;c\n", "6,10,1,-;d\n", "6,13,1,-;e\n"},
			"3 records were lost before they were read, the last of them 11 to 12"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
		const json_t *report;

		for (size_t j = 0; j < 4 && cases[i].records[j]; j++)
			add(kmsg, cases[i].records[j]);
		report = json_array_get(rp_kmsg_reports(kmsg), 0);
		assert_int_equal(json_array_size(rp_kmsg_reports(kmsg)), cases[i].line ? 1 : 0);
		if (!cases[i].line)
			continue;
		assert_string_equal(rp_json_string_or(report, "kind", ""), "lost");
		assert_string_equal(rp_json_string_or(report, "line", ""), cases[i].line);
	}
}

/* Other reports do not crowd it out. */
static void test_gap_after_many_reports(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	size_t n;

	for (int i = 1; i < 200; i++) {
		char record[64];

		snprintf(record, sizeof(record), "4,%d,1,-;BUG: %d\n", i, i);
		add(kmsg, record);
	}
	add(kmsg, "6,300,1,-;late\n");
	n = json_array_size(rp_kmsg_reports(kmsg));
	assert_int_equal(n, RP_KMSG_REPORTS_MAX + 1);
	assert_string_equal(
		rp_json_string_or(json_array_get(rp_kmsg_reports(kmsg), n - 1), "kind", ""),
		"lost");
}

/* What a plan expects can come by the hundred, and shall not hide what it does not expect. */
static void test_first_of_each_kind(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = rp_kmsg_new();
	char record[100];
	size_t n;

	for (int i = 0; i < 300; i++) {
		snprintf(
			record, sizeof(record), "3,%d,1,-;DMAR: [DMA Write] fault addr %d\n", i, i);
		add(kmsg, record);
	}
	add(kmsg, "3,300,1,-;BUG: KASAN: use-after-free in a+0x1/0x2\n");
	add(kmsg, "3,301,1,-;BUG: KASAN: use-after-free in b+0x1/0x2\n");
	n = json_array_size(rp_kmsg_reports(kmsg));
	assert_int_equal(n, RP_KMSG_REPORTS_MAX + 1);
	assert_string_equal(
		rp_json_string_or(json_array_get(rp_kmsg_reports(kmsg), n - 1), "line", ""),
		"BUG: KASAN: use-after-free in a+0x1/0x2");
}

/* A log that opens and cannot be read: a folder is one. */
static void test_unreadable(void **state)
{
	rp_cleanup(kmsg) struct rp_kmsg *kmsg = NULL;
	struct rp_error err = RP_ERROR_NONE;
	const json_t *report;

	assert_int_equal(rp_kmsg_open("/tmp", &kmsg, &err), 0);
	/* EISDIR, or EINVAL of some file systems */
	assert_true(rp_kmsg_read(kmsg) < 0);
	report = json_array_get(rp_kmsg_reports(kmsg), 0);
	assert_string_equal(rp_json_string_or(report, "kind", ""), "lost");
	assert_non_null(strstr(rp_json_string_or(report, "line", ""), "could not be read"));
	assert_int_equal(rp_kmsg_read(NULL), 0);
}

static void test_open(void **state)
{
	struct rp_kmsg *kmsg = NULL;
	struct rp_error err = RP_ERROR_NONE;

	assert_int_equal(rp_kmsg_open("/nowhere/kmsg", &kmsg, &err), -ENOENT);
	assert_null(kmsg);
	assert_non_null(strstr(err.text, "/nowhere/kmsg"));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_not_the_kernel),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_gap_after_many_reports),
		cmocka_unit_test(test_first_of_each_kind),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("agent/kmsg", all, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel messages as they really look, and what they are taken for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/kmsg.h"
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

	{"xsc: loading out-of-tree module taints kernel.", NULL},
	{"xsc: module verification failed: signature and/or required key missing", NULL},
	{"Loading of unsigned module is rejected", NULL},
	{"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on", NULL},
	{"DEBUG: nothing", NULL},
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
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("agent/kmsg", all, NULL, NULL);
}

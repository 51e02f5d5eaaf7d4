/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPU DMA lock, checked: quotas, grants and rights, what is freed when owners die,
 * and real DMA by a device whose grant is there, was never there, and is taken away.
 * Needs an edu device behind an IOMMU (QEMU: -device intel-iommu -device edu) for
 * the DMA, and a DRM device for PRIME; what the machine has not is skipped.
 */
#include "kmods/selftest/runner.h"
#include "kmods/gpu_dma_lock/selftest/agents.h"
#include "kmods/gpu_dma_lock/selftest/tests.h"

static const struct test tests[] = {
	{"setup", test_setup, "agents, ids, what a buffer is", 10},
	{"bad-input", test_bad_input, "each bad input alone, with its errno", 10},
	{"ioctl-bad-input", test_ioctl_bad, "too long, nowhere, not an agent, not to be told", 10},
	{"quota", test_quota, "one byte over is refused, and only root goes higher", 10},
	{"memory-limit", test_memlock, "RLIMIT_MEMLOCK, over all agents of a user", 10},
	{"memory-cgroup", test_memcg, "pages are charged to it, and given back", 10},
	{"mapping", test_mapping, "cleared, whole, and no way around the grants", 10},
	{"access", test_access, "who may open the device: its mode, disabled, group", 10},
	{"huge", test_huge, "2 MiB chunks", 10},
	{"rights", test_rights, "fork, a passed descriptor, another agent: not yours", 10},
	{"exec", test_exec, "another program cannot use the agent", 10},
	{"ends", test_ends, "freed and closed while others hold it", 20},
	{"killed", test_killed, "60 owners killed: all is freed", 60},
	{"grant", test_grant, "this buffer to this device, once, and back", 10},
	{"untranslated", test_untranslated, "a device without an IOMMU needs a word more", 10},
	{"classes", test_classes, "all GPUs at once", 10},
	{"platform", test_platform, "devices that are not on PCI", 10},
	{"devices", test_devices, "GPUs alone, unless the administrator allows others", 10},
	{"grant-race", test_grant_race, "GRANT, REVOKE and CHECK at the same time", 20},
	{"proc", test_proc, "modes, what is in them, and no address", 10},
	{"control", test_control, "commands, and what is none", 10},
	{"dma", test_dma, "the device moves the right bytes, both ways", 30},
	{"dma-ungranted", test_dma_ungranted, "never granted: the driver is refused", 10},
	{"dma-revoked", test_dma_revoked, "the device's access fails, and the IOMMU says so", 30},
	{"dma-freed", test_dma_freed, "so after FREE", 30},
	{"dma-killed", test_dma_killed, "so after the owner's death", 30},
	{"dma-static", test_dma_static, "drivers that cannot give it back: told, not forced", 30},
	{"dma-deaf", test_dma_deaf, "a driver that does not listen is not taken for one that does",
		20},
	{"dma-race", test_dma_race, "grants come and go while the device writes", 60},
	{"dma-flight", test_dma_flight, "a device on its way is stopped when REVOKE returns", 60},
	{"flushes", test_flushes, "the IOMMU's cache is emptied of what was mapped, once", 20},
	{"flush-limit", test_flush_limit, "who has it emptied too often waits", 30},
	{"dma-open", test_dma_open, "a device with no IOMMU in between", 20},
	{"dma-bad-input", test_edu_bad, "the test driver's own ranges", 10},
	{"prime", test_prime, "PRIME import by each DRM driver that is here", 20},
	{"check-cost", test_cost, "instructions of one CHECK", 60},
};

static const struct check check = {
	.name = "gpu_dma_test",
	.what = "Checks the grants of /dev/gpu_dma_lock, with real DMA where a device can.",
	.device = GDL_DEVICE,
	.module = "gpu_dma_lock",
	.begin = begin_tests,
	.end = end_tests,
	.tests = tests,
	.count = ARRAY_LEN(tests),
};

/* Holds a buffer whose agent is gone, until it is killed; says so when it does. */
static int hold(void)
{
	struct memory memory;
	int agent = new_agent(0);

	if (agent < 0 || alloc(agent, PAGE, &memory))
		return 1;
	close(agent);
	printf("holding\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--hold"))
		return hold();
	if (argc == 3 && !strcmp(argv[1], "--exec-probe"))
		return exec_probe(atoi(argv[2]));
	return run_check(&check, argc, argv);
}

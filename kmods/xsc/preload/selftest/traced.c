/* SPDX-License-Identifier: Apache-2.0 */
#include "kmods/xsc/preload/selftest/traced.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/xsc.h>

void traced_begin(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(125);
	raise(SIGSTOP);
}

static void traced_count(const struct __ptrace_syscall_info *info, struct traced *traced)
{
	static const long io[] = {SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv,
		SYS_writev, SYS_openat, SYS_close, SYS_fsync, SYS_fdatasync, SYS_sendto,
		SYS_recvfrom};

	if (info->entry.nr == SYS_ioctl && (info->entry.args[1] >> 8 & 0xff) == XSC_IOC_MAGIC) {
		traced->ring++;
		return;
	}
	traced->all++;
	for (size_t i = 0; i < sizeof(io) / sizeof(io[0]); i++)
		traced->io += (long)info->entry.nr == io[i];
}

int traced_run(pid_t child, struct traced *ret)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status, result = -1;
	pid_t pid;

	waitpid(child, &status, __WALL);
	if (!WIFSTOPPED(status) || ptrace(PTRACE_SETOPTIONS, child, NULL, options))
		return -1;
	ptrace(PTRACE_SYSCALL, child, NULL, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
		int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		if (!WIFSTOPPED(status)) {
			if (pid == child) {
				result = status;
				break;
			}
			continue;
		}
		if (sig == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
				info.op == PTRACE_SYSCALL_INFO_ENTRY)
				traced_count(&info, ret);
			if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_ioctl &&
				(uint32_t)info.entry.args[1] == XSC_IOC_SERVE) {
				ptrace(PTRACE_DETACH, pid, NULL, 0);
				continue;
			}
			sig = 0;
		} else if (sig == SIGTRAP || sig == SIGSTOP) {
			sig = 0;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, sig);
	}
	return result;
}

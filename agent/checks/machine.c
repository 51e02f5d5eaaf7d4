/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this machine is a physical one: what systemd-detect-virt says, and what the processor
 * says. Claims about time under contention, caches and devices count only where both say so.
 *
 * What can fail is the finding: systemd-detect-virt that does not run, or the two in contradiction.
 * A hypervisor that hides from both is not found.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

static const char help[] =
	"machine: is this machine physical? Prints TAP 14; metric hypervisor is 0 or 1.\n"
	"\n"
	"  --help\n";

/* The word of systemd-detect-virt --vm ("none", "qemu"); "" where it did not run. */
static void detect(char *ret_word, size_t size)
{
	FILE *pipe = popen("/usr/bin/systemd-detect-virt --vm", "r");
	int status;

	*ret_word = '\0';
	if (!pipe)
		return;
	if (!fgets(ret_word, (int)size, pipe))
		*ret_word = '\0';
	ret_word[strcspn(ret_word, "\n#")] = '\0';
	status = pclose(pipe);
	/* 1 is its way to say "none". */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (strcmp(ret_word, "none") == 0))
		*ret_word = '\0';
}

/* 1: the processor says that a hypervisor runs it; 0: it does not; -1: it has no way to say. */
static int ask_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) ? (int)(c >> 31) : -1;
#else
	return -1;
#endif
}

int main(int argc, char **argv)
{
	char word[64];
	int processor = ask_processor();
	bool found, agree;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(help, stdout) < 0;
	if (argc > 1) {
		fputs("machine: wrong use: try --help\n", stderr);
		return 2;
	}
	detect(word, sizeof(word));
	found = (*word && strcmp(word, "none") != 0) || processor == 1;
	/* Some hypervisors leave the processor's bit out; the bit without any name is odd. */
	agree = *word && !(processor == 1 && !strcmp(word, "none"));
	printf("TAP version 14\n1..2\n%s 1 - detect-virt: systemd-detect-virt says \"%s\"\n",
		*word ? "ok" : "not ok", word);
	printf("%s 2 - agree: the processor says %s\n", agree ? "ok" : "not ok",
		processor == 1	 ? "that a hypervisor runs it"
		: processor == 0 ? "nothing of a hypervisor"
				 : "nothing, it has no way to");
	if (*word || processor == 1)
		printf("  ---\n  metrics:\n    - name: hypervisor\n      value: %d\n"
		       "      unit: found\n      better: lower\n  ...\n",
			found);
	return *word && agree ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

static char text[8192];
static int log_fd, real_stderr;

static int capture(void **state)
{
	unsetenv("JOURNAL_STREAM");
	rp_log_set_level(RP_LOG_INFO);
	log_fd = memfd_create("stderr", MFD_CLOEXEC);
	real_stderr = dup(STDERR_FILENO);
	return log_fd < 0 || dup2(log_fd, STDERR_FILENO) < 0;
}

static int restore(void **state)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(log_fd);
	return 0;
}

static const char *logged(void)
{
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void a_terminal_line_has_time_and_level(void **state)
{
	int64_t time;

	rp_log_warning("rig %s\nlost\033", "r1");
	assert_int_equal(logged()[24], ' ');
	text[24] = '\0';
	assert_int_equal(rp_clock_parse(text, &time), 0);
	assert_string_equal(text + 25, "warning: rig r1?lost?\n");
}

/* What a machine says of itself is in many lines of a server's log. */
static void no_line_steers_a_terminal(void **state)
{
	rp_log_info("serial %s", "\x1b[2J\xc2\x9b"
				 "1m\xe2\x80\xae \xff\xe2\x82\xac");
	assert_string_equal(logged() + 25, "info: serial ?[2J??1m??? ?\xe2\x82\xac\n");
}

static void the_journal_gets_a_priority(void **state)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	rp_log_error("gone");
	assert_string_equal(logged(), "<3>gone\n");
}

static void a_foreign_journal_is_not_ours(void **state)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
	rp_log_error("gone");
	assert_int_equal(logged()[0], '2');
}

static void levels_above_are_dropped(void **state)
{
	rp_log_debug("no");
	assert_string_equal(logged(), "");
	rp_log_set_level(RP_LOG_ERROR);
	rp_log_warning("no");
	assert_string_equal(logged(), "");
	rp_log_set_level(RP_LOG_DEBUG);
	rp_log_debug("yes");
	assert_non_null(strstr(logged(), "debug: yes\n"));
}

static void errno_is_kept_and_usable(void **state)
{
	errno = ENOSPC;
	rp_log_error("%m");
	assert_int_equal(errno, ENOSPC);
	assert_non_null(strstr(logged(), "No space left"));
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	rp_log_error("%s", big);
	assert_true(strlen(logged()) == 2047);
	assert_int_equal(text[2046], '\n');
}

static int count_of(const char *what)
{
	int count = 0;

	for (const char *at = logged(); (at = strstr(at, what)); at++)
		count++;
	return count;
}

static void a_flood_of_one_kind_is_counted_not_written(void **state)
{
	rp_log_set_limits(3, 1, 4000);
	for (int i = 0; i < 1000; i++)
		rp_log_warning("peer %d is loud", i);
	rp_log_error("another kind");
	assert_int_equal(count_of("is loud"), 3);
	assert_int_equal(count_of("another kind"), 1);
	rp_log_tell_suppressed();
	assert_int_equal(count_of("not logged"), 0); /* its window is not over */
	for (int64_t end = rp_clock_monotonic() + 10 * RP_SECOND;
		!count_of("not logged") && rp_clock_monotonic() < end; usleep(10000))
		rp_log_tell_suppressed();
	assert_int_equal(count_of("warning: 997 more like \"peer %d is loud\" not logged"), 1);
	rp_log_tell_suppressed();
	assert_int_equal(count_of("not logged"), 1);
	rp_log_warning("peer %d is loud", 1);
	rp_log_set_limits(0, 0, 0);
}

static void a_minute_has_so_many_bytes(void **state)
{
	rp_log_set_level(RP_LOG_DEBUG);
	rp_log_set_limits(3, 10, 1000);
	for (int i = 0; i < 1000; i++)
		rp_log_debug("step %d", i);
	assert_true(strlen(logged()) <= 1000 && strlen(text) > 900);
	rp_log_error("no room for this either");
	assert_true(strlen(logged()) <= 1000);
	rp_log_set_limits(0, 0, 0);
	for (int i = 0; i < 100; i++)
		rp_log_warning("without limits");
	assert_int_equal(count_of("without limits"), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_terminal_line_has_time_and_level, capture, restore),
		cmocka_unit_test_setup_teardown(no_line_steers_a_terminal, capture, restore),
		cmocka_unit_test_setup_teardown(the_journal_gets_a_priority, capture, restore),
		cmocka_unit_test_setup_teardown(a_foreign_journal_is_not_ours, capture, restore),
		cmocka_unit_test_setup_teardown(levels_above_are_dropped, capture, restore),
		cmocka_unit_test_setup_teardown(errno_is_kept_and_usable, capture, restore),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_ends, capture, restore),
		cmocka_unit_test_setup_teardown(
			a_flood_of_one_kind_is_counted_not_written, capture, restore),
		cmocka_unit_test_setup_teardown(a_minute_has_so_many_bytes, capture, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define END_OF_9999 (INT64_C(253402300800) * RP_SECOND)

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * RP_SECOND + now.tv_nsec / 1000;
}

int64_t rp_clock_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t rp_clock_monotonic(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void rp_clock_format(int64_t realtime, char ret_text[RP_TIME_TEXT])
{
	time_t seconds = realtime / RP_SECOND;
	int ms = (int)(realtime % RP_SECOND / 1000);
	struct tm tm;
	char *tail;

	if (realtime < 0 || realtime >= END_OF_9999 || !gmtime_r(&seconds, &tm)) {
		/* Shorter than every time. */
		/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy) */
		strcpy(ret_text, "invalid");
		return;
	}
	tail = ret_text + strftime(ret_text, RP_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	*tail++ = '.';
	*tail++ = (char)('0' + ms / 100);
	*tail++ = (char)('0' + ms / 10 % 10);
	*tail++ = (char)('0' + ms % 10);
	*tail++ = 'Z';
	*tail = '\0';
}

static int matches_shape(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";

	if (strlen(text) != sizeof(shape) - 1)
		return 0;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return 0;
	return 1;
}

int rp_clock_parse(const char *text, int64_t *ret_realtime)
{
	char again[RP_TIME_TEXT];
	struct tm tm = {0};
	int64_t realtime;
	int ms;

	if (!matches_shape(text) ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	realtime = timegm(&tm) * RP_SECOND + ms * INT64_C(1000);
	/* timegm takes the 30th of February: only a text that comes out as it went in is a time. */
	rp_clock_format(realtime, again);
	if (strcmp(text, again) != 0)
		return -EINVAL;
	*ret_realtime = realtime;
	return 0;
}

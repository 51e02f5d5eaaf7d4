/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/screen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/printable.h"
#include "server/pages/html.h"

struct layer {
	FILE *front, *under;
	char held[4]; /* the beginning of a character whose end has not come yet */
	size_t held_len;
	bool failed;
};

static struct {
	struct layer out, errors;
	bool colours;
	FILE *saved_out, *saved_errors;
} screen;

/* May text be the beginning of a longer UTF-8 sequence? */
static bool is_cut(const char *text, size_t len)
{
	const unsigned char first = (unsigned char)*text;
	const size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4 || len >= want)
		return false;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return false;
	return true;
}

static void put(struct layer *layer, const char *text, size_t len)
{
	for (size_t from = 0; from < len;) {
		size_t shown = 0;

		/* As much as can go in one piece. */
		while (from + shown < len) {
			const char *at = text + from + shown;
			const size_t n = rp_printable_length(at, len - from - shown);

			if (!n && *at != '\n' && *at != '\t')
				break;
			shown += n ? n : 1;
		}
		if (shown && fwrite(text + from, 1, shown, layer->under) != shown)
			layer->failed = true;
		from += shown;
		if (from == len)
			return;
		if (len - from < sizeof(layer->held) && is_cut(text + from, len - from)) {
			layer->held_len = len - from;
			memcpy(layer->held, text + from, layer->held_len);
			return;
		}
		for (size_t n = rp_utf8_length(text + from, len - from), i = 0; i < (n ? n : 1);
			i++, from++)
			if (fputc('?', layer->under) == EOF)
				layer->failed = true;
	}
}

static ssize_t filter(void *cookie, const char *text, size_t len)
{
	struct layer *layer = cookie;
	size_t taken = 0;

	/* One character may have come in two writes. */
	while (layer->held_len && taken < len) {
		char whole[sizeof(layer->held)];
		size_t whole_len = layer->held_len;

		memcpy(whole, layer->held, whole_len);
		whole[whole_len++] = text[taken++];
		layer->held_len = 0;
		put(layer, whole, whole_len);
	}
	put(layer, text + taken, len - taken);
	return layer->failed ? 0 : (ssize_t)len;
}

static int begin(struct layer *layer, FILE *under)
{
	*layer = (struct layer){.under = under};
	layer->front = fopencookie(layer, "w", (cookie_io_functions_t){.write = filter});
	if (!layer->front)
		return -ENOMEM;
	setvbuf(layer->front, NULL, _IOLBF, 0);
	return 0;
}

static int end(struct layer *layer)
{
	if (fclose(layer->front) != 0)
		layer->failed = true;
	for (; layer->held_len; layer->held_len--)
		if (fputc('?', layer->under) == EOF)
			layer->failed = true;
	if (fflush(layer->under) != 0)
		layer->failed = true;
	return layer->failed ? (errno ? -errno : -EIO) : 0;
}

void rp_screen_colour(enum rp_color color)
{
	const char *term = getenv("TERM");

	screen.colours = color == RP_COLOR_ALWAYS ||
			 (color == RP_COLOR_AUTO && isatty(fileno(screen.out.under)) && term &&
				 strcmp(term, "dumb") != 0);
}

/* SGR (ECMA-48 8.3.117): the eight colours that every terminal has, for the pages' tones. */
static const char *colour_of(const char *word)
{
	static const struct {
		const char *tone, *code;
	} codes[] = {{"good", "32"}, {"bad", "31"}, {"warn", "33"}, {"busy", "36"}};
	const char *tone = rp_html_tone(word);

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(codes[i].tone, tone))
			return codes[i].code;
	return NULL;
}

void rp_screen_word(FILE *out, const char *word)
{
	const char *code = screen.colours && out == screen.out.front ? colour_of(word) : NULL;

	if (!code) {
		fputs(word, out);
		return;
	}
	/* Around the filter: what is before it first. */
	fflush(out);
	fprintf(screen.out.under, "\x1b[%sm", code);
	fputs(word, out);
	fflush(out);
	fputs("\x1b[0m", screen.out.under);
}

int rp_screen_begin(FILE *out, FILE *errors, struct rp_error *err)
{
	if (begin(&screen.out, out) < 0)
		return rp_error_memory(err);
	if (begin(&screen.errors, errors) < 0) {
		end(&screen.out);
		return rp_error_memory(err);
	}
	screen.colours = false;
	screen.saved_out = stdout;
	screen.saved_errors = stderr;
	stdout = screen.out.front;
	stderr = screen.errors.front;
	return 0;
}

int rp_screen_end(void)
{
	int r;

	stdout = screen.saved_out;
	stderr = screen.saved_errors;
	end(&screen.errors);
	r = end(&screen.out);
	return r;
}

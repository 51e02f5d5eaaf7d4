/* SPDX-License-Identifier: Apache-2.0 */
/* Inline SVG: bars of stages, lines of samples. Numbers only; words go through rp_html_text. */
#include <math.h> /* INFINITY alone: nothing here needs libm */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "server/pages/html.h"

#define STAGES_MAX 32
#define ROW 26
#define LEFT 76	  /* where the time axis begins */
#define RIGHT 100 /* room for the last label */
#define WIDTH 900
#define AXIS (WIDTH - LEFT - RIGHT)

#define SPARK_WIDTH 180
#define SPARK_HEIGHT 34
#define SPARK_POINTS 180

struct bar {
	const char *stage, *state, *detail;
	double begin, length; /* seconds since the first one's start */
};

/* A step of 1, 2 or 5 times a power of ten that cuts total in about six. */
static double tick_step(double total)
{
	static const double steps[] = {1, 2, 5};
	double power = 0.01;

	for (;; power *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
			if (total / (steps[i] * power) <= 8)
				return steps[i] * power;
}

static size_t read_bars(const json_t *timeline, struct bar bars[STAGES_MAX], double *ret_total)
{
	const json_t *stage;
	int64_t zero = 0;
	size_t count = 0;
	size_t i;

	json_array_foreach (json_object_get(timeline, "stages"), i, stage) {
		json_int_t ms = json_integer_value(json_object_get(stage, "duration_ms"));
		int64_t start;
		int64_t end;

		if (count == STAGES_MAX)
			break;
		if (rp_clock_parse(rp_json_string_or(stage, "start", ""), &start) < 0)
			continue;
		/* Signed results have stages without duration. */
		if (!ms && rp_clock_parse(rp_json_string_or(stage, "end", ""), &end) == 0)
			ms = (end - start) / 1000;
		if (!count)
			zero = start;
		bars[count] = (struct bar){rp_json_string_or(stage, "stage", ""),
			rp_json_string_or(stage, "state", "done"),
			rp_json_string_or(stage, "detail", ""),
			(double)(start - zero) / (double)RP_SECOND, (double)ms / 1000};
		if (bars[count].begin < 0)
			bars[count].begin = 0;
		if (bars[count].length < 0)
			bars[count].length = 0;
		if (bars[count].begin + bars[count].length > *ret_total)
			*ret_total = bars[count].begin + bars[count].length;
		count++;
	}
	return count;
}

static void draw_axis(FILE *out, double total, size_t rows)
{
	double step = tick_step(total);
	double bottom = (double)rows * ROW;

	for (double at = 0; at <= total * 1.0001; at += step) {
		double x = LEFT + at / total * AXIS;

		fprintf(out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%.0f\"/>"
			"<text class=\"soft\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%g "
			"s</text>\n",
			x, x, bottom + 2, x, bottom + 18, at);
	}
}

static void draw_bar(FILE *out, const struct bar *bar, double total, size_t row)
{
	double x = LEFT + bar->begin / total * AXIS;
	double width = bar->length / total * AXIS;
	double y = (double)row * ROW;

	if (width < 2)
		width = 2;
	fprintf(out, "<g><title>");
	rp_html_text(out, bar->stage);
	fputs(": ", out);
	rp_html_text(out, bar->state);
	fputs(*bar->detail ? ", " : "", out);
	rp_html_text(out, bar->detail);
	fprintf(out, "</title><text x=\"0\" y=\"%.0f\">", y + 17);
	rp_html_text(out, bar->stage);
	fprintf(out,
		"</text><rect class=\"bar %s\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"16\" "
		"rx=\"2\"/><text class=\"soft\" x=\"%.1f\" y=\"%.0f\">",
		!strcmp(bar->state, "failed")	 ? "failed"
		: !strcmp(bar->state, "running") ? "running"
						 : "",
		x, y + 5, width, x + width + 6, y + 17);
	rp_html_duration(out, (json_int_t)(bar->length * 1000));
	fputs("</text></g>\n", out);
}

void rp_html_stages(FILE *out, const json_t *timeline)
{
	struct bar bars[STAGES_MAX];
	double total = 0;
	size_t count = read_bars(timeline, bars, &total);

	if (!count) {
		fputs("<p class=\"soft\">No stage was reached yet.</p>\n", out);
		return;
	}
	if (total < 1)
		total = 1;
	fprintf(out,
		"<div class=\"scroll\"><svg viewBox=\"0 0 %d %zu\" width=\"%d\" role=\"img\" "
		"aria-label=\"stages of the boot over %.1f seconds\">\n",
		WIDTH, count * ROW + 24, WIDTH, total);
	draw_axis(out, total, count);
	for (size_t i = 0; i < count; i++)
		draw_bar(out, &bars[i], total, i);
	fputs("</svg></div>\n", out);
}

void rp_html_sparkline(FILE *out, const json_t *samples)
{
	size_t count = json_array_size(samples);
	size_t points = count < SPARK_POINTS ? count : SPARK_POINTS;
	double low = INFINITY;
	double high = -INFINITY;

	if (count < 3)
		return;
	for (size_t i = 0; i < count; i++) {
		double value = json_number_value(json_array_get(samples, i));

		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	fprintf(out,
		"<div class=\"spark\"><svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		"role=\"img\" aria-label=\"%zu samples\"><polyline class=\"line\" points=\"",
		SPARK_WIDTH, SPARK_HEIGHT, SPARK_WIDTH, SPARK_HEIGHT, count);
	for (size_t i = 0; i < points; i++) {
		size_t first = i * count / points;
		size_t last = (i + 1) * count / points;
		double peak = -INFINITY;

		/* The largest of each group: it is the outliers that matter. */
		for (size_t j = first; j < last; j++)
			if (json_number_value(json_array_get(samples, j)) > peak)
				peak = json_number_value(json_array_get(samples, j));
		fprintf(out, "%.1f,%.1f ", (double)i / (double)(points - 1) * (SPARK_WIDTH - 4) + 2,
			high > low ? SPARK_HEIGHT - 3 -
					     (peak - low) / (high - low) * (SPARK_HEIGHT - 6)
				   : SPARK_HEIGHT / 2.0);
	}
	fprintf(out,
		"\"/></svg><span class=\"soft small\">%zu samples<br>%.6g to %.6g</span></div>",
		count, low, high);
}

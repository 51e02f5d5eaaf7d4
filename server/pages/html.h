/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of our pages: HTML that needs no script and no other file, light and dark. Whatever did
 * not come from our own source code goes through rp_html_text.
 */
#ifndef RP_SERVER_PAGES_HTML_H
#define RP_SERVER_PAGES_HTML_H

#include <jansson.h>
#include <stdio.h>

/*
 * Text as HTML, for elements and quoted attributes: & < > " ' are escaped; control characters, bad
 * UTF-8 and characters that turn the direction of text become U+FFFD.
 */
void rp_html_text(FILE *out, const char *text);

/* Everything up to the content. refresh_s > 0: the page loads itself again. */
void rp_html_begin(FILE *out, const char *title, int refresh_s);
void rp_html_end(FILE *out);

/* A verdict, state or assurance as a coloured word. */
void rp_html_badge(FILE *out, const char *word);

/* "good", "bad", "warn", "busy" or "idle": the colour of such a word. */
const char *rp_html_tone(const char *word);

/* A JSON number as people write it; "-" for what is none. */
void rp_html_number(FILE *out, const json_t *number);

/* "0.8 s", "2 min 5 s" */
void rp_html_duration(FILE *out, json_int_t ms);

/* "2026-11-20 12:00:00 UTC" of RFC 3339 text, "-" of anything else. */
void rp_html_time(FILE *out, const char *rfc3339);

/* charts.c: the stages of timeline.json as bars over one time axis. */
void rp_html_stages(FILE *out, const json_t *timeline);

/* charts.c: samples as a line, with the range beside it. Nothing for fewer than three. */
void rp_html_sparkline(FILE *out, const json_t *samples);

#endif

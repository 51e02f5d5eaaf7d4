/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pages/html.h"

#include <stdint.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/printable.h"

static const char *const style =
	":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#5b6470;"
	"--line:#dfe3e8;--good:#1a7f4b;--bad:#c4302b;--warn:#9a6700;--busy:#1f6feb;--idle:#6a737d;"
	"--bar:#3d7edb}"
	"@media(prefers-color-scheme:dark){:root{--page:#0f1216;--card:#171b21;--ink:#e6e9ed;"
	"--soft:#9aa4af;--line:#2b323a;--good:#4cc38a;--bad:#ff6b63;--warn:#e0b341;--busy:#6cb0ff;"
	"--idle:#8b949e;--bar:#5b97e8}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,sans-serif}"
	"main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
	"a{color:var(--busy)}h1{font-size:1.5rem;line-height:1.25;margin:0}"
	"h2{font-size:1.05rem;margin:0 0 .7rem}h3{font-size:1rem;margin:0}"
	"p{margin:.4rem 0}.soft{color:var(--soft)}.small{font-size:.87rem}"
	"section{background:var(--card);border:1px solid var(--line);border-radius:8px;"
	"padding:1.1rem 1.25rem;margin:1rem 0}"
	".verdict{border-left:8px solid var(--tone);display:flex;gap:1.5rem;align-items:center;"
	"flex-wrap:wrap}"
	".verdict .word{font-size:2.6rem;line-height:1;font-weight:750;letter-spacing:.01em;"
	"color:var(--tone)}"
	".good{--tone:var(--good)}.bad{--tone:var(--bad)}.warn{--tone:var(--warn)}"
	".busy{--tone:var(--busy)}.idle{--tone:var(--idle)}"
	".badge{display:inline-block;color:var(--tone);border:1px solid var(--tone);"
	"border-radius:1em;padding:0 .6em;font-size:.82rem;font-weight:600;white-space:nowrap}"
	".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:"
	"1rem}"
	".two section{margin:0}ul{margin:.2rem 0;padding-left:1.2rem}li{margin:.3rem "
	"0}li,p,td{overflow-wrap:anywhere}"
	".metrics{table-layout:fixed;min-width:44rem}.metrics th{width:10%}"
	".metrics th:first-child{width:26%}.metrics th:nth-child(5){width:20%}"
	".metrics th:last-child{width:34%}"
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}"
	"th{font-weight:600;color:var(--soft);font-size:.85rem}"
	"th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);"
	"vertical-align:top}tr:last-child td{border-bottom:0}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
	"code,pre,.mono{font-family:ui-monospace,monospace;font-size:.86rem;overflow-wrap:anywhere}"
	"pre{background:var(--page);border:1px solid var(--line);border-radius:6px;padding:.7rem;"
	"margin:.5rem 0;overflow-x:auto;white-space:pre-wrap}"
	"details{margin:.6rem 0 0}summary{cursor:pointer;color:var(--soft)}"
	"progress{width:5rem;accent-color:var(--busy)}"
	".check{border-top:1px solid var(--line);padding:.9rem 0 .3rem}"
	".check:first-of-type{border-top:0;padding-top:0}"
	".head{display:flex;gap:.7rem;align-items:baseline;flex-wrap:wrap}"
	"svg{display:block;max-width:100%}svg text{fill:var(--ink);font:13px system-ui,sans-serif}"
	"svg .soft{fill:var(--soft);font-size:12px}svg .grid{stroke:var(--line)}"
	"svg .bar{fill:var(--bar)}svg .failed{fill:var(--bad)}svg .running{fill:var(--busy);"
	"opacity:.55}svg .line{fill:none;stroke:var(--bar);stroke-width:1.3}"
	".spark{display:flex;gap:.6rem;align-items:center}.spark span{white-space:nowrap}"
	".failed{border-left:8px solid var(--tone)}.failed .badge{--tone:var(--bad)}"
	/* A phone: less around things, and rows of a table as blocks, each cell with its heading. */
	"@media(max-width:40rem){main{padding:.8rem .6rem 3rem}section{padding:.8rem .8rem}"
	".two{grid-template-columns:1fr}.verdict{gap:.7rem}.verdict .word{font-size:2rem}"
	".verdict>div{min-width:0}"
	".rows,.rows tbody,.rows tr,.rows td{display:block;width:auto}.rows "
	"tr:first-child{display:none}"
	".rows tr{border-bottom:1px solid var(--line);padding:.5rem 0}.rows tr:last-child{border:0}"
	".rows td,.rows td.n{border:0;padding:.1rem 0;text-align:left;white-space:normal}"
	".rows td:empty{display:none}"
	".rows td[data-h]:not(:empty)::before{content:attr(data-h) ' ';color:var(--soft);"
	"font-size:.85rem}}"
	"@media print{body{background:#fff}section{break-inside:avoid}}";

void rp_html_text(FILE *out, const char *text)
{
	while (*text) {
		const size_t len = rp_printable_length(text, strnlen(text, 4));

		if (!len && *text != '\n' && *text != '\t') {
			fputs("\xef\xbf\xbd", out);
			/* One mark for one broken character, not one for each of its bytes. */
			for (text++; (*text & 0xc0) == 0x80; text++)
				continue;
			continue;
		}
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fwrite(text, 1, len ? len : 1, out);
		}
		text += len ? len : 1;
	}
}

void rp_html_begin(FILE *out, const char *title, int refresh_s)
{
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      /* Escaped or not: nothing on this page can run or be fetched. */
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n",
		out);
	if (refresh_s > 0)
		fprintf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", refresh_s);
	fputs("<title>", out);
	rp_html_text(out, title);
	fprintf(out, "</title>\n<style>%s</style></head>\n<body><main>\n", style);
}

void rp_html_end(FILE *out)
{
	fputs("</main></body></html>\n", out);
}

const char *rp_html_tone(const char *word)
{
	static const struct {
		const char *word, *tone;
	} tones[] = {
		{"pass", "good"},
		{"ready", "good"},
		{"secure-boot", "good"},
		{"attested", "good"},
		{"ok", "good"},
		{"met", "good"},
		{"loaded", "good"},
		{"fail", "bad"},
		{"not ok", "bad"},
		{"not met", "bad"},
		{"not loaded", "bad"},
		{"NOT VALID", "bad"},
		{"error", "warn"},
		{"quarantined", "warn"},
		{"boot-token", "warn"},
		{"pending", "warn"},
		{"running", "busy"},
		{"busy", "busy"},
		{"training", "busy"},
		{"queued", "busy"},
		{"enrolled", "busy"},
	};

	for (size_t i = 0; i < sizeof(tones) / sizeof(*tones); i++)
		if (!strcmp(tones[i].word, word))
			return tones[i].tone;
	return "idle";
}

void rp_html_badge(FILE *out, const char *word)
{
	fprintf(out, "<span class=\"badge %s\">", rp_html_tone(word));
	rp_html_text(out, *word ? word : "-");
	fputs("</span>", out);
}

void rp_html_number(FILE *out, const json_t *number)
{
	if (json_is_integer(number))
		fprintf(out, "%lld", (long long)json_integer_value(number));
	else if (json_is_real(number))
		fprintf(out, "%.6g", json_real_value(number));
	else
		fputc('-', out);
}

void rp_html_duration(FILE *out, json_int_t ms)
{
	if (ms < 0)
		fputc('-', out);
	else if (ms < 60000)
		fprintf(out, "%.1f s", (double)ms / 1000);
	else
		fprintf(out, "%lld min %lld s", (long long)(ms / 60000),
			(long long)(ms % 60000 / 1000));
}

void rp_html_time(FILE *out, const char *rfc3339)
{
	int64_t time;

	if (rp_clock_parse(rfc3339, &time) < 0)
		fputc('-', out);
	else
		fprintf(out, "%.10s %.8s UTC", rfc3339, rfc3339 + 11);
}

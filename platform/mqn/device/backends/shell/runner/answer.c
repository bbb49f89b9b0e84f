/* The answer: one JSON document (`mqn.device.passes.PassResult`) on the standard output that the runner was started with. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner.h"

void *answer;

void say(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(answer, format, values);
  va_end(values);
}

void say_text(const char *text) {
  fputc('"', answer);
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
    if (*c == '"' || *c == '\\')
      fprintf(answer, "\\%c", *c);
    else if (*c < 0x20 || *c >= 0x7f) /* a stranger's model chose it: nothing but ASCII leaves */
      fprintf(answer, "\\u%04x", *c < 0x20 ? ' ' : '?');
    else
      fputc(*c, answer);
  }
  fputc('"', answer);
}

void say_number(double value) {
  if (isfinite(value))
    fprintf(answer, "%.9g", value);
  else
    fputs("null", answer);
}

void say_state(const State *state) {
  say("{\"load_1m\": ");
  say_number(state->load);
  say(", \"frequency_mhz\": ");
  say_number(state->frequency_mhz);
  say(", \"temperature_c\": ");
  say_number(state->temperature_c);
  say(", \"battery_percent\": ");
  say_number(state->battery_percent);
  say(", \"charging\": %s}", state->charging < 0 ? "null" : state->charging ? "true" : "false");
}

void finish(void) {
  int wrong = fflush(answer) != 0 || ferror((FILE *)answer);
  _exit(wrong ? EXIT_UNWRITABLE : 0); /* not exit(): what a stranger's model left behind is not worth a crash in a destructor */
}

void fail(const char *verdict, const char *format, ...) {
  char reason[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(reason, sizeof reason, format, values);
  va_end(values);
  say("{\"failure\": {\"verdict\": \"%s\", \"reason\": ", verdict);
  say_text(reason);
  say("}}\n");
  finish();
}

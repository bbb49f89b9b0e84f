/* The profile pass: the time of every operator. LiteRT tells it in whole microseconds, rounded down. */
#include "runner.h"

void profile(const Request *request) {
  static Opened file[MAX_PARTS];
  static Operators found[MAX_PARTS];
  int parts = request->parts[0];
  double total_ms = 0;
  for (int i = 0; i < parts; i++) {
    open_file(&file[i], request, 0, i);
    fill_inputs(&file[i]);
    invoke_first(&file[i]);
  }
  for (int i = 0; i < parts; i++) {
    if (!profile_runs(&file[i], request, &found[i], request->runs, request->seconds / parts))
      fail("crashed", "%s cannot be profiled: no operators, or others in every run", file[i].subject);
    total_ms += found[i].total_ns / (double)found[i].runs / 1e6;
  }
  const char *comma = "";
  say("{\"profile\": {\"runs\": %zu, \"profiled_ms\": ", found[0].runs);
  say_number(total_ms);
  say(", \"ops\": [");
  for (int i = 0; i < parts; i++) {
    for (size_t j = 0; j < found[i].count; j++) {
      const Operator *op = &found[i].all[j];
      say("%s{\"part\": \"%s\", \"index\": %zu, \"kind\": ", comma, file[i].part, j);
      say_text(op->kind);
      say(", \"delegated\": %s, \"mean_ms\": ", op->delegated ? "true" : "false");
      say_number(op->total_us / (double)found[i].runs / 1000);
      say("}");
      comma = ", ";
    }
  }
  say("]}}\n");
  finish();
}

/* The memory pass: how much resident memory a model adds to a process that has run another one before. */
#include "runner.h"

#include <stdio.h>

static void run_once(Opened *file) {
  fill_inputs(file);
  invoke_first(file);
}

void weigh(const Request *request) {
  static Opened dummy, file[MAX_PARTS];
  double before = 0, after = 0, peak = 0, unused;
  snprintf(dummy.subject, sizeof dummy.subject, "the dummy");
  open_path(&dummy, request, "model", request->dummy);
  run_once(&dummy);
  bool reset = reset_peak();
  bool readable = resident(&before, &unused);
  for (int i = 0; i < request->parts[0]; i++) {
    open_file(&file[i], request, 0, i);
    run_once(&file[i]);
  }
  for (int i = 0; i < request->parts[0]; i++) invoke_first(&file[i]);
  readable = resident(&after, &peak) && readable;
  if (!readable) {
    say("{\"memory\": {\"baseline_mb\": null, \"peak_mb\": null, \"method\": \"none: /proc/self/status cannot be read\"}}\n");
    finish();
  }
  /* the words of mqn.device.bench.memory: an unreset peak may be the start-up's own, and is then another figure */
  say("{\"memory\": {\"baseline_mb\": ");
  say_number(before);
  say(", \"peak_mb\": ");
  say_number(peak > before ? peak - before : 0);
  say(", \"method\": \"%s\"}}\n", reset ? "VmHWM after writing 5 to clear_refs" : "VmHWM of the whole process");
  finish();
}

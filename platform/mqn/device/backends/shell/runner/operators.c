/* Where the time goes, operator by operator, and with it what the delegate really took: runs with LiteRT's profiler on.
 *
 * Profiling slows a model down, so this always happens in a compiled model of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static bool is_inner(const Event *event) {
  return event->kind == EVENT_DELEGATE_OPERATOR || event->kind == EVENT_DELEGATE_PROFILED_OPERATOR;
}

static bool append(Operators *found, const Event *event, const char *tag) {
  Operator *larger = realloc(found->all, (found->count + 1) * sizeof *larger);
  if (!larger) return false;
  found->all = larger;
  bool whole = !is_inner(event) && strstr(tag, "Delegate");
  larger[found->count] = (Operator){strdup(tag), event->index, is_inner(event) || whole, whole, 0};
  return larger[found->count++].kind != NULL;
}

/* Every run goes through the same operators, so an operator is known by its place among a run's events. What runs inside a
 * loop's body is part of the loop's own event. */
static bool add_run(Operators *found, const Event *events, int count) {
  size_t place = 0;
  for (int i = 0; i < count; i++) {
    const char *tag = events[i].tag ? events[i].tag : "?";
    if ((!is_inner(&events[i]) && events[i].kind != EVENT_OPERATOR) || events[i].subgraph != 0) continue;
    if (found->runs == 0 && !append(found, &events[i], tag)) return false;
    if (place == found->count || strcmp(found->all[place].kind, tag)) return false;
    found->all[place++].total_us += (double)events[i].elapsed_us;
  }
  return place == found->count;
}

static bool read_run(Profiler profiler, Operators *found) {
  int count = 0;
  if (litert.GetNumProfilerEvents(profiler, &count) || count <= 0) return false;
  Event *events = calloc((size_t)count, sizeof *events);
  bool read = events && !litert.GetProfilerEvents(profiler, count, events) && add_run(found, events, count);
  free(events);
  return read;
}

/* At least so many runs and seconds, read after each: the profiler holds only so many events. */
bool profile_runs(Opened *file, const Request *request, Operators *found, int runs, double seconds) {
  Compiled profiled;
  Profiler profiler;
  if (compile(&profiled, file->model, request, true)) return false;
  bool well = !litert.CompiledModelGetProfiler(profiled, &profiler) && profiler && !invoke(file, profiled);
  int64_t end = now_ns() + (int64_t)(seconds * 1e9);
  while (well && (found->runs < (size_t)runs || (found->runs < MAX_RUNS && now_ns() < end))) {
    well = !litert.ResetProfiler(profiler) && !litert.StartProfiler(profiler); /* the reset stops it */
    int64_t begin = now_ns();
    well = well && !invoke(file, profiled);
    found->total_ns += (double)(now_ns() - begin);
    well = well && read_run(profiler, found);
    found->runs++;
  }
  litert.DestroyCompiledModel(profiled);
  return well && found->count;
}

/* A partition shows as operators of the delegate in a row, numbered from its start. */
static size_t count_partitions(const Operators *found) {
  size_t partitions = 0;
  for (size_t i = 0; i < found->count; i++) {
    const Operator *op = &found->all[i], *last = i ? &found->all[i - 1] : NULL;
    bool goes_on = last && last->delegated && !last->whole && op->index > last->index;
    if (op->delegated && (op->whole || !goes_on)) partitions++;
  }
  return partitions;
}

void say_delegation(Opened *file, const Request *request) {
  Operators found = {0};
  if (!profile_runs(file, request, &found, 1, 0)) {
    say("null");
    return;
  }
  size_t outside = 0, partitions = count_partitions(&found);
  for (size_t i = 0; i < found.count; i++) outside += !found.all[i].delegated;
  /* The profiler shows what ran; the delegate, which joins operators to its liking, took the rest. */
  size_t delegated = partitions && file->nodes > outside ? file->nodes - outside : 0;
  say("{\"delegate\": \"%s\", \"partitions\": %zu, \"nodes\": %zu, \"delegated\": %zu, \"outside\": {", request->delegate,
      partitions, file->nodes, delegated);
  const char *comma = "";
  for (size_t i = 0; i < found.count; i++) {
    size_t same = 0, earlier = 0;
    if (found.all[i].delegated) continue;
    for (size_t j = 0; j < found.count; j++) {
      bool equal = !found.all[j].delegated && !strcmp(found.all[i].kind, found.all[j].kind);
      same += equal;
      earlier += equal && j < i;
    }
    if (earlier) continue;
    say("%s", comma);
    say_text(found.all[i].kind);
    say(": %zu", same);
    comma = ", ";
  }
  say("}}");
}

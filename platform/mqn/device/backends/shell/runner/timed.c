/* The timed pass: models warmed up until their times settle, then timed in rounds, every sample kept.
 *
 * The same plan as `mqn.device.bench.timed`: A B, B A, A B, ..., so that each comes first and follows itself as often.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

enum { MAX_SLOTS = MAX_MODELS * MAX_PARTS, SETTLED_WINDOWS = 3, MIN_WINDOW_ROUNDS = 5, YARDSTICKS = 12, COARSE_NS = 1000000 };
static const double SETTLED_SPREAD = 0.025;

typedef struct {
  Opened file;
  int model, index;
  double init_ms, first_ms, warmup_ns;
  char output_sha256[65];
  int64_t *samples, *cpu; /* of each round: on the wall, and processor time of this thread */
} Slot;

static Slot slots[MAX_SLOTS]; /* in the order of the first round */
static int slot_count, order[2][MAX_SLOTS];
static size_t warm_rounds;

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static double median(int64_t *values, size_t count) {
  qsort(values, count, sizeof *values, compare);
  return count % 2 ? (double)values[count / 2] : (double)(values[count / 2 - 1] + values[count / 2]) / 2;
}

static void open_model(const Request *request, int model) {
  int from = slot_count;
  for (int i = 0; i < request->parts[model]; i++, slot_count++) {
    Slot *slot = &slots[slot_count];
    slot->model = model, slot->index = i;
    int64_t start = now_ns();
    open_file(&slot->file, request, model, i);
    slot->init_ms = (double)(now_ns() - start) / 1e6;
    fill_inputs(&slot->file);
  }
  for (int i = from; i < slot_count; i++) {
    int64_t start = now_ns();
    invoke_first(&slots[i].file);
    slots[i].first_ms = (double)(now_ns() - start) / 1e6;
    hash_outputs(&slots[i].file, slots[i].output_sha256);
  }
}

/* Both directions keep the parts of a model in their order. */
static void plan_rounds(void) {
  for (int i = 0; i < slot_count; i++) order[0][i] = i;
  int next = 0;
  for (int model = slots[slot_count - 1].model, end = slot_count; end > 0;) {
    int from = end;
    while (from > 0 && slots[from - 1].model == model) from--;
    for (int i = from; i < end; i++) order[1][next++] = i;
    end = from;
    if (end) model = slots[end - 1].model;
  }
}

/* At least so many rounds and seconds, at most MAX_RUNS and limit, but one; returns how many. */
static size_t sample(size_t runs, double seconds, double limit) {
  int64_t start = now_ns(), passed = 0, enough = (int64_t)(seconds * 1e9);
  int64_t most = isfinite(limit) ? (int64_t)(limit * 1e9) : INT64_MAX;
  size_t count = 0;
  while (!count || (count < MAX_RUNS && passed < most && (count < runs || passed < enough))) {
    const int *turn = order[count % 2];
    for (int i = 0; i < slot_count; i++) {
      Slot *slot = &slots[turn[i]];
      int64_t cpu = thread_ns(), begin = now_ns();
      Status status = invoke(&slot->file, slot->file.compiled);
      slot->samples[count] = now_ns() - begin;
      slot->cpu[count] = thread_ns() - cpu;
      if (status) fail("crashed", "%s stopped running: %s", slot->file.subject, describe(status));
    }
    count++;
    passed = now_ns() - start;
  }
  return count;
}

static double median_round(size_t rounds) {
  int64_t *sums = calloc(rounds, sizeof *sums);
  if (!sums) fail("crashed", "out of memory");
  for (size_t i = 0; i < rounds; i++)
    for (int j = 0; j < slot_count; j++) sums[i] += slots[j].samples[i];
  double middle = median(sums, rounds);
  free(sums);
  return middle;
}

static bool is_settled(const double *medians, size_t count) {
  if (count < SETTLED_WINDOWS) return false;
  double low = INFINITY, high = 0;
  for (size_t i = count - SETTLED_WINDOWS; i < count; i++) {
    low = fmin(low, medians[i % SETTLED_WINDOWS]);
    high = fmax(high, medians[i % SETTLED_WINDOWS]);
  }
  return high <= low * (1 + SETTLED_SPREAD);
}

static void warm_up(const Request *request) {
  double medians[SETTLED_WINDOWS], passed;
  int64_t start = now_ns();
  size_t windows = 0;
  do {
    double left = request->warmup_limit_seconds - (double)(now_ns() - start) / 1e9;
    size_t rounds = sample(MIN_WINDOW_ROUNDS, request->warmup_seconds / SETTLED_WINDOWS, fmax(0, left));
    for (int j = 0; j < slot_count; j++)
      for (size_t i = 0; i < rounds; i++) slots[j].warmup_ns += (double)slots[j].samples[i];
    warm_rounds += rounds;
    medians[windows++ % SETTLED_WINDOWS] = median_round(rounds);
    passed = (double)(now_ns() - start) / 1e9;
  } while (passed < request->warmup_limit_seconds && (passed < request->warmup_seconds || !is_settled(medians, windows)));
}

/* A fixed piece of work: how fast is this machine just now? Other work than the Python bench's: never compare the two. */
static void time_yardstick(int64_t *samples) {
  enum { HASHED = 128 * 1024, COPIED = 2 * 1024 * 1024 };
  static char source[COPIED], target[COPIED];
  for (int i = 0; i < YARDSTICKS; i++) {
    Sha256 hash;
    char hex[65];
    int64_t start = now_ns();
    sha256_start(&hash);
    sha256_add(&hash, source, HASHED);
    sha256_end(&hash, hex);
    memcpy(target, source, COPIED);
    source[0] = target[1] = hex[0]; /* so that neither is optimised away */
    samples[i] = now_ns() - start;
  }
}

/* `mqn.device.passes.TimedPart.cpu_ns`: a clock that tells whole ms only is too coarse. */
static bool cpu_tells(const Slot *slot, const Request *request, size_t rounds) {
  bool here = !strcmp(request->delegate, "xnnpack") || !strcmp(request->delegate, "none");
  if (request->models != 2 || request->threads != 1 || !here) return false;
  bool fine = false;
  for (size_t i = 0; i < rounds; i++) {
    if (slot->cpu[i] <= 0) return false;
    fine |= slot->cpu[i] % COARSE_NS != 0;
  }
  return fine;
}

static void say_times(const char *name, const int64_t *times, size_t count) {
  say(", \"%s\": [", name);
  for (size_t i = 0; i < count; i++) say("%s%lld", i ? ", " : "", (long long)times[i]);
  say("]");
}

static void say_part(Slot *slot, const Request *request, size_t rounds) {
  say("{\"init_ms\": ");
  say_number(slot->init_ms);
  say(", \"first_ms\": ");
  say_number(slot->first_ms);
  say(", \"warmup_ms\": ");
  say_number(slot->warmup_ns / (double)warm_rounds / 1e6);
  say(", \"output_sha256\": \"%s\", \"delegation\": ", slot->output_sha256);
  say_delegation(&slot->file, request);
  say_times("samples_ns", slot->samples, rounds);
  if (cpu_tells(slot, request, rounds)) say_times("cpu_ns", slot->cpu, rounds);
  say("}");
}

static void say_field(const char *name, double value) {
  say("\"%s\": ", name);
  say_number(value);
  say(", ");
}

void time_models(const Request *request) {
  int processors[MAX_PROCESSORS];
  int64_t yardstick[2 * YARDSTICKS];
  for (int i = 0; i < request->models; i++) open_model(request, request->swapped ? request->models - 1 - i : i);
  plan_rounds();
  for (int i = 0; i < slot_count; i++)
    if (!(slots[i].samples = calloc(MAX_RUNS, sizeof(int64_t))) || !(slots[i].cpu = calloc(MAX_RUNS, sizeof(int64_t))))
      fail("crashed", "out of memory");
  warm_up(request);
  time_yardstick(yardstick);
  int count = allowed_processors(processors);
  State before = read_state(processors, count);
  sample(2, 0, INFINITY);
  Usage start = read_usage(processors, count);
  size_t rounds = sample((size_t)request->runs, request->seconds, INFINITY);
  Usage end = read_usage(processors, count);
  State after = read_state(processors, count);
  time_yardstick(yardstick + YARDSTICKS);
  double cpu = end.cpu - start.cpu, middle = median(yardstick, 2 * YARDSTICKS);
  say("{\"timed\": {\"models\": [");
  for (int model = 0; model < request->models; model++) {
    say("%s[", model ? ", " : "");
    for (int i = 0, said = 0; i < slot_count; i++) {
      if (slots[i].model != model) continue;
      if (said++) say(", ");
      say_part(&slots[i], request, rounds);
    }
    say("]");
  }
  say("], ");
  say_field("wall_seconds", end.wall - start.wall);
  say_field("cpu_seconds", cpu);
  double others = end.busy - start.busy - cpu;
  say_field("others_seconds", others < 0 ? 0 : others);
  say_field("stolen_seconds", end.stolen - start.stolen);
  say_field("waited_seconds", end.waited - start.waited);
  if (end.preemptions >= 0) say("\"preemptions\": %ld, ", end.preemptions - start.preemptions);
  say("\"yardstick_ns\": [%lld, %lld], \"affinity\": [", (long long)yardstick[0], (long long)middle);
  for (int i = 0; i < count; i++) say("%s%d", i ? ", " : "", processors[i]);
  say("], \"before\": ");
  say_state(&before);
  say(", \"after\": ");
  say_state(&after);
  say("}}\n");
  finish();
}

/* One pass over a model with LiteRT's C API, for devices without Python: a board behind SSH, a phone behind adb.
 *
 *   mqn_runner library=libLiteRt.so kind=timed|memory|profile delegate=xnnpack|none threads=1 processors=0,1
 *              runs=50 seconds=1 warmup_seconds=0.2 warmup_limit_seconds=2 memory_limit_mb=4096 cpu_limit_seconds=61
 *              swapped=0 dummy=dummy.tflite model=backbone:a.tflite,head:b.tflite [model=...]
 *
 * (kind=check only opens the library) writes one JSON document (`mqn.device.passes.PassResult`) to its standard output;
 * everything else goes to stderr. Exit code 0 whenever there is an answer, 2 for wrong usage, 4 where the library does not
 * fit, 90 where the answer could not be written. The model may be hostile: limits are set before it is opened, and however
 * this process ends is a result.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runner.h"

static const double MAX_ANSWER_BYTES = 10e6; /* mqn.device.passes.MAX_RESULT_BYTES */

static void refuse_usage(const char *word) {
  fprintf(stderr, "cannot understand %.200s; see the head of mqn_runner.c\n", word);
  exit(2);
}

static void read_model(Request *request, char *files) {
  if (request->models == MAX_MODELS) refuse_usage("a third model");
  int model = request->models++;
  for (char *rest = files, *file; (file = strsep(&rest, ","));) {
    char *path = strchr(file, ':');
    if (!path || request->parts[model] == MAX_PARTS) refuse_usage(file);
    *path++ = 0;
    request->part[model][request->parts[model]] = file;
    request->path[model][request->parts[model]++] = path;
  }
}

static void read_processors(Request *request, char *numbers) {
  for (char *rest = numbers, *number; (number = strsep(&rest, ","));)
    if (*number && request->processor_count < MAX_PROCESSORS) request->processors[request->processor_count++] = atoi(number);
}

static const char *read_request(Request *request, int count, char **words) {
  const char *library = NULL;
  for (int i = 1; i < count; i++) {
    char *value = strchr(words[i], '=');
    if (!value) refuse_usage(words[i]);
    *value++ = 0;
    if (!strcmp(words[i], "library")) library = value;
    else if (!strcmp(words[i], "kind")) request->kind = value;
    else if (!strcmp(words[i], "delegate")) request->delegate = value;
    else if (!strcmp(words[i], "dummy")) request->dummy = value;
    else if (!strcmp(words[i], "threads")) request->threads = atoi(value);
    else if (!strcmp(words[i], "runs")) request->runs = atoi(value);
    else if (!strcmp(words[i], "swapped")) request->swapped = atoi(value);
    else if (!strcmp(words[i], "seconds")) request->seconds = atof(value);
    else if (!strcmp(words[i], "warmup_seconds")) request->warmup_seconds = atof(value);
    else if (!strcmp(words[i], "warmup_limit_seconds")) request->warmup_limit_seconds = atof(value);
    else if (!strcmp(words[i], "memory_limit_mb")) request->memory_limit_mb = atof(value);
    else if (!strcmp(words[i], "cpu_limit_seconds")) request->cpu_limit_seconds = atof(value);
    else if (!strcmp(words[i], "processors")) read_processors(request, value);
    else if (!strcmp(words[i], "model")) read_model(request, value);
    else refuse_usage(words[i]);
  }
  if (!library || !request->kind || (strcmp(request->kind, "check") && (!request->delegate || !request->models))) refuse_usage("a request without its parts");
  return library;
}

static void limit_one(int kind, double value) {
  struct rlimit limit;
  if (getrlimit(kind, &limit)) return;
  if (limit.rlim_max == RLIM_INFINITY || value < (double)limit.rlim_max) limit.rlim_max = (rlim_t)value;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(kind, &limit);
}

static void limit_all(const Request *request) {
  limit_one(RLIMIT_AS, address_space() + request->memory_limit_mb * 1e6);
  limit_one(RLIMIT_CPU, request->cpu_limit_seconds);
  limit_one(RLIMIT_CORE, 0);
  limit_one(RLIMIT_FSIZE, MAX_ANSWER_BYTES);
}

static void choose_processors(const Request *request) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < request->processor_count; i++) CPU_SET(request->processors[i], &set);
  if (request->processor_count && sched_setaffinity(0, sizeof set, &set))
    fail("rejected", "processors cannot be used here: %s", strerror(errno));
}

int main(int count, char **words) {
  static Request request;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  FILE *score = fopen("/proc/self/oom_score_adj", "w");
  if (score) { /* where memory runs out all the same, this process goes first */
    fputs("1000", score);
    fclose(score);
  }
  const char *library = read_request(&request, count, words);
  int kept = dup(1);
  if (kept < 0 || dup2(2, 1) < 0 || !(answer = fdopen(kept, "w"))) return EXIT_UNWRITABLE;
  open_litert(library);
  start_litert();
  if (!strcmp(request.kind, "check")) {
    say("{}\n");
    finish();
  }
  choose_processors(&request);
  limit_all(&request);
  if (!strcmp(request.kind, "timed")) time_models(&request);
  if (!strcmp(request.kind, "memory")) weigh(&request);
  if (!strcmp(request.kind, "profile")) profile(&request);
  refuse_usage(request.kind);
}

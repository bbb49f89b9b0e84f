/* What the files of the runner share. Times are in ns, memory in bytes, unless a name says otherwise. */
#ifndef MQN_RUNNER_H
#define MQN_RUNNER_H

#include "litert.h"

enum { EXIT_UNWRITABLE = 90 }; /* mqn.device.backends.remote_pass.UNWRITABLE_CODE */
enum { MAX_MODELS = 2, MAX_PARTS = 2, MAX_PROCESSORS = 1024, MAX_RUNS = 100000 };

/* What the command line asks for (`mqn.device.passes.PassRequest`). */
typedef struct {
  const char *kind, *delegate, *dummy;
  int threads, runs, swapped;
  double seconds, warmup_seconds, warmup_limit_seconds, memory_limit_mb, cpu_limit_seconds;
  int processors[MAX_PROCESSORS], processor_count;
  int models, parts[MAX_MODELS];
  const char *part[MAX_MODELS][MAX_PARTS], *path[MAX_MODELS][MAX_PARTS];
} Request;

/* A file opened, its tensors allocated and its inputs filled. */
typedef struct {
  const char *part, *path;
  char subject[64]; /* how reasons name it: "backbone", "the second model: model" */
  Model model;
  Compiled compiled;
  Subgraph graph;
  size_t signature, inputs, outputs, nodes;
  Buffer *input, *output;               /* in the signature's order */
  size_t *input_order, *output_order;   /* the graph's order: positions in the signature's */
} Opened;

/* opening.c */
void start_litert(void);
void open_file(Opened *file, const Request *request, int model, int index);
void open_path(Opened *file, const Request *request, const char *part, const char *path);
Status compile(Compiled *compiled, Model model, const Request *request, bool profiling);
void fill_inputs(Opened *file);
Status invoke(Opened *file, Compiled compiled);
void invoke_first(Opened *file);
void hash_outputs(Opened *file, char hex[65]);

/* operators.c */
typedef struct {
  char *kind;
  uint64_t index; /* among the operators of its delegate, or of the graph */
  bool delegated;
  bool whole; /* a delegate that does not tell what it does */
  double total_us;
} Operator;
typedef struct {
  Operator *all; /* in the order they run */
  size_t count, runs;
  double total_ns; /* of the invocations */
} Operators;
bool profile_runs(Opened *file, const Request *request, Operators *found, int runs, double seconds);
void say_delegation(Opened *file, const Request *request);

/* noise.c */
bool fill_with_noise(void *data, size_t bytes, ElementType type);
void restart_noise(void);

/* sha256.c */
typedef struct {
  uint32_t state[8];
  uint64_t length;
  unsigned char block[64];
} Sha256;
void sha256_start(Sha256 *hash);
void sha256_add(Sha256 *hash, const void *data, size_t bytes);
void sha256_end(Sha256 *hash, char hex[65]);

/* machine.c: NAN where something cannot be read */
typedef struct {
  double load, frequency_mhz, temperature_c, battery_percent;
  int charging; /* -1: unknown */
} State;
typedef struct {
  double wall, cpu, busy, stolen, waited; /* seconds so far */
  long preemptions;
} Usage;
int64_t now_ns(void);
int64_t thread_ns(void); /* processor time of the calling thread */
int allowed_processors(int *processors);
State read_state(const int *processors, int count);
Usage read_usage(const int *processors, int count);
bool resident(double *now_mb, double *peak_mb);
bool reset_peak(void);
double address_space(void);

/* passes */
void time_models(const Request *request);
void weigh(const Request *request);
void profile(const Request *request);

/* answer.c */
extern void *answer; /* FILE *: the result, and nothing else */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_text(const char *text);
void say_number(double value);
void say_state(const State *state);
void finish(void) __attribute__((noreturn));
void fail(const char *verdict, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif

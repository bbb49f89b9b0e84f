/* From a file to a compiled model that is ready to run: tensors allocated, inputs filled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static Environment environment;

void start_litert(void) {
  Status status = litert.CreateEnvironment(0, NULL, &environment);
  if (status) {
    fprintf(stderr, "LiteRT cannot start: %s\n", describe(status));
    exit(4);
  }
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("crashed", "out of memory");
  return memory;
}

static Status add_option(Options options, const char *group, const char *toml) {
  Opaque opaque;
  char *text = strdup(toml);
  if (!text) return 2;
  Status status = litert.CreateOpaqueOptions(group, text, free, &opaque);
  return status ? status : litert.AddOpaqueOptions(options, opaque);
}

Status compile(Compiled *compiled, Model model, const Request *request, bool profiling) {
  Options options;
  char toml[128];
  snprintf(toml, sizeof toml, "kernel_mode = \"%s\"\nnum_threads = %d\n",
           strcmp(request->delegate, "none") ? "xnnpack" : "builtin", request->threads);
  Status status = litert.CreateOptions(&options);
  if (status) return status;
  status = litert.SetOptionsHardwareAccelerators(options, ACCELERATOR_CPU);
  if (!status) status = add_option(options, "xnnpack", toml);
  /* errors go to stderr, where the host reads the last line */
  if (!status)
    status = add_option(options, "runtime_options_string",
                        profiling ? "enable_profiling = true\nerror_reporter_mode = 1\n" : "error_reporter_mode = 1\n");
  if (!status) status = litert.CreateCompiledModel(environment, model, options, compiled);
  litert.DestroyOptions(options);
  return status;
}

static void require(Status status, const Opened *file, const char *what) {
  if (status) fail("rejected", "%s %s: %s", file->subject, what, describe(status));
}

/* The signature of the main graph: LiteRT makes one up where the file has none. */
static Signature find_signature(Opened *file) {
  size_t count = 0;
  Signature signature = NULL;
  require(litert.GetModelSubgraph(file->model, 0, &file->graph), file, "has no graph");
  require(litert.GetNumModelSignatures(file->model, &count), file, "has no signature");
  for (file->signature = 0; file->signature < count; file->signature++) {
    Subgraph graph = NULL;
    require(litert.GetModelSignature(file->model, file->signature, &signature), file, "has a broken signature");
    require(litert.GetSignatureSubgraph(signature, &graph), file, "has a broken signature");
    if (graph == file->graph) return signature;
  }
  fail("rejected", "%s has no signature for its main graph", file->subject);
}

static size_t *map_order(const Opened *file, Signature signature, size_t count, bool outputs) {
  size_t *order = allocate(count, sizeof *order);
  for (size_t i = 0; i < count; i++) {
    Tensor wanted = NULL, tensor = NULL;
    require((outputs ? litert.GetSubgraphOutput : litert.GetSubgraphInput)(file->graph, i, &wanted), file, "has no tensor");
    for (order[i] = 0; order[i] < count; order[i]++) {
      require((outputs ? litert.GetSignatureOutputTensorByIndex : litert.GetSignatureInputTensorByIndex)(
                  signature, order[i], &tensor), file, "has a broken signature");
      if (tensor == wanted) break;
    }
    if (order[i] == count) fail("rejected", "%s: its signature lacks a tensor of its graph", file->subject);
  }
  return order;
}

static Buffer make_buffer(const Opened *file, Signature signature, size_t i, const Layout *layout, bool output) {
  Tensor tensor;
  TensorType type;
  Requirements needs;
  Buffer buffer;
  require((output ? litert.GetSignatureOutputTensorByIndex : litert.GetSignatureInputTensorByIndex)(signature, i, &tensor),
          file, "has a broken signature");
  require(litert.GetRankedTensorType(tensor, &type), file, "has a tensor without a shape");
  type.layout = *layout;
  require((output ? litert.GetCompiledModelOutputBufferRequirements : litert.GetCompiledModelInputBufferRequirements)(
              file->compiled, file->signature, i, &needs), file, "has a tensor that cannot be held");
  require(litert.CreateManagedTensorBufferFromRequirements(environment, &type, needs, &buffer), file,
          "has a tensor that cannot be held");
  return buffer;
}

static void make_buffers(Opened *file, Signature signature) {
  Layout *layouts = allocate(file->outputs, sizeof *layouts);
  file->input = allocate(file->inputs, sizeof *file->input);
  file->output = allocate(file->outputs, sizeof *file->output);
  for (size_t i = 0; i < file->inputs; i++) {
    Layout layout;
    require(litert.GetCompiledModelInputTensorLayout(file->compiled, file->signature, i, &layout), file, "has no input");
    file->input[i] = make_buffer(file, signature, i, &layout, false);
  }
  require(litert.GetCompiledModelOutputTensorLayouts(file->compiled, file->signature, file->outputs, layouts, false), file,
          "has no output");
  for (size_t i = 0; i < file->outputs; i++) file->output[i] = make_buffer(file, signature, i, &layouts[i], true);
  free(layouts);
}

void fill_inputs(Opened *file) {
  restart_noise();
  for (size_t i = 0; i < file->inputs; i++) {
    Buffer buffer = file->input[file->input_order[i]];
    Tensor tensor;
    TensorType type;
    const char *name = "";
    size_t bytes;
    void *data;
    require(litert.GetSubgraphInput(file->graph, i, &tensor), file, "has no input");
    require(litert.GetRankedTensorType(tensor, &type), file, "has an input without a shape");
    require(litert.GetTensorBufferPackedSize(buffer, &bytes), file, "has an input without a size");
    require(litert.LockTensorBuffer(buffer, &data, LOCK_WRITE), file, "has an input that cannot be written");
    bool filled = fill_with_noise(data, bytes, type.type);
    require(litert.UnlockTensorBuffer(buffer), file, "has an input that cannot be written");
    litert.GetTensorName(tensor, &name);
    if (!filled)
      fail("rejected", "%s: input '%.80s' is of kind %d; only numbers and booleans can be made up", file->subject, name, type.type);
  }
}

void open_path(Opened *file, const Request *request, const char *part, const char *path) {
  file->part = part;
  file->path = path;
  require(litert.CreateModelFromFile(environment, path, &file->model), file, "cannot be loaded");
  Signature signature = find_signature(file);
  require(litert.GetNumSignatureInputs(signature, &file->inputs), file, "has no inputs");
  require(litert.GetNumSignatureOutputs(signature, &file->outputs), file, "has no outputs");
  require(litert.GetNumSubgraphOps(file->graph, &file->nodes), file, "has no operators");
  file->input_order = map_order(file, signature, file->inputs, false);
  file->output_order = map_order(file, signature, file->outputs, true);
  require(compile(&file->compiled, file->model, request, false), file, "cannot be loaded");
  make_buffers(file, signature);
}

void open_file(Opened *file, const Request *request, int model, int index) {
  static const char *const which[MAX_MODELS] = {"the first model: ", "the second model: "};
  const char *part = request->part[model][index];
  snprintf(file->subject, sizeof file->subject, "%s%s", request->models > 1 ? which[model] : "", part);
  open_path(file, request, part, request->path[model][index]);
}

Status invoke(Opened *file, Compiled compiled) {
  return litert.RunCompiledModel(compiled, file->signature, file->inputs, file->input, file->outputs, file->output);
}

void invoke_first(Opened *file) {
  Status status = invoke(file, file->compiled);
  if (status) fail("crashed", "%s cannot be run: %s", file->subject, describe(status));
}

void hash_outputs(Opened *file, char hex[65]) {
  Sha256 hash;
  sha256_start(&hash);
  for (size_t i = 0; i < file->outputs; i++) {
    Buffer buffer = file->output[file->output_order[i]];
    size_t bytes;
    void *data;
    require(litert.GetTensorBufferPackedSize(buffer, &bytes), file, "has an output without a size");
    require(litert.LockTensorBuffer(buffer, &data, LOCK_READ), file, "has an output that cannot be read");
    sha256_add(&hash, data, bytes);
    require(litert.UnlockTensorBuffer(buffer), file, "has an output that cannot be read");
  }
  sha256_end(&hash, hex);
}

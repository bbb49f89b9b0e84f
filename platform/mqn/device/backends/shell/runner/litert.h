/* The part of LiteRT's C API that the runner uses, and the library that it comes from.
 *
 * LiteRT's wheel holds the library and no headers; these declarations follow litert/c/ of github.com/google-ai-edge/LiteRT
 * and were checked against version 2.3.0 of the library, whose profiler events are 104 bytes long and whose
 * LiteRtCreateModelFromFile takes the environment first.
 */
#ifndef MQN_LITERT_H
#define MQN_LITERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct EnvironmentT *Environment;
typedef struct ModelT *Model;
typedef struct OptionsT *Options;
typedef struct OpaqueT *Opaque;
typedef struct CompiledT *Compiled;
typedef struct SignatureT *Signature;
typedef struct SubgraphT *Subgraph;
typedef struct TensorT *Tensor;
typedef struct BufferT *Buffer;
typedef struct RequirementsT *Requirements;
typedef struct ProfilerT *Profiler;
typedef int Status; /* 0: well */

enum { MAX_RANK = 8 };
enum { ACCELERATOR_CPU = 1 };
enum { LOCK_READ = 0, LOCK_WRITE = 1 };
enum { EVENT_OPERATOR = 2, EVENT_DELEGATE_OPERATOR = 4, EVENT_DELEGATE_PROFILED_OPERATOR = 8 }; /* XNNPACK's are the last */

typedef enum {
  TYPE_FLOAT32 = 1, TYPE_INT32 = 2, TYPE_UINT8 = 3, TYPE_INT64 = 4, TYPE_BOOL = 6, TYPE_INT16 = 7, TYPE_INT8 = 9,
  TYPE_FLOAT16 = 10, TYPE_FLOAT64 = 11, TYPE_UINT64 = 13, TYPE_UINT32 = 16, TYPE_UINT16 = 17
} ElementType;

typedef struct {
  unsigned int rank : 7;
  bool has_strides : 1;
  int32_t dimensions[MAX_RANK];
  uint32_t strides[MAX_RANK];
} Layout;

typedef struct {
  ElementType type;
  Layout layout;
} TensorType;

typedef struct {
  const char *tag;
  int kind; /* EVENT_... */
  uint64_t start_us, elapsed_us;
  int64_t memory_before[3], memory_after[3];
  uint64_t index, subgraph;
  int source;
} Event;

_Static_assert(sizeof(TensorType) == 72, "LiteRtRankedTensorType has 72 bytes");
_Static_assert(sizeof(Event) == 104, "ProfiledEventData has 104 bytes");

/* Name in the library without its prefix "LiteRt", type of what it returns, parameters. */
#define LITERT_FUNCTIONS(F) \
  F(CreateEnvironment, Status, (int, const void *, Environment *)) \
  F(CreateModelFromFile, Status, (Environment, const char *, Model *)) \
  F(GetModelSubgraph, Status, (Model, size_t, Subgraph *)) \
  F(GetNumModelSignatures, Status, (Model, size_t *)) \
  F(GetModelSignature, Status, (Model, size_t, Signature *)) \
  F(GetSignatureSubgraph, Status, (Signature, Subgraph *)) \
  F(GetNumSignatureInputs, Status, (Signature, size_t *)) \
  F(GetNumSignatureOutputs, Status, (Signature, size_t *)) \
  F(GetSignatureInputTensorByIndex, Status, (Signature, size_t, Tensor *)) \
  F(GetSignatureOutputTensorByIndex, Status, (Signature, size_t, Tensor *)) \
  F(GetNumSubgraphOps, Status, (Subgraph, size_t *)) \
  F(GetSubgraphInput, Status, (Subgraph, size_t, Tensor *)) \
  F(GetSubgraphOutput, Status, (Subgraph, size_t, Tensor *)) \
  F(GetTensorName, Status, (Tensor, const char **)) \
  F(GetRankedTensorType, Status, (Tensor, TensorType *)) \
  F(CreateOptions, Status, (Options *)) \
  F(DestroyOptions, void, (Options)) \
  F(SetOptionsHardwareAccelerators, Status, (Options, int)) \
  F(CreateOpaqueOptions, Status, (const char *, void *, void (*)(void *), Opaque *)) \
  F(AddOpaqueOptions, Status, (Options, Opaque)) \
  F(CreateCompiledModel, Status, (Environment, Model, Options, Compiled *)) \
  F(DestroyCompiledModel, void, (Compiled)) \
  F(GetCompiledModelInputTensorLayout, Status, (Compiled, size_t, size_t, Layout *)) \
  F(GetCompiledModelOutputTensorLayouts, Status, (Compiled, size_t, size_t, Layout *, bool)) \
  F(GetCompiledModelInputBufferRequirements, Status, (Compiled, size_t, size_t, Requirements *)) \
  F(GetCompiledModelOutputBufferRequirements, Status, (Compiled, size_t, size_t, Requirements *)) \
  F(CreateManagedTensorBufferFromRequirements, Status, (Environment, const TensorType *, Requirements, Buffer *)) \
  F(GetTensorBufferPackedSize, Status, (Buffer, size_t *)) \
  F(LockTensorBuffer, Status, (Buffer, void **, int)) \
  F(UnlockTensorBuffer, Status, (Buffer)) \
  F(RunCompiledModel, Status, (Compiled, size_t, size_t, Buffer *, size_t, Buffer *)) \
  F(CompiledModelGetProfiler, Status, (Compiled, Profiler *)) \
  F(StartProfiler, Status, (Profiler)) \
  F(ResetProfiler, Status, (Profiler)) \
  F(GetNumProfilerEvents, Status, (Profiler, int *)) \
  F(GetProfilerEvents, Status, (Profiler, int, Event *))

typedef struct {
#define MEMBER(name, result, parameters) result(*name) parameters;
  LITERT_FUNCTIONS(MEMBER)
#undef MEMBER
} LiteRt;

extern LiteRt litert;

/* Open the library; on failure say why on stderr and end with exit code 4. */
void open_litert(const char *path);

/* A few words for a status that is not 0. */
const char *describe(Status status);

#endif

/* Opening LiteRT's library: by hand, for its path is known only when the runner is started. */
#include "litert.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LiteRt litert;

static void *find(void *library, const char *name) {
  char full[96];
  snprintf(full, sizeof full, "LiteRt%s", name);
  void *symbol = dlsym(library, full);
  if (symbol == NULL) {
    fprintf(stderr, "the library has no %s; use the version of LiteRT that the host has\n", full);
    exit(4);
  }
  return symbol;
}

void open_litert(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(4);
  }
#define LOAD(name, result, parameters) \
  { \
    void *symbol = find(library, #name); \
    memcpy(&litert.name, &symbol, sizeof symbol); \
  }
  LITERT_FUNCTIONS(LOAD)
#undef LOAD
}

const char *describe(Status status) {
  static const struct {
    Status status;
    const char *words;
  } known[] = {{1, "invalid argument"}, {2, "out of memory"}, {3, "LiteRT failed"}, {5, "unsupported"}, {6, "not found"},
               {500, "the file cannot be read"}, {501, "not a TFLite file, or a damaged one"}, {504, "it cannot be compiled"},
               {1000, "an index out of bounds"}, {1001, "an invalid type"}, {1002, "an invalid graph"}};
  static char number[32];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].status == status) return known[i].words;
  snprintf(number, sizeof number, "LiteRT status %d", status);
  return number;
}

/* The noise that inputs are filled with: what `numpy.random.default_rng(0)` gives to `mqn.device.bench.loading`.
 *
 * PCG64 (O'Neill 2014: XSL-RR 128/64) with the state that numpy's SeedSequence makes of the seed 0; the same bytes here
 * and there let one compare outputs across runtimes and machines.
 */
#include <string.h>

#include "runner.h"

__extension__ typedef unsigned __int128 Wide;

static Wide state;
static uint32_t spare;
static bool has_spare;

static Wide wide(uint64_t high, uint64_t low) { return (Wide)high << 64 | low; }

void restart_noise(void) {
  state = wide(0x1aa1b5345996452dULL, 0x09585eb7a69561e3ULL);
  has_spare = false;
}

static uint64_t next64(void) {
  state = state * wide(0x2360ed051fc65da4ULL, 0x4385df649fccf645ULL) + wide(0x418ddadb3af71a82ULL, 0x588133bc447873a9ULL);
  uint64_t folded = (uint64_t)(state >> 64) ^ (uint64_t)state;
  unsigned by = (unsigned)(state >> 122);
  return folded >> by | folded << (-by & 63);
}

static uint32_t next32(void) {
  if (has_spare) {
    has_spare = false;
    return spare;
  }
  uint64_t both = next64();
  spare = (uint32_t)(both >> 32);
  has_spare = true;
  return (uint32_t)both;
}

static float next_float(void) { return (float)(next32() >> 8) * (1.0f / 16777216.0f); }

/* Round to nearest, ties to even, as numpy does; all values are in [0, 1). */
static uint16_t to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  int exponent = (int)(bits >> 23) - 127 + 15;
  uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
  if (bits == 0 || exponent < -10) return 0;
  int drop = exponent <= 0 ? 14 - exponent : 13;
  uint32_t kept = mantissa >> drop, rest = mantissa & ((1u << drop) - 1), tie = 1u << (drop - 1);
  if (rest > tie || (rest == tie && (kept & 1))) kept++;
  return (uint16_t)(exponent <= 0 ? kept : kept + ((uint32_t)(exponent - 1) << 10));
}

/* numpy.Generator.integers(0, 2, dtype=uint8): Lemire's bounded numbers from the bytes of a 32-bit word, low byte first. */
static void fill_booleans(unsigned char *data, size_t count) {
  uint32_t word = 0;
  for (size_t i = 0; i < count; i++) {
    word = i % 4 == 0 ? next32() : word >> 8;
    data[i] = (unsigned char)((word & 0xff) * 2 >> 8);
  }
}

static void fill_bytes(unsigned char *data, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 4) {
    uint32_t word = next32();
    memcpy(data + i, &word, bytes - i < 4 ? bytes - i : 4);
  }
}

bool fill_with_noise(void *data, size_t bytes, ElementType type) {
  switch (type) {
    case TYPE_FLOAT32:
      for (size_t i = 0; i < bytes / 4; i++) ((float *)data)[i] = next_float();
      return true;
    case TYPE_FLOAT64:
      for (size_t i = 0; i < bytes / 8; i++) ((double *)data)[i] = (double)(next64() >> 11) * (1.0 / 9007199254740992.0);
      return true;
    case TYPE_FLOAT16:
      for (size_t i = 0; i < bytes / 2; i++) ((uint16_t *)data)[i] = to_half(next_float());
      return true;
    case TYPE_BOOL:
      fill_booleans(data, bytes);
      return true;
    case TYPE_INT8: case TYPE_UINT8: case TYPE_INT16: case TYPE_UINT16:
    case TYPE_INT32: case TYPE_UINT32: case TYPE_INT64: case TYPE_UINT64:
      fill_bytes(data, bytes);
      return true;
    default:
      return false;
  }
}

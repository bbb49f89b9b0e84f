// Turns a picture (binary PPM, 8 bits) into HDR (PFM, linear light) with LiteRT's C API:
//
//     convert input.ppm output.pfm FOLDER      (the folder that holds the model's files)
//
// It gives the same bytes as convert.py. A picture of another size is brought to the model's own.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "litert.h"
#include "model.h"

namespace {

using Bytes = std::vector<char>;
using Values = std::map<std::string, Bytes>;  // by the names of the model's signature

[[noreturn]] void fail(const std::string &why) {
  std::fprintf(stderr, "convert: %s\n", why.c_str());
  std::exit(1);
}

void require(LiteRtStatus status, const std::string &what) {
  if (status != 0) fail(what + " (LiteRT status " + std::to_string(status) + ")");
}

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

Picture read_ppm(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  Picture picture;
  std::string kind;
  int most = 0;
  file >> kind >> picture.width >> picture.height >> most;
  if (!file || kind != "P6" || most != 255 || picture.width < 1 || picture.height < 1)
    fail(path + " is no binary PPM of 8 bits without comments");
  file.get();  // the one white space behind the header
  picture.pixels.assign(std::istreambuf_iterator<char>(file), {});
  const size_t expected = size_t(picture.width) * picture.height * 3;
  if (picture.pixels.size() < expected) fail(path + " is cut short");
  return picture;
}

// Where the pixels begin that fall on pixel `index` of SIZE, and behind the last.
void span(int index, int side, int *begin, int *end) {
  *begin = int(int64_t(index) * side / SIZE);
  *end = std::max(*begin + 1, int(int64_t(index + 1) * side / SIZE));
}

// Means of the pixels that fall on each of SIZE x SIZE, in [0, 1]; the nearest where the picture is smaller.
std::vector<float> fitted(const Picture &picture) {
  std::vector<float> values(size_t(SIZE) * SIZE * 3);
  for (int row = 0; row < SIZE; row++) {
    int top, bottom, left, right;
    span(row, picture.height, &top, &bottom);
    for (int column = 0; column < SIZE; column++) {
      span(column, picture.width, &left, &right);
      for (int channel = 0; channel < 3; channel++) {
        uint64_t total = 0;
        for (int y = top; y < bottom; y++)
          for (int x = left; x < right; x++) total += picture.pixels[(size_t(y) * picture.width + x) * 3 + channel];
        const double count = double(bottom - top) * (right - left);
        values[(size_t(row) * SIZE + column) * 3 + channel] = float(double(total) / (count * 255));
      }
    }
  }
  return values;
}

// Run one file: takes its inputs out of `values`, and adds its outputs.
void run(LiteRtEnvironment environment, const std::string &path, Values *values) {
  LiteRtModel model;
  LiteRtSignature signature;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  LiteRtParamIndex inputs, outputs;
  require(LiteRtCreateModelFromFile(environment, path.c_str(), &model), path + " cannot be read");
  require(LiteRtGetModelSignature(model, 0, &signature), path + " has no signature");
  require(LiteRtGetNumSignatureInputs(signature, &inputs), path + " has no inputs");
  require(LiteRtGetNumSignatureOutputs(signature, &outputs), path + " has no outputs");
  require(LiteRtCreateOptions(&options), "no options");
  require(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu), "no processor");
  require(LiteRtCreateCompiledModel(environment, model, options, &compiled), path + " cannot be compiled");

  const auto buffer = [&](LiteRtParamIndex index, bool output, std::string *name) {
    const char *text;
    LiteRtTensor tensor;
    LiteRtRankedTensorType type;
    LiteRtTensorBufferRequirements needs;
    LiteRtTensorBuffer made;
    require((output ? LiteRtGetSignatureOutputName : LiteRtGetSignatureInputName)(signature, index, &text), "no name");
    require((output ? LiteRtGetSignatureOutputTensorByIndex : LiteRtGetSignatureInputTensorByIndex)(
                signature, index, &tensor), "no tensor");
    require(LiteRtGetRankedTensorType(tensor, &type), "a tensor without a shape");
    require((output ? LiteRtGetCompiledModelOutputBufferRequirements : LiteRtGetCompiledModelInputBufferRequirements)(
                compiled, 0, index, &needs), "a tensor that cannot be held");
    require(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, needs, &made), "no memory");
    *name = text;
    return made;
  };
  std::vector<LiteRtTensorBuffer> in(inputs), out(outputs);
  std::vector<std::string> names(outputs);
  for (size_t i = 0; i < inputs; i++) {
    std::string name;
    size_t size;
    void *memory;
    in[i] = buffer(i, false, &name);
    require(LiteRtGetTensorBufferPackedSize(in[i], &size), "an input without a size");
    const Bytes &given = (*values)[name];
    if (given.size() != size) fail(path + ": the input '" + name + "' has another size");
    require(LiteRtLockTensorBuffer(in[i], &memory, kLiteRtTensorBufferLockModeWrite), "an input is locked");
    std::memcpy(memory, given.data(), size);
    require(LiteRtUnlockTensorBuffer(in[i]), "an input is locked");
  }
  for (size_t i = 0; i < outputs; i++) out[i] = buffer(i, true, &names[i]);
  require(LiteRtRunCompiledModel(compiled, 0, inputs, in.data(), outputs, out.data()), path + " cannot be run");
  for (size_t i = 0; i < outputs; i++) {
    size_t size;
    void *memory;
    require(LiteRtGetTensorBufferPackedSize(out[i], &size), "an output without a size");
    require(LiteRtLockTensorBuffer(out[i], &memory, kLiteRtTensorBufferLockModeRead), "an output is locked");
    (*values)[names[i]].assign(static_cast<char *>(memory), static_cast<char *>(memory) + size);
    require(LiteRtUnlockTensorBuffer(out[i]), "an output is locked");
  }
  for (auto one : in) LiteRtDestroyTensorBuffer(one);
  for (auto one : out) LiteRtDestroyTensorBuffer(one);
  LiteRtDestroyCompiledModel(compiled);
  LiteRtDestroyOptions(options);
  LiteRtDestroyModel(model);
}

}  // namespace

int main(int count, char **words) {
  if (count != 4) fail("give a PPM picture, the PFM file to write, and the folder of the model's files");
  const std::vector<float> ldr = fitted(read_ppm(words[1]));
  Values values;
  const char *first = reinterpret_cast<const char *>(ldr.data());
  values["ldr"].assign(first, first + ldr.size() * sizeof(float));
  LiteRtEnvironment environment;
  require(LiteRtCreateEnvironment(0, nullptr, &environment), "LiteRT cannot start");
  for (const char *file : FILES) run(environment, std::string(words[3]) + "/" + file, &values);
  LiteRtDestroyEnvironment(environment);

  const Bytes &hdr = values["hdr"];
  if (hdr.size() != ldr.size() * sizeof(float)) fail("the model gives no picture of its input's size");
  std::vector<float> light(ldr.size());
  for (size_t at = 0; at < ldr.size(); at += 3) {
    float output[3];
    std::memcpy(output, hdr.data() + at * sizeof(float), sizeof output);
    decode(output, &ldr[at], &light[at]);
  }
  std::ofstream target(words[2], std::ios::binary);
  target << "PF\n" << SIZE << " " << SIZE << "\n-1.0\n";
  for (int row = SIZE - 1; row >= 0; row--)  // from the lowest to the highest
    target.write(reinterpret_cast<const char *>(&light[size_t(row) * SIZE * 3]), size_t(SIZE) * 3 * sizeof(float));
  if (!target.flush()) fail(std::string(words[2]) + " cannot be written");
}

// Checks and times one generated library on a GPU (or, compiled by g++, checks it on the CPU):
//   driver check GOLDEN                      errors against the numbers that PyTorch gave
//   driver time GOLDEN LAUNCHES BATCH...     a forward pass, a captured graph of it, and each launch alone
// Prints one JSON object a line. Compile with -DMODEL=atto, -DHEADER="atto.h", -DLABEL="atto bf16 b256" and the library;
// with -DMASKED for a masked encoder, whose golden file has masks, and samples of the map that it gives.
#include HEADER

#include "driver.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

namespace {

struct Spread {
  double mean, halfwidth;
};

struct Golden {
  std::string name;
  unsigned seed = 0;
  int batch = 1;
  size_t image = 0; // elements
  Spread input{0, 1};
  std::map<std::string, Spread> parameters;
  std::vector<float> mask;    // of all images
  size_t output = 0;          // elements of an image
  std::vector<size_t> at;     // of `wanted` in the output of all images; empty: all of it
  std::vector<float> wanted;  // logits, or samples of a map
  std::string weights;        // a file of raw f32 beside the golden one; empty: drawn as `parameters` say
};

Golden read_golden(const char *file) {
  Golden golden;
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    if (word == "golden") in >> golden.name;
    if (word == "seed") in >> golden.seed;
    if (word == "batch") in >> golden.batch;
    if (word == "image") in >> golden.image;
    if (word == "input") in >> golden.input.mean >> golden.input.halfwidth;
    if (word == "param") {
      std::string name;
      Spread spread;
      in >> name >> spread.mean >> spread.halfwidth;
      golden.parameters[name] = spread;
    }
    if (word == "weights") in >> golden.weights;
    if (word == "output") in >> golden.output;
    if (word == "mask") read_list(in, golden.mask);
    if (word == "at") read_list(in, golden.at);
    if (word == "wanted") read_list(in, golden.wanted);
  }
  return golden;
}

using Model = CALL(_model);

Model *load(const Golden &golden, const std::string &folder) {
  std::vector<std::vector<float>> values;
  std::vector<const float *> pointers;
  std::ifstream raw(folder + golden.weights, std::ios::binary);
  for (size_t i = 0; i < CALL(_parameter_count)(); i++) {
    const char *name = CALL(_parameter_name)(i);
    values.emplace_back(CALL(_parameter_elements)(i));
    if (!golden.weights.empty()) {
      raw.read(reinterpret_cast<char *>(values.back().data()), static_cast<std::streamsize>(values.back().size() * sizeof(float)));
      must(raw.good() ? 0 : 1, "reading the weights");
      continue;
    }
    const Spread &spread = golden.parameters.at(name);
    generate(golden.seed, name, spread.mean, spread.halfwidth, values.back().data(), values.back().size());
  }
  for (const auto &one : values) pointers.push_back(one.data());
  Model *model = nullptr;
  must(CALL(_create)(&model, pointers.data()), "create");
  return model;
}

struct Memory {
  float *input, *mask, *output;
  void *workspace;
  size_t bytes;
};

Memory prepare(const Golden &golden, int batch) {
  const size_t images = static_cast<size_t>(batch), known = static_cast<size_t>(golden.batch);
  Memory memory;
  std::vector<float> image(golden.image * images);
  generate(golden.seed, "input", golden.input.mean, golden.input.halfwidth, image.data(), image.size());
  memory.input = allocate(image.size());
  must(cnx::device_upload(memory.input, image.data(), image.size() * sizeof(float)), "upload");
  const size_t patches = golden.mask.size() / known;
  std::vector<float> mask(patches * images); // the file's masks, in turns
  for (size_t i = 0; i < mask.size(); i++) mask[i] = golden.mask[i % golden.mask.size()];
  memory.mask = allocate(std::max<size_t>(mask.size(), 1));
  must(cnx::device_upload(memory.mask, mask.data(), mask.size() * sizeof(float)), "upload");
  memory.output = allocate(golden.output * images);
  must(cnx::device_fill(memory.output, 0xff, golden.output * images * sizeof(float), nullptr), "fill");
  memory.bytes = CALL(_workspace_size)(batch);
  memory.workspace = allocate((memory.bytes + 3) / 4);
  must(cnx::device_fill(memory.workspace, 0xff, memory.bytes, nullptr), "fill");
  return memory;
}

void free_memory(const Memory &memory) {
  cnx::device_free(memory.input);
  cnx::device_free(memory.mask);
  cnx::device_free(memory.output);
  cnx::device_free(memory.workspace);
}

#ifdef MASKED
#define INPUTS(m) m.input, m.mask
#else
#define INPUTS(m) m.input
#endif

int forward(const Model *model, const Memory &m, int batch, cnx::Stream stream) {
  return CALL(_forward)(model, batch, INPUTS(m), m.output, m.workspace, m.bytes, stream);
}

int check(const Golden &golden, const std::string &folder) {
  Model *model = load(golden, folder);
  const Memory memory = prepare(golden, golden.batch);
  std::vector<float> found(golden.output * static_cast<size_t>(golden.batch)), again(found.size());
  must(forward(model, memory, golden.batch, nullptr), "forward");
  must(cnx::device_download(found.data(), memory.output, found.size() * sizeof(float)), "download");
  must(forward(model, memory, golden.batch, nullptr), "forward");
  must(cnx::device_download(again.data(), memory.output, again.size() * sizeof(float)), "download");
  double difference = 0, norm = 0, worst = 0;
  for (size_t i = 0; i < golden.wanted.size(); i++) {
    const float value = golden.at.empty() ? found[i] : found[golden.at[i]];
    const double off = std::fabs(static_cast<double>(value) - golden.wanted[i]);
    difference += off * off;
    norm += static_cast<double>(golden.wanted[i]) * golden.wanted[i];
    worst = off > worst || off != off ? off : worst;
  }
  const bool same = std::memcmp(found.data(), again.data(), found.size() * sizeof(float)) == 0;
  std::printf("{\"label\": \"%s\", \"golden\": \"%s\", \"rel_l2\": %.3e, \"worst\": %.3e, \"repeatable\": %s}\n", LABEL,
              golden.name.c_str(), std::sqrt(difference / norm), worst / std::sqrt(norm / static_cast<double>(golden.wanted.size())),
              same ? "true" : "false");
  free_memory(memory);
  CALL(_destroy)(model);
  return 0;
}

#ifdef __CUDACC__
struct Cost {
  std::string name, kernel, unit;
  double flops, fixed, each;
};

void time_batch(const Golden &golden, const Model *model, const std::vector<Cost> &costs, int batch) {
  const Memory memory = prepare(golden, batch);
  cudaStream_t stream;
  cudaStreamCreate(&stream);
  const double plain = timed([&] { must(forward(model, memory, batch, stream), "forward"); }, stream, 1, 300);
  cudaGraph_t graph;
  cudaGraphExec_t instance;
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  must(forward(model, memory, batch, stream), "capture");
  must(cnx::device_status(cudaStreamEndCapture(stream, &graph)), "capture");
  must(cnx::device_status(cudaGraphInstantiate(&instance, graph, 0)), "instantiate");
  const double captured = timed([&] { cudaGraphLaunch(instance, stream); }, stream, 1, 300);
  must(cnx::device_status(cudaStreamSynchronize(stream)), "graph");
  std::printf("{\"label\": \"%s\", \"batch\": %d, \"ms\": %.5f, \"graph_ms\": %.5f}\n", LABEL, batch, plain, captured);
  for (int i = 0; i < CALL(_launch_count)(); i++) {
    const auto launch = [&] {
      must(CALL(_launch)(model, i, batch, INPUTS(memory), memory.output, memory.workspace, memory.bytes, stream), "launch");
    };
    const double one = timed(launch, stream, 10, 10);
    const Cost &cost = costs[static_cast<size_t>(i)];
    std::printf("{\"label\": \"%s\", \"batch\": %d, \"launch\": \"%s\", \"kernel\": \"%s\", \"unit\": \"%s\", "
                "\"launch_ms\": %.6f, \"flops\": %.0f, \"bytes\": %.0f}\n",
                LABEL, batch, cost.name.c_str(), cost.kernel.c_str(), cost.unit.c_str(), one, cost.flops * batch,
                cost.fixed + cost.each * batch);
  }
  std::fflush(stdout);
  cudaGraphExecDestroy(instance);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  free_memory(memory);
}

std::vector<Cost> read_costs(const char *file) {
  std::vector<Cost> costs;
  std::ifstream in(file);
  for (Cost cost; in >> cost.name >> cost.kernel >> cost.unit >> cost.flops >> cost.fixed >> cost.each;)
    costs.push_back(cost);
  return costs;
}
#endif

} // namespace

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const Golden golden = read_golden(argv[2]);
  const std::string file = argv[2], folder = file.substr(0, file.rfind('/') + 1);
  if (std::strcmp(argv[1], "check") == 0) return check(golden, folder);
#ifdef __CUDACC__
  const std::vector<Cost> costs = read_costs(argv[3]);
  Model *model = load(golden, folder);
  for (int i = 4; i < argc; i++) time_batch(golden, model, costs, std::atoi(argv[i]));
  CALL(_destroy)(model);
  return 0;
#else
  std::fprintf(stderr, "times are taken on a GPU only\n");
  return 2;
#endif
}

// Checks and times one generated library that trains on a GPU (or, compiled by g++, checks it on the CPU):
//   train_driver check TRACE                 eight steps of AdamW against what PyTorch recorded of them
//   train_driver time SHAPES BATCH...        a step: backward and update, the two alone, and a captured graph of both
// Prints one JSON object a line. Compile with -DMODEL=atto_train, -DTRAINER=atto_trainer, -DHEADER="atto_train.h",
// -DLABEL="atto bf16" and the library.
#include HEADER

#include "driver.h"

#include <cmath>
#include <cstring>
#include <fstream>


namespace {

struct Step {
  double lr;
  std::vector<double> losses; // of its micro-batches
  double norm;
};

// A recorded trace; of a model that is only timed, the shapes of its inputs alone.
struct Trace {
  std::string name, weights, inputs; // the last two are files of raw f32 beside it
  int batch = 1;
  size_t image = 0, other = 0;                // elements of an image, and of the second input for each
  std::vector<float> row;                     // a second input, for timing
  std::vector<CALL(_treatment)> treatments;   // in the order of the parameters
  CALL(_adamw) adamw = {1e-4, 0.9, 0.95, 1e-8, 0};
  double clip = 0;
  size_t accumulate = 1;
  std::vector<Step> steps;
  std::vector<double> moved; // how far each parameter has gone, in l2
};

Trace read_trace(const char *file) {
  Trace trace;
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    if (word == "trace") in >> trace.name;
    if (word == "weights") in >> trace.weights;
    if (word == "inputs") in >> trace.inputs;
    if (word == "batch") in >> trace.batch;
    if (word == "image") in >> trace.image;
    if (word == "other") in >> trace.other;
    if (word == "row") read_list(in, trace.row);
    if (word == "adamw") in >> trace.adamw.beta1 >> trace.adamw.beta2 >> trace.adamw.eps >> trace.adamw.ema >> trace.clip;
    if (word == "accumulate") in >> trace.accumulate;
    if (word == "moved") read_list(in, trace.moved);
    if (word == "treatment") {
      trace.treatments.emplace_back();
      in >> trace.treatments.back().lr_scale >> trace.treatments.back().weight_decay;
    }
    if (word == "step") {
      Step step;
      in >> step.lr;
      read_list(in, step.losses);
      in >> step.norm;
      trace.steps.push_back(step);
    }
  }
  return trace;
}

std::vector<float> raw(const std::string &file, size_t elements) {
  std::vector<float> values(elements);
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char *>(values.data()), static_cast<std::streamsize>(elements * sizeof(float)));
  must(in.good() ? 0 : 1, file.c_str());
  return values;
}

// A trainer, and the memory of its steps.
struct Training {
  TRAINER *trainer = nullptr;
  int batch;
  float *state, *image, *other, *loss, *values, *norm, *workspace;
  size_t bytes;

  Training(const std::vector<CALL(_treatment)> &treatments, size_t image_elements, size_t other_elements, int images) : batch(images) {
    state = allocate(CALL(_state_size)() / sizeof(float));
    must(CALL(_create)(&trainer, state, treatments.data()), "create");
    image = allocate(image_elements * static_cast<size_t>(images));
    other = allocate(other_elements * static_cast<size_t>(images));
    loss = allocate(1), values = allocate(16), norm = allocate(2);
    bytes = CALL(_workspace_size)(images);
    workspace = allocate((bytes + 3) / sizeof(float));
  }
  ~Training() {
    CALL(_destroy)(trainer);
    for (float *memory : {state, image, other, loss, values, norm, workspace}) cnx::device_free(memory);
  }
  Training(const Training &) = delete;

  void upload(float *to, const float *from, size_t elements) const { must(cnx::device_upload(to, from, elements * sizeof(float)), "upload"); }
  float downloaded(const float *from) const {
    float value = 0;
    must(cnx::device_download(&value, from, sizeof(float)), "download");
    return value;
  }
  int backward(float share, int accumulate, cnx::Stream stream) const {
    return CALL(_backward)(trainer, batch, image, other, loss, share, accumulate, workspace, bytes, stream);
  }
  void plan_step(const CALL(_adamw) &adamw, size_t n) const {
    float step[16] = {};
    CALL(_step_values)(&adamw, n, step);
    upload(values, step, 16);
  }
  int update(double clip, cnx::Stream stream) const { return CALL(_update)(trainer, values, static_cast<float>(clip), norm, stream); }
};

std::vector<float> gradients_of(const Training &training) {
  float *at = nullptr;
  size_t elements = 0;
  must(CALL(_gradients)(training.trainer, &at, &elements), "gradients");
  std::vector<float> values(elements);
  must(cnx::device_download(values.data(), at, elements * sizeof(float)), "download");
  return values;
}

int check(const Trace &trace, const std::string &folder) {
  const size_t images = static_cast<size_t>(trace.batch), count = CALL(_parameter_count)();
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total += CALL(_parameter_elements)(i);
  const std::vector<float> begun = raw(folder + trace.weights, total);
  const size_t each = (trace.image + trace.other) * images;
  const std::vector<float> inputs = raw(folder + trace.inputs, each * trace.accumulate * trace.steps.size());
  Training training(trace.treatments, trace.image, trace.other, trace.batch);
  const float *next = begun.data();
  for (size_t i = 0; i < count; next += CALL(_parameter_elements)(i++))
    must(CALL(_write)(training.trainer, static_cast<CALL(_kind)>(0), i, next), "write");
  must(CALL(_pack)(training.trainer, nullptr), "pack");

  double loss_off = 0, norm_off = 0, moved_off = 0;
  bool repeatable = true;
  const auto worse = [](double &worst, double found, double wanted) { worst = std::max(worst, std::fabs(found / wanted - 1)); };
  const float *given = inputs.data();
  CALL(_adamw) adamw = trace.adamw;
  for (size_t n = 0; n < trace.steps.size(); n++) {
    const Step &step = trace.steps[n];
    for (size_t micro = 0; micro < trace.accumulate; micro++, given += each) {
      training.upload(training.image, given, trace.image * images);
      training.upload(training.other, given + trace.image * images, trace.other * images);
      must(training.backward(1.0f / static_cast<float>(trace.accumulate), micro > 0, nullptr), "backward");
      worse(loss_off, training.downloaded(training.loss), step.losses[micro]);
      if (n > 0 || trace.accumulate > 1) continue;
      const std::vector<float> first = gradients_of(training);
      must(training.backward(1, 0, nullptr), "backward");
      const std::vector<float> second = gradients_of(training);
      repeatable = std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0;
    }
    adamw.lr = step.lr;
    training.plan_step(adamw, n + 1);
    must(training.update(trace.clip, nullptr), "update");
    worse(norm_off, training.downloaded(training.norm), step.norm);
  }
  next = begun.data();
  for (size_t i = 0; i < count; next += CALL(_parameter_elements)(i++)) {
    std::vector<float> now(CALL(_parameter_elements)(i));
    must(CALL(_read)(training.trainer, static_cast<CALL(_kind)>(0), i, now.data()), "read");
    double squares = 0;
    for (size_t k = 0; k < now.size(); k++) squares += std::pow(static_cast<double>(now[k]) - next[k], 2);
    if (trace.moved[i] > 0) worse(moved_off, std::sqrt(squares), trace.moved[i]);
  }
  std::printf("{\"label\": \"%s\", \"trace\": \"%s\", \"loss\": %.3e, \"norm\": %.3e, \"moved\": %.3e, \"repeatable\": %s}\n", LABEL,
              trace.name.c_str(), loss_off, norm_off, moved_off, repeatable ? "true" : "false");
  return 0;
}

#ifdef __CUDACC__
void time_batch(const Trace &trace, int batch) {
  const size_t images = static_cast<size_t>(batch);
  const std::vector<CALL(_treatment)> treatments(CALL(_parameter_count)(), {1.0f, 0.05f});
  const Training training(treatments, trace.image, trace.other, batch);
  for (size_t i = 0; i < CALL(_parameter_count)(); i++) {
    std::vector<float> drawn(CALL(_parameter_elements)(i));
    generate(1, CALL(_parameter_name)(i), 0, 0.05, drawn.data(), drawn.size());
    must(CALL(_write)(training.trainer, static_cast<CALL(_kind)>(0), i, drawn.data()), "write");
  }
  std::vector<float> pixels(trace.image * images), others(trace.other * images);
  generate(1, "input", 0, 1.7, pixels.data(), pixels.size());
  for (size_t i = 0; i < others.size(); i++) others[i] = trace.row[i % trace.other];
  training.upload(training.image, pixels.data(), pixels.size());
  training.upload(training.other, others.data(), others.size());
  training.plan_step(trace.adamw, 1);
  cudaStream_t stream;
  cudaStreamCreate(&stream);
  must(CALL(_pack)(training.trainer, stream), "pack");
  const auto backward = [&] { must(training.backward(1, 0, stream), "backward"); };
  const auto update = [&] { must(training.update(0, stream), "update"); };
  const auto step = [&] { backward(), update(); };
  const double plain = timed(step, stream, 1, 500), back = timed(backward, stream, 1, 300), change = timed(update, stream, 1, 100);
  cudaGraph_t graph;
  cudaGraphExec_t instance;
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  step();
  must(cnx::device_status(cudaStreamEndCapture(stream, &graph)), "capture");
  must(cnx::device_status(cudaGraphInstantiate(&instance, graph, 0)), "instantiate");
  const double captured = timed([&] { cudaGraphLaunch(instance, stream); }, stream, 1, 500);
  must(cnx::device_status(cudaStreamSynchronize(stream)), "graph");
  std::printf("{\"label\": \"%s\", \"batch\": %d, \"step_ms\": %.4f, \"step_graph_ms\": %.4f, \"backward_ms\": %.4f, \"update_ms\": %.4f}\n",
              LABEL, batch, plain, captured, back, change);
  std::fflush(stdout);
  cudaGraphExecDestroy(instance);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}
#endif

} // namespace

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const Trace trace = read_trace(argv[2]);
  const std::string file = argv[2], folder = file.substr(0, file.rfind('/') + 1);
  if (std::strcmp(argv[1], "check") == 0) return check(trace, folder);
#ifdef __CUDACC__
  for (int i = 3; i < argc; i++) time_batch(trace, std::atoi(argv[i]));
  return 0;
#else
  std::fprintf(stderr, "times are taken on a GPU only\n");
  return 2;
#endif
}

// What both drivers need: the golden files' generator, memory that must be there, and times of work on a stream.
#pragma once
#include "device.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <string>
#include <vector>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define CALL(name) JOIN(MODEL, name)

namespace {

void must(int status, const char *what) {
  if (status == 0) return;
  std::printf("{\"label\": \"%s\", \"failed\": \"%s: %s\"}\n", LABEL, what, CALL(_status_text)(status));
  std::fflush(stdout);
  std::exit(1);
}

// The golden files' generator: xorshift32, started by FNV-1a of "seed:name".
void generate(unsigned seed, const std::string &name, double mean, double halfwidth, float *to, size_t size) {
  uint32_t x = 0x811c9dc5u;
  for (const char c : std::to_string(seed) + ":" + name) x = (x ^ static_cast<unsigned char>(c)) * 0x01000193u;
  if (x == 0) x = 0x9e3779b9u;
  for (size_t i = 0; i < size; i++) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    const double u = x / 4294967296.0;
    to[i] = static_cast<float>(mean + (2 * u - 1) * halfwidth);
  }
}

// A count, and so many values.
template <class T> void read_list(std::istream &in, std::vector<T> &to) {
  size_t count = 0;
  in >> count;
  to.resize(count);
  for (T &value : to) in >> value;
}

float *allocate(size_t elements) {
  void *memory = nullptr;
  must(cnx::device_allocate(&memory, elements * sizeof(float)), "allocating");
  return static_cast<float *>(memory);
}

#ifdef __CUDACC__
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Milliseconds of `work`, the median of single runs between events after a warm-up; about `budget` milliseconds in all.
template <class F> double timed(const F &work, cudaStream_t stream, int inner, double budget) {
  cudaEvent_t start, stop;
  cudaEventCreate(&start);
  cudaEventCreate(&stop);
  std::vector<double> found;
  double spent = 0;
  for (int i = 0; i < 3 || (found.size() < 5) || (spent < budget && found.size() < 200); i++) {
    cudaEventRecord(start, stream);
    for (int n = 0; n < inner; n++) work();
    cudaEventRecord(stop, stream);
    cudaEventSynchronize(stop);
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, start, stop);
    spent += milliseconds;
    if (i >= 3) found.push_back(milliseconds / inner);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  return median(found);
}
#endif

} // namespace

// The kernels that act on all parameters alike, as fibers: in every order of threads, against the formulas in double.
// `cases.h` is made by the test: it includes a text a namespace, and CASES(X) names them. Prints "ok" or what is wrong.
//   optimizer CASE
#include "cases.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

namespace {
using cnx::cpu::Order;

bool failed = false;
void expect(bool holds, const char *what) {
  if (!holds) std::printf("%s\n", what);
  failed = failed || !holds;
}

using Floats = std::vector<float>;
struct Random {
  uint32_t x;
  float operator()() {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    return static_cast<float>(x / 2147483648.0 - 1.0);
  }
  Floats floats(size_t count, float scale = 1) {
    Floats values(count);
    for (float &value : values) value = scale * (*this)();
    return values;
  }
};

bool near(const Floats &found, const std::vector<double> &wanted, double limit) {
  double off = 0, size = 0;
  for (size_t i = 0; i < wanted.size(); i++) {
    off += (found[i] - wanted[i]) * (found[i] - wanted[i]);
    size += wanted[i] * wanted[i];
  }
  return off <= limit * limit * size;
}

// Memory as a trainer has it: shelves side by side, so that what goes too far is seen in the next one.
template <class O> struct Shelves {
  Floats all;
  explicit Shelves(size_t count) : all((count + 1) * O::shelf, -7.0f) {}
  float *operator[](size_t i) { return all.data() + i * O::shelf; }
  void set(size_t i, const Floats &values) { std::memcpy((*this)[i], values.data(), values.size() * sizeof(float)); }
  Floats get(size_t i) { return Floats((*this)[i], (*this)[i] + O::shelf); }
};

template <class O> Floats added(bool first) {
  Random random{first ? 5u : 6u};
  const Floats sum = random.floats(O::shelf), gradient = random.floats(O::shelf);
  const size_t count = O::shelf - 70;
  Shelves<O> of(2);
  of.set(0, sum);
  of.set(1, gradient);
  O::add(of[0], first ? of[0] : of[1], 0.3f, first, count);
  std::vector<double> wanted;
  for (size_t i = 0; i < O::shelf; i++)
    wanted.push_back(i >= count ? sum[i] : first ? 0.3f * sum[i] : sum[i] + 0.3f * static_cast<double>(gradient[i]));
  expect(near(of.get(0), wanted, 1e-7), first ? "the first of a step" : "the sum of a step");
  return of.all;
}

template <class O> Floats normed(Floats gradient, float clip, const char *what) {
  Shelves<O> of(1);
  of.set(0, gradient);
  Floats partials(O::partial_count + 1, -7.0f), norm(3, -7.0f);
  O::gradient_norm(of[0], partials.data(), clip, norm.data());
  double squares = 0;
  for (float value : gradient) squares += static_cast<double>(value) * value;
  const double whole = std::sqrt(squares);
  const double scale = std::isfinite(static_cast<float>(squares)) ? clip > 0 && whole > clip ? clip / (whole + 1e-6) : 1 : 0;
  expect(scale == 0 || std::fabs(norm[0] / whole - 1) < 1e-6, what);
  expect(std::fabs(norm[1] - scale) <= 1e-6 * scale, what);
  expect(partials.back() == -7.0f && norm.back() == -7.0f, "what lies behind");
  return norm;
}

template <class O> Floats stepped(float scale) {
  Random random{9};
  enum { param, exp_avg, exp_avg_sq, ema, gradient, shelves };
  Shelves<O> of(shelves);
  for (size_t i = 0; i < shelves; i++) of.set(i, random.floats(O::shelf));
  for (size_t i = 0; i < O::shelf; i++) of[exp_avg_sq][i] *= of[exp_avg_sq][i];
  Shelves<O> before = of;
  Floats treatment(O::shelf / O::align * 2);
  for (size_t i = 0; i < treatment.size(); i += 2) {
    treatment[i] = 0.5f + 0.01f * static_cast<float>(i);
    treatment[i + 1] = i % 4 == 0 ? 0.05f : 0.0f;
  }
  const float norm[] = {3.0f, scale}, step[] = {0.01f, 0.9f, 0.95f, 1e-3f, 0.271f, 0.31f, 0.1f};
  O::adamw(of[param], of[exp_avg], of[exp_avg_sq], of[ema], of[gradient], treatment.data(), norm, step);
  if (scale == 0) {
    expect(of.all == before.all, "a step that is skipped changes something");
    return of.all;
  }
  std::vector<double> wanted[ema + 1];
  for (size_t i = 0; i < O::shelf; i++) {
    const double lr = static_cast<double>(step[0]) * treatment[i / O::align * 2], decay = treatment[i / O::align * 2 + 1];
    const double g = static_cast<double>(before[gradient][i]) * scale;
    const double m = step[1] * static_cast<double>(before[exp_avg][i]) + (1 - step[1]) * g;
    const double v = step[2] * static_cast<double>(before[exp_avg_sq][i]) + (1 - step[2]) * g * g;
    const double p = before[param][i], next = p - lr * decay * p - lr / step[4] * m / (std::sqrt(v) / step[5] + step[3]);
    wanted[param].push_back(next - p);
    wanted[exp_avg].push_back(m);
    wanted[exp_avg_sq].push_back(v);
    wanted[ema].push_back(before[ema][i] + static_cast<double>(step[6]) * (next - before[ema][i]));
  }
  Floats moved = of.get(param);
  for (size_t i = 0; i < O::shelf; i++) moved[i] -= before[param][i];
  expect(near(moved, wanted[param], 1e-5), "parameters");
  expect(near(of.get(exp_avg), wanted[exp_avg], 1e-6), "first moments");
  expect(near(of.get(exp_avg_sq), wanted[exp_avg_sq], 1e-6), "second moments");
  expect(near(of.get(ema), wanted[ema], 1e-6), "the average of the weights");
  expect(of.get(gradient) == before.get(gradient), "gradients change");
  return of.all;
}

template <class O> std::vector<Floats> all() {
  Random random{3};
  const Floats gradient = random.floats(O::shelf);
  Floats lost = gradient, huge = gradient;
  lost[O::shelf - 1] = std::numeric_limits<float>::quiet_NaN();
  for (float &value : huge) value *= 1e19f; // the sum of squares is beyond f32
  return {added<O>(true),
          added<O>(false),
          normed<O>(gradient, 0, "a norm without a bound"),
          normed<O>(gradient, 1000, "a norm within the bound"),
          normed<O>(gradient, 2, "a norm beyond the bound"),
          Floats{normed<O>(lost, 2, "a norm that is not finite")[1]},
          Floats{normed<O>(huge, 0, "a norm that is infinite")[1]},
          stepped<O>(1),
          stepped<O>(0.25f),
          stepped<O>(0)};
}

template <class O> void check() {
  std::vector<Floats> first;
  for (int order = 0; order < 5; order++)
    for (const bool late : {false, true}) {
      cnx::cpu::settings.order = static_cast<Order>(order);
      cnx::cpu::settings.late = late;
      const std::vector<Floats> found = all<O>();
      if (first.empty()) first = found;
      for (size_t i = 0; i < found.size(); i++)
        expect(std::memcmp(found[i].data(), first[i].data(), found[i].size() * sizeof(float)) == 0, "another order, other bits");
    }
}

#define DEFINE(name, texts)                                                                                                 \
  struct name {                                                                                                             \
    static constexpr size_t shelf = texts::shelf, partial_count = texts::partial_count, align = 64;                         \
    static void add(float *sum, const float *gradient, float share, bool first, size_t elements) {                         \
      texts::add(sum, gradient, share, first, elements, nullptr);                                                           \
    }                                                                                                                       \
    static void gradient_norm(const float *gradient, float *partials, float clip, float *norm) {                           \
      texts::gradient_norm(gradient, partials, clip, norm, nullptr);                                                        \
    }                                                                                                                       \
    static void adamw(float *param, float *exp_avg, float *exp_avg_sq, float *ema, const float *gradient,                  \
                      const float *treatment, const float *norm, const float *step) {                                      \
      texts::adamw({param, exp_avg, exp_avg_sq, ema, gradient, treatment}, norm, step, nullptr);                           \
    }                                                                                                                       \
  };
CASES(DEFINE)
} // namespace

int main(int argc, char **argv) {
#define RUN(name, texts)                                                                                                    \
  if (argc > 1 && std::strcmp(argv[1], #name) == 0) {                                                                      \
    check<name>();                                                                                                          \
    if (!failed) std::printf("ok\n");                                                                                       \
    return failed;                                                                                                          \
  }
  CASES(RUN)
  return 2;
}

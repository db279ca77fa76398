// Runs generated kernels as fibers, one case by its name: in every order of threads, with copies in the background early
// and late, against a plain sum in double. `cases.h` is made by the test; it includes the kernels.
//   harness gelu         prints how far the fitted forms of GELU are off
//   harness CASE...      prints "ok" or what is wrong, a line a case; the exit code is 1 where something is wrong
#include "cases.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {
using cnx::cpu::Order;

struct Values {
  std::vector<double> v; // as stored: rounded to the operand's type
  double operator[](size_t i) const { return v[i]; }
};

double uniform(uint32_t &x) {
  x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  return x / 2147483648.0 - 1.0;
}

// Products round what they multiply; the reference does so too, so that nothing but the order of sums is left.
bool tf32(const Case &c) { return c.of.count("tf32") && c.of.at("tf32"); }

// Whether a patch of an image is kept: each image keeps others.
bool kept(const Case &c, int image, int patch) {
  const int patches = c.of.at("patch_rows") * c.of.at("patch_columns"); // not a multiple of 7
  return (patch * 7 + image * 3) % patches < c.of.at("patch_keep");
}

// Slots of the patches of all images, -1 for removed ones, then the patch of every slot.
std::vector<double> tables(const Case &c) {
  const int patches = c.of.at("patch_rows") * c.of.at("patch_columns");
  std::vector<double> table;
  for (int image = 0; image < c.batch; image++) {
    std::vector<double> slots;
    for (int patch = 0; patch < patches; patch++) {
      table.push_back(kept(c, image, patch) ? static_cast<double>(slots.size()) : -1.0);
      if (kept(c, image, patch)) slots.push_back(patch);
    }
    table.insert(table.end(), slots.begin(), slots.end());
  }
  return table;
}

// Masks and tables: what they must be, not chance.
bool fill_patches(const Case &c, const Operand &operand, size_t elements, unsigned char *to, Values &kept_values) {
  if (std::strcmp(operand.name, "mask") == 0) {
    const int patches = c.of.at("patch_rows") * c.of.at("patch_columns");
    for (size_t i = 0; i < elements; i++) {
      const float value = kept(c, static_cast<int>(i) / patches, static_cast<int>(i) % patches) ? 0.0f : 1.0f;
      std::memcpy(to + 4 * i, &value, 4);
      kept_values.v.push_back(value);
    }
    return true;
  }
  if (std::strcmp(operand.name, "table") != 0) return false;
  kept_values.v = tables(c);
  for (size_t i = 0; i < elements; i++) {
    const int32_t value = static_cast<int32_t>(kept_values[i]);
    std::memcpy(to + 4 * i, &value, 4);
  }
  return true;
}

float tf32_of(float x) { return cnx::widen(cnx::narrow<cnx::tf32>(x)); }

// What an operand starts with; a gain is near 1, a scale too, so that nothing vanishes.
void fill(const Case &c, const Operand &operand, size_t elements, unsigned char *to, Values &kept, uint32_t seed) {
  uint32_t x = seed * 2654435761u | 1u;
  for (size_t i = 0; i < elements; i++) {
    double value = uniform(x) * (std::strcmp(operand.name, "weight") == 0 ? 0.2 : 1.0);
    if (std::strcmp(operand.name, "scale") == 0 || std::strcmp(operand.name, "gain") == 0 || std::strcmp(operand.name, "partials") == 0)
      value = 1.0 + 0.5 * value;
    if (operand.kind == 'f') {
      const bool packed = tf32(c) && std::strcmp(operand.name, "weight") == 0;
      const float stored = packed ? tf32_of(static_cast<float>(value)) : static_cast<float>(value);
      std::memcpy(to + 4 * i, &stored, 4);
      value = stored;
    } else if (operand.kind == 'h') {
      const cnx::f16 stored = cnx::narrow<cnx::f16>(static_cast<float>(value));
      std::memcpy(to + 2 * i, &stored, 2);
      value = cnx::widen(stored);
    } else {
      const cnx::bf16 stored = cnx::narrow<cnx::bf16>(static_cast<float>(value));
      std::memcpy(to + 2 * i, &stored, 2);
      value = cnx::widen(stored);
    }
    kept.v.push_back(value);
  }
}

double stored(const Operand &operand, const unsigned char *at, size_t i) {
  if (operand.kind == 'i') {
    int32_t value;
    std::memcpy(&value, at + 4 * i, 4);
    return value;
  }
  if (operand.kind == 'f') {
    float value;
    std::memcpy(&value, at + 4 * i, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, at + 2 * i, 2);
  return operand.kind == 'h' ? cnx::widen(cnx::f16{bits}) : cnx::widen(cnx::bf16{bits});
}

using Operands = std::map<std::string, Values>;
double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

void layer_norm(std::vector<double> &rows, size_t channels) {
  for (size_t r = 0; r < rows.size(); r += channels) {
    double mean = 0, square = 0;
    for (size_t c = 0; c < channels; c++) mean += rows[r + c];
    mean /= static_cast<double>(channels);
    for (size_t c = 0; c < channels; c++) square += (rows[r + c] - mean) * (rows[r + c] - mean);
    const double scale = 1.0 / std::sqrt(square / static_cast<double>(channels) + 1e-6);
    for (size_t c = 0; c < channels; c++) rows[r + c] = (rows[r + c] - mean) * scale;
  }
}

// Rows of the left operand of a product, [batch][rows][depth].
std::vector<double> left(const Case &c, const Operands &in) {
  const Values &x = in.at("input");
  std::vector<double> a;
  if (c.width == 0) {
    for (int b = 0; b < c.batch; b++)
      for (int m = 0; m < c.rows; m++)
        for (int k = 0; k < c.depth; k++) {
          const double factor = c.scaled ? in.at("scale")[static_cast<size_t>(b * c.depth + k)] : 1.0;
          a.push_back(x[static_cast<size_t>((b * c.rows + m) * c.depth + k)] * factor);
        }
    return a;
  }
  const int channels = c.channels, width = c.width, height = c.height;
  for (int b = 0; b < c.batch; b++)
    for (int m = 0; m < c.rows; m++)
      for (int tap = 0; tap < 4; tap++) {
        const int y = 2 * (m / (width / 2)) + tap / 2, w = 2 * (m % (width / 2)) + tap % 2;
        for (int i = 0; i < c.depth / 4; i++)
          a.push_back(i < channels ? x[static_cast<size_t>(((b * height + y) * width + w) * channels + i)] : 0.0);
      }
  if (c.norm) {
    std::vector<double> tokens;
    const int padded = c.depth / 4;
    for (size_t t = 0; t < a.size(); t += static_cast<size_t>(padded))
      tokens.insert(tokens.end(), a.begin() + static_cast<long>(t), a.begin() + static_cast<long>(t) + channels);
    layer_norm(tokens, static_cast<size_t>(channels));
    for (size_t t = 0, from = 0; t < a.size(); t += static_cast<size_t>(padded), from += static_cast<size_t>(channels))
      std::copy(tokens.begin() + static_cast<long>(from), tokens.begin() + static_cast<long>(from) + channels,
                a.begin() + static_cast<long>(t));
  }
  return a;
}

using Results = std::map<std::string, std::vector<double>>;

Results product(const Case &c, const Operands &in) {
  std::vector<double> a = left(c, in);
  if (tf32(c))
    for (double &x : a) x = tf32_of(static_cast<float>(x));
  const Values &w = in.at("weight");
  Results out;
  std::vector<double> &v = out["output"];
  for (int b = 0; b < c.batch; b++)
    for (int m = 0; m < c.rows; m++)
      for (int n = 0; n < c.columns; n++) {
        double sum = in.at("bias")[static_cast<size_t>(n)];
        const size_t row = static_cast<size_t>(b * c.rows + m);
        for (int k = 0; k < c.depth; k++)
          sum += a[row * static_cast<size_t>(c.depth) + static_cast<size_t>(k)] * w[static_cast<size_t>(k * c.weight_row + n)];
        if (c.gelu) sum = tf32(c) ? cnx::gelu_close(static_cast<float>(sum)) : gelu(sum); // its own error: `harness gelu`
        if (c.residual) sum += in.at("residual")[v.size()];
        if (c.of.count("mask_patches")) {
          const int width = c.of.at("mask_width"), down = c.of.at("mask_down"), across = c.of.at("mask_across");
          if (!kept(c, b, m / width / down * c.of.at("mask_columns") + m % width / across)) sum = 0.0;
        }
        v.push_back(sum);
      }
  if (!c.squares) return out;
  std::vector<double> &scale = out["scale"];
  for (int b = 0; b < c.batch; b++) {
    std::vector<double> norms;
    double mean = 0;
    for (int n = 0; n < c.columns; n++) {
      double square = 0;
      for (int m = 0; m < c.rows; m++) {
        const double value = v[static_cast<size_t>((b * c.rows + m) * c.columns + n)];
        square += value * value;
      }
      norms.push_back(std::sqrt(square));
      mean += norms.back() / c.columns;
    }
    for (int n = 0; n < c.columns; n++)
      scale.push_back(1.0 + in.at("gamma")[static_cast<size_t>(n)] * norms[static_cast<size_t>(n)] / (mean + 1e-6));
  }
  return out;
}

// Both linears of a block: [rows][channels] by [channels][wide] by [wide][channels].
Results mlp(const Case &c, const Operands &in) {
  const int wide = c.of.at("wide"), channels = c.channels, row1 = c.of.at("weight1Row"), row2 = c.of.at("weight2Row");
  std::vector<double> out;
  for (int m = 0; m < c.batch * c.rows; m++) {
    std::vector<double> g;
    for (int k = 0; k < wide; k++) {
      double sum = in.at("bias1")[static_cast<size_t>(k)];
      for (int i = 0; i < channels; i++)
        sum += in.at("input")[static_cast<size_t>(m * channels + i)] * in.at("weight1")[static_cast<size_t>(i * row1 + k)];
      g.push_back(gelu(sum) * in.at("scale")[static_cast<size_t>(m / c.rows * wide + k)]);
    }
    for (int n = 0; n < channels; n++) {
      double sum = in.at("bias2")[static_cast<size_t>(n)] + in.at("residual")[static_cast<size_t>(m * channels + n)];
      for (int k = 0; k < wide; k++) sum += g[static_cast<size_t>(k)] * in.at("weight2")[static_cast<size_t>(k * row2 + n)];
      out.push_back(sum);
    }
  }
  return {{"output", out}};
}

Results depthwise(const Case &c, const Operands &in) {
  Results out;
  std::vector<double> &v = out["output"];
  const int r = c.kernel / 2;
  for (int b = 0; b < c.batch; b++)
    for (int y = 0; y < c.height; y++)
      for (int x = 0; x < c.width; x++)
        for (int n = 0; n < c.channels; n++) {
          double sum = in.at("bias")[static_cast<size_t>(n)];
          for (int i = 0; i < c.kernel; i++)
            for (int j = 0; j < c.kernel; j++) {
              const int p = y + i - r, q = x + j - r;
              if (p < 0 || q < 0 || p >= c.height || q >= c.width) continue;
              sum += in.at("weight")[static_cast<size_t>((i * c.kernel + j) * c.weight_row + n)] *
                     in.at("input")[static_cast<size_t>(((b * c.height + p) * c.width + q) * c.channels + n)];
            }
          v.push_back(sum);
        }
  if (c.norm) layer_norm(v, static_cast<size_t>(c.channels));
  return out;
}

Results stem(const Case &c, const Operands &in) {
  Results out;
  std::vector<double> &v = out["output"];
  const int p = c.kernel, planes = c.depth;
  for (int b = 0; b < c.batch; b++)
    for (int y = 0; y < c.height / p; y++)
      for (int x = 0; x < c.width / p; x++)
        for (int n = 0; n < c.channels; n++) {
          double sum = in.at("bias")[static_cast<size_t>(n)];
          for (int ch = 0; ch < planes; ch++)
            for (int i = 0; i < p; i++)
              for (int j = 0; j < p; j++)
                sum += in.at("weight")[static_cast<size_t>(((ch * p + i) * p + j) * c.weight_row + n)] *
                       in.at("input")[static_cast<size_t>(((b * planes + ch) * c.height + y * p + i) * c.width + x * p + j)];
          v.push_back(sum);
        }
  layer_norm(v, static_cast<size_t>(c.channels));
  for (size_t i = 0; i < v.size(); i++)
    v[i] = v[i] * in.at("gain")[i % static_cast<size_t>(c.channels)] + in.at("shift")[i % static_cast<size_t>(c.channels)];
  return out;
}

// Of each element of a compact map [keep*down][across][channels], its place on the whole one; images one by one.
std::vector<size_t> compact_places(const Case &c, int down, int across, int channels) {
  const int columns = c.of.at("patch_columns"), patches = c.of.at("patch_rows") * columns;
  std::vector<size_t> places;
  for (int b = 0; b < c.batch; b++)
    for (int patch = 0; patch < patches; patch++) {
      if (!kept(c, b, patch)) continue;
      for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++)
          for (int n = 0; n < channels; n++) {
            const int row = patch / columns * down + y, column = patch % columns * across + x;
            places.push_back(static_cast<size_t>(
                ((b * c.of.at("patch_rows") * down + row) * columns * across + column) * channels + n));
          }
    }
  return places;
}

std::vector<double> picked(const std::vector<double> &from, const std::vector<size_t> &places) {
  std::vector<double> to;
  for (const size_t place : places) to.push_back(from[place]);
  return to;
}

// A compact map on a whole one of zeros.
std::vector<double> placed(const Values &from, const std::vector<size_t> &places, size_t size) {
  std::vector<double> to(size, 0.0);
  for (size_t i = 0; i < places.size(); i++) to[places[i]] = from[i];
  return to;
}

Results site_depthwise(const Case &c, const Operands &in) {
  const int down = c.of.at("down"), across = c.of.at("across");
  Case whole = c;
  whole.height = c.of.at("patch_rows") * down;
  whole.width = c.of.at("patch_columns") * across;
  const std::vector<size_t> places = compact_places(c, down, across, c.channels);
  Operands on = in;
  on["input"].v = placed(in.at("input"), places, static_cast<size_t>(c.batch * whole.height * whole.width * c.channels));
  return {{"output", picked(depthwise(whole, on).at("output"), places)}};
}

Results site_stem(const Case &c, const Operands &in) {
  Results out = stem(c, in);
  if (c.of.count("grid_keep"))
    out["output"] = picked(out["output"], compact_places(c, c.of.at("grid_down"), c.of.at("grid_across"), c.channels));
  return out;
}

Results patch_table(const Case &c, const Operands &) { return {{"table", tables(c)}}; }

Results gather_sites(const Case &c, const Operands &in) {
  return {{"output", picked(in.at("input").v, compact_places(c, c.of.at("down"), c.of.at("across"), c.channels))}};
}

Results place_sites(const Case &c, const Operands &in) {
  const int height = c.of.at("height"), width = c.of.at("width"), channels = c.channels;
  std::vector<double> out(static_cast<size_t>(c.batch * height * width * channels));
  for (size_t i = 0; i < out.size(); i++)
    out[i] = c.of.at("token") ? in.at("token")[i % static_cast<size_t>(channels)] : 0.0;
  const std::vector<size_t> places = compact_places(c, c.of.at("down"), c.of.at("across"), channels);
  for (size_t i = 0; i < places.size(); i++) out[places[i]] = in.at("input")[c.of.at("compact") ? i : places[i]];
  return {{"output", out}};
}

Results average_pool(const Case &c, const Operands &in) {
  const int height = c.height, width = c.width, channels = c.channels, size = c.of.at("size");
  std::vector<double> out(static_cast<size_t>(c.batch * height / size * (width / size) * channels), 0.0);
  for (int y = 0; y < c.batch * height; y++)
    for (int x = 0; x < width; x++)
      for (int n = 0; n < channels; n++)
        out[static_cast<size_t>((y / size * (width / size) + x / size) * channels + n)] +=
            in.at("input")[static_cast<size_t>((y * width + x) * channels + n)] / (size * size);
  return {{"output", out}};
}

Results site_error(const Case &c, const Operands &in) {
  const int size = c.of.at("size"), channels = c.of.at("channels"), columns = c.of.at("patch_columns");
  const int patches = c.of.at("patch_rows") * columns, pixels = size * size * channels;
  std::vector<double> out;
  for (int b = 0; b < c.batch; b++)
    for (int patch = 0; patch < patches; patch++) {
      std::vector<double> t;
      double mean = 0, square = 0, error = 0;
      for (int i = 0; i < pixels; i++) {
        const int y = patch / columns * size + i / channels / size, x = patch % columns * size + i / channels % size;
        t.push_back(in.at("image")[static_cast<size_t>(
            ((b * channels + i % channels) * c.of.at("height") + y) * c.of.at("width") + x)]);
        mean += t.back() / pixels;
      }
      for (const double v : t) square += (v - mean) * (v - mean);
      for (int i = 0; i < pixels; i++) {
        const double v = t[static_cast<size_t>(i)];
        const double wanted = c.of.at("standardize") ? (v - mean) / std::sqrt(square / (pixels - 1) + 1e-6) : v;
        const double d = in.at("pred")[static_cast<size_t>((b * patches + patch) * pixels + i)] - wanted;
        error += d * d / pixels;
      }
      out.push_back(c.of.at("removedOnly") && kept(c, b, patch) ? 0.0 : error);
    }
  return {{"errors", out}};
}

Results masked_mean(const Case &, const Operands &in) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < in.at("mask").v.size(); i++) {
    sum += in.at("errors")[i] * in.at("mask")[i];
    count += in.at("mask")[i];
  }
  return {{"output", {sum / count}}};
}

Results sum_squares(const Case &c, const Operands &in) {
  const int tiles = c.of.at("tiles"), strip = c.of.at("strip");
  std::vector<double> out(static_cast<size_t>(c.batch * tiles * c.channels), 0.0);
  for (int b = 0; b < c.batch; b++)
    for (int t = 0; t < c.rows; t++)
      for (int n = 0; n < c.channels; n++) {
        const double x = in.at("input")[static_cast<size_t>((b * c.rows + t) * c.channels + n)];
        out[static_cast<size_t>((b * tiles + t / strip) * c.channels + n)] += x * x;
      }
  return {{"squares", out}};
}

// Shift, and scale by factors of each image.
Results elementwise(const Case &c, const Operands &in) {
  std::vector<double> out;
  const size_t channels = static_cast<size_t>(c.channels), length = static_cast<size_t>(c.of.at("length"));
  for (size_t i = 0; i < in.at("input").v.size(); i++)
    out.push_back(c.of.at("eachImage") ? in.at("input")[i] * in.at("vector")[i / length * channels + i % channels]
                                       : in.at("input")[i] + in.at("vector")[i % channels]);
  return {{"output", out}};
}

Results pool(const Case &c, const Operands &in) {
  Results out;
  std::vector<double> &v = out["output"];
  for (int b = 0; b < c.batch; b++)
    for (int n = 0; n < c.channels; n++) {
      double sum = 0;
      for (int t = 0; t < c.rows; t++) sum += in.at("input")[static_cast<size_t>((b * c.rows + t) * c.channels + n)];
      v.push_back(sum / c.rows);
    }
  layer_norm(v, static_cast<size_t>(c.channels));
  return out;
}

// Gradients of a weight [outputs][inputs][taps], a sum for each part of the rows of all images.
Results weight_grad(const Case &c, const Operands &in) {
  const int outputs = c.of.at("outputs"), inputs = c.of.at("inputs"), size = c.of.at("size"), parts = c.of.at("parts");
  const int rows = c.of.at("rows"), width = c.of.at("width"), input_width = c.of.at("inputWidth"), taps = size * size;
  const int input_height = c.of.count("apart_inputHeight") ? c.of.at("apart_inputHeight") : rows / width * size;
  const int all = c.batch * rows, each = (all + parts - 1) / parts;
  std::vector<double> out(static_cast<size_t>(parts * outputs * inputs * taps), 0.0);
  for (int t = 0; t < all; t++)
    for (int o = 0; o < outputs; o++)
      for (int n = 0; n < inputs; n++)
        for (int tap = 0; tap < taps; tap++) {
          const int y = t / rows * input_height + t % rows / width * size + tap / size;
          const int x = t % width * size + tap % size;
          const double d = in.at("d")[static_cast<size_t>(t * outputs + o)];
          const double value = in.at("input")[static_cast<size_t>((y * input_width + x) * inputs + n)];
          const bool rounds = tf32(c);
          out[static_cast<size_t>(((t / each * outputs + o) * inputs + n) * taps + tap)] +=
              (rounds ? tf32_of(static_cast<float>(d)) : d) * (rounds ? tf32_of(static_cast<float>(value)) : value);
        }
  return {{"sums", out}};
}

// The same of a depthwise kernel, [parts][taps][channels], over the lines of all images.
Results depthwise_grad(const Case &c, const Operands &in) {
  const int kernel = c.kernel, parts = c.of.at("parts"), channels = c.channels;
  const int lines = c.batch * c.height, each = (lines + parts - 1) / parts;
  std::vector<double> out(static_cast<size_t>(parts * kernel * kernel * channels), 0.0);
  for (int line = 0; line < lines; line++)
    for (int x = 0; x < c.width; x++)
      for (int i = 0; i < kernel * kernel; i++) {
        const int y = line % c.height + i / kernel - kernel / 2, q = x + i % kernel - kernel / 2;
        if (y < 0 || q < 0 || y >= c.height || q >= c.width) continue;
        for (int n = 0; n < channels; n++)
          out[static_cast<size_t>((line / each * kernel * kernel + i) * channels + n)] +=
              in.at("d")[static_cast<size_t>((line * c.width + x) * channels + n)] *
              in.at("input")[static_cast<size_t>(((line / c.height * c.height + y) * c.width + q) * channels + n)];
      }
  return {{"sums", out}};
}

// Sums of columns, or of their products, a row a strip.
Results column_sums(const Case &c, const Operands &in) {
  const int tiles = c.of.at("tiles"), strip = c.of.at("strip"), rows = c.of.at("rows"), channels = c.channels;
  std::vector<double> out(static_cast<size_t>(c.batch * tiles * channels), 0.0);
  for (int t = 0; t < c.batch * rows; t++)
    for (int n = 0; n < channels; n++) {
      const size_t at = static_cast<size_t>(t * channels + n);
      const double by = c.of.at("dot") ? in.at("other")[at] : 1.0;
      out[static_cast<size_t>((t / rows * tiles + t % rows / strip) * channels + n)] += in.at("input")[at] * by;
    }
  return {{"sums", out}};
}

// Rows of [taps][channels] to one of [channels][taps].
Results column_totals(const Case &c, const Operands &in) {
  const int length = c.of.at("length"), taps = c.of.at("taps"), channels = length / taps;
  std::vector<double> out(static_cast<size_t>(length), 0.0);
  for (size_t i = 0; i < in.at("sums").v.size(); i++) {
    const int at = static_cast<int>(i) % length;
    out[static_cast<size_t>(at % channels * taps + at / channels)] += in.at("sums")[i];
  }
  return {{"total", out}};
}

Results normalize_grad(const Case &c, const Operands &in) {
  const size_t channels = static_cast<size_t>(c.channels);
  std::vector<double> out;
  for (size_t row = 0; row < in.at("deviation").v.size(); row++) {
    double mean = 0, along = 0;
    for (size_t n = 0; n < channels; n++) {
      mean += in.at("d")[row * channels + n] / c.channels;
      along += in.at("d")[row * channels + n] * in.at("normalized")[row * channels + n] / c.channels;
    }
    for (size_t n = 0; n < channels; n++)
      out.push_back(in.at("deviation")[row] *
                    (in.at("d")[row * channels + n] - mean - in.at("normalized")[row * channels + n] * along));
  }
  return {{"output", out}};
}

// d (x) times the slope of GELU.
Results gelu_grad(const Case &, const Operands &in) {
  std::vector<double> out;
  for (size_t i = 0; i < in.at("input1").v.size(); i++) {
    const double x = in.at("input1")[i];
    const double slope = 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-0.5 * x * x) / std::sqrt(2.0 * 3.14159265358979324);
    out.push_back(in.at("input2")[i] * slope);
  }
  return {{"output", out}};
}

// Of the sums of squares that GRN's factors are made of.
Results grn_grad(const Case &c, const Operands &in) {
  const size_t channels = static_cast<size_t>(c.channels), tiles = static_cast<size_t>(c.of.at("tiles"));
  std::vector<double> out;
  for (size_t b = 0; b < static_cast<size_t>(c.batch); b++) {
    std::vector<double> norms(channels, 0.0);
    double mean = 1e-6, along = 0;
    for (size_t n = 0; n < channels; n++) {
      for (size_t tile = 0; tile < tiles; tile++)
        norms[n] += std::fabs(in.at("partials")[(b * tiles + tile) * channels + n]);
      norms[n] = std::sqrt(norms[n]);
      mean += norms[n] / c.channels;
      along += in.at("gamma")[n] * in.at("d")[b * channels + n] * norms[n];
    }
    for (size_t n = 0; n < channels; n++)
      out.push_back((in.at("gamma")[n] * in.at("d")[b * channels + n] / mean - along / (c.channels * mean * mean)) /
                    (2.0 * norms[n]));
  }
  return {{"output", out}};
}

Results cross_entropy_grad(const Case &c, const Operands &in) {
  const size_t classes = static_cast<size_t>(c.of.at("classes"));
  std::vector<double> out;
  for (size_t row = 0; row < in.at("logits").v.size(); row += classes) {
    double all = 0, wanted = 0;
    for (size_t k = 0; k < classes; k++) {
      all += std::exp(in.at("logits")[row + k]);
      wanted += in.at("targets")[row + k];
    }
    for (size_t k = 0; k < classes; k++)
      out.push_back((std::exp(in.at("logits")[row + k]) / all * wanted - in.at("targets")[row + k]) / c.batch * c.of.at("lossScale"));
  }
  return {{"output", out}};
}

const std::map<std::string, Results (*)(const Case &, const Operands &)> references = {
    {"weight_grad", weight_grad}, {"depthwise_grad", depthwise_grad}, {"column_sums", column_sums},
    {"column_totals", column_totals}, {"normalize_grad", normalize_grad}, {"gelu_grad", gelu_grad},
    {"grn_grad", grn_grad}, {"cross_entropy_grad", cross_entropy_grad},
    {"mlp", mlp}, {"product", product}, {"depthwise", depthwise}, {"stem", site_stem}, {"pool", pool},
    {"site_depthwise", site_depthwise}, {"patch_table", patch_table}, {"gather_sites", gather_sites},
    {"place_sites", place_sites}, {"average_pool", average_pool}, {"site_error", site_error},
    {"masked_mean", masked_mean}, {"sum_squares", sum_squares}, {"elementwise", elementwise}};

// Every order of threads and time of copies: output bytes must be those of the first. Twice each, for what a launch
// leaves behind.
bool run(const Case &c) {
  Operands in;
  std::vector<void *> pointers;
  std::vector<size_t> sizes;
  uint32_t seed = 7;
  for (const Operand &operand : c.operands) {
    const size_t elements = operand.elements * static_cast<size_t>(operand.per_image ? c.batch : 1);
    sizes.push_back(elements * (operand.kind == 'h' || operand.kind == 'b' ? 2 : 4));
    void *memory = nullptr;
    cnx::device_allocate(&memory, sizes.back());
    pointers.push_back(memory);
    unsigned char *bytes = static_cast<unsigned char *>(memory);
    if (operand.read && !fill_patches(c, operand, elements, bytes, in[operand.name]))
      fill(c, operand, elements, bytes, in[operand.name], seed++);
  }
  std::vector<unsigned char> first;
  std::string wrong;
  int schedule = 0;
  for (const bool late : {true, false}) {
    for (const Order order : {Order::forward, Order::reverse, Order::shuffled, Order::greedy, Order::greedy_reverse}) {
      cnx::cpu::settings.order = order;
      cnx::cpu::settings.late = late;
      cnx::cpu::settings.workers = late ? 1 : 2; // blocks in turn, and several at a time
      for (int twice = 0; twice < 2; twice++) {
        for (size_t i = 0; i < pointers.size(); i++) {
          const bool counter = c.operands[i].kind == 'u';
          if (!c.operands[i].read && !(counter && twice)) std::memset(pointers[i], counter ? 0 : 0xff, sizes[i]);
        }
        c.run(c.batch, pointers.data(), nullptr);
      }
      std::vector<unsigned char> bytes;
      for (size_t i = 0; i < pointers.size(); i++) {
        const unsigned char *from = static_cast<const unsigned char *>(pointers[i]);
        if (!c.operands[i].read) bytes.insert(bytes.end(), from, from + sizes[i]);
      }
      if (schedule++ == 0) first = bytes;
      if (bytes != first && wrong.empty()) wrong = "differs in schedule " + std::to_string(schedule);
    }
  }
  const Results expected = references.at(c.reference)(c, in);
  double worst = 0;
  for (size_t i = 0; i < pointers.size(); i++) {
    const auto reference = expected.find(c.operands[i].name);
    if (c.operands[i].read || reference == expected.end()) continue;
    double difference = 0, norm = 0;
    for (size_t e = 0; e < reference->second.size(); e++) {
      const double off = stored(c.operands[i], static_cast<unsigned char *>(pointers[i]), e) - reference->second[e];
      difference += off * off;
      norm += reference->second[e] * reference->second[e];
    }
    const double error = std::sqrt(difference / norm);
    worst = error > worst || error != error ? error : worst;
  }
  if (!(worst < c.tolerance)) wrong += (wrong.empty() ? "" : ", ") + std::string("error ") + std::to_string(worst);
  std::printf("%s: %s\n", c.name, wrong.empty() ? "ok" : wrong.c_str());
  std::fflush(stdout);
  for (void *memory : pointers) cnx::device_free(memory);
  return wrong.empty();
}
} // namespace

// How far the fitted forms of GELU are from it, at most.
void print_gelu() {
  double fitted = 0, close = 0;
  for (int i = -12000; i <= 12000; i++) {
    const float x = static_cast<float>(i) / 1000.0f;
    fitted = std::max(fitted, std::fabs(cnx::gelu_fitted(x) - gelu(x)));
    close = std::max(close, std::fabs(cnx::gelu_close(x) - gelu(x)));
  }
  std::printf("%g %g\n", fitted, close);
}

// A kernel that writes too far may hit what is not this program's at all.
void fault(int) {
  const char text[] = "device fault: an access outside the program's memory\n";
  (void)!write(1, text, sizeof text - 1);
  _exit(1);
}

int main(int argc, char **argv) {
  std::signal(SIGSEGV, fault);
  std::signal(SIGABRT, fault); // the allocator's own checks
  bool fine = true;
  if (argc == 2 && std::strcmp(argv[1], "gelu") == 0) {
    print_gelu();
    return 0;
  }
  for (int i = 1; i < argc; i++) {
    bool found = false;
    for (const Case &c : cases)
      if (std::strcmp(c.name, argv[i]) == 0) {
        fine &= run(c);
        found = true;
      }
    if (!found) std::printf("%s: no such case\n", argv[i]);
    fine &= found;
  }
  return fine ? 0 : 1;
}

#include "model.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>

#include "blake2b.hpp"
#include "stage/state.hpp"

namespace nncomp::unnnc {
namespace {

// TensorRow::statistics, numbered as in docs/format.md, section 5.
enum Statistics { EMBED, TABLE, QKV, OUT, UP, DOWN, HEAD, MULTIPLIER, BIAS, CONSTANT, CHECK = 13 };

// Collects the rows for all tensors of a model. Their names begin with the prefix that `within` has set.
class Schema {
 public:
  void within(const std::string& prefix) { prefix_ = prefix; }

  void add(const std::string& name, const char* dtype, std::vector<int64_t> shape, int statistics) {
    rows_.push_back({prefix_ + name, dtype, std::move(shape), statistics});
  }
  void multipliers(const std::string& name, int64_t count) { add(name + ".m", "I32", {count}, MULTIPLIER); }
  void constant(const std::string& name) { add(name + ".c", "I64", {1}, CONSTANT); }
  void matrix(const std::string& name, int64_t outputs, int64_t inputs, int statistics) {
    add(name + ".weight", "I8", {outputs, inputs}, statistics);
    multipliers(name, outputs);
  }
  void table(const std::string& name, int64_t rows, int64_t width, int statistics) {
    add(name + ".weight", "I8", {rows, width}, statistics);
    multipliers(name, 1);
  }

  std::vector<TensorRow> sorted() {
    std::sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::move(rows_);
  }

 private:
  std::string prefix_;
  std::vector<TensorRow> rows_;
};

// Rows of a table. A table of known contexts has one more, for all contexts that are not known.
int64_t rows_of(const TableConfig& table) { return (int64_t(1) << table.log2_rows) + (table.ways > 0); }

void add_layer(Schema& schema, const LayerConfig& layer, int64_t d) {
  schema.constant("norm");
  if (layer.kind == "attention") {
    const int64_t heads = layer.numbers[0], head = layer.numbers[1], window = layer.numbers[2], q = heads * head;
    schema.matrix("qkv", q + 2 * head, d, QKV);
    schema.multipliers("attn", 1);
    schema.add("attn.bias", "I16", {heads, window}, BIAS);
    schema.constant("attn");
    schema.matrix("out", d, q, OUT);
  } else {
    const int64_t width = layer.numbers[0];
    schema.matrix("up", width, d, UP);
    schema.matrix("down", d, width, DOWN);
  }
}

// The dimensions as JSON without spaces, from which the id is computed; compare nncomp/network/config.py.
std::string json(const Config& config) {
  const auto list = [](const auto& items, auto text) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? "," : "") + text(item);
    return out + "]";
  };
  const auto number = [](int n) { return "," + std::to_string(n); };
  const std::string layers = list(config.layers, [&](const LayerConfig& layer) {
    std::string out = "[\"" + layer.kind + "\"";
    for (int n : layer.numbers) out += number(n);
    return out + "]";
  });
  const std::string tables = list(config.tables, [&](const TableConfig& t) {
    return "[\"" + t.context + "\"" + number(t.log2_rows) + number(t.width) + number(t.first) + number(t.ways) + "]";
  });
  return "{\"arithmetic\":" + std::to_string(ARITHMETIC) + ",\"d_model\":" + std::to_string(config.d_model) +
         ",\"layers\":" + layers + ",\"tables\":" + tables + "}";
}

}  // namespace

uint64_t TensorRow::count() const {
  return uint64_t(std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>()));
}

uint64_t TensorRow::stored_size() const {  // the dtype ends with the bits of an element
  return count() * uint64_t(std::stoi(dtype.substr(1)) / 8);
}

Numbers TensorRow::zeros() const {
  if (dtype == "I8") return std::vector<int8_t>(count());
  if (dtype == "U8") return std::vector<uint8_t>(count());
  if (dtype == "I16") return std::vector<int16_t>(count());
  if (dtype == "I32") return std::vector<int32_t>(count());
  return std::vector<int64_t>(count());
}

std::vector<TensorRow> tensors_of(const Config& config) {
  Schema schema;
  const int64_t d = config.d_model;
  schema.table("embed", 257, d, EMBED);
  for (size_t i = 0; i < config.tables.size(); ++i) {
    const TableConfig& table = config.tables[i];
    schema.within("table." + std::to_string(i));
    if (table.ways) schema.add(".check", "U8", {int64_t(1) << table.log2_rows}, CHECK);
    schema.table("", rows_of(table), table.width, TABLE);
  }
  for (size_t i = 0; i < config.layers.size(); ++i) {
    schema.within("layers." + std::to_string(i) + ".");
    add_layer(schema, config.layers[i], d);
  }
  schema.within("");
  schema.constant("norm");
  schema.matrix("head", 256, d, HEAD);
  return schema.sorted();
}

uint64_t stored_size(const Config& config) {
  require(!config.layers.empty(), "model has no layers");  // Network checks the other dimensions later
  uint64_t size = 0;
  for (const TensorRow& row : tensors_of(config)) size += row.stored_size();
  require(size <= MAX_FILE_SIZE, "model is larger than 64 MiB");
  return size;
}

// The sum of: four times the tensors (the file, the arrays, and what a kernel packs, with padding); the state of each
// layer for each lane, with room for a chunk; the weights with which the stage reads hidden units; buffers for a chunk
// of steps of one lane and a step of every lane; and 1 MiB for small things. nncomp/network/config.py has the same
// formula.
uint64_t memory_of(const Config& config, int lanes) {
  uint64_t packed = 4 * stored_size(config), state = 0, row = 0;
  for (const LayerConfig& layer : config.layers) {
    const auto number = [&](size_t i) { return uint64_t(layer.numbers[i]); };
    if (layer.kind == "attention") {
      const uint64_t heads = number(0), head = number(1), window = number(2);
      packed += 4 * heads * (window + 2 * BIAS_PAD);  // biases, as int32
      state += 2 * head * (window + MAX_CHUNK + 16);  // keys and values
      row = std::max(row, 6 * (heads + 2) * head + 5 * heads * window);
    } else {
      row = std::max(row, 5 * number(0));
    }
  }
  const LayerConfig& last = config.layers.back();
  const uint64_t units = last.kind == "feed_forward" ? uint64_t(last.numbers[0]) : 0;
  if (units <= mix::MAX_UNITS) state += units * (2 * 256 * mix::READOUT_ROWS + 3 * 4);
  state += 2 * 256 * mix::READOUT_ROWS + 4 * mix::ROWS2;
  row += 9 * uint64_t(config.d_model) + 8 * 256;
  return packed + uint64_t(lanes) * state + uint64_t(MAX_CHUNK + lanes) * row + (1 << 20);
}

Id Model::id() const {
  Blake2b digest;
  const auto put = [&](const std::string& text) {
    digest.update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  put("nncomp model " + std::to_string(ARITHMETIC) + "\n" + json(config) + "\n");
  for (const TensorRow& row : tensors_of(config)) {
    put(row.name + "\n" + row.dtype + "\n");
    for (int64_t n : row.shape) put(std::to_string(n) + "\n");
    std::visit(
        [&]<class T>(const std::vector<T>& numbers) {
          Bytes bytes;
          for (const T number : numbers) {
            for (size_t k = 0; k < sizeof(T); ++k) bytes.push_back(uint8_t(uint64_t(number) >> 8 * k));
          }
          digest.update(bytes);
        },
        tensors.at(row.name));
  }
  return digest.digest();
}

std::unique_ptr<const Network> Model::network(const Kernel& kernel) const {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const TensorRow& row : tensors_of(config)) shapes[row.name] = row.shape;
  const TensorSource source = [&](const std::string& name) {
    return std::visit(
        [&]<class T>(const std::vector<T>& numbers) {
          return Tensor{numbers.data(), std::is_signed_v<T> ? 'i' : 'u', int(sizeof(T)), shapes.at(name)};
        },
        tensors.at(name));
  };
  try {
    return std::make_unique<const Network>(config, source, kernel);
  } catch (const std::invalid_argument& error) {
    throw FormatError(error.what());
  }
}

std::string hex(View id) {
  std::string text;
  for (const uint8_t byte : id) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace nncomp::unnnc

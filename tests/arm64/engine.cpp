// Answers requests to the engine on standard input and output, one after the other. With it, the engine for another
// processor, run by an emulator, is compared with the one for this processor. The argument is the name of a kernel;
// without one, it lists the kernels.
//
// A request is an operation and its arguments, as __init__.py writes them. An answer is a status, a size and bytes:
// status 0 and the result, 1 and the text of a FormatError, or 2 and that of another error. Numbers are uint32,
// little-endian.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "block/block.hpp"
#include "block/ready.hpp"
#include "coder/error.hpp"
#include "kernels/kernel.hpp"
#include "network/network.hpp"

namespace {

using Bytes = std::vector<uint8_t>;

// Reads `size` bytes of a request; the program fails where there are no more.
void read(void* to, size_t size) {
  if (fread(to, 1, size, stdin) != size) exit(1);
}
uint32_t number() {
  uint32_t x;
  read(&x, 4);
  return x;
}
Bytes bytes() {
  Bytes data(number());
  if (!data.empty()) read(data.data(), data.size());
  return data;
}
std::string text() {
  const Bytes data = bytes();
  return std::string(data.begin(), data.end());
}
template <class Read>
auto list(Read read_one) {
  std::vector<decltype(read_one())> all(number());
  for (auto& one : all) one = read_one();
  return all;
}

void answer(uint32_t status, const void* data, size_t size) {
  const uint32_t head[2] = {status, uint32_t(size)};
  fwrite(head, 4, 2, stdout);
  fwrite(data, 1, size, stdout);
  fflush(stdout);
}
void answer(std::span<const uint8_t> data) { answer(0, data.data(), data.size()); }
void answer(const std::vector<uint32_t>& data) { answer(0, data.data(), 4 * data.size()); }

const nncomp::Progress nothing = [](uint64_t) {};

class Engine {
 public:
  explicit Engine(const nncomp::Kernel& kernel) : kernel_(kernel) {}

  void serve(uint32_t operation) {
    switch (operation) {
      case 'N': return pack();
      case 'E': return encode();
      case 'D': return decode();
      case 'F': return frequencies();
      case 'P': return probabilities();
    }
    throw std::runtime_error("no such operation");
  }

 private:
  struct Stored {
    char kind;
    int bytes;  // of an element
    std::vector<int64_t> shape;
    Bytes data;
  };

  void pack() {
    nncomp::Config config{int(number()), {}, {}};
    config.layers = list([] {
      nncomp::LayerConfig layer{text(), {}};
      for (uint32_t n : list(number)) layer.numbers.push_back(int(n));
      return layer;
    });
    config.tables = list([] {
      std::string context = text();
      const int log2_rows = int(number()), width = int(number()), first = int(number()), ways = int(number());
      return nncomp::TableConfig{std::move(context), log2_rows, width, first, ways};
    });
    std::vector<std::pair<std::string, Stored>> tensors = list([] {
      std::string name = text();
      Stored tensor{char(number()), int(number()), {}, {}};
      for (uint32_t n : list(number)) tensor.shape.push_back(n);
      tensor.data = bytes();
      return std::pair(std::move(name), std::move(tensor));
    });
    const auto source = [&](const std::string& name) {
      for (const auto& [own, tensor] : tensors) {
        if (own == name) return nncomp::Tensor{tensor.data.data(), tensor.kind, tensor.bytes, tensor.shape};
      }
      throw std::invalid_argument("tensor " + name + " is missing");
    };
    networks_.push_back(std::make_unique<nncomp::Network>(std::move(config), source, kernel_));
    answer(std::vector<uint32_t>{uint32_t(networks_.size())});
  }

  // The network with the number of the request, counted from 1; null for 0.
  const nncomp::Network* network() {
    const uint32_t n = number();
    return n == 0 ? nullptr : networks_.at(n - 1).get();
  }
  static nncomp::Mixing mixing() {
    const int profile = int(number()), contexts = int(number()), period = int(number()), stride = int(number());
    return {profile, contexts, period, stride};
  }
  nncomp::Predictor predictor() {
    const nncomp::Network* used = network();
    return {used, mixing(), &kernel_};
  }

  // The state of a block after reading the request's prime; null if that is empty.
  static std::unique_ptr<nncomp::Ready> ready(const nncomp::Predictor& by, size_t size, size_t lanes) {
    const Bytes prime = bytes();
    if (prime.empty()) return nullptr;
    const size_t room = nncomp::Stage::room_for(size + lanes * prime.size());
    return std::make_unique<nncomp::Ready>(by, prime, room, nothing);
  }

  void encode() {
    const nncomp::Predictor by = predictor();
    const int lanes = int(number()), threads = int(number());
    const Bytes data = bytes();
    const auto begin = ready(by, data.size(), size_t(lanes));
    Bytes joined;
    for (const nncomp::Payload& payload : nncomp::encode_block(by, data, lanes, threads, nothing, begin.get())) {
      const uint32_t size = uint32_t(payload.size());
      joined.insert(joined.end(), reinterpret_cast<const uint8_t*>(&size), reinterpret_cast<const uint8_t*>(&size + 1));
      joined.insert(joined.end(), payload.begin(), payload.end());
    }
    answer(joined);
  }

  void decode() {
    const nncomp::Predictor by = predictor();
    const int threads = int(number());
    Bytes data(number());
    const std::vector<Bytes> payloads = list(bytes);
    const auto begin = ready(by, data.size(), payloads.size());
    nncomp::decode_block(by, {payloads.begin(), payloads.end()}, data, threads, nothing, begin.get());
    answer(data);
  }

  void frequencies() {
    const nncomp::Network* used = network();
    const Bytes data = bytes();
    std::vector<uint32_t> out(256 * data.size());
    nncomp::byte_frequencies(*used, data, out.data(), nothing);
    answer(out);
  }

  void probabilities() {
    const nncomp::Mixing used = mixing();
    const Bytes data = bytes();
    std::vector<uint32_t> out(8 * data.size());
    nncomp::bit_probabilities(kernel_, used, data, out.data(), nothing);
    answer(out);
  }

  const nncomp::Kernel& kernel_;
  std::vector<std::unique_ptr<nncomp::Network>> networks_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    for (const auto& [name, runs] : nncomp::kernels()) printf("%s %d\n", name, int(runs));
    return 0;
  }
  const nncomp::Kernel* kernel = nncomp::find_kernel(arguments[1]);
  if (!kernel) {
    fprintf(stderr, "no kernel %s here\n", arguments[1]);
    return 2;
  }
  Engine engine(*kernel);
  for (;;) {
    uint32_t operation;
    const size_t found = fread(&operation, 1, sizeof operation, stdin);
    if (found == 0) return 0;
    if (found < sizeof operation) return 1;
    try {
      engine.serve(operation);
    } catch (const nncomp::FormatError& error) {
      answer(1, error.what(), strlen(error.what()));
    } catch (const std::exception& error) {
      answer(2, error.what(), strlen(error.what()));
    }
  }
}

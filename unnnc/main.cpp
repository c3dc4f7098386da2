// unnnc: decompresses .nnc files, without Python. This file is the command line. The format is docs/format.md, the
// arithmetic docs/numerics.md. Read first container, plan, decode and filters/; then, for the network, model, packed
// and model_file.
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "decode.hpp"
#include "files.hpp"

namespace nncomp::unnnc {
namespace {

constexpr const char* USAGE =
    "Usage: unnnc [OPTION]... [FILE]...\n"
    "Decompress files that nncomp has compressed, FILE.nnc to FILE, or standard input to standard output.\n"
    "\n"
    "  -c          write to standard output\n"
    "  -t          test: decode all, write nothing\n"
    "  -o OUT      write to OUT\n"
    "  -f          overwrite what there is, and read from a terminal\n"
    "  -m FOLDER   look for models there, too; those in the file, in the program and beside the file are found\n"
    "  -M SIZE     refuse what takes more memory: 64MiB, 2G; 1GiB otherwise\n"
    "  -T N        use N threads; 0, otherwise: one for each processor\n"
    "  --prime FILE  what the files were primed with\n"
    "  -d, -k      nothing: files are decompressed, and kept\n"
    "  -h, -V      show this, or the version, and exit\n"
    "\n"
    "Exit status: 0 if all is well, 1 if anything failed, 2 for wrong usage.\n";

constexpr const char* SUFFIX = ".nnc";

struct Options {
  bool to_stdout = false, test = false, force = false;
  std::optional<std::string> output, prime;
  std::vector<std::string> folders;
  Limits limits;
  std::vector<std::string> files;
};

// The text with control characters escaped, those of two bytes in UTF-8 as well: names of files must not control the
// terminal.
std::string printable(const std::string& text) {
  std::string out;
  unsigned char last = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_second = last == 0xC2 && byte >= 0x80 && byte < 0xA0;
    if (is_second) out.pop_back();
    char code[5];
    std::snprintf(code, sizeof code, "\\x%02x", byte);
    out += is_second || byte < 32 || byte == 127 ? code : std::string(1, c);
    last = byte;
  }
  return out;
}

void complain(const std::string& what) { std::fprintf(stderr, "unnnc: %s\n", printable(what).c_str()); }

[[noreturn]] void misused(const std::string& what) {
  complain(what + "; see unnnc -h");
  std::exit(2);
}

// Prints what was asked for and ends the program.
[[noreturn]] void show(const char* text) {
  const bool done = std::fputs(text, stdout) >= 0 && std::fflush(stdout) == 0;
  if (!done) complain(std::string("(stdout): ") + std::strerror(errno));
  std::exit(done ? 0 : 1);
}

// A size such as 65536, 64K, 64KiB or 1G in bytes, 1 … 2^62 - 1.
uint64_t bytes_of(const std::string& text) {
  char* end = nullptr;
  const uint64_t number = std::strtoull(text.c_str(), &end, 10);
  std::string unit(end);
  int shift = 0;
  if (!unit.empty() && std::strchr("kKmMgGtT", unit[0])) {
    shift = 10 * (1 + int(std::string("kmgt").find(char(unit[0] | 32))));
    unit = unit.substr(1);
  }
  const bool good = text[0] >= '0' && text[0] <= '9' && (unit.empty() || unit == "iB" || unit == "B");
  if (!good || number == 0 || number >> (62 - shift)) misused("-M " + text + " is not a size such as 64MiB");
  return number << shift;
}

int threads_of(const std::string& text) {
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end || number < 0 || number > 1024) misused("-T " + text + " is not a number of threads");
  return number ? int(number) : int(std::max(1u, std::thread::hardware_concurrency()));
}

Options parse(int count, char** arguments) {
  Options options;
  options.limits.threads = threads_of("0");
  constexpr int PRIME = 256;
  const struct option names[] = {{"prime", required_argument, nullptr, PRIME}, {}};
  for (int option; (option = getopt_long(count, arguments, "cdfhkm:M:o:tT:V", names, nullptr)) != -1;) {
    switch (option) {
      case 'c': options.to_stdout = true; break;
      case 'd':
      case 'k': break;
      case 'f': options.force = true; break;
      case 'h': show(USAGE);
      case 'm': options.folders.push_back(optarg); break;
      case 'M': options.limits.memory = bytes_of(optarg); break;
      case 'o': options.output = optarg; break;
      case 't': options.test = true; break;
      case 'T': options.limits.threads = threads_of(optarg); break;
      case PRIME: options.prime = optarg; break;
      case 'V': show("unnnc " UNNNC_VERSION "\n");
      default: std::fputs("see unnnc -h\n", stderr); std::exit(2);
    }
  }
  options.files.assign(arguments + optind, arguments + count);
  if (options.output && (options.files.size() > 1 || options.to_stdout || options.test)) {
    misused("-o is for one file, and neither for -c nor -t");
  }
  if (options.files.empty()) options.files = {"-"};
  return options;
}

// The path that the content of a file is written to; none: standard output.
std::optional<std::string> target_of(const std::string& name, const Options& options) {
  if (options.output && *options.output != "-") return options.output;
  if (options.output || options.to_stdout || name == "-") return std::nullopt;
  const size_t stem = name.size() - std::min(name.size(), std::strlen(SUFFIX));
  if (name.substr(stem) != SUFFIX || stem == 0 || name[stem - 1] == '/') {
    throw Refusal("name does not end in .nnc; use -o to name the output");
  }
  return name.substr(0, stem);
}

// Decompresses a file to where the options say. Throws what decode and files do.
void process(const std::string& name, const Options& options, Models& models) {
  if (!options.to_stdout && !options.output) require_regular(name);
  Input input(name);
  if (input.is_terminal() && !options.force) {
    throw Refusal("compressed data not read from a terminal; use -f to force it");
  }
  const Source source = [&](std::span<uint8_t> to) { return input.read(to); };
  if (options.test) return decode(source, models, options.limits, [](View) {});
  if (const std::optional<std::string> target = target_of(name, options)) {
    Output output(*target, options.force, input);
    decode(source, models, options.limits, [&](View content) { output.write(content); });
    return output.publish();
  }
  input.require_not_output();
  decode(source, models, options.limits, [](View content) { write_all(STDOUT_FILENO, content, "(stdout)"); });
}

// Decompresses a file. Returns whether that succeeded; prints what failed.
bool run(const std::string& name, const Options& options) {
  const size_t slash = name.rfind('/');
  std::vector<std::string> folders = options.folders;
  folders.push_back(slash == std::string::npos ? "." : name.substr(0, slash + 1));
  Models models(folders);
  const std::string shown = name == "-" ? "(stdin)" : name;
  try {
    process(name, options, models);
    return true;
  } catch (const std::bad_alloc&) {
    complain(shown + ": out of memory");
  } catch (const std::exception& error) {
    complain(shown + ": " + error.what());
  }
  return false;
}

// Reads the prime, if one is given. Returns false and prints why if that fails.
bool load_prime(Options& options) {
  if (!options.prime) return true;
  try {
    options.limits.prime = std::make_shared<const Prime>(read_file(*options.prime, Prime::MAX_SIZE + 1));
    return true;
  } catch (const std::exception& error) {
    complain(*options.prime + ": " + error.what());
    return false;
  }
}

}  // namespace
}  // namespace nncomp::unnnc

int main(int count, char** arguments) {
  using namespace nncomp::unnnc;
  std::signal(SIGXFSZ, SIG_IGN);  // beyond the limit for files, writing fails like other writing, with a message
  Options options = parse(count, arguments);
  bool good = load_prime(options);
  if (!good) return 1;
  for (const std::string& name : options.files) good &= run(name, options);
  return good ? 0 : 1;
}

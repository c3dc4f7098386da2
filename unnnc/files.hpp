// Files as a command finds and leaves them: an output appears complete or not at all. POSIX.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>

#include "bytes.hpp"

namespace nncomp::unnnc {

// All of a file of at most `most` bytes, or what comes first of a longer one. Throws Refusal.
Bytes read_file(const std::string& path, uint64_t most);

// A file to read, or standard input where its name is "-". Throws Refusal.
class Input {
 public:
  explicit Input(const std::string& name);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Fills `to`; returns how many bytes those are: fewer only at the end.
  size_t read(std::span<uint8_t> to);

  bool is_terminal() const;
  struct stat status() const;

 private:
  int descriptor_;
  Bytes buffer_;
  View left_;  // of it
};

// A file under a passing name, which becomes `path` when it is published, with mode and times of the input; else
// nothing is left of it, also where a signal ends the program. Throws Refusal.
class Output {
 public:
  // An existing file is replaced only where `force`.
  Output(const std::string& path, bool force);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(View data);
  void publish(const Input& like);

 private:
  std::string path_, temporary_;
  bool force_;
  int descriptor_ = -1;
};

void write_all(int descriptor, View data, const std::string& name);

}  // namespace nncomp::unnnc

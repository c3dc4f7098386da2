// Files for a command, on POSIX systems. An output appears under its name complete, or not at all.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>

#include "bytes.hpp"

namespace nncomp::unnnc {

// Reads a file, of a longer one the first `most` bytes. Throws Refusal.
Bytes read_file(const std::string& path, uint64_t most);

// Throws Refusal for a pipe or a device that nobody has opened for this program: to read it may take for ever.
void require_regular(const std::string& name);

// A file to read, or standard input if its name is "-". Throws Refusal.
class Input {
 public:
  explicit Input(const std::string& name);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Fills `to` and returns its size, or at the end of the file how many bytes there were.
  size_t read(std::span<uint8_t> to);

  bool is_terminal() const;
  void require_not_output() const;  // throws Refusal where it is the file that standard output goes to
  struct stat status() const;

 private:
  int descriptor_;
  Bytes buffer_;
  View left_;  // the bytes in it that were not handed out yet
};

// A file that is written under a temporary name. `publish` gives it the name `path`; without that nothing is left of
// it, even if a signal such as SIGINT ends the program. Pipes and devices are written directly, and so is what somebody
// has opened for this program: /dev/stdout, /dev/fd/3. At most one Output with a temporary name may exist at a time.
// Throws Refusal.
class Output {
 public:
  // An existing file is replaced only with `force`; of a symbolic link, the link and not its target. The file that
  // `input` reads is not replaced.
  Output(const std::string& path, bool force, const Input& input);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(View data);
  // Completes the file, with mode, times and, where allowed, the owner of the input if that is a regular file.
  void publish();

 private:
  bool open_directly();
  void copy_attributes() const;

  std::string path_, temporary_;
  bool force_;
  struct stat like_;  // of the input
  int descriptor_ = -1;
};

// Writes all of `data`. Throws Refusal with `name` in its text.
void write_all(int descriptor, View data, const std::string& name);

}  // namespace nncomp::unnnc

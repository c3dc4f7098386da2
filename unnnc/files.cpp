#include "files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace nncomp::unnnc {
namespace {

constexpr size_t BUFFER = 1 << 16;  // bytes; larger reads go without it

[[noreturn]] void fail(const std::string& name) { throw Refusal(name + ": " + std::strerror(errno)); }

void require_ok(int result, const std::string& name) {
  if (result < 0) fail(name);
}

// One read; returns 0 only at the end.
size_t read_some(int descriptor, std::span<uint8_t> to) {
  ssize_t count;
  do count = ::read(descriptor, to.data(), to.size());
  while (count < 0 && errno == EINTR);
  if (count < 0) throw Refusal(std::strerror(errno));
  return size_t(count);
}

// The directory of a path, with a slash at the end.
std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

// Whether a path is to be opened and written as it is, because a new file cannot take its place: a pipe, a device,
// anything in /dev or /proc. What does not exist is none of these.
bool is_special(const std::string& path) {
  struct stat found{};
  const bool is_device = path.starts_with("/dev/") || path.starts_with("/proc/");
  return stat(path.c_str(), &found) == 0 && !S_ISDIR(found.st_mode) && (is_device || !S_ISREG(found.st_mode));
}

// The temporary name of the current Output, for the signal handler, which must not touch a std::string.
char unfinished[4096];
static_assert(std::atomic<bool>::is_always_lock_free);
std::atomic<bool> has_unfinished{false};

void remove_and_die(int signal) {
  if (has_unfinished) unlink(unfinished);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

// Writes a directory to disk, so that a new name in it survives a crash. Errors are ignored: not every system can.
void sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

Bytes read_file(const std::string& path, uint64_t most) {
  Input input(path);
  // One byte more than the file seems to have shows its end; a pipe has no size, and the buffer grows.
  Bytes data(std::min<uint64_t>(most, uint64_t(input.status().st_size) + 1));
  for (size_t done = 0;;) {
    done += input.read(std::span(data).subspan(done));
    if (done < data.size() || done == most) {
      data.resize(done);
      return data;
    }
    data.resize(std::min<uint64_t>(most, 2 * data.size()));
  }
}

Input::Input(const std::string& name) : descriptor_(name == "-" ? 0 : open(name.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw Refusal(std::strerror(errno));
  if (S_ISDIR(status().st_mode)) {
    close(descriptor_);
    throw Refusal(std::strerror(EISDIR));
  }
}

Input::~Input() {
  if (descriptor_ > 0) close(descriptor_);
}

size_t Input::read(std::span<uint8_t> to) {
  size_t done = 0;
  while (done < to.size()) {
    const std::span<uint8_t> rest = to.subspan(done);
    if (left_.empty() && rest.size() < BUFFER) {
      buffer_.resize(BUFFER);
      left_ = View(buffer_).first(read_some(descriptor_, buffer_));
      if (left_.empty()) break;
    }
    size_t count = std::min(left_.size(), rest.size());
    if (count > 0) {
      std::copy_n(left_.begin(), count, rest.begin());
      left_ = left_.subspan(count);
    } else if ((count = read_some(descriptor_, rest)) == 0) {
      break;
    }
    done += count;
  }
  return done;
}

bool Input::is_terminal() const { return isatty(descriptor_) != 0; }

struct stat Input::status() const {
  struct stat found{};
  fstat(descriptor_, &found);
  return found;
}

Output::Output(const std::string& path, bool force) : path_(path), force_(force) {
  if (is_special(path)) {
    if (!force && path != "/dev/null") throw Refusal(path + ": is not a regular file; use -f to write to it");
    descriptor_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    require_ok(descriptor_, path);
    return;
  }
  struct stat found{};
  if (lstat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) throw Refusal(path + ": " + std::strerror(EISDIR));
    if (!force) throw Refusal(path + ": already exists; use -f to overwrite");
  }
  temporary_ = folder_of(path) + ".unnnc.XXXXXX";
  if (temporary_.size() >= sizeof unfinished) throw Refusal(path + ": " + std::strerror(ENAMETOOLONG));
  descriptor_ = mkstemp(temporary_.data());
  require_ok(descriptor_, path);
  std::strcpy(unfinished, temporary_.c_str());
  has_unfinished = true;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, remove_and_die);
}

Output::~Output() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
  has_unfinished = false;
}

void Output::write(View data) { write_all(descriptor_, data, path_); }

void Output::publish(const Input& like) {
  if (temporary_.empty()) return;
  const struct stat status = like.status();
  if (S_ISREG(status.st_mode)) {
    fchmod(descriptor_, status.st_mode & 0777);
    const timespec times[] = {status.st_atim, status.st_mtim};
    futimens(descriptor_, times);
  } else {
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor_, 0666 & ~mask);
  }
  require_ok(fsync(descriptor_), path_);
  require_ok(close(std::exchange(descriptor_, -1)), path_);
  // Unlike a rename, a link fails if the name was taken meanwhile. File systems without links have to rely on the test
  // in the constructor.
  if (!force_ && link(temporary_.c_str(), path_.c_str()) == 0) {
    unlink(temporary_.c_str());
  } else {
    if (!force_ && errno == EEXIST) throw Refusal(path_ + ": already exists; use -f to overwrite");
    require_ok(rename(temporary_.c_str(), path_.c_str()), path_);
  }
  temporary_.clear();
  sync_folder(folder_of(path_));
}

void write_all(int descriptor, View data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t count = ::write(descriptor, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name);
    data = data.subspan(size_t(count));
  }
}

}  // namespace nncomp::unnnc

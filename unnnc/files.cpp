#include "files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace nncomp::unnnc {
namespace {

constexpr size_t BUFFER = 1 << 16;  // bytes; larger reads go without it
constexpr int MAX_LINKS = 40;       // symbolic links that are followed to a file at most, as in Linux

[[noreturn]] void fail(const std::string& name) { throw Refusal(name + ": " + std::strerror(errno)); }

void require_ok(int result, const std::string& name) {
  if (result < 0) fail(name);
}

// Whether what has just failed is to be tried again: a signal came, or the descriptor does not block, as a terminal's
// or pipe's may, and is ready now.
bool try_again(int descriptor, short event) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd waited{descriptor, event, 0};
  return poll(&waited, 1, -1) > 0 || errno == EINTR;
}

// One read; returns 0 only at the end.
size_t read_some(int descriptor, std::span<uint8_t> to) {
  ssize_t count;
  do count = ::read(descriptor, to.data(), to.size());
  while (count < 0 && try_again(descriptor, POLLIN));
  if (count < 0) throw Refusal(std::strerror(errno));
  return size_t(count);
}

// The directory of a path, with a slash at the end.
std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

// The number of the descriptor that a path stands for, such as 1 for /dev/stdout; none for other files.
std::optional<int> descriptor_of(std::filesystem::path path) {
  for (int links = 0; links < MAX_LINKS; ++links) {
    const std::string name = path.filename();
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    std::error_code error;
    int number = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_number = wrong == std::errc() && end == name.data() + name.size() && number >= 0;
    // The first two also where they are missing, as without /proc.
    const bool of_descriptors =
        folder == "/dev/fd" || folder == "/proc/self/fd" || std::filesystem::equivalent(folder, "/dev/fd", error);
    if (is_number && of_descriptors) return number;
    path = folder / std::filesystem::read_symlink(path, error);
    if (error) return std::nullopt;
  }
  return std::nullopt;
}

constexpr const char* SAME_FILE = "input and output are the same file";

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// The temporary name of the current Output, for the signal handler, which must not touch a std::string.
char unfinished[4096];
static_assert(std::atomic<bool>::is_always_lock_free);
std::atomic<bool> has_unfinished{false};

// The signals that end a program unless it is told otherwise.
constexpr int ENDING[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU};

void remove_and_die(int signal) {
  if (has_unfinished) unlink(unfinished);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

// Lets the signals that end the program remove the unfinished file first. What is ignored, as SIGHUP with nohup, stays
// ignored.
void handle_signals() {
  for (const int signal : ENDING) {
    struct sigaction found{};
    sigaction(signal, nullptr, &found);
    if (found.sa_handler != SIG_IGN) std::signal(signal, remove_and_die);
  }
}

// Holds back the signals that end the program, as long as it lives.
class Undisturbed {
 public:
  Undisturbed() {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int signal : ENDING) sigaddset(&ending, signal);
    pthread_sigmask(SIG_BLOCK, &ending, &before_);
  }
  ~Undisturbed() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  sigset_t before_;
};

// Writes a directory to disk, so that a new name in it survives a crash. Errors are ignored: not every system can.
void sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

void require_regular(const std::string& name) {
  struct stat found;
  if (name == "-" || stat(name.c_str(), &found) != 0 || S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) return;
  if (!descriptor_of(name)) throw Refusal("is not a regular file; give it as standard input");
}

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

void Input::require_not_output() const {
  const struct stat own = status();
  struct stat output{};
  if (S_ISREG(own.st_mode) && fstat(STDOUT_FILENO, &output) == 0 && is_same(own, output)) throw Refusal(SAME_FILE);
}

struct stat Input::status() const {
  struct stat found{};
  if (fstat(descriptor_, &found) != 0) throw Refusal(std::strerror(errno));
  return found;
}

Output::Output(const std::string& path, bool force, const Input& input)
    : path_(path), force_(force), like_(input.status()) {
  if (open_directly()) return;
  temporary_ = folder_of(path) + ".unnnc.XXXXXX";
  if (temporary_.size() >= sizeof unfinished) throw Refusal(path + ": " + std::strerror(ENAMETOOLONG));
  handle_signals();
  const Undisturbed undisturbed;  // until the handler knows of the file that there is
  descriptor_ = mkstemp(temporary_.data());
  require_ok(descriptor_, path);
  std::strcpy(unfinished, temporary_.c_str());
  has_unfinished = true;
}

// Opens what is written as it is, because a new file cannot take its place. Returns whether it is such. Throws Refusal
// for what must not be written.
bool Output::open_directly() {
  struct stat found{};
  if (S_ISREG(like_.st_mode) && stat(path_.c_str(), &found) == 0 && is_same(found, like_)) {
    throw Refusal(SAME_FILE);
  }
  if (const std::optional<int> given = descriptor_of(path_)) {
    descriptor_ = fcntl(*given, F_DUPFD_CLOEXEC, 0);
    require_ok(descriptor_, path_);
    return true;
  }
  if (lstat(path_.c_str(), &found) != 0) return false;
  if (S_ISDIR(found.st_mode)) throw Refusal(path_ + ": " + std::strerror(EISDIR));
  if (S_ISREG(found.st_mode) || S_ISLNK(found.st_mode)) {
    if (!force_) throw Refusal(path_ + ": already exists; use -f to overwrite");
    return false;
  }
  if (!force_ && path_ != "/dev/null") throw Refusal(path_ + ": is not a regular file; use -f to write to it");
  descriptor_ = open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  require_ok(descriptor_, path_);
  return true;
}

Output::~Output() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
  has_unfinished = false;
}

void Output::write(View data) { write_all(descriptor_, data, path_); }

// Copies mode, times and owner of a regular file; of anything else, sets the mode of a new file.
void Output::copy_attributes() const {
  if (!S_ISREG(like_.st_mode)) {
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor_, 0666 & ~mask);
    return;
  }
  mode_t mode = like_.st_mode & 0777;  // never set-uid, set-gid, sticky
  [[maybe_unused]] const int given = fchown(descriptor_, like_.st_uid, gid_t(-1));  // it works for root
  // Another group must not get the rights of this one: only those of everybody.
  if (fchown(descriptor_, uid_t(-1), like_.st_gid) != 0) mode &= 0707 | mode << 3;
  fchmod(descriptor_, mode);
#ifdef __APPLE__
  const timespec times[] = {like_.st_atimespec, like_.st_mtimespec};
#else
  const timespec times[] = {like_.st_atim, like_.st_mtim};
#endif
  futimens(descriptor_, times);
}

void Output::publish() {
  if (temporary_.empty()) return;
  copy_attributes();
  const bool synced = fsync(descriptor_) == 0;
  if (!synced && errno != EINVAL && errno != ENOTSUP && errno != ENOSYS) fail(path_);  // what a file system cannot
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
    if (count < 0 && try_again(descriptor, POLLOUT)) continue;
    if (count < 0) fail(name);
    data = data.subspan(size_t(count));
  }
}

}  // namespace nncomp::unnnc

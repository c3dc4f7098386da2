// What all bindings to Python share: bytes, arrays, and the interpreter's lock.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

#include "block/job.hpp"
#include "kernels/kernel.hpp"

namespace nb = nanobind;

inline std::span<const uint8_t> view(const nb::bytes& b) {
  return {reinterpret_cast<const uint8_t*>(b.c_str()), b.size()};
}

inline std::vector<std::span<const uint8_t>> views(const std::vector<nb::bytes>& some) {
  std::vector<std::span<const uint8_t>> found;
  for (const nb::bytes& b : some) found.push_back(view(b));
  return found;
}

inline nb::bytes to_bytes(const std::vector<uint8_t>& v) { return nb::bytes(v.data(), v.size()); }

// A new object of `size` bytes, and where to write them.
inline std::pair<nb::bytes, std::span<uint8_t>> new_bytes(size_t size) {
  nb::bytes bytes = nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, Py_ssize_t(size)));
  if (!bytes.is_valid()) throw nb::python_error();
  const std::span<uint8_t> content(reinterpret_cast<uint8_t*>(PyBytes_AsString(bytes.ptr())), size);
  return {std::move(bytes), content};
}

// The largest size of a block, and of what a filter makes of it.
constexpr size_t MAX_BYTES = size_t(1) << 28;

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

inline const nncomp::Kernel& usable_kernel(const std::string& name) {
  const nncomp::Kernel* found = nncomp::find_kernel(name);
  if (!found) throw std::invalid_argument("this CPU cannot run the kernel '" + name + "'");
  return *found;
}

// Calls `use`, which takes the interpreter's lock, and returns what it returns. A daemon thread that wants it when the
// interpreter has ended never gets it: before 3.14, CPython ends such a thread by pthread_exit, which unwinds the
// stack as an exception does, and aborts the process where that is caught or meets noexcept. So the thread stops here
// for ever, as from 3.14 on.
template <class Use>
auto with_interpreter(Use use) {
#ifdef __GLIBCXX__
  try {
    return use();
  } catch (const abi::__forced_unwind&) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
#else
  return use();
#endif
}

// Releases the interpreter's lock while it lives, except during reports, which the engine makes in the thread that
// calls it. The lock is taken again with the thread state that released it, whichever interpreter that belongs to.
class Unlocked {
 public:
  // A report lets signals in, and calls the user's function, if it is not None. The caller keeps that alive.
  explicit Unlocked(nb::handle function = Py_None) : function_(function) { state_ = PyEval_SaveThread(); }
  ~Unlocked() {
    with_interpreter([this] { PyEval_RestoreThread(state_); });
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

  nncomp::Progress progress() {
    return [this](uint64_t bytes) { report(bytes); };
  }

 private:
  struct Locked {
    PyThreadState*& state;
    explicit Locked(PyThreadState*& given) : state(given) {
      with_interpreter([this] { PyEval_RestoreThread(state); });
    }
    ~Locked() { state = PyEval_SaveThread(); }
  };

  void report(uint64_t bytes) {
    const Locked locked(state_);
    const bool raised = with_interpreter([&] {  // plain C inside: nothing to unwind
      if (PyErr_CheckSignals() != 0) return true;
      if (function_.is_none() || bytes == 0) return false;
      PyObject* result = PyObject_CallFunction(function_.ptr(), "K", static_cast<unsigned long long>(bytes));
      Py_XDECREF(result);
      return result == nullptr;
    });
    if (raised) throw nb::python_error();
  }

  nb::handle function_;
  PyThreadState* state_;
};

// Calls `use` without the interpreter's lock, and returns what it returns.
template <class Use>
auto unlocked(Use use) {
  const Unlocked without;
  return use();
}

// Keeps an object for one call, as long as this lives. Another call throws meanwhile rather than waits: it may hold the
// interpreter's lock, without which the first one cannot end.
class Sole {
 public:
  explicit Sole(std::atomic<bool>& in_use) : in_use_(in_use) {
    if (in_use.exchange(true)) throw std::runtime_error("it is in use");
  }
  ~Sole() { in_use_ = false; }
  Sole(const Sole&) = delete;
  Sole& operator=(const Sole&) = delete;

 private:
  std::atomic<bool>& in_use_;
};

// The items of an array in memory, row by row. Through Python's buffer protocol, because nanobind's arrays take the
// lock of the main interpreter, and so wait for ever in another one.
class Array {
 public:
  // The array itself, or a copy in this layout if it has another. Throws invalid_argument for what is no array.
  static Array contiguous(nb::handle object) {
    return Array(PyMemoryView_GetContiguous(object.ptr(), PyBUF_READ, 'C'));
  }

  // The array itself, to write to. Throws invalid_argument where that cannot be.
  static Array writable(nb::handle object) {
    Array array(PyMemoryView_FromObject(object.ptr()));
    require(!array.view().readonly && PyBuffer_IsContiguous(&array.view(), 'C'), "not a contiguous array to write to");
    return array;
  }

  const Py_buffer& view() const { return *PyMemoryView_GET_BUFFER(memory_.ptr()); }

  // 'i' for items that are signed integers in this machine's order, 'u' for unsigned ones, '?' for others; numpy
  // writes an order that was asked for.
  char kind() const {
    const char* format = view().format;
    if (!format) return '?';
    constexpr bool little = std::endian::native == std::endian::little;
    if (*format != 0 && strchr(little ? "@=<" : "@=>", *format)) ++format;
    if (format[0] == 0 || format[1] != 0) return '?';
    return strchr("bhilq", format[0]) ? 'i' : strchr("BHILQ", format[0]) ? 'u' : '?';
  }

  // Dimensions of a matrix.
  size_t rows() const { return size_t(view().shape[0]); }
  size_t columns() const { return size_t(view().shape[1]); }

  // Calls use(T{}) with the type T of a matrix's items, signed integers of 8 to 64 bits.
  template <class Use>
  void with_integers(Use use) const {
    require(kind() == 'i' && view().ndim == 2, "not a matrix of signed integers");
    if (view().itemsize == 1) return use(int8_t{});
    if (view().itemsize == 2) return use(int16_t{});
    if (view().itemsize == 4) return use(int32_t{});
    use(int64_t{});
  }

 private:
  explicit Array(PyObject* memory) : memory_(nb::steal(memory)) {
    if (!memory) {
      PyErr_Clear();
      throw std::invalid_argument("not an array");
    }
    require(kind() == '?' || uintptr_t(view().buf) % size_t(view().itemsize) == 0, "items of an array are not aligned");
  }

  nb::object memory_;
};

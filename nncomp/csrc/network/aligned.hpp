// A zeroed array that starts at a multiple of 64 bytes.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace nncomp {

template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(size_t n) : data_(static_cast<T*>(::operator new[](n * sizeof(T), std::align_val_t(64)))), size_(n) {
    for (size_t i = 0; i < n; ++i) data_[i] = T{};
  }
  Aligned(Aligned&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
    other.size_ = 0;
  }
  Aligned& operator=(Aligned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Aligned() { ::operator delete[](data_, std::align_val_t(64)); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace nncomp

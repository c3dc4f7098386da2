// Fuzzes the adaptive stage without a network: see check_payloads.
#include "payload.hpp"

void fuzz::check(View data) {
  const std::vector<View> parts = parts_of(data, 2);
  Numbers numbers(parts[0]);
  const size_t size = numbers.below(64);
  const Mixing mixing = mixing_of(numbers);
  const Kernel &first = kernel_of(numbers), &second = kernel_of(numbers);
  check_payloads({nullptr, mixing, &first}, {nullptr, mixing, &second}, {parts[1]}, size);
}

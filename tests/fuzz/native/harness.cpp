// The functions that libFuzzer calls.
#include "harness.hpp"

#include <sys/time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:quarantine_size_mb=16:detect_stack_use_after_return=0";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

namespace fuzz {

constexpr int LONGEST = 10;  // seconds that a case may take; of CPU time, so that a busy machine does not matter

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fault: %s\n", what);
  std::abort();
}

const Kernel& kernel_of(Numbers& numbers) {
  static const std::vector<const Kernel*> some = [] {
    std::vector<const Kernel*> found;
    for (const auto& [name, runs] : kernels()) {
      if (runs) found.push_back(find_kernel(name));
    }
    return found;
  }();
  return *some[numbers.below(some.size())];
}

}  // namespace fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::signal(SIGPROF, [](int) { fuzz::expect(false, "it hangs"); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const itimerval limit{{0, 0}, {fuzz::LONGEST, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  try {
    fuzz::check({data, size});
  } catch (const nncomp::FormatError&) {
  } catch (const std::exception& error) {
    fuzz::expect(false, error.what());
  }
  return 0;
}

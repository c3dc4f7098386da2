// What is counted, and told of what does not hold.
#pragma once

#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace fuzz {

// How a case ended.
enum Outcome {
  KEPT,     // split and joined, or damaged where it does not matter: the content is the same
  ALONE,    // nothing to split
  CAUGHT,   // joined to another content, whose checksum is another one, too
  REFUSED,  // with an error
  OUTCOMES
};

// Cases of a target.
struct Counts {
  const char* name;
  std::array<uint64_t, OUTCOMES> of{};
  double slowest = 0;  // seconds of CPU time
};

inline std::vector<Counts> all_counts;
inline uint64_t at_work = 0;  // number of the case

inline void tell_counts() {
  for (const Counts& c : all_counts) {
    std::printf("%s", c.name);
    for (const uint64_t count : c.of) std::printf(" %llu", static_cast<unsigned long long>(count));
    std::printf(" %.3f\n", c.slowest);
  }
  std::fflush(stdout);
}

// When a sanitizer has found something.
inline void tell_death() {
  std::printf("found %llu\n", static_cast<unsigned long long>(at_work));
  tell_counts();
}

[[noreturn]] inline void fault(const char* what) {
  std::fprintf(stderr, "fault: %s\n", what);
  __sanitizer_print_stack_trace();
  tell_death();
  _exit(1);
}

inline void expect(bool holds, const char* what) {
  if (!holds) fault(what);
}

}  // namespace fuzz

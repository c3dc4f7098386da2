// The fuzzer of native code, below all checks: what filters split is joined again, and what they are joined from is
// damaged. `__main__.py` builds it with sanitizers, makes what it begins with, and runs many processes of it:
//
//   fuzz_native SEEDS SEED FIRST STEP CASES SECONDS [TARGET]
//
// runs the cases FIRST, FIRST + STEP … of those below CASES. A case follows from SEEDS, a folder, SEED and its number.
// At the end, whichever it is, a line for each target: its name and the Counts below.
#include <sanitizer/asan_interface.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>

#include "draw.hpp"
#include "report.hpp"
#include "seeds.hpp"
#include "targets.hpp"

extern "C" const char* __asan_default_options() {
  return "handle_abort=1:detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=512:hard_rss_limit_mb=4096:"
         "quarantine_size_mb=16";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

namespace {

using namespace fuzz;

constexpr int LONGEST = 10;  // seconds of CPU time that a case may take

size_t target_of(uint64_t number, const std::string& only) {
  int left = int(number % 100);
  for (size_t i = 0; i < TARGETS.size(); ++i) {
    if (only.empty() ? (left -= TARGETS[i].cases) < 0 : only == TARGETS[i].name) return i;
  }
  fault("there is no such target");
}

void run(const Target& target, Counts& counts, const Seeds& seeds, uint64_t seed) {
  const itimerval limit{{0, 0}, {LONGEST, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  const std::clock_t start = std::clock();
  Draw draw(seed, at_work);
  try {
    ++counts.of[target.check(draw, seeds)];
  } catch (const std::exception& error) {
    fault(error.what());
  }
  counts.slowest = std::max(counts.slowest, double(std::clock() - start) / CLOCKS_PER_SEC);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 7 && count != 8) {
    std::fprintf(stderr, "usage: fuzz_native SEEDS SEED FIRST STEP CASES SECONDS [TARGET]\n");
    return 2;
  }
  const uint64_t seed = std::stoull(arguments[2]), first = std::stoull(arguments[3]), step = std::stoull(arguments[4]),
                 cases = std::stoull(arguments[5]);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::stod(arguments[6]));
  const std::string only = count == 8 ? arguments[7] : "";
  __sanitizer_set_death_callback(tell_death);
  std::signal(SIGPROF, [](int) { fault("it hangs"); });
  for (const Target& target : TARGETS) all_counts.push_back({target.name});
  const Seeds seeds = read_seeds(arguments[1]);
  for (at_work = first; at_work < cases && std::chrono::steady_clock::now() < end; at_work += step) {
    const size_t which = target_of(at_work, only);
    run(TARGETS[which], all_counts[which], seeds, seed);
  }
  tell_counts();
  return 0;
}

// What is fuzzed, and what must hold for it.
#pragma once

#include <vector>

#include "draw.hpp"
#include "report.hpp"
#include "seeds.hpp"

namespace fuzz {

struct Target {
  const char* name;
  Outcome (*check)(Draw&, const Seeds&);  // ends the process by `fault` where something does not hold
  int cases;                              // of 100
};

extern const std::vector<Target> TARGETS;

}  // namespace fuzz

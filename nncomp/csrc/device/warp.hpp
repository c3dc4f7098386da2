// The adaptive stage's update by the warps of a thread block (docs/numerics.md, section 14). Each table, and each
// other kind of cell, is a task that one warp takes. Within a task the lanes' updates are done in parallel, except
// that those of the same bucket or cell are done in the lanes' order. A test compiles this for the CPU, with CUDA's
// built-in functions emulated.
#pragma once

#include <cstdint>

#include "stage/update.hpp"

namespace nncomp::mix {
namespace {

constexpr uint32_t WARP = 32;  // threads
constexpr uint32_t ALL = 0xFFFFFFFF;  // the mask of all of them

// Calls update(j) for the lanes j = 0 … count − 1 by the threads of one warp, 32 lanes at a time; lanes with equal
// keys one after the other, in their order. A key is below 2^63.
template <class Key, class Update>
inline void in_order(uint32_t count, Key key, Update update) {
  const uint32_t thread = threadIdx.x % WARP;
  for (uint32_t first = 0; first < count; first += WARP) {
    const uint32_t j = first + thread;
    const bool active = j < count;
    const unsigned long long mine = active ? key(j) : ~0ull - thread;  // differs from all others
    const uint32_t before = __popc(__match_any_sync(ALL, mine) & ((1u << thread) - 1));
    for (uint32_t round = 0; __any_sync(ALL, active && before >= round); ++round) {
      if (active && before == round) update(j);
      __syncwarp();
    }
  }
}

// Updates the shared state when lanes 0 … count − 1 have coded their byte. Called by all threads of the block, which
// synchronise before and after.
inline void update(const Shared& s, uint32_t count) {
  const int tables = s.shape.contexts, tasks = tables + 8 + 3 + s.shape.memories;
  const int warp = int(threadIdx.x / WARP), warps = int(blockDim.x / WARP);
  const auto lane = [&](uint32_t j) -> const Lane& { return s.lane[j]; };
  for (int task = warp; task < tasks; task += warps) {
    if (task < tables) {
      const Table& table = s.table[task];
      for (int half = 0; half < 2; ++half) {
        in_order(
            count, [&](uint32_t j) { return lane(j).hash[half][task] >> table.shift; },
            [&](uint32_t j) { update_table(s, lane(j), path_of(s, lane(j), half), task, half); });
      }
    } else if (task < tables + 8) {  // what bit k of the byte changes
      const uint32_t k = uint32_t(task - tables);
      in_order(
          count, [&](uint32_t j) { return node_of(lane(j), k); },
          [&](uint32_t j) { update_history(s, lane(j), k, order0_of(s, lane(j), k)); });
      in_order(
          count, [&](uint32_t j) { return reinterpret_cast<unsigned long long>(&order1_of(s, lane(j), k)); },
          [&](uint32_t j) { update_history(s, lane(j), k, order1_of(s, lane(j), k)); });
      in_order(
          count, [&](uint32_t j) { return reinterpret_cast<unsigned long long>(lane(j).shared_cell[k]); },
          [&](uint32_t j) { update_map(lane(j), k); });
    } else if (task == tables + 8) {
      in_order(
          count, [&](uint32_t j) { return lane(j).recent[0] & 255; }, [&](uint32_t j) { update_after1(s, lane(j)); });
    } else if (task == tables + 9) {
      in_order(
          count, [&](uint32_t j) { return lane(j).recent[0] & 0xFFFF; },
          [&](uint32_t j) { update_after2(s, lane(j)); });
    } else if (task > tables + 10) {
      const int m = task - tables - 11;
      in_order(
          count, [&](uint32_t j) { return lane(j).memory_at[m]; }, [&](uint32_t j) { update_memory(s, lane(j), m); });
    } else {
      for (int m = 0; m < s.shape.matches; ++m) {
        in_order(
            count, [&](uint32_t j) { return index_entry(s, lane(j), m); },
            [&](uint32_t j) { update_index(s, lane(j), m); });
      }
    }
  }
}

}  // namespace
}  // namespace nncomp::mix

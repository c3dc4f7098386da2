// Runs device/stage.cu on the CPU. The threads of a thread block are fibers, of which one runs at a time, up to the
// next call where it waits for others. The order between two such calls is drawn from a seed, so that code which
// depends on it gives other results. If threads of a warp or block wait in different functions, the program aborts.
#include <setjmp.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#define __global__
#define __shared__ static
#define __launch_bounds__(...)

namespace {

struct Index {
  unsigned x;
};
thread_local Index threadIdx, blockIdx, blockDim;

enum Wait { NOTHING, BLOCK, WARP_SYNC, MATCH, ANY };  // the function that a thread waits in

struct Fiber {
  ucontext_t context;  // only to start it
  jmp_buf place;  // where it goes on: jumps are faster, as they need no system call
  bool started = false;
  std::vector<char> stack;
  Wait wait = NOTHING;
  unsigned long long value = 0;  // the argument of the function that it waits in
  unsigned result = 0;  // its result
  bool done = false;
};

std::vector<Fiber> fibers;
ucontext_t returning;
jmp_buf scheduler;
unsigned current;
std::function<void()> kernel;

// Lets the current fiber wait until `release` has given it a result, which is returned.
unsigned meet(Wait wait, unsigned long long value) {
  Fiber& f = fibers[current];
  f.wait = wait;
  f.value = value;
  if (_setjmp(f.place) == 0) _longjmp(scheduler, 1);
  return fibers[current].result;
}

void __syncthreads() { meet(BLOCK, 0); }
int __syncthreads_count(bool p) { return int(meet(BLOCK, p)); }
void __syncwarp() { meet(WARP_SYNC, 0); }
unsigned __match_any_sync(unsigned, unsigned long long value) { return meet(MATCH, value); }
bool __any_sync(unsigned, bool p) { return meet(ANY, p) != 0; }
int __popc(unsigned x) { return __builtin_popcount(x); }

// Lets fibers first … last − 1 go on if all of them wait in the same function. Returns whether they do.
bool release(unsigned first, unsigned last) {
  const Wait wait = fibers[first].wait;
  if (wait == NOTHING) return false;
  for (unsigned i = first; i < last; ++i) {
    if (fibers[i].done || (fibers[i].wait != wait && fibers[i].wait != NOTHING)) {
      fprintf(stderr, "threads %u and %u wait for different things\n", first, i);
      abort();
    }
    if (fibers[i].wait == NOTHING) return false;
  }
  unsigned sum = 0;
  for (unsigned i = first; i < last; ++i) sum += unsigned(fibers[i].value);
  for (unsigned i = first; i < last; ++i) {
    Fiber& f = fibers[i];
    f.result = sum;
    if (wait == MATCH) {
      f.result = 0;
      for (unsigned j = first; j < last; ++j) f.result |= unsigned(fibers[j].value == f.value) << (j - first);
    }
    f.wait = NOTHING;
  }
  return true;
}

// The body of a fiber.
void enter() {
  kernel();
  fibers[current].done = true;
  _longjmp(scheduler, 1);
}

// Runs a fiber until it waits or ends.
void resume(Fiber& f) {
  if (_setjmp(scheduler) != 0) return;
  if (f.started) _longjmp(f.place, 1);
  f.started = true;
  swapcontext(&returning, &f.context);
}

// Runs the kernel for all threads of one block; `threads` is a power of two, 32 or more.
void run(unsigned block, unsigned threads, uint64_t& seed) {
  fibers = std::vector<Fiber>(threads);
  blockIdx = {block};
  blockDim = {threads};
  for (Fiber& f : fibers) {
    f.stack.resize(1 << 16);
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    makecontext(&f.context, enter, 0);
  }
  for (unsigned left = threads; left > 0;) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const unsigned step = 2 * unsigned(seed >> 33) + 1, from = unsigned(seed >> 40);
    bool moved = false;
    for (unsigned i = 0; i < threads; ++i) {
      Fiber& f = fibers[current = (from + i * step) % threads];
      if (f.done || f.wait != NOTHING) continue;
      threadIdx = {current};
      resume(f);
      moved = true;
      left -= f.done;
    }
    for (unsigned first = 0; first < threads; first += 32) {
      if (fibers[first].wait != BLOCK) moved |= release(first, first + 32);
    }
    if (fibers[0].wait == BLOCK) moved |= release(0, threads);
    if (!moved && left > 0) {
      fprintf(stderr, "threads wait for ever\n");
      abort();
    }
  }
}

}  // namespace

#include "device/stage.cu"

// Runs the kernel called `name`; `a` points to its arguments, as for cuLaunchKernel. Returns false if there is none.
extern "C" bool launch(const char* name, unsigned grid, unsigned threads, uint64_t seed, void** a) {
  const auto is = [&](const char* other) { return strcmp(name, other) == 0; };
  const auto as = [&]<class T>(int i, T) { return *static_cast<T*>(a[i]); };
  Block* const b = as(0, (Block*)nullptr);
  if (is("begin")) {
    kernel = [&] { begin(b, as(1, (Seat*)nullptr), as(2, 0u)); };
  } else if (is("code")) {
    kernel = [&] {
      code(b, as(1, (Seat*)nullptr), as(2, (int32_t*)nullptr), as(3, (Distribution*)nullptr), as(4, (uint8_t*)nullptr),
           as(5, 0u), as(6, 0u));
    };
  } else if (is("finish")) {
    kernel = [&] { finish(as(0, (Seat*)nullptr), as(1, 0u), as(2, 0u)); };
  } else {
    return false;
  }
  for (unsigned block = 0; block < grid; ++block) run(block, threads, seed);
  return true;
}

// The functions of the CUDA driver that device.py calls: one device with compute capability 9.0. A function is
// represented by its name.

static int contexts = 0;
static uint64_t launches = 0;

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDeviceGetCount(int* count) { return *count = 1, 0; }
int cuDeviceGet(int* device, int number) { return *device = number + 7, number == 0 ? 0 : 101; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  if (device != 7) return 101;
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : -1;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int device) { return *context = &contexts, device == 7 ? 0 : 101; }
int cuCtxSetCurrent(void* context) { return context == &contexts ? 0 : 201; }
int cuModuleLoadData(void** module, const char* image) { return *module = &launches, strcmp(image, "cubin") ? 200 : 0; }
int cuModuleGetFunction(void** function, void* module, const char* name) {
  *function = strdup(name);
  return module == &launches ? 0 : 500;
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned y_threads,
                   unsigned z_threads, unsigned shared, void* stream, void** arguments, void** extra) {
  if (y != 1 || z != 1 || y_threads != 1 || z_threads != 1 || shared != 0 || stream || extra) return 1;
  return launch(static_cast<const char*>(function), x, threads, ++launches, arguments) ? 0 : 500;
}
}

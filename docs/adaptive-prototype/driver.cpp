
#define TUNE
#include "mix.hpp"
#include "../../nncomp/csrc/coder.hpp"
#include <sys/mman.h>
#include <ctime>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <algorithm>
#include <vector>
#include <memory>
using namespace nncomp;
using namespace nncomp::mix;

static std::vector<uint8_t> slurp(const char* f) {
  std::vector<uint8_t> v; FILE* h = fopen(f, "rb"); if (!h) { perror(f); exit(1); }
  fseek(h, 0, SEEK_END); v.resize(size_t(ftell(h))); fseek(h, 0, SEEK_SET);
  if (fread(v.data(), 1, v.size(), h) != v.size()) exit(1); fclose(h); return v;
}
static void* zalloc(size_t n) {
  n = (n + (2 << 20) - 1) & ~size_t((2 << 20) - 1);
  void* p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, n, MADV_HUGEPAGE);
  return p;
}
struct Arena { std::vector<std::pair<void*, size_t>> all; 
  void* get(size_t n) { n = (n + (2 << 20) - 1) & ~size_t((2 << 20) - 1); void* p = zalloc(n); all.push_back({p, n}); return p; }
  ~Arena() { for (auto& a : all) munmap(a.first, a.second); } };

// x86: the 24 low bits of a near call's or jump's distance become its target; from the end, so that the
// inverse, from the start, sees the same opcodes.
static void forward_x86(u8* b, size_t n) {
  for (size_t i = n < 5 ? 0 : n - 4; i-- > 0;)
    if ((b[i] & 254) == 0xE8 && ((b[i + 4] + 1) & 254) == 0) {
      u32 a = u32(b[i + 1] | b[i + 2] << 8 | b[i + 3] << 16) + u32(i);
      b[i + 1] = u8(a); b[i + 2] = u8(a >> 8); b[i + 3] = u8(a >> 16);
    }
}
// Candidate record lengths: lags at which bytes recur that the byte before does not explain.
static std::vector<double> score;
static std::vector<int> periods(const std::vector<u8>& d) {
  score.clear();
  if (d.size() < 2000) return {};
  std::vector<std::pair<double, int>> c;
  size_t n = std::min<size_t>(d.size(), 200000), o = (d.size() - n) / 2;
  std::vector<double> sc(4200, 0);
  for (size_t lag = 1; lag < 4200 && lag * 4 < n; ++lag) {
    u32 eq = 0; 
    for (size_t i = o + lag; i < o + n; ++i) eq += d[i] == d[i - lag] && d[i] != d[i - 1];
    sc[lag] = double(eq) / double(n - lag);
  }
  for (int lag = 2; lag < 4199; ++lag) c.push_back({sc[lag] - (sc[lag - 1] + sc[lag + 1]) / 2, lag});
  std::sort(c.rbegin(), c.rend());
  std::vector<int> r; for (int i = 0; i < 6; ++i) { r.push_back(c[i].second); score.push_back(c[i].first);  }
  return r;
}

struct Init { std::vector<double> w, m; double wn = 0; std::vector<double> mn; };
static Init gather;              // what a run ends with
static std::vector<int> init_w; static std::vector<int> init_map;
static bool collect = false;
static size_t memory_used;
template <class PerLane>
void run(const Profile& prof, const u8* data, u32 size, u32 lanes, const u32* net, PerLane per) {
  Arena ar;
  auto s = std::make_unique<Shared>();
  s->p = prof; s->data = data; s->size = size; s->lanes = lanes;
  u32 each = size / lanes, longer = size % lanes;
  for (u32 i = 0; i <= lanes; ++i) s->starts[i] = i * each + (i < longer ? i : longer);
  size_t tb = size_t(64) << prof.table_bits;
  for (int i = 0; i < prof.contexts; ++i) { s->table[i].data = (u8*)ar.get(tb); s->table[i].data2 = T[10] & 2 ? (u8*)ar.get(2 * tb) : nullptr; s->table[i].shift = u32(64 - prof.table_bits); }
  s->order0 = (u8*)ar.get(256); s->order1 = (u8*)ar.get(65536);
  for (int m = 0; m < prof.matches; ++m) s->index[m] = (u32*)ar.get(size_t(4) << prof.match_bits);
  auto apm = [&](size_t n) { u32* a = (u32*)ar.get(n * 33 * 4 + 64); for (size_t i = 0; i < n; ++i) for (int j = 0; j < 33; ++j) { u32 v = squash((j - 16) * 4096); a[i * 33 + size_t(j)] = v << 10; } return a; };
  s->apm1 = apm(65536);
  std::vector<std::unique_ptr<Lane>> hold;
  Lane* L = (Lane*)ar.get(sizeof(Lane) * lanes);
  for (u32 i = 0; i < lanes; ++i) {
    Lane& l = L[i]; 
    l.index = i; l.base = data + s->starts[i]; l.size = s->starts[i + 1] - s->starts[i];
    l.state_map = (u32*)ar.get(4 * 256 * size_t(prof.contexts + 2));
    for (int c = 0; c < prof.contexts + 2; ++c) for (int k = 0; k < 256; ++k) l.state_map[256 * c + k] = u32(TABLES.start[k]) << 16;
    for (int m = 0; m < 3; ++m) for (int k = 0; k < 4096; ++k) { u32 b = u32(k) >> 6; u32 q = 65535 - 65536 / (b + 3); l.match_map[m][k] = q << 16; }
    l.ind2 = (u16*)ar.get(131072);
    l.weights = (i32*)ar.get(4 * size_t(prof.sets) * 256 * MAX_INPUTS);
    for (int k = 0; k < prof.sets * 256 * prof.inputs; ++k) { int j = k % prof.inputs; 
      int st = T[10] & 2 ? 3 : 2; bool in = j < st * prof.contexts ? j % st == 0 : (j - st * prof.contexts) % 2 == 0; l.weights[k] = in ? T[2] * 64 : 0; int o = st * prof.contexts + 4 + 2 * prof.matches; if (prof.network && (T[20] & 4)) { if (j < o) l.weights[k] = T[22] * l.weights[k] >> 6; else l.weights[k] = j == o ? 40000 : 0; } }
    if (init_w.size() == size_t(prof.inputs)) for (int k = 0; k < prof.sets * 256 * prof.inputs; ++k) l.weights[k] = init_w[size_t(k % prof.inputs)];
    if (init_map.size() == 256) for (int c = 0; c < prof.contexts + 2; ++c) for (int k = 0; k < 256; ++k) l.state_map[256 * c + k] = u32(init_map[size_t(k)]) << 16;
    l.weights2 = (i32*)ar.get(4 * 16 * (512));
    for (int k = 0; k < 384 * 16; ++k) l.weights2[k] = k % 16 < prof.sets ? 65536 / prof.sets : 0;
    l.last_apm = apm(1024); l.net_apm = apm(256);
    l.expected = 0xFFFF;
    if (l.size) start_byte(*s, l);
  }
  memory_used = 0; for (auto& a : ar.all) memory_used += a.second;
  u32 most = each + (longer ? 1 : 0);
  for (u32 t = 0; t < most; ++t) {
    u32 count = t < each ? lanes : longer;
    for (u32 j = 0; j < count; ++j) per(*s, L[j], net ? net + (size_t(s->starts[j]) + t) * 256 : nullptr);
    update(*s, L, count);
  }
  if (collect) {
    int in = prof.inputs; std::vector<double> w(in, 0); double n = 0;
    for (int k = 0; k < prof.sets * 256; ++k) {
      i32* r = L[0].weights + size_t(k) * in; long ch = 0; int first = 0;
      for (int j = 0; j < in; ++j) { int ini = init_w.size() == size_t(in) ? init_w[size_t(j)] : -1; if (ini < 0 ? (r[j] != 0 && r[j] != T[2] * 64) : r[j] != ini) ++ch; } (void)first;
      if (ch * 2 < in) continue;
      n += 1; for (int j = 0; j < in; ++j) w[size_t(j)] += r[j];
    }
    if (gather.w.size() != size_t(in)) gather.w.assign(size_t(in), 0), gather.wn = 0;
    for (int j = 0; j < in; ++j) gather.w[size_t(j)] += w[size_t(j)] / n;
    gather.wn += 1;
    if (gather.m.empty()) gather.m.assign(256, 0), gather.mn.assign(256, 0);
    for (int c = 0; c < prof.contexts; ++c) for (int k = 0; k < 256; ++k) { u32 v = L[0].state_map[256 * c + k]; double g = v & 1023; if (g < 8) continue; gather.m[size_t(k)] += g * (v >> 16); gather.mn[size_t(k)] += g; }
  }
}

static void finish_profile(Profile& p, size_t size) {
  { Shared s{}; s.p = p; static Lane l; memset(&l, 0, sizeof l); static u8 z[1]; l.base = z; p.contexts = contexts(s, l); }
  int in = (T[10] & 2 ? p.contexts : 0) + 2 * (p.contexts + 2) + 2 * p.matches + (p.network ? (T[20] & 2 ? 4 : 2) : 0) + 1;
  p.inputs = (in + 15) & ~15;
  if (!getenv("TB") ) { int b = 10; while ((size_t(64) << b) < size * 16 && b < 18) ++b; p.table_bits = b; } else p.table_bits = atoi(getenv("TB"));
  { int b = 12; while ((size_t(1) << b) < size && b < 22) ++b; p.match_bits = b; }
}
static size_t cost(Profile p, const u8* d, u32 n) {
  finish_profile(p, n);
  std::vector<u8> out(2 * n + 4096); Encoder e; e.out = out.data();
  run(p, d, n, 1, nullptr, [&](Shared& s, Lane& l, const u32* nw) {
    u32 want = l.base[l.t]; int k = 8;
    code_byte(s, l, nw, [&](u32 q) { u32 b = (want >> --k) & 1; e.put(b, q); return b; });
  });
  return e.size;
}
static bool lean = false;
// The list and the record length, from a sample of the middle.
static void choose(Profile& base, bool& x86, const std::vector<u8>& d) {
  std::vector<int> lags = periods(d);
  std::vector<double> sc = score;
  std::vector<u8> sample;
  const size_t part = lean ? 12288 : 24576;
  if (d.size() <= 3 * part) sample = d;
  else for (int i = 0; i < 3; ++i) { size_t at = (d.size() - part) / 6 * size_t(2 * i + 1); sample.insert(sample.end(), d.begin() + long(at), d.begin() + long(at + part)); }
  size_t n = sample.size();
  struct Try { int list, period, stride; bool x86; };
  std::vector<Try> tries;
  int g = lean ? 4 : 0;
  tries.push_back({g, 0, 1, false});
  size_t high = 0; for (u8 v : sample) high += v >= 128 || (v < 32 && v != 10 && v != 13 && v != 9);
  if (!lags.empty()) tries.push_back({g, lags[0], 1, false});
  if (high * 50 > n) {
    if (!lags.empty() && !lean) {
      int small = 1; for (size_t i = 0; i < lags.size(); ++i) if (lags[i] <= 4) { small = lags[i]; break; }
      int row = 0; for (size_t i = 0; i < lags.size(); ++i) if (lags[i] > 16) { row = lags[i]; break; }
      tries.push_back({1, lags[0], 1, false}); tries.push_back({1, lags[1], 1, false});
      if (row) { tries.push_back({1, row, 1, false}); tries.push_back({3, row, small == 4 ? 4 : small, false}); }
      tries.push_back({3, small > 1 ? 2 * small : lags[0], small, false});
    }
    tries.push_back({lean ? 5 : 2, 0, 1, true});
  }
  size_t best = ~size_t(0); Try b{};
  for (auto& t : tries) {
    Profile p = base; p.list = t.list == 5 ? 4 : t.list; p.period = t.period; p.stride = t.stride;
    std::vector<u8> s = sample; if (t.x86) forward_x86(s.data(), n);
    size_t c = cost(p, s.data(), u32(n));
    if (c < best) best = c, b = t;
  }
  base.list = b.list == 5 ? 4 : b.list; base.period = b.period; base.stride = b.stride; x86 = b.x86;
}
int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  Profile base;
  for (int i = 0; i < 64; ++i) T[i] = 0;
  T[0] = 30; T[1] = 24; T[2] = 90; T[10] = 0; T[13] = 5; T[14] = 80; T[20] = 70; T[22] = 64; base.matches = 2; base.sets = 6; T[11] = 30; T[12] = 255;
  u32 lanes = 1; bool verify = false; const char* netf = nullptr; const char* outf = nullptr; bool autoc = false; bool autol = false, x86 = false; int limit = 0;
  std::vector<const char*> files;
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    if (a == "-l") base.list = atoi(argv[++i]);
    else if (a == "-r") base.rich = atoi(argv[++i]);
    else if (a == "-p") base.period = atoi(argv[++i]);
    else if (a == "-B") base.stride = atoi(argv[++i]);
    else if (a == "-x") x86 = true;
    else if (a == "-C") collect = true;
    else if (a == "-I") { FILE* h = fopen(argv[++i], "r"); if (h) { int nn, v; if (fscanf(h, "%d", &nn) == 1) for (int j = 0; j < nn && fscanf(h, "%d", &v) == 1; ++j) init_w.push_back(v); for (int j = 0; j < 256 && fscanf(h, "%d", &v) == 1; ++j) init_map.push_back(v); fclose(h); } }
    else if (a == "-O") outf = argv[++i];
    else if (a == "-a") autoc = true;
    else if (a == "-e") lean = true, base.list = 4, base.matches = 1, base.sets = 3;
    else if (a == "-m") base.matches = atoi(argv[++i]);
    else if (a == "-s") base.sets = atoi(argv[++i]);
    else if (a == "-L") lanes = u32(atoi(argv[++i]));
    else if (a == "-A") autol = true;
    else if (a == "-v") verify = true;
    else if (a == "-b") base.table_bits = atoi(argv[++i]);
    else if (a == "-n") netf = argv[++i];
    else if (a == "-N") limit = atoi(argv[++i]);
    else if (a == "-T") { int k, v; sscanf(argv[++i], "%d=%d", &k, &v); T[k] = v; }
    else files.push_back(argv[i]);
  }
  build_tables(TABLES);
  size_t total = 0, n = 0; double secs = 0;
  for (auto f : files) {
    clock_t tc = clock(); auto d = slurp(f); if (limit && d.size() > size_t(limit)) d.resize(size_t(limit));
    if (autoc) choose(base, x86, d);
    double chosen = double(clock() - tc) / CLOCKS_PER_SEC;
    if (x86) forward_x86(d.data(), d.size());
    Profile p = base;
    if (getenv("PER")) { printf("%s\n", f); periods(d); continue; }
    std::vector<u8> netw; const u32* net = nullptr;
    if (netf) { std::string nf = std::string(netf) + (strrchr(f, '/') + 1) + ".bin"; netw = slurp(nf.c_str()); net = (const u32*)netw.data(); p.network = 1; }
    finish_profile(p, d.size());
    u32 L = autol ? std::max<u32>(1, u32(d.size() >> 18)) : lanes;
    std::vector<Encoder> enc(L); std::vector<std::vector<u8>> out(L);
    for (u32 i = 0; i < L; ++i) { out[i].resize(d.size() * 2 / L + 4096); enc[i].out = out[i].data(); }
    auto t0 = clock();
    run(p, d.data(), u32(d.size()), L, net, [&](Shared& s, Lane& l, const u32* nw) {
      u32 want = l.base[l.t]; int k = 8; Encoder& e = enc[l.index];
      code_byte(s, l, nw, [&](u32 q) { u32 b = (want >> --k) & 1; e.put(b, q); return b; });
    });
    double sec = double(clock() - t0) / CLOCKS_PER_SEC;
    size_t c = 0; for (auto& e : enc) { if (e.size || d.size()) e.finish(); c += e.size; }
    const char* name = strrchr(f, '/'); name = name ? name + 1 : f;
    printf("%-28s %8zu %8zu  %.4f bpc  %.2f us/B  %zu MiB L%u list %d period %d stride %d x86 %d choice %.2f s\n", name, d.size(), c, 8.0 * c / d.size(), sec * 1e6 / d.size(), memory_used >> 20, L, p.list, p.period, p.stride, x86, chosen);
    total += c; n += d.size(); secs += sec;
    if (verify) {
      std::vector<u8> r(d.size());
      std::vector<Decoder> dec(L);
      for (u32 i = 0; i < L; ++i) { dec[i].in = out[i].data(); dec[i].size = enc[i].size; dec[i].start(); }
      run(p, r.data(), u32(r.size()), L, net, [&](Shared& s, Lane& l, const u32* nw) {
        u32 b = code_byte(s, l, nw, [&](u32 q) { return dec[l.index].get(q); });
        const_cast<u8*>(l.base)[l.t] = u8(b);
      });
      printf("  decode %s\n", r == d ? "ok" : "WRONG");
    }
  }
  if (outf) { FILE* h = fopen(outf, "w"); fprintf(h, "%zu\n", gather.w.size()); for (double v : gather.w) fprintf(h, "%d ", int(v / gather.wn)); fprintf(h, "\n"); for (int k = 0; k < 256; ++k) fprintf(h, "%d ", gather.mn[size_t(k)] > 0 ? int(gather.m[size_t(k)] / gather.mn[size_t(k)]) : int(TABLES.start[k])); fclose(h); }
  if (files.size() > 1) printf("%-28s %8zu %8zu  %.4f bpc  %.2f us/B\n", "TOTAL", n, total, 8.0 * total / n, secs * 1e6 / n);
}

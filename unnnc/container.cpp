#include "container.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "block/block.hpp"
#include "deflate/checksum.hpp"

namespace nncomp::unnnc {
namespace {

using deflate::crc32;

constexpr uint8_t MAGIC[] = {0x89, 'N', 'N', 'C', '\r', '\n'};
constexpr uint8_t SMALL_MAGIC[] = {0x89, 'N', 'P'};
constexpr int VERSION = 26;
constexpr size_t PRIME_SIZE = 16;               // bytes of a prime's digest
constexpr size_t NAMED_SIZE = 4;                // bytes of a prime's digest, or of a model's id, in a small frame
constexpr uint64_t MAX_SMALL_SIZE = LEAD_SIZE;  // bytes of content of a small frame
constexpr uint64_t REACHES[] = {0, 1 << 26, 1 << 29, uint64_t(1) << 31};  // bytes, by the code in a header
constexpr uint64_t MAX_BLOCKS = 1 << 24;      // blocks of a frame
constexpr uint64_t MAX_PLAN_SIZE = 1 << 16;   // bytes of a plan
constexpr uint64_t MAX_MODEL_SIZE = 1 << 26;  // bytes of an embedded model
constexpr uint64_t INDEX_PIECE = 1 << 12;     // bytes of an index that are read at a time

enum Type : uint8_t { END, BLOCK, NETWORK_BLOCK, PRIMED_END };  // of records
enum Form { MIXED, STORED, NETWORK, PLANNED };                    // of a small frame's block

constexpr const char* CUT_SHORT = "the compressed data ended before the end-of-stream marker was reached";

// Whether a model may be called so: [a-z0-9][a-z0-9._-]*. The name is not empty.
bool is_name(View name) {
  const auto good = [](uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return good(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](uint8_t c) { return good(c) || c == '.' || c == '_' || c == '-'; });
}

// The type of the frame's end record.
uint8_t end_of(const Header& header) { return header.prime.empty() ? END : PRIMED_END; }

// A varint with its bytes in reverse order, for readers that begin at the end of a file.
Bytes footer_of(uint64_t number) {
  Bytes footer;
  put_varint(footer, number);
  std::reverse(footer.begin(), footer.end());
  return footer;
}

// Whether this type is that of a network block. Throws FormatError unless it is that of a block.
bool is_network(uint8_t type) {
  require(type == BLOCK || type == NETWORK_BLOCK, "block type " + std::to_string(type) + " is not supported");
  return type == NETWORK_BLOCK;
}

// The plan that a form of a small frame stands for; `form` is not PLANNED.
Bytes plan_of(int form, bool primed) {
  if (form == STORED) return {0x00, 0x00};
  const uint8_t coding = form == NETWORK ? 0x20 : 0x10;
  if (primed) return {0x00, uint8_t(coding | 0x40)};
  return {0x00, coding, 0x00};
}

void check_version(int version) {
  require(version == VERSION, "format version " + std::to_string(version) + " is not supported");
}

void check_method(int method) {
  require((method & 15) != 0, "arithmetic version is out of range");
  require((method >> 4 & 3) != 0, "mixing profile 0 is not supported");
}

// A size as text, rounded up: "12.5 MiB".
std::string mebibytes(uint64_t size) {
  if (size < 1 << 20) return std::to_string(size) + " bytes";
  const uint64_t tenths = (size * 10 + (1 << 20) - 1) >> 20;
  const std::string whole = std::to_string(tenths / 10);
  return (tenths % 10 ? whole + "." + std::to_string(tenths % 10) : whole) + " MiB";
}

}  // namespace

void refuse_memory(const std::string& what, uint64_t need, uint64_t limit) {
  throw Refusal(what + " needs " + mebibytes(need) + ", more than the memory limit of " + mebibytes(limit));
}

int Header::lanes_of(uint64_t size) const {
  const uint64_t least = 3 * (block_size / lanes);  // quarter bytes of a lane at least, if there are several
  const uint64_t most = std::bit_floor(4 * size / least);
  return int(std::clamp<uint64_t>(most, 1, MAX_LANES));
}

// ---- Fields ----

size_t Reader::read(std::span<uint8_t> to) {
  const size_t count = source_(to);
  crc_ = crc32(to.first(count), crc_);
  position_ += count;
  return count;
}

Bytes Reader::take(uint64_t size) {
  Bytes taken(size);
  require(read(taken) == size, CUT_SHORT);
  return taken;
}

uint8_t Reader::byte() { return take(1)[0]; }

uint64_t Reader::varint() {
  return read_varint([this] { return byte(); });
}

uint32_t Reader::uint32() { return deflate::little32(take(4).data()); }

// Reads a check. It covers all bytes since the previous one, which is itself among them.
void Reader::check() {
  const uint32_t expected = crc_;
  crc_ = 0;
  require(uint32() == expected || !CHECKED, "damaged: a checksum does not match");
}

// ---- Frames ----

std::optional<Header> Reader::frame() {
  crc_ = 0;
  start_ = position_;
  Bytes magic(sizeof SMALL_MAGIC);
  magic.resize(read(magic));
  const bool small = std::equal(magic.begin(), magic.end(), std::begin(SMALL_MAGIC), std::end(SMALL_MAGIC));
  if (!small && magic.size() == sizeof SMALL_MAGIC && std::equal(magic.begin(), magic.end(), MAGIC)) {
    Bytes rest(sizeof MAGIC - magic.size());
    rest.resize(read(rest));
    magic.insert(magic.end(), rest.begin(), rest.end());
  }
  if (!small && !std::equal(magic.begin(), magic.end(), std::begin(MAGIC), std::end(MAGIC))) {
    if (magic.empty() && !first_) return std::nullopt;
    const bool short_small = magic.size() < sizeof SMALL_MAGIC && std::equal(magic.begin(), magic.end(), SMALL_MAGIC);
    require(magic.empty() || !(short_small || std::equal(magic.begin(), magic.end(), MAGIC)), CUT_SHORT);
    require(first_, "trailing bytes after the end-of-stream marker");
    require(magic.size() < 4 || !std::equal(MAGIC, MAGIC + 4, magic.begin()),
            "damaged: line ends were converted (copied as text?)");
    throw FormatError(magic.empty() ? "not an .nnc file: it is empty" : "not an .nnc file");
  }
  first_ = false;
  header_ = small ? small_frame() : usual_frame();
  // Payload and content of the largest block.
  if (2 * header_.block_size > memory_limit_) {
    const std::string kib = std::to_string(header_.block_size >> 10);
    refuse_memory("a block of " + kib + " KiB", 2 * header_.block_size, memory_limit_);
  }
  has_network_ = false;
  count_ = 0;
  index_size_ = 0;
  index_ = Blake2b();
  return header_;
}

Header Reader::usual_frame() {
  const int version = byte(), method = byte(), geometry = byte();
  check_version(version & 0x7F);
  Bytes prime;
  if (version & 0x80) prime = take(PRIME_SIZE);
  const int log2_size = (geometry & 31) + 10;
  require(log2_size <= 26, "block size is out of range");
  check_method(method);
  return {uint64_t(1) << log2_size,
          uint64_t(1) << (geometry >> 5),
          method & 15,
          method >> 4 & 3,
          REACHES[method >> 6],
          std::move(prime),
          false};
}

Header Reader::small_frame() {
  const int version = byte(), method = byte();
  check_version(version & 0x7F);
  check_method(method);
  form_ = method >> 6;
  Bytes prime;
  if (version & 0x80) prime = take(NAMED_SIZE);
  return {MAX_SMALL_SIZE, 1, method & 15, method >> 4 & 3, 0, std::move(prime), true};
}

// ---- Blocks ----

bool Block::matches(View content) const {
  const View lead = content.first(content.size() > LEAD_SIZE ? LEAD_SIZE : 0);
  const uint32_t lead_crc = crc32(lead), crc = crc32(content.subspan(lead.size()), lead_crc);
  if (!before) return content.size() == size && lead_crc == lead_checksum && crc == content_checksum;
  // The check is the CRC-32 of the content followed by the frame's bytes before the check, whose own CRC-32 is
  // before->crc. As a CRC is linear, the two combine without those bytes.
  const Bytes zeros(before->size);
  return content.size() == size && (crc32(zeros, crc) ^ crc32(zeros) ^ before->crc) == content_checksum;
}

// The rest of a small frame. Its check also covers the content, so only Block::matches verifies it.
Block Reader::small_block() {
  Block block{};
  block.network = form_ == PLANNED ? is_network(byte()) : form_ == NETWORK;
  if (block.network) block.model = {take(NAMED_SIZE), "", std::nullopt};
  block.size = varint();
  require(block.size >= 1 && block.size <= header_.block_size, "a block's size is out of range");
  const bool primed = !header_.prime.empty();
  block.plan = form_ == PLANNED ? plan() : plan_of(form_, primed);
  for (const int form : {MIXED, STORED, NETWORK}) {
    require(form_ != PLANNED || block.plan != plan_of(form, primed), "a small frame has a plan that it need not have");
  }
  const uint64_t payload_size = form_ == STORED ? block.size : varint();
  require(payload_size <= block.size, "a block's payload is larger than its content");
  block.payload = take(payload_size);
  const Bytes footer = footer_of(2 * (position_ - start_) + 1);
  require(take(footer.size()) == footer, "damaged: a small frame's end does not match its size");
  block.before = {crc_, position_ - start_};
  block.content_checksum = uint32();
  return block;
}

std::optional<Block> Reader::block() {
  if (header_.small) {
    if (count_++ > 0) return std::nullopt;
    return small_block();
  }
  const uint64_t start = position_;
  const uint8_t type = byte();
  if (type == end_of(header_)) {
    end();
    return std::nullopt;
  }
  Block block{};
  block.network = is_network(type);
  block.size = varint();
  require(block.size >= 1 && block.size <= header_.block_size, "a block's size is out of range");
  if (block.network && !has_network_) block.model = model();
  block.plan = plan();
  const uint64_t payload_size = varint();
  require(payload_size <= block.size, "a block's payload is larger than its content");
  block.lead_checksum = block.size > LEAD_SIZE ? uint32() : 0;
  block.content_checksum = uint32();
  block.payload = take(payload_size);
  check();
  require(++count_ <= MAX_BLOCKS, "too many blocks in a frame");
  has_network_ |= block.network;
  Bytes entry;
  put_varint(entry, position_ - start);
  put_varint(entry, block.size);
  index_size_ += entry.size();
  index_.update(entry);
  return block;
}

Bytes Reader::plan() {
  const uint64_t size = varint();
  require(size >= 1 && size <= MAX_PLAN_SIZE, "a plan's size is out of range");
  return take(size);
}

ModelRef Reader::model() {
  const uint8_t flags = byte();
  require(!(flags & 0x40), "a reserved bit is set");
  const Bytes name = take((flags & 63) + 1);
  require(is_name(name), "a model name is malformed");
  ModelRef found{take(sizeof(Id)), std::string(name.begin(), name.end()), std::nullopt};
  if (flags & 0x80) {
    const uint64_t size = varint(), need = 2 * header_.block_size + size;
    require(size >= 1 && size <= MAX_MODEL_SIZE, "an embedded model's size is out of range");
    if (need > memory_limit_) refuse_memory("an embedded model", need, memory_limit_);
    found.packed = take(size);
  }
  return found;
}

// Reads the rest of the end record, every byte of which follows from the blocks before.
void Reader::end() {
  Bytes count;
  put_varint(count, count_);
  const Bytes footer = footer_of(2 * (1 + count.size() + index_size_));
  const Bytes found_count = take(count.size());
  Blake2b found;
  for (uint64_t left = index_size_; left > 0; left -= std::min(left, INDEX_PIECE)) {
    found.update(take(std::min(left, INDEX_PIECE)));
  }
  const Bytes found_footer = take(footer.size());
  const bool matches = found_count == count && found.digest() == index_.digest() && found_footer == footer;
  require(matches || !CHECKED, "damaged: the index does not match the blocks");
  check();
}

}  // namespace nncomp::unnnc

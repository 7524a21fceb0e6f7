#include "crc64.h"

#include <dlfcn.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <array>
#include <cstring>

#include "crc64_vector.h"

namespace indelible {
namespace {

using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; byte++) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCrcPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t level = 1; level < 8; level++) {
    for (std::size_t byte = 0; byte < 256; byte++) {
      const std::uint64_t before = tables[level - 1][byte];
      tables[level][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

using Function = std::uint64_t (*)(std::uint64_t seed, const unsigned char* bytes, std::uint64_t length);

std::uint64_t by_table(std::uint64_t seed, const unsigned char* bytes, std::uint64_t length) {
  std::uint64_t crc = ~seed;
  for (; length >= 8; bytes += 8, length -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t lane = 0; lane < 8; lane++) crc ^= kTables[7 - lane][(word >> (8 * lane)) & 0xFF];
  }
  for (; length > 0; bytes++, length--) crc = (crc >> 8) ^ kTables[0][(crc ^ *bytes) & 0xFF];
  return ~crc;
}

Function load_isa_l() {
  // Kept for the life of the process: an unloaded library would leave a dangling function behind.
  void* library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : dlsym(library, "crc64_ecma_refl");
  return reinterpret_cast<Function>(symbol);
}

Function isa_l() {
  static const Function function = load_isa_l();
  return function;
}

#if defined(__x86_64__)
/// ISA-L's, with the upper halves of the vector registers cleared behind it. It leaves them dirty, and every
/// SSE instruction of the process would then wait for them: 240 ns a call in Node, against 6 for the CRC.
__attribute__((target("avx"))) std::uint64_t by_isa_l(std::uint64_t seed, const unsigned char* bytes,
                                                      std::uint64_t length) {
  const std::uint64_t crc = isa_l()(seed, bytes, length);
  _mm256_zeroupper();
  return crc;
}

Function clean_isa_l() {
  return __builtin_cpu_supports("avx") != 0 ? by_isa_l : isa_l();
}
#else
Function clean_isa_l() {
  return isa_l();
}
#endif

std::uint64_t by_vector(std::uint64_t /*seed*/, const unsigned char* bytes, std::uint64_t length) {
  return crc64_vector(bytes, length);
}

/// From here on ISA-L is quicker, which folds several blocks at a time: than one piece alone, than four side by side.
constexpr std::size_t kLongBytes = 256;
constexpr std::size_t kLongFourBytes = 1536;

struct Chosen {
  bool words = crc64_words_run();
  bool vector = crc64_vector_runs();
  Function long_pieces = by_table;
  Function short_pieces = by_table;

  Chosen() {
    if (vector) long_pieces = by_vector;
    if (isa_l() != nullptr) long_pieces = clean_isa_l();
    short_pieces = vector ? by_vector : long_pieces;
  }
};

const Chosen& chosen() {
  static const Chosen chosen;
  return chosen;
}

std::uint64_t one(const Chosen& by, const void* bytes, std::size_t length) {
  const auto* const start = static_cast<const unsigned char*>(bytes);
  if (length >= kLongBytes) return by.long_pieces(0, start, length);
  if (by.words && length <= kCrcWordsMax * 8 && length % 8 == 0 && length > 0)
    return crc64_words(start, length / 8);
  return length >= kCrcVectorBytesMin ? by.short_pieces(0, start, length) : by_table(0, start, length);
}

}  // namespace

std::uint64_t crc64(const void* bytes, std::size_t length) {
  return one(chosen(), bytes, length);
}

void crc64_each(const void* const* pieces, const std::size_t* lengths, std::size_t count,
                std::uint64_t* crcs) {
  const Chosen& by = chosen();
  std::size_t at = 0;
  for (; by.vector && at + 4 <= count; at += 4) {
    // One comparison for both bounds, because shorter ones wrap around; and one branch for four pieces.
    constexpr std::size_t kSpan = kLongFourBytes - kCrcVectorBytesMin;
    const std::size_t* const four = lengths + at;
    const unsigned all_short = static_cast<unsigned>(four[0] - kCrcVectorBytesMin < kSpan) &
                               static_cast<unsigned>(four[1] - kCrcVectorBytesMin < kSpan) &
                               static_cast<unsigned>(four[2] - kCrcVectorBytesMin < kSpan) &
                               static_cast<unsigned>(four[3] - kCrcVectorBytesMin < kSpan);
    if (all_short != 0) {
      crc64_vector_four(pieces + at, lengths + at, crcs + at);
      continue;
    }
    for (std::size_t piece = at; piece < at + 4; piece++)
      crcs[piece] = one(by, pieces[piece], lengths[piece]);
  }
  for (; at < count; at++) crcs[at] = one(by, pieces[at], lengths[at]);
}

std::uint64_t crc64_table(const void* bytes, std::size_t length) {
  return by_table(0, static_cast<const unsigned char*>(bytes), length);
}

const char* crc64_implementation() {
  const Function function = chosen().long_pieces;
  if (function == by_table) return "table";
  return function == by_vector ? "vector" : "isa-l";
}

}  // namespace indelible

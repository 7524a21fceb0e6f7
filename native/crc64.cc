#include "crc64.h"

#include <dlfcn.h>
#include <immintrin.h>

#include <array>
#include <cstring>

namespace indelible {
namespace {

constexpr std::uint64_t kPolynomial = 0xC96C5795D7870F42;

using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; byte++) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
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

/// ISA-L's, with the upper halves of the vector registers cleared behind it. It leaves them dirty, and every
/// SSE instruction of the process would then wait for them: 240 ns a call in Node, against 6 for the CRC.
__attribute__((target("avx"))) std::uint64_t by_isa_l(std::uint64_t seed, const unsigned char* bytes,
                                                      std::uint64_t length) {
  const std::uint64_t crc = isa_l()(seed, bytes, length);
  _mm256_zeroupper();
  return crc;
}

Function choose() {
  if (isa_l() == nullptr) return by_table;
  return __builtin_cpu_supports("avx") != 0 ? by_isa_l : isa_l();
}

Function chosen() {
  static const Function function = choose();
  return function;
}

}  // namespace

std::uint64_t crc64(const void* bytes, std::size_t length) {
  return chosen()(0, static_cast<const unsigned char*>(bytes), length);
}

std::uint64_t crc64_table(const void* bytes, std::size_t length) {
  return by_table(0, static_cast<const unsigned char*>(bytes), length);
}

const char* crc64_implementation() { return chosen() == by_table ? "table" : "isa-l"; }

}  // namespace indelible

// A message is a polynomial over GF(2), its first bit the highest power; its CRC is message · x^64 mod P,
// with the first 64 bits of the message and all bits of the result complemented. Bits are reflected: bit 63
// of a word is x^0. A carry-less product of two reflected words lacks one shift, so every constant here
// stands for one power of x less than what it multiplies by.
//
// 1. A message is read as whole blocks of 64 bytes, with zeros in front of it: they change no remainder.
//    Bytes outside the message are masked off, and a masked load does not touch them.
// 2. Blocks are folded into one, its four lanes into one of 128 bits, and that is reduced by Barrett's
//    method: q = floor(t · floor(x^128 / P) / x^64), remainder = t - q · P.
#include "crc64_vector.h"

#if defined(__x86_64__)
// GCC 12 takes the "undefined" vectors of its own headers for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#define INDELIBLE_WORDS __attribute__((target("pclmul,sse4.1")))
#define INDELIBLE_VECTOR __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,vpclmulqdq,pclmul")))

namespace indelible {
namespace {

constexpr std::uint64_t reflected(std::uint64_t bits) {
  std::uint64_t result = 0;
  for (unsigned bit = 0; bit < 64; bit++) result |= (bits >> bit & 1) << (63 - bit);
  return result;
}

/// x^power mod P, less the one shift that a product of reflected words lacks.
constexpr long long shift_by(unsigned power) {
  std::uint64_t rest = std::uint64_t{1} << 63;
  for (unsigned step = 0; step + 1 < power; step++) rest = (rest >> 1) ^ ((rest & 1) != 0 ? kCrcPolynomial : 0);
  return static_cast<long long>(rest);
}

/// floor(x^128 / P) without its highest power, x^64.
constexpr long long barrett() {
  const std::uint64_t polynomial = reflected(kCrcPolynomial);
  std::uint64_t rest = polynomial;
  std::uint64_t quotient = 0;
  for (int bit = 63; bit >= 0; bit--) {
    const bool reaches = rest >> 63 != 0;
    if (reaches) quotient |= std::uint64_t{1} << bit;
    rest = (rest << 1) ^ (reaches ? polynomial : 0);
  }
  return static_cast<long long>(reflected(quotient));
}

constexpr std::size_t kBlockBytes = 64;

/// Eight bytes of ones with zeros around them: a block read at an offset complements a message's start.
struct Complement {
  std::uint64_t before[8] = {};
  std::uint64_t ones = ~std::uint64_t{0};
  std::uint64_t behind[15] = {};
};
alignas(kBlockBytes) constexpr Complement kComplement;

/// Even words are multiplied by `first`, odd ones by `second`, and each lane's products added.
INDELIBLE_VECTOR inline __m512i multiplied(__m512i x, __m512i factors, __m512i addend) {
  const __m512i first = _mm512_clmulepi64_epi128(x, factors, 0x00);
  const __m512i second = _mm512_clmulepi64_epi128(x, factors, 0x11);
  return _mm512_ternarylogic_epi64(first, second, addend, 0x96);
}

/// Four lanes of 128 bits whose sum has the message's remainder. At least eight bytes.
INDELIBLE_VECTOR inline __m512i folded(const void* bytes, std::size_t length) {
  const std::size_t padding = -length % kBlockBytes;
  const char* const complement = reinterpret_cast<const char*>(&kComplement) + kBlockBytes - padding;
  __m512i x;
  if (padding == 0) {
    x = _mm512_loadu_si512(bytes);
  } else {
    // A number, not a pointer: what lies in front of the message is not ours, and is not read.
    const auto in_front = reinterpret_cast<std::uintptr_t>(bytes) - padding;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    x = _mm512_maskz_loadu_epi8(~std::uint64_t{0} << padding, reinterpret_cast<const void*>(in_front));
  }
  x = _mm512_xor_si512(x, _mm512_loadu_si512(complement));
  if (length > kBlockBytes) {
    const __m512i by_a_block = _mm512_set_epi64(shift_by(512), shift_by(576), shift_by(512), shift_by(576),
                                                shift_by(512), shift_by(576), shift_by(512), shift_by(576));
    const char* const end = static_cast<const char*>(bytes) + length;
    const char* at = static_cast<const char*>(bytes) + (kBlockBytes - padding);
    // A message that begins in the last bytes of a block goes on to be complemented in the next.
    __m512i block = _mm512_xor_si512(_mm512_loadu_si512(at), _mm512_loadu_si512(complement + kBlockBytes));
    for (;;) {
      x = multiplied(x, by_a_block, block);
      at += kBlockBytes;
      if (at == end) break;
      block = _mm512_loadu_si512(at);
    }
  }
  const __m512i by_lanes = _mm512_set_epi64(0, 0, shift_by(128), shift_by(192), shift_by(256), shift_by(320),
                                            shift_by(384), shift_by(448));
  const __m512i last_lane = _mm512_set_epi64(-1, -1, 0, 0, 0, 0, 0, 0);
  return multiplied(x, by_lanes, _mm512_and_si512(x, last_lane));
}

/// The CRCs of what four messages were folded to.
INDELIBLE_VECTOR inline __m256i reduced(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_xor_si512(_mm512_shuffle_i64x2(a, b, 0x44), _mm512_shuffle_i64x2(a, b, 0xEE));
  const __m512i cd = _mm512_xor_si512(_mm512_shuffle_i64x2(c, d, 0x44), _mm512_shuffle_i64x2(c, d, 0xEE));
  const __m512i x = _mm512_xor_si512(_mm512_shuffle_i64x2(ab, cd, 0x88), _mm512_shuffle_i64x2(ab, cd, 0xDD));
  const __m512i high = _mm512_clmulepi64_epi128(x, _mm512_set1_epi64(shift_by(128)), 0x00);
  const __m512i t = _mm512_xor_si512(high, _mm512_bsrli_epi128(x, 8));
  const __m512i estimate = _mm512_clmulepi64_epi128(t, _mm512_set1_epi64(barrett()), 0x00);
  const __m512i q = _mm512_xor_si512(t, _mm512_slli_epi64(estimate, 1));
  const __m512i product =
      _mm512_clmulepi64_epi128(q, _mm512_set1_epi64(static_cast<long long>(kCrcPolynomial)), 0x00);
  // The missing shift carries from a lane's lower word into its upper one, where the remainder stands.
  const __m512i carry = _mm512_srli_epi64(_mm512_bslli_epi128(product, 8), 63);
  const __m512i shifted = _mm512_or_si512(_mm512_slli_epi64(product, 1), carry);
  const __m512i crcs = _mm512_ternarylogic_epi64(shifted, t, t, 0xC3);
  const __m512i upper_words = _mm512_set_epi64(0, 0, 0, 0, 7, 5, 3, 1);
  return _mm512_castsi512_si256(_mm512_permutexvar_epi64(upper_words, crcs));
}

struct Powers {
  /// … x^192, x^128, x^64
  long long of_words[kCrcWordsMax] = {};

  constexpr Powers() {
    for (unsigned word = 0; word < kCrcWordsMax; word++)
      of_words[kCrcWordsMax - 1 - word] = shift_by(64 * (word + 1));
  }
};
constexpr Powers kPowers;

}  // namespace

bool crc64_words_run() {
  return __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

// Each word is multiplied by the power of x that its place in message · x^64 is worth; the sum of the
// products has 128 bits and the same remainder.
INDELIBLE_WORDS std::uint64_t crc64_words(const void* bytes, std::size_t words) {
  const auto* at = static_cast<const char*>(bytes);
  // Two powers a load, the higher one in front.
  const long long* powers = kPowers.of_words + (kCrcWordsMax - words);
  __m128i word = _mm_xor_si128(_mm_loadu_si64(at), _mm_set1_epi64x(-1));
  __m128i sum = _mm_setzero_si128();
  for (; words > 1; words -= 2, at += 16, powers += 2) {
    const __m128i two_powers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(powers));
    const __m128i first = _mm_clmulepi64_si128(word, two_powers, 0x00);
    const __m128i second = _mm_clmulepi64_si128(_mm_loadu_si64(at + 8), two_powers, 0x10);
    sum = _mm_xor_si128(sum, _mm_xor_si128(first, second));
    if (words == 2) break;
    word = _mm_loadu_si64(at + 16);
  }
  if (words % 2 == 1) sum = _mm_xor_si128(sum, _mm_clmulepi64_si128(word, _mm_loadu_si64(powers), 0x00));
  const __m128i estimate = _mm_clmulepi64_si128(sum, _mm_cvtsi64_si128(barrett()), 0x00);
  const __m128i q = _mm_xor_si128(sum, _mm_slli_epi64(estimate, 1));
  const __m128i polynomial = _mm_cvtsi64_si128(static_cast<long long>(kCrcPolynomial));
  const __m128i product = _mm_clmulepi64_si128(q, polynomial, 0x00);
  const __m128i shifted =
      _mm_or_si128(_mm_slli_epi64(product, 1), _mm_srli_epi64(_mm_slli_si128(product, 8), 63));
  return ~static_cast<std::uint64_t>(_mm_extract_epi64(_mm_xor_si128(sum, shifted), 1));
}

bool crc64_vector_runs() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("vpclmulqdq") != 0 && __builtin_cpu_supports("pclmul") != 0;
}

INDELIBLE_VECTOR std::uint64_t crc64_vector(const void* bytes, std::size_t length) {
  const __m512i none = _mm512_setzero_si512();
  const __m256i crcs = reduced(folded(bytes, length), none, none, none);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm256_castsi256_si128(crcs)));
}

INDELIBLE_VECTOR void crc64_vector_four(const void* const bytes[4], const std::size_t lengths[4],
                                        std::uint64_t crcs[4]) {
  const __m256i four = reduced(folded(bytes[0], lengths[0]), folded(bytes[1], lengths[1]),
                               folded(bytes[2], lengths[2]), folded(bytes[3], lengths[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(crcs), four);
}

}  // namespace indelible

#else

namespace indelible {

bool crc64_words_run() {
  return false;
}
std::uint64_t crc64_words(const void* /*bytes*/, std::size_t /*words*/) {
  return 0;
}
bool crc64_vector_runs() {
  return false;
}
std::uint64_t crc64_vector(const void* /*bytes*/, std::size_t /*length*/) {
  return 0;
}
void crc64_vector_four(const void* const* /*bytes*/, const std::size_t* /*lengths*/,
                       std::uint64_t* /*crcs*/) {}

}  // namespace indelible
#endif

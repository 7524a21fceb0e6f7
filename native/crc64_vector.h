// CRC-64/XZ by carry-less multiplication, for the short pieces of which a log is made: headers, descriptors,
// small batches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace indelible {

/// ECMA-182, reflected.
inline constexpr std::uint64_t kCrcPolynomial = 0xC96C5795D7870F42;

inline constexpr std::size_t kCrcWordsMax = 16;

/// Whether this processor has what `crc64_words` is made of: PCLMULQDQ.
[[nodiscard]] bool crc64_words_run();

/// The CRC of 1 … kCrcWordsMax words of 8 bytes. It loads word by word: record_words.h says why.
[[nodiscard]] std::uint64_t crc64_words(const void* bytes, std::size_t words);

/// Shorter pieces are not for the functions below.
inline constexpr std::size_t kCrcVectorBytesMin = 8;

/// Whether this processor has what the functions below are made of: AVX-512 and VPCLMULQDQ.
[[nodiscard]] bool crc64_vector_runs();

[[nodiscard]] std::uint64_t crc64_vector(const void* bytes, std::size_t length);

/// The CRCs of four pieces, which share their last steps; none waits for another one.
void crc64_vector_four(const void* const bytes[4], const std::size_t lengths[4], std::uint64_t crcs[4]);

}  // namespace indelible

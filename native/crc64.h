// CRC-64/XZ (reflected ECMA-182, initial and final complement). The CRC of no bytes is 0.
//
// Short pieces go through crc64_vector.h where the processor has what it takes. Long ones through ISA-L where
// libisal.so.2 can be loaded; else as short ones. What is left goes through a table, eight bytes at a step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace indelible {

/// A few whole words are loaded one by one, so that they may just have been stored (record_words.h).
[[nodiscard]] std::uint64_t crc64(const void* bytes, std::size_t length);

/// The CRC of each of `count` pieces. Quicker than one by one: short pieces are folded side by side.
void crc64_each(const void* const* pieces, const std::size_t* lengths, std::size_t count,
                std::uint64_t* crcs);

/// The portable one; what the vectorised one is tested against.
[[nodiscard]] std::uint64_t crc64_table(const void* bytes, std::size_t length);

/// What long pieces go through: "isa-l", "vector" or "table".
[[nodiscard]] const char* crc64_implementation();

}  // namespace indelible

// CRC-64/XZ (reflected ECMA-182, initial and final complement). The CRC of no bytes is 0.
//
// ISA-L's vectorised one is used where libisal.so.2 can be loaded; else a table, eight bytes at a step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace indelible {

[[nodiscard]] std::uint64_t crc64(const void* bytes, std::size_t length);

/// The portable one; what the vectorised one is tested against.
[[nodiscard]] std::uint64_t crc64_table(const void* bytes, std::size_t length);

/// "isa-l" or "table".
[[nodiscard]] const char* crc64_implementation();

}  // namespace indelible

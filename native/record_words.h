// Descriptors and headers as they are written: whole words, each stored where it belongs, and read back in
// words.
//
// Behind a fence stores wait for it in the store buffer. A load is given what a store of at least its own
// width has left there; a wider one waits until all of them have reached the cache, and with it all that
// follows. So nothing here is copied from a struct that was filled field by field, nor is a CRC of it found
// 64 bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crc64.h"
#include "layout.h"

namespace indelible {

inline std::uint64_t* words_at(std::byte* bytes) {
  return reinterpret_cast<std::uint64_t*>(bytes);
}

/// For a word that is seldom another than the last record had here: the fewer stores wait for a fence, the more
/// of what follows need not.
inline void keep(std::uint64_t& word, std::uint64_t value) {
  if (word != value) word = value;
}

inline void put_descriptor(std::byte* target, std::uint64_t slot, std::uint64_t ballot, std::uint64_t offset,
                           std::uint64_t length, std::uint64_t type_and_flags, std::uint64_t payload_crc) {
  static_assert(offsetof(Descriptor, offset) == 16 && offsetof(Descriptor, length) == 20 &&
                offsetof(Descriptor, type) == 24 && offsetof(Descriptor, flags) == 25 &&
                offsetof(Descriptor, payload_crc) == 32);
  std::uint64_t* const words = words_at(target);
  words[0] = slot;
  words[1] = ballot;
  words[2] = offset | length << 32;
  words[3] = type_and_flags;
  words[4] = payload_crc;
}

/// Finds the header's own CRC and puts everything to `target`. Inlined, so that the header need not be in memory
/// before.
[[gnu::always_inline]] inline void put_header(std::byte* target, RecordHeader& header) {
  static_assert(offsetof(RecordHeader, number) == 8 && offsetof(RecordHeader, length) == 24 &&
                offsetof(RecordHeader, promised) == 32 && offsetof(RecordHeader, head_position) == 88 &&
                offsetof(RecordHeader, reserved) == 112 && offsetof(RecordHeader, crc) == 120);
  std::uint64_t* const words = words_at(target);
  keep(words[0], header.magic | std::uint64_t{header.version} << 32 | std::uint64_t{header.flags} << 48);
  words[1] = header.number;
  words[2] = header.position;
  keep(words[3], header.length | std::uint64_t{header.items} << 32);
  keep(words[4], header.promised);
  keep(words[5], header.trim_through);
  words[6] = header.highest_voted;
  words[7] = header.learned_through;
  words[8] = header.previous_crc;
  words[9] = header.descriptors_crc;
  keep(words[10], header.incarnation);
  keep(words[11], header.head_position);
  keep(words[12], header.head_number);
  keep(words[13], header.checkpoint_id);
  keep(words[14], 0);
  header.crc = crc64(target, offsetof(RecordHeader, crc));
  words[15] = header.crc;
}

}  // namespace indelible

// Valid regions for the fuzz targets to damage: written by the production log, the same in every process.
//
// The log area is a few KiB (the build sets the least size of a record lower, see static_header.cc), so that
// one execution takes microseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../log.h"
#include "checked_medium.h"

namespace indelible::fuzz {

struct BaseImage {
  std::vector<std::byte> bytes;
  StaticHeader header;
  /// Offsets of the records from the head to the tail, then of the tail.
  std::vector<std::uint64_t> records;
};

/// Built at the first call.
const std::vector<BaseImage>& base_images();

/// A machine that the base images were not in use on, and the one they were.
inline constexpr std::uint8_t kThisBoot = 7;
inline constexpr std::uint8_t kOtherBoot = 9;

OpenOptions open_options(bool fused, bool process_only, std::uint8_t boot);

struct Vote {
  std::uint64_t slot = 0;
  std::uint64_t ballot = 0;
  std::uint32_t length = 0;
};

/// Bytes that tell votes apart; `length` of them, at most 4096.
const std::byte* payload_of(const Vote& vote);

/// Appends one group; `promise` 0 is none. False: there was no room.
bool append_group(Log& log, std::uint64_t promise, const Vote* votes, std::uint32_t count, Status& status);

}  // namespace indelible::fuzz

// A region's identity and geometry: written once by format, twice on the medium, never changed.
#pragma once

#include <cstddef>
#include <vector>

#include "layout.h"
#include "medium.h"

namespace indelible {

struct FormatOptions {
  std::uint8_t cluster_id[16] = {};
  std::uint8_t store_uuid[16] = {};
  std::uint32_t replica_id = 0;
  std::uint32_t alignment = 64;
  std::uint64_t log_length = 0;
  std::uint32_t record_bytes_max = 0;
  std::uint32_t record_items_max = 0;
  std::uint64_t incarnation = 0;
};

/// Refuses what no region can have: see docs/format.md, "Format parameters".
Status check_format(const FormatOptions& options);

/// The bytes of a fresh region up to and including the first line of its log; all behind it is zero.
std::vector<std::byte> formatted_start(const FormatOptions& options);

/// Formats in place. The magic goes in last: a crash leaves either no region at all or a whole one.
Status format_medium(Medium& medium, const FormatOptions& options);

struct StaticHeaders {
  StaticHeader header;
  bool valid[2];
};

/// Reads both copies. Fails when neither is whole, or when this program does not know the format.
Status load_static_headers(Medium& medium, StaticHeaders& headers);

/// Whether both copies still hold `header`.
Status verify_static_headers(Medium& medium, const StaticHeader& header, bool (&whole)[2]);

/// Writes a bad copy from the good one, and flushes the good one; durable after the next fence.
void repair_static_headers(Medium& medium, const StaticHeaders& headers);

Geometry geometry_of(const StaticHeader& header);

}  // namespace indelible

// The cache file of the sector-losing disk: one header, then sectors in the order they were written. The rig
// (test/rigs/power-cut/disk-control.ts) reads and writes the header by these offsets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace indelible::rigs {

constexpr std::uint32_t kSectorBytes = 512;
constexpr std::uint64_t kHeaderBytes = 4096;
constexpr std::uint64_t kMagic = 0x31484341434C4449;  // IDLCACH1

/// What the next requests meet. A lie is a flush that is answered and keeps nothing.
enum class Fault : std::uint64_t { none = 0, write_error = 1, flush_error = 2, no_space = 3, stall = 4, lie = 5 };

struct CacheHeader {
  std::uint64_t magic;
  /// Sectors in the cache: written, not flushed.
  std::uint64_t sectors;
  /// A Fault, and how many requests of its kind it befalls; a stall lasts until it is taken back.
  std::uint64_t fault;
  std::uint64_t fault_requests;
  /// The disk ends itself with SIGKILL after so many sectors more were cached or copied; 0: never.
  std::uint64_t steps_to_cut;
  /// Of what settles the cache after a cut.
  std::uint64_t seed;
  std::uint64_t keep_percent;
  /// Each flush first takes up to so long.
  std::uint64_t flush_microseconds_max;
  /// Requests since the file was made.
  std::uint64_t writes;
  std::uint64_t flushes;
  /// Different sectors that the last settling found in the cache, and how many of them changed the disk.
  std::uint64_t settled;
  std::uint64_t kept;
};
static_assert(offsetof(CacheHeader, fault) == 16);
static_assert(offsetof(CacheHeader, kept) == 88);
static_assert(sizeof(CacheHeader) <= kHeaderBytes);

struct CachedSector {
  std::uint64_t number;
  std::uint8_t bytes[kSectorBytes];
};

}  // namespace indelible::rigs

// The bytes of a region, exactly as docs/format.md describes them. Little-endian, sized types only.
//
//   0x0000 static header, copy 0     0x1000 static header, copy 1     immutable after format
//   0x2000 root A    0x3000 root B   each: +0 selector, +0x100 slot 0, +0x200 slot 1
//   0x4000 log area of `log_length` bytes
//
// A batch record at virtual position l lies at 0x4000 + l mod log_length:
//   +0 commit word, alone in its cache line   +64 header   +192 descriptors   then payloads, each 8-aligned
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace indelible {

static_assert(std::endian::native == std::endian::little, "the region's bytes are little-endian");

inline constexpr std::uint64_t kStaticMagic = 0x4C42494C45444E49;  // "INDELIBL"
inline constexpr std::uint16_t kFormatMajor = 1;
inline constexpr std::uint16_t kFormatMinor = 1;
inline constexpr std::uint32_t kEndianTag = 0x01020304;
inline constexpr std::uint32_t kCrcKindXz = 1;
/// Feature bits this program understands; an unknown `incompat` bit refuses the region.
inline constexpr std::uint64_t kIncompatKnown = 0;
inline constexpr std::uint64_t kReadOnlyCompatKnown = 0;

inline constexpr std::uint64_t kStaticOffset[2] = {0x0000, 0x1000};
inline constexpr std::uint64_t kRootOffset[2] = {0x2000, 0x3000};
inline constexpr std::uint64_t kRootSlotOffset[2] = {0x100, 0x200};
inline constexpr std::uint64_t kLogOffset = 0x4000;
inline constexpr std::uint64_t kPageBytes = 4096;
inline constexpr std::uint64_t kLineBytes = 64;

/// The two values of a root's selector differ in 40 bits; every third value is an error.
inline constexpr std::uint64_t kSelector[2] = {0x3A5C96E10FB47D28, 0xC5A3691E0F4B82D7};
static_assert(std::popcount(kSelector[0] ^ kSelector[1]) >= 25);

struct StaticHeader {
  std::uint64_t magic;
  std::uint16_t major;
  std::uint16_t minor;
  std::uint32_t endian_tag;
  std::uint64_t compat;
  std::uint64_t incompat;
  std::uint64_t read_only_compat;
  /// Drawn at format; keys the commit words and every record header.
  std::uint64_t incarnation;
  std::uint8_t cluster_id[16];
  std::uint8_t store_uuid[16];
  std::uint32_t replica_id;
  std::uint32_t alignment;
  std::uint64_t log_offset;
  std::uint64_t log_length;
  std::uint32_t record_bytes_max;
  std::uint32_t record_items_max;
  std::uint32_t crc_kind;
  std::uint8_t reserved[132];
  /// CRC-64/XZ of the 248 bytes before it.
  std::uint64_t crc;
};
static_assert(sizeof(StaticHeader) == 256 && offsetof(StaticHeader, crc) == 248);

/// `in_use_volatile`: in use on a medium that forgets at power loss, whatever it is opened as the next time.
enum class RootState : std::uint64_t { clean = 1, in_use = 2, in_use_volatile = 3 };

struct RootSlot {
  std::uint64_t generation;
  /// Virtual position and number of the first record that recovery reads, and the CRC of the header before it.
  std::uint64_t head_position;
  std::uint64_t head_number;
  std::uint64_t head_previous_crc;
  std::uint64_t trim_through;
  std::uint64_t checkpoint_id;
  /// The next three cover every record before the head.
  std::uint64_t promised;
  std::uint64_t highest_voted;
  std::uint64_t learned_through;
  std::uint64_t state;
  std::uint8_t boot_id[16];
  /// The device the region lies on and how often it lost power without being able to flush; 0: not known.
  std::uint64_t device_id;
  std::uint64_t unsafe_shutdowns;
  std::uint8_t reserved[136];
  /// CRC-64/XZ of the 248 bytes before it.
  std::uint64_t crc;
};
static_assert(sizeof(RootSlot) == 256 && offsetof(RootSlot, crc) == 248);

inline constexpr std::uint32_t kRecordMagic = 0x44524249;  // "IBRD"
inline constexpr std::uint16_t kRecordVersion = 1;
inline constexpr std::uint64_t kHeaderAt = 64;
inline constexpr std::uint64_t kDescriptorsAt = 192;

struct RecordHeader {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t flags;
  std::uint64_t number;
  /// Virtual position of the record's commit word.
  std::uint64_t position;
  /// Bytes from this commit word to the record's end, a multiple of the alignment.
  std::uint32_t length;
  std::uint32_t items;
  /// In force once this record is durable; this record's own items included.
  std::uint64_t promised;
  std::uint64_t trim_through;
  std::uint64_t highest_voted;
  std::uint64_t learned_through;
  std::uint64_t previous_crc;
  std::uint64_t descriptors_crc;
  std::uint64_t incarnation;
  /// The durable head when this was written, and the checkpoint that covers the trim point: what a root says,
  /// for the day both are gone. Head number 0: written by minor version 0, which did not say.
  std::uint64_t head_position;
  std::uint64_t head_number;
  std::uint64_t checkpoint_id;
  std::uint8_t reserved[8];
  /// CRC-64/XZ of the 120 bytes before it.
  std::uint64_t crc;
};
static_assert(sizeof(RecordHeader) == 128 && offsetof(RecordHeader, crc) == 120);
static_assert(kHeaderAt + sizeof(RecordHeader) == kDescriptorsAt);

enum class ItemType : std::uint8_t { noop = 0, commands = 1, configuration = 2, promise = 255 };

/// The identity of the vote is known, its bytes were lost; it has no payload in this record.
inline constexpr std::uint8_t kFlagUnavailable = 1;

struct Descriptor {
  /// 0 in a promise.
  std::uint64_t slot;
  /// round · 2^16 + replica.
  std::uint64_t ballot;
  /// Bytes from the record's commit word to the payload, a multiple of 8.
  std::uint32_t offset;
  std::uint32_t length;
  std::uint8_t type;
  std::uint8_t flags;
  std::uint8_t reserved[6];
  /// CRC-64/XZ of the payload; its low 52 bits are the batch's digest.
  std::uint64_t payload_crc;
};
static_assert(sizeof(Descriptor) == 40);

inline constexpr std::uint64_t kDigestMask = (std::uint64_t{1} << 52) - 1;
/// Slots and ballots are safe integers of JavaScript.
inline constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53) - 1;
/// Virtual positions begin again, in the first lap, where nothing is in the log and they are past this.
inline constexpr std::uint64_t kPositionsAgain = std::uint64_t{1} << 52;
/// From here on only what empties the log is written, until they do: sixteen of the longest logs long.
inline constexpr std::uint64_t kPositionsForVotes = kNumberMax - (std::uint64_t{1} << 48);
/// Records' numbers and roots' generations rise for good. Behind this nothing is appended; roots still are written.
inline constexpr std::uint64_t kCountForRecords = kNumberMax - (std::uint64_t{1} << 32);

/// The alignment is a power of two.
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

/// The commit word of record `number`: a stale, zeroed or foreign word is neither this nor its complement.
constexpr std::uint64_t commit_word(std::uint64_t incarnation, std::uint64_t number) {
  return mix64(incarnation + number * 0x9E3779B97F4A7C15);
}
constexpr std::uint64_t empty_word(std::uint64_t incarnation, std::uint64_t number) {
  return ~commit_word(incarnation, number);
}

/// Where records may lie. Writer and recovery compute the next position by the same rule.
struct Geometry {
  std::uint64_t log_length;
  std::uint64_t alignment;
  std::uint64_t record_bytes_max;
  std::uint32_t record_items_max;

  [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) const {
    return kLogOffset + position % log_length;
  }
  /// Where a record of any length fits, in steps of the alignment.
  [[nodiscard]] bool may_start_at(std::uint64_t position) const {
    return position <= kNumberMax && position % alignment == 0 &&
           position % log_length <= log_length - record_bytes_max;
  }
  /// A record never straddles the end: less than a largest record before it, and the wrap is next.
  [[nodiscard]] std::uint64_t position_after(std::uint64_t position, std::uint64_t length) const {
    const std::uint64_t end = position + length;
    const std::uint64_t remaining = log_length - end % log_length;
    return remaining < record_bytes_max ? end + remaining : end;
  }
};

}  // namespace indelible

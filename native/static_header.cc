#include "static_header.h"

#include <cstring>

#include "crc64.h"
#include "root.h"

namespace indelible {
namespace {

constexpr std::uint64_t kRecordsMin = 8;
constexpr std::uint64_t kAlignmentMax = 64 << 10;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/// Recovering a small log takes microseconds: the one thing that is different in the fuzz targets.
constexpr std::uint64_t kRecordBytesMin = 512;
#else
constexpr std::uint64_t kRecordBytesMin = 4096;
#endif
constexpr std::uint64_t kRecordBytesCeiling = std::uint64_t{64} << 20;
constexpr std::uint64_t kLogBytesCeiling = std::uint64_t{1} << 44;

StaticHeader header_of(const FormatOptions& options) {
  StaticHeader header{};
  header.magic = kStaticMagic;
  header.major = kFormatMajor;
  header.minor = kFormatMinor;
  header.endian_tag = kEndianTag;
  header.incarnation = options.incarnation;
  std::memcpy(header.cluster_id, options.cluster_id, sizeof header.cluster_id);
  std::memcpy(header.store_uuid, options.store_uuid, sizeof header.store_uuid);
  header.replica_id = options.replica_id;
  header.alignment = options.alignment;
  header.log_offset = kLogOffset;
  header.log_length = options.log_length;
  header.record_bytes_max = options.record_bytes_max;
  header.record_items_max = options.record_items_max;
  header.crc_kind = kCrcKindXz;
  header.crc = crc64(&header, offsetof(StaticHeader, crc));
  return header;
}

RootSlot first_root() {
  RootSlot slot{};
  slot.generation = 1;
  slot.head_number = 1;
  slot.state = static_cast<std::uint64_t>(RootState::clean);
  seal(slot);
  return slot;
}

void set_magic(Medium& medium, Site site, std::uint64_t magic) {
  for (const std::uint64_t offset : kStaticOffset) {
    medium.store64(site, offset, magic);
    medium.flush(site, offset, sizeof magic);
  }
}

bool geometry_is_sane(const StaticHeader& header, std::uint64_t region_bytes) {
  FormatOptions options{};
  options.replica_id = header.replica_id;
  options.alignment = header.alignment;
  options.log_length = header.log_length;
  options.record_bytes_max = header.record_bytes_max;
  options.record_items_max = header.record_items_max;
  return header.log_offset == kLogOffset && check_format(options).ok() &&
         header.log_length <= region_bytes - kLogOffset;
}

Status judge(const StaticHeader& header, std::uint64_t region_bytes) {
  if (header.endian_tag != kEndianTag || header.major != kFormatMajor || header.crc_kind != kCrcKindXz ||
      (header.incompat & ~kIncompatKnown) != 0 || (header.read_only_compat & ~kReadOnlyCompatKnown) != 0) {
    return Status::failed(Code::store_version, "the region was written by a format this program does not know");
  }
  if (!geometry_is_sane(header, region_bytes)) {
    return Status::failed(Code::store_corrupt, "the region is shorter than its header says (truncated?)");
  }
  return Status::good();
}

constexpr const char* kTooShort = "too short to be a region";

Status choose(const StaticHeader (&copies)[2], std::uint64_t region_bytes, StaticHeaders& headers) {
  bool any_magic = false;
  for (int copy = 0; copy < 2; copy++) {
    any_magic = any_magic || copies[copy].magic == kStaticMagic;
    headers.valid[copy] = copies[copy].magic == kStaticMagic &&
                          copies[copy].crc == crc64(&copies[copy], offsetof(StaticHeader, crc));
  }
  if (!headers.valid[0] && !headers.valid[1]) {
    return any_magic ? Status::failed(Code::store_corrupt, "both copies of the region's header are damaged: "
                                                           "its identity is lost")
                     : Status::failed(Code::store_foreign, "not an Indelible region");
  }
  headers.header = copies[headers.valid[0] ? 0 : 1];
  if (headers.valid[0] && headers.valid[1] && std::memcmp(&copies[0], &copies[1], sizeof copies[0]) != 0) {
    return Status::failed(Code::store_corrupt, "the two copies of the region's header contradict each other");
  }
  return judge(headers.header, region_bytes);
}

}  // namespace

Status check_format(const FormatOptions& options) {
  const std::uint64_t alignment = options.alignment;
  const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (!power_of_two || alignment < kLineBytes || alignment > kAlignmentMax) {
    return Status::failed(Code::argument, "alignment is a power of two, 64 bytes to 64 KiB");
  }
  if (options.record_bytes_max < kRecordBytesMin || options.record_bytes_max > kRecordBytesCeiling ||
      options.record_bytes_max % alignment != 0) {
    return Status::failed(Code::argument,
                          "recordBytesMax is a multiple of the alignment, 4 KiB to 64 MiB");
  }
  if (options.log_length < kRecordsMin * options.record_bytes_max || options.log_length > kLogBytesCeiling ||
      options.log_length % kPageBytes != 0 || options.log_length % alignment != 0) {
    return Status::failed(Code::argument,
                          "logBytes is a multiple of 4096 and of the alignment, and holds at least eight "
                          "largest records");
  }
  if (options.record_items_max == 0 || options.record_items_max > 65536 || options.replica_id == 0 ||
      options.replica_id > 65535) {
    return Status::failed(Code::argument, "replica ids and votes per record are 1 … 65535");
  }
  return Status::good();
}

std::vector<std::byte> formatted_start(const FormatOptions& options) {
  std::vector<std::byte> bytes(kLogOffset + kLineBytes);
  const StaticHeader header = header_of(options);
  const RootSlot root = first_root();
  for (int copy = 0; copy < 2; copy++) {
    std::memcpy(bytes.data() + kStaticOffset[copy], &header, sizeof header);
    std::memcpy(bytes.data() + kRootOffset[copy], &kSelector[0], sizeof kSelector[0]);
    std::memcpy(bytes.data() + kRootOffset[copy] + kRootSlotOffset[0], &root, sizeof root);
  }
  const std::uint64_t tail = empty_word(options.incarnation, 1);
  std::memcpy(bytes.data() + kLogOffset, &tail, sizeof tail);
  return bytes;
}

Status format_medium(Medium& medium, const FormatOptions& options) {
  if (Status status = check_format(options); !status.ok()) return status;
  if (medium.size() < kLogOffset + options.log_length) {
    return Status::failed(Code::argument, "the medium is smaller than the region");
  }
  const std::vector<std::byte> bytes = formatted_start(options);
  set_magic(medium, Site::format_invalidate, 0);
  if (Status status = medium.fence(Site::format_invalidate_fence); !status.ok()) return status;
  for (const std::uint64_t offset : kStaticOffset) {
    const std::uint64_t behind = offset + sizeof(std::uint64_t);
    medium.write(Site::format_body, behind, bytes.data() + behind, sizeof(StaticHeader) - sizeof(std::uint64_t));
  }
  for (const std::uint64_t offset : kRootOffset) {
    medium.write(Site::format_body, offset, bytes.data() + offset, kPageBytes);
  }
  medium.write(Site::format_body, kLogOffset, bytes.data() + kLogOffset, kLineBytes);
  if (Status status = medium.fence(Site::format_body_fence); !status.ok()) return status;
  set_magic(medium, Site::format_magic, kStaticMagic);
  return medium.fence(Site::format_magic_fence);
}

Status load_static_headers(Medium& medium, StaticHeaders& headers) {
  if (medium.size() <= kLogOffset) return Status::failed(Code::store_foreign, kTooShort);
  StaticHeader copies[2];
  for (int copy = 0; copy < 2; copy++) {
    Status status = medium.probe(kStaticOffset[copy], &copies[copy], sizeof copies[copy]);
    if (!status.ok()) return status;
  }
  return choose(copies, medium.size(), headers);
}

Status verify_static_headers(Medium& medium, const StaticHeader& header, bool (&whole)[2]) {
  for (int copy = 0; copy < 2; copy++) {
    StaticHeader found{};
    if (Status status = medium.probe(kStaticOffset[copy], &found, sizeof found); !status.ok()) return status;
    whole[copy] = std::memcmp(&found, &header, sizeof header) == 0;
  }
  return Status::good();
}

void repair_static_headers(Medium& medium, const StaticHeaders& headers) {
  for (int copy = 0; copy < 2; copy++) {
    if (headers.valid[copy]) {
      medium.reflush(Site::recover_header, kStaticOffset[copy], sizeof(StaticHeader));
    } else {
      medium.write(Site::recover_header, kStaticOffset[copy], &headers.header, sizeof headers.header);
    }
  }
}

Geometry geometry_of(const StaticHeader& header) {
  return {header.log_length, header.alignment, header.record_bytes_max, header.record_items_max};
}

}  // namespace indelible

#include "record_reader.h"

#include <algorithm>
#include <cstring>

#include "crc64.h"

namespace indelible {
namespace {

constexpr std::uint64_t kScanBytes = 64 << 10;

bool numbers_fit(const RecordHeader& header) {
  return std::max({header.number, header.promised, header.trim_through, header.highest_voted,
                   header.learned_through, header.head_number, header.checkpoint_id}) <= kNumberMax;
}

}  // namespace

bool RecordReader::header_fits(const RecordHeader& header, std::uint64_t position) const {
  const std::uint64_t least = kDescriptorsAt + header.items * sizeof(Descriptor);
  return header.magic == kRecordMagic && header.version == kRecordVersion &&
         header.incarnation == incarnation_ && header.position == position &&
         header.length % geometry_.alignment == 0 && header.length <= geometry_.record_bytes_max &&
         header.items > 0 && header.items <= geometry_.record_items_max && least <= header.length &&
         geometry_.may_start_at(position) && numbers_fit(header) &&
         header.crc == crc64(&header, offsetof(RecordHeader, crc));
}

bool RecordReader::descriptors_fit(const FoundRecord& record) const {
  const RecordHeader& header = record.header;
  // Payloads lie one behind the other: what is copied forward of a record then never takes more than it does.
  std::uint64_t free_from = kDescriptorsAt + header.items * sizeof(Descriptor);
  for (const Descriptor& descriptor : record.descriptors) {
    const bool promise = descriptor.type == static_cast<std::uint8_t>(ItemType::promise);
    const bool known = promise ? descriptor.slot == 0 && descriptor.length == 0
                               : descriptor.type <= static_cast<std::uint8_t>(ItemType::configuration) &&
                                     descriptor.slot > 0 && descriptor.slot <= header.highest_voted;
    if (!known || descriptor.ballot > header.promised) return false;
    if (descriptor.length > geometry_.record_bytes_max) return false;
    if ((descriptor.flags & kFlagUnavailable) != 0) continue;
    const std::uint64_t end = std::uint64_t{descriptor.offset} + descriptor.length;
    if (descriptor.offset < free_from || descriptor.offset % 8 != 0 || end > header.length) return false;
    free_from = end;
  }
  return true;
}

Status RecordReader::commit_word_at(std::uint64_t position, std::uint64_t& word) {
  return source_.read(geometry_.offset_of(position), &word, sizeof word);
}

Status RecordReader::header_at(std::uint64_t position, FoundRecord& record) {
  record.descriptors.clear();
  record.descriptors_good = false;
  record.payloads_good = false;
  const std::uint64_t offset = geometry_.offset_of(position);
  Status status = source_.read(offset + kHeaderAt, &record.header, sizeof record.header);
  record.header_good = status.ok() && header_fits(record.header, position);
  return status;
}

Status RecordReader::descriptors_at(std::uint64_t position, FoundRecord& record) {
  if (Status status = header_at(position, record); !status.ok() || !record.header_good) return status;
  const std::size_t described = record.header.items * sizeof(Descriptor);
  const std::uint64_t offset = geometry_.offset_of(position) + kDescriptorsAt;
  Status status = record.descriptors.resize(record.header.items);
  if (status.ok()) status = source_.read(offset, record.descriptors.data(), described);
  record.descriptors_good = status.ok() &&
                            crc64(record.descriptors.data(), described) == record.header.descriptors_crc &&
                            descriptors_fit(record);
  if (!record.descriptors_good) record.descriptors.clear();
  return status;
}

Status RecordReader::record_at(std::uint64_t position, FoundRecord& record) {
  if (Status status = descriptors_at(position, record); !status.ok() || !record.descriptors_good) return status;
  const std::uint64_t length = record.header.length;
  Status status = bytes_.reserve(length);
  if (status.ok()) status = source_.read(geometry_.offset_of(position), bytes_.data(), length);
  if (!status.ok()) return status;
  record.payloads_good = true;
  for (Descriptor& descriptor : record.descriptors) {
    if ((descriptor.flags & kFlagUnavailable) != 0) continue;
    if (crc64(bytes_.data() + descriptor.offset, descriptor.length) == descriptor.payload_crc) continue;
    descriptor.flags |= kFlagUnavailable;
    record.payloads_good = false;
  }
  return status;
}

Status RecordReader::find_header(std::uint64_t from, std::uint64_t end, std::uint64_t above,
                                 std::uint64_t& position, RecordHeader& header) {
  position = end;
  if (Status status = bytes_.reserve(kScanBytes); !status.ok()) return status;
  std::byte* const block = bytes_.data();
  std::uint64_t at = from;
  while (at < end) {
    const std::uint64_t to_wrap = geometry_.log_length - at % geometry_.log_length;
    const std::uint64_t length = std::min({kScanBytes, end - at, to_wrap});
    if (Status status = source_.read(geometry_.offset_of(at), block, length); !status.ok()) return status;
    for (std::uint64_t step = 0; step + kDescriptorsAt <= length; step += geometry_.alignment) {
      std::uint32_t magic = 0;
      std::memcpy(&magic, block + step + kHeaderAt, sizeof magic);
      if (magic != kRecordMagic) continue;
      std::memcpy(&header, block + step + kHeaderAt, sizeof header);
      if (header.number <= above || !header_fits(header, at + step)) continue;
      position = at + step;
      return Status::good();
    }
    // Blocks overlap by what a header at the very end of one would need of the next.
    const std::uint64_t overlap = align_up(kDescriptorsAt, geometry_.alignment);
    at += length == to_wrap || length == end - at || length <= overlap ? length : length - overlap;
  }
  return Status::good();
}

Status RecordReader::newest_header(RecordHeader& header, bool& found) {
  found = false;
  RecordHeader here{};
  for (std::uint64_t at = 0; at + kDescriptorsAt <= geometry_.log_length; at += geometry_.alignment) {
    Status status = source_.read(kLogOffset + at + kHeaderAt, &here, sizeof here);
    if (!status.ok()) return status;
    if (here.magic != kRecordMagic || here.position % geometry_.log_length != at) continue;
    if (!header_fits(here, here.position) || (found && here.number <= header.number)) continue;
    header = here;
    found = true;
  }
  return Status::good();
}

}  // namespace indelible

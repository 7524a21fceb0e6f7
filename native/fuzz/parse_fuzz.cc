// What reads bytes off a medium, each reader alone: static headers, roots, records, and the searches for a
// header.
//
//  1. Nothing outside the region is read, and nothing is written.
//  2. A header that is accepted names an area inside the region, and records that fit into it.
//  3. A record's parts are good in order, and everything that a good part says of the next is bounded.
#include <algorithm>

#include "../crc64.h"
#include "../root.h"
#include "edits.h"

namespace indelible::fuzz {
namespace {

/// The script's bytes as they are, over a structure of the region; its CRCs recomputed if it says so.
void overlay(const BaseImage& base, std::byte* image, Script& script) {
  const std::uint8_t what = script.byte();
  const bool reseal = (what & 0x80) != 0;
  std::uint64_t at = kStaticOffset[what & 1];
  if ((what & 6) == 2) at = kRootOffset[what & 1] + kRootSlotOffset[0];
  if ((what & 6) >= 4)
    at = base.records[script.below(static_cast<std::uint32_t>(base.records.size()))] + kHeaderAt;
  for (std::uint64_t offset = at; !script.ended() && offset < base.bytes.size(); offset++) {
    image[offset] = static_cast<std::byte>(script.byte());
  }
  if (!reseal) return;
  if ((what & 6) == 0) return seal_static_header(image, what & 1);
  if ((what & 6) == 2) return seal_root_slot(image, what & 1, 0);
  seal_record(base, image, at - kHeaderAt);
}

void judge_geometry(const StaticHeader& header, std::uint64_t region_bytes) {
  const std::uint64_t alignment = header.alignment;
  demand(alignment >= 64 && alignment <= 65536 && (alignment & (alignment - 1)) == 0, "the alignment is one");
  demand(header.record_bytes_max > kDescriptorsAt && header.record_bytes_max % alignment == 0 &&
             header.record_items_max > 0 && header.record_items_max <= 65536,
         "records have bounds");
  demand(header.log_length >= 8 * std::uint64_t{header.record_bytes_max} &&
             header.log_length % alignment == 0 && header.log_length <= region_bytes - kLogOffset,
         "the area holds records and lies in the region");
}

void judge_record(const FoundRecord& record, const Geometry& geometry, std::uint64_t position) {
  demand(record.header_good || !record.descriptors_good, "no descriptors without a header");
  demand(record.descriptors_good || !record.payloads_good, "no payloads without descriptors");
  demand(record.descriptors_good || record.descriptors.empty(), "bad descriptors are not handed on");
  if (!record.header_good) return;
  const RecordHeader& header = record.header;
  demand(header.crc == crc64(&header, offsetof(RecordHeader, crc)), "a good header is whole");
  demand(header.position == position && position % geometry.log_length + header.length <= geometry.log_length,
         "a record lies where it says, in one piece");
  demand(header.length <= geometry.record_bytes_max && header.items <= geometry.record_items_max &&
             kDescriptorsAt + header.items * sizeof(Descriptor) <= header.length,
         "a record's numbers are bounded");
  std::uint64_t bytes = 0;
  for (const Descriptor& descriptor : record.descriptors) {
    demand(descriptor.length <= geometry.record_bytes_max && descriptor.ballot <= header.promised &&
               descriptor.slot <= header.highest_voted,
           "an item's numbers are bounded");
    if (descriptor.flags == 0) bytes += descriptor.length;
    demand(descriptor.flags != 0 || descriptor.offset + std::uint64_t{descriptor.length} <= header.length,
           "a payload lies in its record");
  }
  demand(bytes <= header.length, "payloads do not overlap");
}

void search(RecordReader& reader, const Geometry& geometry, std::uint64_t from, Script& script) {
  const std::uint64_t end = from + script.word() % (geometry.log_length + 1);
  const std::uint64_t above = script.byte();
  std::uint64_t position = 0;
  RecordHeader header{};
  demand(reader.find_header(from, end, above, position, header).ok(), "a sound medium fails nothing");
  demand(position == end ||
             (position >= from && position < end && header.number > above && header.position == position),
         "a header that is found was looked for");
  bool found = false;
  demand(reader.newest_header(header, found).ok(), "a sound medium fails nothing");
  demand(!found || geometry.may_start_at(header.position), "the newest header lies in the area");
}

void parse(Script& script) {
  static CheckedMedium medium;
  const BaseImage& base = base_images()[script.byte() % base_images().size()];
  medium.load(base.bytes, base.bytes.size());
  const std::uint8_t how = script.byte();
  if ((how & 1) != 0) {
    edit(base, medium.bytes(), script);
  } else {
    overlay(base, medium.bytes(), script);
  }
  medium.freeze();
  if ((how & 2) != 0) medium.truncate(script.word());
  StaticHeaders headers{};
  if (!load_static_headers(medium, headers).ok()) return;
  judge_geometry(headers.header, medium.size());
  Root root;
  bool found = false;
  demand(root.load(medium, found).ok(), "a sound medium fails nothing");
  const RootSlot slot = root.current();
  demand(!found || slot.crc == crc64(&slot, offsetof(RootSlot, crc)), "a root that is found is whole");
  const Geometry geometry = geometry_of(headers.header);
  static FoundRecord record;
  RecordReader reader(medium, geometry, headers.header.incarnation);
  for (int count = how >> 6; count >= 0; count--) {
    const std::uint64_t offset = base.records[script.below(static_cast<std::uint32_t>(base.records.size()))];
    const std::uint64_t position = offset - kLogOffset + script.below(2) * geometry.log_length;
    if (!geometry.may_start_at(position)) continue;
    demand(reader.record_at(position, record).ok(), "a sound medium fails nothing");
    judge_record(record, geometry, position);
    if (count == 0 && (how & 4) != 0) search(reader, geometry, position, script);
  }
}

}  // namespace
}  // namespace indelible::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length);

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length) {
  indelible::fuzz::Script script(bytes, length);
  indelible::fuzz::parse(script);
  return 0;
}

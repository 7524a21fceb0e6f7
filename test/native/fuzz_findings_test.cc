// Regions whose CRCs are right and whose numbers are not: what the fuzz targets found, one test each. No
// medium does this by itself, but nobody who hands over a region should be able to make recovery read or
// write elsewhere.
#include <cstring>

#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

template <typename T>
T load(const std::vector<std::byte>& image, std::uint64_t offset) {
  T value;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

template <typename T>
void store(std::vector<std::byte>& image, std::uint64_t offset, const T& value) {
  std::memcpy(image.data() + offset, &value, sizeof value);
}

/// Changes header and descriptors of the record at an offset, and recomputes their CRCs.
template <typename Change>
void change_record(std::vector<std::byte>& image, std::uint64_t offset, Change change) {
  auto header = load<RecordHeader>(image, offset + kHeaderAt);
  auto* const descriptors = reinterpret_cast<Descriptor*>(image.data() + offset + kDescriptorsAt);
  change(header, descriptors);
  header.descriptors_crc = crc64(descriptors, header.items * sizeof(Descriptor));
  header.crc = crc64(&header, offsetof(RecordHeader, crc));
  store(image, offset + kHeaderAt, header);
}

/// One record of two votes of 8 and `second` bytes, at the start of the log.
std::vector<std::byte> image_with_one_record(std::uint32_t second = 300) {
  OpenLog opened = open_image(formatted(small_format()));
  CHECK(append(*opened.log, {0, {{1, 65537, 8}, {2, 65537, second}}}).ok());
  return opened.medium->durable();
}

Outcome outcome_of(std::vector<std::byte> image) {
  OpenLog opened = open_image(std::move(image));
  return CHECK(opened.status.ok()) ? opened.log->recovered().outcome : Outcome::intact;
}

}  // namespace

TEST(fuzz_a_root_cannot_name_a_place_where_no_record_fits) {
  const FormatOptions format = small_format();
  for (const std::uint64_t position : {format.log_length - 64, format.log_length - 4032, std::uint64_t{8},
                                       std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::vector<std::byte> image = image_with_one_record();
    change_roots(image, [&](RootSlot& root) { root.head_position = position; });
    CHECK(outcome_of(image) == Outcome::lost);
  }
}

TEST(fuzz_a_root_cannot_name_numbers_that_nobody_can_hold) {
  for (std::uint64_t RootSlot::*field :
       {&RootSlot::head_number, &RootSlot::trim_through, &RootSlot::promised, &RootSlot::highest_voted}) {
    std::vector<std::byte> image = image_with_one_record();
    change_roots(image, [&](RootSlot& root) { root.*field = kNumberMax + 1; });
    CHECK(outcome_of(image) == Outcome::lost);
  }
  // Without a generation it is no root: the newest record names the head.
  std::vector<std::byte> image = image_with_one_record();
  change_roots(image, [](RootSlot& root) { root.generation = kNumberMax + 1; });
  CHECK(outcome_of(image) == Outcome::intact);
}

TEST(fuzz_a_record_holds_items_of_kinds_and_numbers_that_there_are) {
  const auto changed = [](auto change) {
    std::vector<std::byte> image = image_with_one_record();
    change_record(image, kLogOffset,
                  [&](RecordHeader& header, Descriptor* items) { change(header, items[1]); });
    return outcome_of(image);
  };
  CHECK(changed([](RecordHeader&, Descriptor&) {}) == Outcome::intact);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.type = 3; }) == Outcome::damaged);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.type = 255; }) == Outcome::damaged);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.slot = 0; }) == Outcome::damaged);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.slot = 3; }) == Outcome::damaged);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.ballot = 65538; }) == Outcome::damaged);
  CHECK(changed([](RecordHeader&, Descriptor& item) { item.flags = 1, item.length = 4097; }) ==
        Outcome::damaged);
  CHECK(changed([](RecordHeader& header, Descriptor&) { header.items = 0; }) == Outcome::lost);
  CHECK(changed([](RecordHeader& header, Descriptor&) { header.promised = kNumberMax + 1; }) ==
        Outcome::lost);
  CHECK(changed([](RecordHeader& header, Descriptor&) { header.highest_voted = kNumberMax + 1; }) ==
        Outcome::lost);
}

TEST(fuzz_payloads_do_not_overlap) {
  std::vector<std::byte> image = image_with_one_record();
  change_record(image, kLogOffset, [](RecordHeader&, Descriptor* items) {
    items[0].offset = items[1].offset;
    items[0].length = items[1].length;
    items[0].payload_crc = items[1].payload_crc;
  });
  CHECK(outcome_of(image) == Outcome::damaged);
}

TEST(fuzz_a_vote_without_bytes_is_not_copied_forward_as_its_successor) {
  OpenLog first = open_image(formatted(small_format()));
  // The same slot ten times over, nine of them empty, all at one offset: one large payload in the record.
  Group group;
  for (int index = 0; index < 9; index++) group.votes.push_back({1, 65537, 0});
  group.votes.push_back({1, 65537, 3001});
  CHECK(append(*first.log, group).ok());
  OpenLog second = open_image(first.medium->durable());
  bool found = true;
  for (std::uint64_t slot = 2; found && second.log->counters().laps == 0; slot++) {
    CHECK(second.log->make_room(4096, Claim::vote, found).ok());
    CHECK(!found || append(*second.log, {0, {{2 + slot % 2, 65537 + slot, 3000}}}).ok());
  }
  CHECK(contents_of(*open_image(second.medium->durable()).log).votes == contents_of(*second.log).votes);
}

TEST(fuzz_a_chain_is_no_longer_than_a_lap) {
  const FormatOptions format = small_format();
  OpenLog opened = open_image(formatted(format));
  CHECK(append(*opened.log, {0, {{1, 65537, 100}}}).ok());
  for (std::uint64_t slot = 2; slot <= 14; slot++)
    CHECK(append(*opened.log, {0, {{slot, 65537, 3700}}}).ok());
  CHECK(opened.log->trim(1, 1).ok());
  // Records up to the end of the area, then one at its start that has the head record among its payload's
  // bytes.
  std::vector<std::byte> image = opened.medium->durable();
  const Geometry geometry = opened.log->state().geometry;
  const std::uint64_t head = kLogOffset + opened.log->state().head;
  const std::vector<std::byte> pattern(image.begin() + static_cast<std::ptrdiff_t>(head),
                                       image.begin() + static_cast<std::ptrdiff_t>(head) + 4096);
  std::uint64_t position = opened.log->state().position;
  std::uint64_t previous = opened.log->state().previous_crc;
  for (std::uint64_t number = 15; position <= format.log_length; number++) {
    const bool laps = position == format.log_length;
    const std::uint64_t offset = geometry.offset_of(position);
    std::memcpy(image.data() + offset, pattern.data(), laps ? 232 : pattern.size());
    change_record(image, offset, [&](RecordHeader& header, Descriptor* items) {
      header.number = number;
      header.position = position;
      header.previous_crc = previous;
      items[0].payload_crc = crc64(image.data() + offset + items[0].offset, items[0].length);
    });
    store(image, offset, commit_word(format.incarnation, number));
    const auto header = load<RecordHeader>(image, offset + kHeaderAt);
    previous = header.crc;
    position = geometry.position_after(position, header.length);
  }
  OpenLog again = open_image(image);
  LogState& state = again.log->state();
  CHECK(state.head == head - kLogOffset && state.position == format.log_length);
}

TEST(fuzz_a_scrub_makes_no_slot_uncertain_that_recovery_did_not) {
  OpenLog written = open_image(formatted(small_format()));
  std::vector<std::uint64_t> offsets;
  for (const Group& group : {Group{70000, {}}, Group{0, {{1, 70000, 8}}}, Group{0, {{2, 70000, 8}}},
                             Group{0, {{3, 70000, 8}}}}) {
    offsets.push_back(kLogOffset + written.log->state().position);
    CHECK(append(*written.log, group).ok());
  }
  std::vector<std::byte> image = written.medium->durable();
  for (const std::uint64_t offset : {offsets[0], offsets[1]}) image[offset + kDescriptorsAt] ^= std::byte{1};
  OpenLog opened = open_image(std::move(image));
  CHECK(opened.log->state().uncertain_through == 1);
  ScrubReport report;
  CHECK(opened.log->scrub(1 << 20, report).ok());
  CHECK(opened.log->state().uncertain_through == 1 && report.votes.empty());
}

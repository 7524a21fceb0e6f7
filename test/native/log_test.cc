// What the log does on a medium that behaves, and on one whose bytes were damaged.
#include <cstring>

#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

std::vector<std::byte> image_with_three_records(std::vector<std::uint64_t>& offsets) {
  OpenLog opened = open_image(formatted(small_format()));
  for (std::uint64_t slot = 1; slot <= 3; slot++) {
    offsets.push_back(kLogOffset + opened.log->state().position);
    CHECK(append(*opened.log, {0, {{slot, 65537 * slot, 100}}}).ok());
  }
  return opened.medium->durable();
}

void flip(std::vector<std::byte>& image, std::uint64_t offset) { image[offset] ^= std::byte{0x10}; }

}  // namespace

TEST(log_recovers_what_was_appended) {
  OpenLog first = open_image(formatted(small_format()));
  CHECK(first.status.ok());
  Contents expected;
  for (std::uint64_t slot = 1; slot <= 9; slot++) {
    const Group group{slot == 5 ? 500000U : 0U, {{slot, 65537 * slot, static_cast<std::uint32_t>(slot * 7)}}};
    CHECK(append(*first.log, group).ok());
    expected.apply(group);
  }
  OpenLog second = open_image(first.medium->durable());
  CHECK(second.log->recovered().outcome == Outcome::intact);
  CHECK(contents_of(*second.log) == expected);
}

TEST(log_costs_two_fences_a_group_and_one_when_fused) {
  for (const bool fused : {false, true}) {
    OpenLog opened = open_image(formatted(small_format()), fused);
    const std::uint64_t before = opened.log->counters().fences;
    for (std::uint64_t slot = 1; slot <= 10; slot++) CHECK(append(*opened.log, {0, {{slot, 1, 64}}}).ok());
    CHECK(opened.log->counters().fences - before == (fused ? 10 : 20));
    CHECK(opened.log->drain().ok());
    CHECK(opened.log->counters().fences - before == (fused ? 11 : 20));
  }
}

TEST(log_says_which_vote_lost_its_bytes) {
  std::vector<std::uint64_t> offsets;
  std::vector<std::byte> image = image_with_three_records(offsets);
  flip(image, offsets[1] + kDescriptorsAt + sizeof(Descriptor) + 3);
  OpenLog opened = open_image(image);
  CHECK(opened.log->recovered().outcome == Outcome::damaged);
  CHECK((opened.log->state().votes.find(2)->flags & kFlagUnavailable) != 0);
  CHECK(opened.log->state().votes.find(2)->ballot == 65537UL * 2);
  CHECK(opened.log->state().votes.find(3)->flags == 0);
}

TEST(log_calls_slots_uncertain_where_a_record_is_unreadable) {
  for (const std::uint64_t where : {kHeaderAt + 20, kDescriptorsAt + 2}) {
    std::vector<std::uint64_t> offsets;
    std::vector<std::byte> image = image_with_three_records(offsets);
    flip(image, offsets[1] + where);
    for (int round = 0; round < 2; round++) {
      OpenLog opened = open_image(image);
      CHECK(opened.log->recovered().outcome == Outcome::damaged);
      CHECK(opened.log->state().promised == 65537UL * 3);
      CHECK(opened.log->state().uncertain());
      CHECK(opened.log->state().votes.find(3) != nullptr);
      image = opened.medium->durable();
    }
    OpenLog healed = open_image(image);
    CHECK(healed.log->trim(3, 1).ok());
    CHECK(open_image(healed.medium->durable()).log->recovered().outcome == Outcome::intact);
  }
}

TEST(log_is_lost_when_the_last_record_is_unreadable) {
  std::vector<std::uint64_t> offsets;
  const std::vector<std::byte> image = image_with_three_records(offsets);
  std::vector<std::byte> broken = image;
  flip(broken, offsets[2] + kHeaderAt + 20);
  CHECK(open_image(broken).log->recovered().outcome == Outcome::lost);
  broken = image;
  // Both roots gone, and nobody else to say where the log begins.
  for (const std::uint64_t root : kRootOffset) flip(broken, root);
  for (const std::uint64_t offset : offsets) flip(broken, offset + kHeaderAt);
  OpenLog lost = open_image(broken);
  CHECK(lost.log->recovered().outcome == Outcome::lost);
  CHECK(!append(*lost.log, {0, {{9, 9, 9}}}).ok());
  CHECK(lost.medium->seen() == broken);
}

TEST(log_notices_a_lost_write_behind_the_tail) {
  std::vector<std::uint64_t> offsets;
  std::vector<std::byte> image = image_with_three_records(offsets);
  const std::vector<std::byte> fresh = formatted(small_format());
  // The second record's block is as it was before the record was written, its EMPTY word included.
  const std::uint64_t empty = empty_word(77, 2);
  std::memcpy(image.data() + offsets[1], fresh.data() + offsets[1], offsets[2] - offsets[1]);
  std::memcpy(image.data() + offsets[1], &empty, sizeof empty);
  OpenLog opened = open_image(image);
  CHECK(opened.log->recovered().outcome == Outcome::damaged);
  CHECK(opened.log->state().promised == 65537UL * 3);
}

TEST(log_mends_a_damaged_root_header_and_commit_word) {
  std::vector<std::uint64_t> offsets;
  const std::vector<std::byte> image = image_with_three_records(offsets);
  for (const std::uint64_t damage : {kStaticOffset[0] + 30, kStaticOffset[1] + 30, kRootOffset[0], kRootOffset[1],
                                     offsets[0], offsets[1], offsets[2]}) {
    std::vector<std::byte> broken = image;
    flip(broken, damage);
    OpenLog opened = open_image(broken);
    if (!CHECK(opened.status.ok())) continue;
    CHECK(opened.log->recovered().outcome == Outcome::intact);
    CHECK(opened.log->state().votes.size() == 3);
    OpenLog again = open_image(opened.medium->durable());
    CHECK(again.log->state().votes.size() == 3);
  }
}

TEST(log_without_roots_begins_where_its_newest_record_says) {
  OpenLog opened = open_image(formatted(small_format()));
  Contents expected;
  for (std::uint64_t slot = 1; slot <= 400; slot++) {
    const Group group{0, {{slot, 65537 + slot, static_cast<std::uint32_t>(slot % 700)}}};
    CHECK(append(*opened.log, group).ok());
    expected.apply(group);
    if (slot % 20 != 0) continue;
    CHECK(opened.log->trim(slot - 5, slot).ok());
    const std::vector<std::byte> durable = opened.medium->durable();
    std::vector<std::byte> broken = durable;
    std::memset(broken.data() + kRootOffset[0], 0, 2 * kPageBytes);
    OpenLog found = open_image(broken);
    CHECK(found.log->recovered().outcome == Outcome::intact);
    // What the last trim forgot only the roots knew: votes may be back, and none is missing.
    Contents held = contents_of(*found.log);
    CHECK(found.log->state().trim_through + 25 >= slot);
    held.forget(slot - 5);
    expected.forget(slot - 5);
    CHECK(held == expected);
    OpenLog again = open_image(found.medium->durable());
    CHECK(again.log->recovered().outcome == Outcome::intact);
    CHECK(append(*again.log, {0, {{slot + 1, 65537 + slot, 10}}}).ok());
  }
}

TEST(log_links_to_the_record_behind_a_gap_when_that_becomes_the_head) {
  std::vector<std::uint64_t> offsets;
  std::vector<std::byte> image = image_with_three_records(offsets);
  flip(image, offsets[1] + kHeaderAt + 20);
  OpenLog opened = open_image(image);
  CHECK(opened.log->recovered().outcome == Outcome::damaged);
  CHECK(append(*opened.log, {0, {{4, std::uint64_t{65537} * 4, 100}}}).ok());
  // The first record behind the gap stays alone in front of the fourth.
  CHECK(append(*opened.log, {0, {{5, std::uint64_t{65537} * 4, 100}}}).ok());
  CHECK(opened.log->trim(2, 1).ok());
  CHECK(opened.log->trim(3, 2).ok());
  OpenLog again = open_image(opened.medium->durable());
  CHECK(again.log->recovered().outcome == Outcome::intact);
  CHECK(again.log->state().votes.size() == 2);
}

TEST(log_in_use_is_forgotten_by_another_boot_on_a_medium_that_forgets) {
  OpenOptions options;
  options.process_only = true;
  options.boot_id[0] = 1;
  auto open_as = [](const std::vector<std::byte>& image, const OpenOptions& as,
                    std::unique_ptr<RecordingMedium>& medium, std::unique_ptr<Log>& log) {
    medium = std::make_unique<RecordingMedium>(image);
    return Log::open(*medium, as, log);
  };
  std::unique_ptr<RecordingMedium> medium;
  std::unique_ptr<Log> log;
  CHECK(open_as(formatted(small_format()), options, medium, log).ok());
  CHECK(append(*log, {0, {{1, 65537, 10}}}).ok());
  const std::vector<std::byte> in_use = medium->durable();
  CHECK(log->close().ok());
  const std::vector<std::byte> closed = medium->durable();

  CHECK(open_as(in_use, options, medium, log).ok());
  CHECK(log->recovered().outcome == Outcome::intact);
  OpenOptions later = options;
  later.boot_id[0] = 2;
  for (const bool process_only : {true, false}) {
    // Whatever it is opened as now, it was used as something that forgets.
    later.process_only = process_only;
    CHECK(open_as(in_use, later, medium, log).ok());
    CHECK(log->recovered().outcome == Outcome::lost);
    CHECK(medium->seen() == in_use);
    CHECK(open_as(closed, later, medium, log).ok());
    CHECK(log->recovered().outcome == Outcome::intact);
  }
  // Power may bring any earlier root back: after the open none of them says "clean".
  CHECK(open_as(closed, options, medium, log).ok());
  for (const std::uint64_t root : kRootOffset) {
    for (const std::uint64_t at : kRootSlotOffset) {
      RootSlot slot{};
      std::memcpy(&slot, medium->durable().data() + root + at, sizeof slot);
      CHECK(slot.state == static_cast<std::uint64_t>(RootState::in_use_volatile));
    }
  }
}

TEST(log_is_lost_when_its_device_lost_power_without_flushing) {
  OpenOptions options;
  options.device_id = 7;
  options.unsafe_shutdowns = 3;
  RecordingMedium medium(formatted(small_format()));
  std::unique_ptr<Log> log;
  CHECK(Log::open(medium, options, log).ok());
  CHECK(append(*log, {0, {{1, 65537, 10}}}).ok());
  const std::vector<std::byte> in_use = medium.durable();
  CHECK(log->close().ok());
  const auto outcome_of = [](const std::vector<std::byte>& image, const OpenOptions& as) {
    RecordingMedium fresh(image);
    std::unique_ptr<Log> opened;
    CHECK(Log::open(fresh, as, opened).ok());
    return opened->recovered().outcome;
  };
  CHECK(outcome_of(in_use, options) == Outcome::intact);
  OpenOptions changed = options;
  changed.unsafe_shutdowns = 4;
  CHECK(outcome_of(in_use, changed) == Outcome::lost);
  CHECK(outcome_of(medium.durable(), changed) == Outcome::intact);
  changed = options;
  changed.device_id = 8;
  CHECK(outcome_of(in_use, changed) == Outcome::lost);
  CHECK(outcome_of(medium.durable(), changed) == Outcome::intact);
}

TEST(log_does_not_take_a_header_that_landed_in_a_root_for_one) {
  std::vector<std::uint64_t> offsets;
  const std::vector<std::byte> image = image_with_three_records(offsets);
  for (const std::uint64_t root : kRootOffset) {
    for (const std::uint64_t slot : kRootSlotOffset) {
      std::vector<std::byte> broken = image;
      std::memcpy(broken.data() + root + slot, image.data(), sizeof(StaticHeader));
      CHECK(open_image(broken).log->recovered().outcome == Outcome::intact);
    }
  }
}

TEST(log_opens_a_region_of_the_minor_version_before) {
  std::vector<std::byte> image = formatted(small_format());
  for (const std::uint64_t offset : kStaticOffset) {
    StaticHeader header{};
    std::memcpy(&header, image.data() + offset, sizeof header);
    header.minor = 0;
    header.crc = crc64(&header, offsetof(StaticHeader, crc));
    std::memcpy(image.data() + offset, &header, sizeof header);
  }
  CHECK(open_image(image).log->recovered().outcome == Outcome::intact);
}

TEST(log_refuses_unknown_formats_and_foreign_bytes) {
  std::vector<std::byte> image = formatted(small_format());
  CHECK(open_image(std::vector<std::byte>(image.size())).status.code == Code::store_foreign);
  for (const std::uint64_t offset : kStaticOffset) flip(image, offset + 40);
  CHECK(open_image(image).status.code == Code::store_corrupt);
  image = formatted(small_format());
  for (const std::uint64_t offset : kStaticOffset) {
    StaticHeader header{};
    std::memcpy(&header, image.data() + offset, sizeof header);
    header.incompat = 1;
    header.crc = crc64(&header, offsetof(StaticHeader, crc));
    std::memcpy(image.data() + offset, &header, sizeof header);
  }
  CHECK(open_image(image).status.code == Code::store_version);
}

TEST(log_is_poisoned_by_a_failed_fence) {
  OpenLog opened = open_image(formatted(small_format()));
  opened.medium->fail_next_fence();
  CHECK(append(*opened.log, {0, {{1, 1, 8}}}).code == Code::store_io);
  CHECK(append(*opened.log, {0, {{1, 1, 8}}}).code == Code::store_poisoned);
  CHECK(opened.log->trim(1, 1).code == Code::store_poisoned);
}

TEST(log_writes_nothing_ahead_once_it_is_poisoned) {
  OpenLog opened = open_image(formatted(small_format()));
  opened.medium->fail_next_fence();
  CHECK(append(*opened.log, {0, {{1, 1, 8}}}).code == Code::store_io);
  const std::vector<std::byte> before = opened.medium->seen();
  const std::vector<std::byte> payload = TestVote{2, 1, 2048}.bytes();
  const void* const payloads[] = {payload.data()};
  const std::size_t lengths[] = {payload.size()};
  opened.log->builder().begin(1);
  opened.log->builder().place_run(payloads, lengths, 1);
  opened.log->write_ahead();
  CHECK(opened.medium->seen() == before);
}

TEST(log_forgets_a_group_that_was_given_up) {
  OpenLog opened = open_image(formatted(small_format()));
  const std::vector<std::byte> payload = TestVote{1, 1, 64}.bytes();
  RecordBuilder& builder = opened.log->builder();
  builder.begin(1);
  builder.add(1, 9, static_cast<std::uint8_t>(ItemType::commands), 0, payload.data(), 64, crc64(payload.data(), 64));
  const Group group{0, {{2, 1, 64}}};
  CHECK(append(*opened.log, group).ok());
  Contents expected;
  expected.apply(group);
  CHECK(contents_of(*open_image(opened.medium->durable()).log) == expected);
}

TEST(log_copies_live_votes_forward_when_superseded_ones_fill_it) {
  OpenLog opened = open_image(formatted(small_format()));
  Contents expected;
  // Slot 1 stays; slots 2 … 5 are voted for at ever higher ballots, many times the size of the log.
  const Group first{0, {{1, 1, 200}}};
  CHECK(append(*opened.log, first).ok());
  expected.apply(first);
  for (std::uint64_t ballot = 2; ballot < 600; ballot++) {
    const Group group{0, {{2 + ballot % 4, ballot, 700}}};
    bool found = opened.log->room(Claim::vote) >= align_up(bytes_of(group), 64);
    if (!found) CHECK(opened.log->make_room(bytes_of(group), Claim::vote, found).ok());
    if (!CHECK(found) || !CHECK(append(*opened.log, group).ok())) return;
    expected.apply(group);
  }
  CHECK(contents_of(*opened.log) == expected);
  OpenLog again = open_image(opened.medium->durable());
  CHECK(contents_of(*again.log) == expected);
  CHECK(opened.log->counters().laps > 5);
}

TEST(recording_medium_finds_a_store_that_bypassed_it) {
  OpenLog opened = open_image(formatted(small_format()));
  opened.medium->record(true);
  CHECK(append(*opened.log, {0, {{1, 1, 8}}}).ok());
  CHECK(!opened.medium->untraced_store());
  const_cast<std::byte&>(opened.medium->seen()[kLogOffset + 5000]) = std::byte{1};
  CHECK(append(*opened.log, {0, {{2, 1, 8}}}).ok());
  CHECK(opened.medium->untraced_store());
}

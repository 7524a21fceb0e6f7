// What a scrub finds in a log that is in use, and what the next recovery makes of the same bytes.
#include <algorithm>
#include <cstring>

#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

constexpr std::uint64_t kRecords = 12;

/// Twelve records of one vote each, in use.
struct InUse {
  OpenLog opened = open_image(formatted(small_format()));
  std::vector<std::uint64_t> offsets;

  InUse() {
    for (std::uint64_t slot = 1; slot <= kRecords; slot++) {
      offsets.push_back(kLogOffset + opened.log->state().position);
      CHECK(append(*opened.log, {0, {{slot, 65537 * slot, 300}}}).ok());
    }
  }
  /// Rots bytes behind the log's back.
  void rot(std::uint64_t offset, std::uint64_t length = 8) const {
    std::vector<std::byte> bytes(length, std::byte{0x5A});
    opened.medium->write(Site::append_body, offset, bytes.data(), length);
    CHECK(opened.medium->fence(Site::append_body_fence).ok());
  }
  [[nodiscard]] ScrubReport pass() const {
    ScrubReport all;
    while (!all.pass_ended) {
      ScrubReport step;
      CHECK(opened.log->scrub(1000, step).ok());
      all.bytes += step.bytes;
      for (const VoteEntry& vote : step.votes) CHECK(all.votes.push(vote).ok());
      all.unreadable |= step.unreadable;
      all.last_unreadable |= step.last_unreadable;
      all.mended |= step.mended;
      all.pass_ended = step.pass_ended;
    }
    return all;
  }
  [[nodiscard]] std::uint64_t payload(std::size_t record) const {
    return offsets[record] + kDescriptorsAt + sizeof(Descriptor);
  }
};

}  // namespace

TEST(scrub_finds_nothing_in_a_whole_log_and_reads_it_all) {
  const InUse log;
  const ScrubReport report = log.pass();
  CHECK(report.bytes == log.opened.log->state().used);
  CHECK(report.votes.empty() && !report.unreadable && !report.mended);
}

TEST(scrub_keeps_to_its_budget) {
  const InUse log;
  ScrubReport report;
  CHECK(log.opened.log->scrub(1, report).ok());
  CHECK(report.bytes == 576 && !report.pass_ended);
}

TEST(scrub_tells_of_a_vote_without_its_bytes_once) {
  const InUse log;
  log.rot(log.payload(4));
  const ScrubReport report = log.pass();
  CHECK(report.votes.size() == 1 && report.votes[0].slot == 5 && !report.unreadable);
  CHECK(log.pass().votes.empty());
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::damaged);
  // The same vote staged again heals it.
  CHECK(append(*log.opened.log, {0, {{5, 65537 * kRecords, 300}}}).ok());
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::intact);
}

TEST(scrub_makes_slots_certain_again_before_anybody_restarts) {
  for (const std::uint64_t place : {kHeaderAt + 8, kDescriptorsAt + 16}) {
    const InUse log;
    // Votes are known from the first pass on.
    CHECK(!log.pass().unreadable);
    log.rot(log.offsets[4] + place);
    const ScrubReport report = log.pass();
    CHECK(report.unreadable && report.votes.empty());
    LogState& state = log.opened.log->state();
    CHECK(state.uncertain() && state.uncertain_through == kRecords);
    CHECK(!log.pass().unreadable);
    OpenLog next = open_image(log.opened.medium->durable());
    CHECK(next.log->recovered().outcome == Outcome::damaged);
    CHECK(next.log->state().promised == 65537 * kRecords);
    // Its bytes are still here: staged again, with those before it, nothing is uncertain any more.
    std::vector<std::byte> bytes(300);
    bool good = false;
    CHECK(log.opened.log->read_payload(*state.votes.find(5), bytes.data(), good).ok() && good);
    for (std::uint64_t slot = 1; slot <= 5; slot++) {
      CHECK(append(*log.opened.log, {0, {{slot, 65537 * kRecords, 300}}}).ok());
    }
    next = open_image(log.opened.medium->durable());
    CHECK(next.log->state().votes.size() == kRecords);
    CHECK(contents_of(*next.log) == contents_of(*log.opened.log));
    CHECK(log.opened.log->trim(kRecords, 1).ok());
    CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::intact);
  }
}

TEST(scrub_repeats_the_promise_behind_an_unreadable_last_record) {
  const InUse log;
  log.rot(log.offsets.back() + kHeaderAt + 8);
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::lost);
  CHECK(log.pass().last_unreadable);
  OpenLog next = open_image(log.opened.medium->durable());
  CHECK(next.log->recovered().outcome == Outcome::damaged);
  CHECK(next.log->state().promised == 65537 * kRecords);
}

TEST(scrub_mends_words_headers_and_roots) {
  for (const std::uint64_t place : {kStaticOffset[0] + 40, kStaticOffset[1] + 40, kRootOffset[0], kRootOffset[1]}) {
    const InUse log;
    log.rot(place);
    if (place >= kRootOffset[0]) log.rot(place + kRootSlotOffset[0]);
    if (place >= kRootOffset[0]) log.rot(place + kRootSlotOffset[1]);
    CHECK(!log.pass().unreadable);
    std::vector<std::byte> other = log.opened.medium->durable();
    // The other copy may go now.
    const std::uint64_t page = place / kPageBytes * kPageBytes;
    std::memset(other.data() + (page ^ kPageBytes), 0, kPageBytes);
    CHECK(open_image(other).log->recovered().outcome == Outcome::intact);
  }
  const InUse log;
  log.rot(log.offsets[3]);
  log.rot(kLogOffset + log.opened.log->state().position);
  CHECK(log.pass().mended);
  CHECK(!log.pass().mended);
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::intact);
}

TEST(scrub_leaves_a_word_that_is_still_to_come) {
  OpenLog opened = open_image(formatted(small_format()), true);
  CHECK(append(*opened.log, {0, {{1, 65537, 100}}}).ok());
  ScrubReport report;
  CHECK(opened.log->scrub(1000, report).ok());
  CHECK(!report.mended && opened.log->pending());
}

TEST(scrub_tells_of_records_that_rotted_before_anybody_had_looked) {
  const InUse log;
  log.rot(log.offsets[4] + kHeaderAt + 8);
  CHECK(log.opened.log->index_all().ok());
  LogState& state = log.opened.log->state();
  CHECK(state.votes.find(5) == nullptr && state.votes.size() == kRecords - 1);
  // A newer vote for a slot up to the fifth may have stood in what is gone; none for a later slot.
  CHECK(!state.is_last(*state.votes.find(4)) && state.is_last(*state.votes.find(6)));
  CHECK(append(*log.opened.log, {0, {{kRecords + 1, 65537 * kRecords, 300}}}).ok());
  CHECK(log.pass().unreadable);
  CHECK(!log.pass().unreadable);
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::damaged);
  for (std::uint64_t slot = 1; slot <= 5; slot++) {
    CHECK(append(*log.opened.log, {0, {{slot, 65537 * kRecords, 300}}}).ok());
  }
  CHECK(log.opened.log->index_all().ok());
  CHECK(state.is_last(*state.votes.find(4)));
  CHECK(open_image(log.opened.medium->durable()).log->state().votes.size() == kRecords + 1);
}

TEST(scrub_repeats_the_promise_behind_a_last_record_that_somebody_else_found_unreadable) {
  const InUse log;
  log.rot(log.offsets.back() + kDescriptorsAt + 16);
  log.rot(log.offsets.back() + kHeaderAt + 8);
  CHECK(log.opened.log->index_all().ok());
  CHECK(log.pass().last_unreadable);
  OpenLog next = open_image(log.opened.medium->durable());
  CHECK(next.log->recovered().outcome == Outcome::damaged);
  CHECK(next.log->state().promised == 65537 * kRecords);
}

TEST(a_full_log_copies_nothing_out_of_a_record_that_rotted_and_goes_on) {
  const InUse log;
  CHECK(log.opened.log->index_all().ok());
  log.rot(log.offsets[0] + kHeaderAt + 8);
  Log& full = *log.opened.log;
  // The same slots over and over: all but their last votes are garbage, and the first record is in the way.
  std::uint64_t round = kRecords;
  bool found = true;
  while (found) {
    round++;
    CHECK(full.make_room(1000, Claim::vote, found).ok());
    if (found) CHECK(append(full, {0, {{2 + round % 4, 65537 * round, 500}}}).ok());
  }
  CHECK(full.make_room(200, Claim::promise, found).ok() && found);
  CHECK(log.pass().unreadable);
  CHECK(full.trim(kRecords, 1).ok());
  CHECK(full.make_room(1000, Claim::vote, found).ok() && found);
  CHECK(append(full, {0, {{kRecords + 1, 65537 * round, 500}}}).ok());
  CHECK(open_image(log.opened.medium->durable()).log->recovered().outcome == Outcome::intact);
}

TEST(scrub_tells_which_votes_of_a_record_that_rotted_have_lost_their_bytes_too) {
  OpenLog opened = open_image(formatted(small_format()));
  const std::uint64_t record = kLogOffset + opened.log->state().position;
  CHECK(append(*opened.log, {0, {{1, 65537, 300}, {2, 65537, 0}, {3, 65537, 300}}}).ok());
  CHECK(append(*opened.log, {0, {{4, 65537, 300}}}).ok());
  CHECK(opened.log->index_all().ok());
  const std::vector<std::byte> bytes(8, std::byte{0x5A});
  for (const std::uint64_t place : {record + kHeaderAt + 8, record + kDescriptorsAt + 3 * sizeof(Descriptor)}) {
    opened.medium->write(Site::append_body, place, bytes.data(), bytes.size());
  }
  CHECK(opened.medium->fence(Site::append_body_fence).ok());
  ScrubReport report;
  CHECK(opened.log->scrub(1 << 20, report).ok());
  CHECK(report.unreadable && report.votes.size() == 1 && report.votes[0].slot == 1);
  CHECK((report.votes[0].flags & kFlagUnavailable) != 0);
  LogState& state = opened.log->state();
  CHECK((state.votes.find(1)->flags & kFlagUnavailable) != 0);
  for (const std::uint64_t slot : {2U, 3U, 4U}) CHECK((state.votes.find(slot)->flags & kFlagUnavailable) == 0);
}

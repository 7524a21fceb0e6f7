// Logs near the ends of their numbers: positions begin again in time, and what cannot is refused before it is written.
#include <cstring>

#include "../../native/root.h"
#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

constexpr std::uint64_t kLap = 64 << 10;
constexpr std::uint64_t whole_laps(std::uint64_t position) { return position / kLap * kLap; }

/// A region as one shows it that has come this far, and holds nothing.
std::vector<std::byte> empty_at(std::uint64_t position, std::uint64_t number, std::uint64_t generation) {
  std::vector<std::byte> image = formatted(small_format());
  change_roots(image, [&](RootSlot& root) {
    root.generation = generation;
    root.head_position = position;
    root.head_number = number;
  });
  const std::uint64_t tail = empty_word(small_format().incarnation, number);
  std::memcpy(image.data() + kLogOffset + position % kLap, &tail, sizeof tail);
  return image;
}

/// The same with one record in it, for a vote at slot 5.
std::vector<std::byte> record_at(std::uint64_t laps) {
  OpenLog opened = open_image(formatted(small_format()));
  CHECK(append(*opened.log, {0, {{5, 65537, 100}}}).ok());
  std::vector<std::byte> image = opened.medium->durable();
  change_roots(image, [&](RootSlot& root) { root.head_position += laps; });
  RecordHeader header{};
  std::byte* const place = image.data() + kLogOffset + kHeaderAt;
  std::memcpy(&header, place, sizeof header);
  header.position += laps;
  header.head_position += laps;
  header.crc = crc64(&header, offsetof(RecordHeader, crc));
  std::memcpy(place, &header, sizeof header);
  return image;
}

void check_again(const OpenLog& opened) {
  OpenLog again = open_image(opened.medium->durable());
  CHECK(again.status.ok() && again.log->recovered().outcome == Outcome::intact);
  CHECK(contents_of(*again.log) == contents_of(*opened.log));
  CHECK(again.log->state().promised == opened.log->state().promised);
}

bool has_room(Log& log, Claim claim) {
  bool found = false;
  CHECK(log.make_room(512, claim, found).ok());
  return found;
}

}  // namespace

TEST(limits_positions_of_an_empty_log_begin_again_when_it_is_opened) {
  OpenLog opened = open_image(empty_at(whole_laps(kNumberMax) - kLap + 4096, 1000, 7));
  CHECK(opened.status.ok() && opened.log->recovered().outcome == Outcome::intact);
  CHECK(opened.log->state().position == 4096 && opened.log->state().number == 1000);
  for (std::uint64_t slot = 1; slot <= 20; slot++) CHECK(append(*opened.log, {0, {{slot, 65537, 1000}}}).ok());
  check_again(opened);
}

TEST(limits_positions_begin_again_when_a_log_has_become_empty) {
  OpenLog opened = open_image(record_at(whole_laps(kPositionsAgain)));
  for (std::uint64_t round = 0; round < 100; round++) {
    CHECK(has_room(*opened.log, Claim::vote));
    CHECK(append(*opened.log, {0, {{6, 65537 + round, 3000}}}).ok());
  }
  CHECK(opened.log->state().position > kPositionsAgain + kLap);
  check_again(opened);
  CHECK(opened.log->trim(6, 1).ok());
  CHECK(opened.log->state().position < kLap);
  CHECK(append(*opened.log, {0, {{7, 65900, 100}}}).ok());
  check_again(opened);
  // With both roots gone the newest record says where the log begins: at the new positions, not at older records'.
  std::vector<std::byte> image = opened.medium->durable();
  for (const std::uint64_t root : kRootOffset) std::memset(image.data() + root, 0, sizeof(std::uint64_t));
  OpenLog chained = open_image(image);
  CHECK(chained.status.ok() && chained.log->recovered().outcome == Outcome::intact);
  CHECK(contents_of(*chained.log) == contents_of(*opened.log));
}

TEST(limits_near_the_last_position_votes_wait_until_the_log_is_empty) {
  OpenLog opened = open_image(record_at(whole_laps(kPositionsForVotes) + kLap));
  CHECK(opened.log->state().position > kPositionsForVotes);
  CHECK(!has_room(*opened.log, Claim::vote) && opened.log->room(Claim::vote) == 0);
  // What the log becomes empty by has its room: the vote that all wait for, promises, a trim.
  CHECK(has_room(*opened.log, Claim::reserve) && has_room(*opened.log, Claim::promise));
  CHECK(append(*opened.log, {0, {{6, 65537, 100}}}).ok());
  CHECK(append(*opened.log, {131073, {}}).ok());
  check_again(opened);
  CHECK(opened.log->trim(6, 1).ok());
  CHECK(opened.log->state().position < kLap && has_room(*opened.log, Claim::vote));
  CHECK(append(*opened.log, {0, {{7, 131073, 100}}}).ok());
  check_again(opened);
}

TEST(limits_a_position_that_recovery_would_not_take_is_not_written) {
  OpenLog opened = open_image(record_at(whole_laps(kNumberMax) - kLap));
  Status status = Status::good();
  for (std::uint64_t ballot = 65538; status.ok() && ballot < 67000; ballot++) {
    CHECK(has_room(*opened.log, Claim::promise));
    status = append(*opened.log, {ballot, {}});
  }
  CHECK(status.code == Code::store_exhausted);
  check_again(opened);
  // Nothing failed: a trim still empties it.
  CHECK(opened.log->trim(6, 1).ok());
  CHECK(append(*opened.log, {0, {{7, 68000, 100}}}).ok());
  check_again(opened);
}

TEST(limits_a_record_number_at_its_end_is_refused_and_roots_are_not) {
  OpenLog opened = open_image(empty_at(0, kCountForRecords, 7));
  CHECK(append(*opened.log, {0, {{1, 65537, 100}}}).ok());
  CHECK(append(*opened.log, {0, {{2, 65537, 100}}}).code == Code::store_exhausted);
  check_again(opened);
  CHECK(opened.log->trim(1, 1).ok());
  CHECK(opened.log->close().ok());
  check_again(opened);
}

TEST(limits_a_generation_at_its_end_is_refused) {
  OpenLog late = open_image(empty_at(0, 1, kCountForRecords));
  CHECK(late.status.ok());
  CHECK(append(*late.log, {0, {{1, 65537, 100}}}).code == Code::store_exhausted);
  CHECK(late.log->trim(1, 1).ok() && late.log->close().ok());
  OpenLog last = open_image(empty_at(0, 1, kNumberMax - 1));
  CHECK(last.status.ok() && last.log->recovered().outcome == Outcome::intact);
  CHECK(last.log->trim(1, 1).code == Code::store_exhausted);
  const std::vector<std::byte> image = last.medium->durable();
  OpenLog over = open_image(image);
  CHECK(over.status.code == Code::store_exhausted && over.medium->seen() == image);
}

TEST(limits_nothing_is_repaired_of_a_region_whose_generations_are_at_their_end) {
  // A power cut has left one copy of the static header damaged, which an open would repair.
  std::vector<std::byte> image = empty_at(0, 1, kNumberMax);
  image[kStaticOffset[1] + sizeof(std::uint64_t)] ^= std::byte{1};
  OpenLog over = open_image(image);
  CHECK(over.status.code == Code::store_exhausted && over.medium->seen() == image);
}

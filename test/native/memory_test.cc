// A machine that is short of memory: an error of its own, whatever was under way. Nothing is called lost for it,
// and nothing is written.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "../../native/mapped_medium.h"
#include "check.h"
#include "log_fixture.h"
#include "scratch.h"

using namespace fixture;

namespace {

/// How many more allocations that may be refused are granted; below 0: all.
long granted = -1;
bool refused = false;

bool is_no_memory(const Status& status) {
  return status.code == Code::store_io && status.errnum == ENOMEM && std::strstr(status.what, "memory") != nullptr;
}

constexpr std::uint64_t kVotes = 9;

struct InUse {
  std::vector<std::byte> image;
  /// Where each record begins.
  std::vector<std::uint64_t> offsets;

  InUse() {
    OpenLog opened = open_image(formatted(small_format()));
    for (std::uint64_t slot = 1; slot <= kVotes; slot++) {
      offsets.push_back(kLogOffset + opened.log->state().position);
      CHECK(append(*opened.log, {0, {{slot, 65537, 300}}}).ok());
    }
    image = opened.medium->durable();
  }
};

std::vector<std::byte> in_use() { return InUse().image; }

/// What was given to msync.
struct Synced {
  char* from;
  std::size_t length;
};
std::vector<Synced> synced;

/// Runs `action` with the n-th such allocation refused, for every n. How many there were.
template <typename Action>
long for_each_refusal(Action action) {
  for (long nth = 0;; nth++) {
    granted = nth;
    refused = false;
    action();
    granted = -1;
    if (!refused) return nth;
  }
}

}  // namespace

void* operator new[](std::size_t bytes, const std::nothrow_t& /*nothrow*/) noexcept {
  if (granted == 0) {
    refused = true;
    return nullptr;
  }
  if (granted > 0) granted--;
  return std::malloc(bytes);
}
void* operator new[](std::size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }

extern "C" int msync(void* from, std::size_t length, int flags) {
  synced.push_back({static_cast<char*>(from), length});
  return static_cast<int>(::syscall(SYS_msync, from, length, flags));
}

TEST(memory_short_at_recovery_is_an_error_and_writes_nothing) {
  const std::vector<std::byte> image = in_use();
  std::vector<std::byte> rootless = image;
  for (const std::uint64_t root : kRootOffset) std::memset(rootless.data() + root, 0, sizeof(std::uint64_t));
  for (const std::vector<std::byte>& found : {image, rootless}) {
    const long allocations = for_each_refusal([&] {
      OpenLog opened = open_image(found);
      if (!refused) {
        CHECK(opened.status.ok() && opened.log->recovered().outcome == Outcome::intact);
        return;
      }
      CHECK(is_no_memory(opened.status) && opened.log == nullptr);
      CHECK(opened.medium->seen() == found);
    });
    CHECK(allocations >= 3);
  }
}

TEST(memory_short_while_recovery_mends_is_an_error_and_writes_nothing) {
  const InUse written;
  // A commit word that rotted is mended; a first record of which nothing can be read is passed over.
  std::vector<std::byte> uncommitted = written.image;
  std::memset(uncommitted.data() + written.offsets[4], 0, sizeof(std::uint64_t));
  std::vector<std::byte> gap = written.image;
  std::memset(gap.data() + written.offsets[0], 0x5A, kDescriptorsAt);
  for (const std::vector<std::byte>& found : {uncommitted, gap}) {
    const std::size_t votes = found == gap ? kVotes - 1 : kVotes;
    const long allocations = for_each_refusal([&] {
      OpenLog opened = open_image(found);
      if (!refused) {
        CHECK(opened.status.ok() && opened.log->index_all().ok() && opened.log->state().votes.size() == votes);
        return;
      }
      CHECK(is_no_memory(opened.status) && opened.log == nullptr);
      CHECK(opened.medium->seen() == found);
    });
    CHECK(allocations >= 3);
  }
}

TEST(memory_short_at_the_opening_of_a_region_opens_nothing) {
  std::string path;
  const int fd = scratch::file(path);
  const std::vector<std::byte> image = in_use();
  CHECK(::write(fd, image.data(), image.size()) == static_cast<ssize_t>(image.size()));
  ::close(fd);
  const long allocations = for_each_refusal([&] {
    std::unique_ptr<MappedMedium> medium;
    const Status status = MappedMedium::open(path.c_str(), MapMode::emulated_msync, medium);
    CHECK(refused ? is_no_memory(status) && medium == nullptr : status.ok());
  });
  CHECK(allocations >= 1);
  ::unlink(path.c_str());
}

TEST(memory_short_for_what_is_to_be_synced_syncs_more_and_forgets_nothing) {
  std::string path;
  const int fd = scratch::file(path);
  CHECK(::ftruncate(fd, 64 * kPageBytes) == 0);
  ::close(fd);
  std::unique_ptr<MappedMedium> medium;
  CHECK(MappedMedium::open(path.c_str(), MapMode::emulated_msync, medium).ok());
  const auto synced_by = [&](long grants) {
    const std::uint64_t word = 7;
    synced.clear();
    granted = grants;
    for (const std::uint64_t page : {20U, 40U, 3U, 60U}) {
      medium->write(Site::append_body, page * kPageBytes + 8, &word, sizeof word);
    }
    CHECK(medium->fence(Site::append_body_fence).ok());
    granted = -1;
    return synced;
  };
  refused = false;
  const std::vector<Synced> with_none = synced_by(0);
  CHECK(refused);
  const std::vector<Synced> exact = synced_by(-1);
  CHECK(exact.size() == 4 && with_none.size() < 4);
  for (const Synced& page : exact) {
    CHECK(std::any_of(with_none.begin(), with_none.end(), [&page](const Synced& range) {
      return range.from <= page.from && page.from + page.length <= range.from + range.length;
    }));
  }
  ::unlink(path.c_str());
}

TEST(memory_short_in_a_scrub_leaves_what_is_lost_to_be_told_after_the_next_recovery) {
  const InUse written;
  for (const bool rots : {false, true}) {
    const std::size_t lost = rots ? 1 : 0;
    const long allocations = for_each_refusal([&] {
      const long left = granted;
      granted = -1;
      OpenLog opened = open_image(written.image);
      const std::uint64_t rot = 0x5A5A5A5A;
      if (rots) opened.medium->spoil(written.offsets[4] + kDescriptorsAt + sizeof(Descriptor), &rot, sizeof rot);
      granted = left;
      ScrubReport report;
      const Status status = opened.log->scrub(1 << 20, report);
      granted = -1;
      CHECK(refused ? is_no_memory(status) : status.ok());
      CHECK(refused ? report.votes.size() <= lost : report.votes.size() == lost);
      CHECK(!report.unreadable);
      OpenLog again = open_image(opened.medium->durable());
      ScrubReport next;
      CHECK(again.status.ok() && again.log->index_all().ok() && again.log->scrub(1 << 20, next).ok());
      LogState& state = again.log->state();
      CHECK(state.votes.size() == kVotes && !state.uncertain());
      CHECK(((state.votes.find(5)->flags & kFlagUnavailable) != 0) == rots);
    });
    CHECK(allocations >= 3);
  }
}

TEST(memory_short_in_a_scrub_or_a_read_loses_nothing) {
  const std::vector<std::byte> image = in_use();
  const long allocations = for_each_refusal([&] {
    const long left = granted;
    granted = -1;
    OpenLog opened = open_image(image);
    for (std::uint64_t slot = 10; slot <= 12; slot++) CHECK(append(*opened.log, {0, {{slot, 65537, 300}}}).ok());
    const std::vector<std::byte> before = opened.medium->seen();
    granted = left;
    Status status = opened.log->index_all();
    ScrubReport report;
    if (status.ok()) status = opened.log->scrub(1 << 20, report);
    granted = -1;
    CHECK(refused ? is_no_memory(status) : status.ok());
    CHECK(report.votes.empty() && !report.unreadable && opened.medium->seen() == before);
    OpenLog again = open_image(opened.medium->durable());
    CHECK(again.log->recovered().outcome == Outcome::intact && again.log->state().votes.size() == 12);
  });
  CHECK(allocations >= 3);
}

TEST(memory_short_while_votes_are_copied_forward_loses_nothing) {
  const long allocations = for_each_refusal([] {
    const long left = granted;
    granted = -1;
    OpenLog opened = open_image(formatted(small_format()));
    granted = left;
    Status status = Status::good();
    for (std::uint64_t round = 1; status.ok() && round <= 40; round++) {
      bool found = false;
      status = opened.log->make_room(4096, Claim::vote, found);
      if (status.ok()) status = append(*opened.log, {0, {{round + 1, 65537, 64}, {1, 65537 * round, 3600}}});
    }
    granted = -1;
    CHECK(refused ? is_no_memory(status) : status.ok());
    OpenLog again = open_image(opened.medium->durable());
    CHECK(again.log->recovered().outcome == Outcome::intact);
    CHECK(again.log->state().highest_voted == opened.log->state().highest_voted);
  });
  CHECK(allocations >= 3);
}

TEST(memory_short_while_a_scrub_tells_what_rotted_marks_nothing_that_is_not_told) {
  const long allocations = for_each_refusal([] {
    const long left = granted;
    granted = -1;
    OpenLog opened = open_image(formatted(small_format()));
    const std::uint64_t record = kLogOffset + opened.log->state().position;
    CHECK(append(*opened.log, {0, {{1, 65537, 300}, {2, 65537, 400}, {3, 65537, 500}}}).ok());
    CHECK(append(*opened.log, {0, {{4, 65537, 300}}}).ok());
    CHECK(opened.log->index_all().ok());
    const std::vector<std::byte> bytes(8, std::byte{0x5A});
    const std::uint64_t payload = record + kDescriptorsAt + 3 * sizeof(Descriptor);
    for (const std::uint64_t place : {record + kHeaderAt + 8, payload + 304}) {
      opened.medium->write(Site::append_body, place, bytes.data(), bytes.size());
    }
    CHECK(opened.medium->fence(Site::append_body_fence).ok());
    granted = left;
    ScrubReport report;
    const Status status = opened.log->scrub(1 << 20, report);
    granted = -1;
    CHECK(refused ? is_no_memory(status) : status.ok());
    LogState& state = opened.log->state();
    for (const std::uint64_t slot : {1U, 3U, 4U}) CHECK((state.votes.find(slot)->flags & kFlagUnavailable) == 0);
    CHECK(((state.votes.find(2)->flags & kFlagUnavailable) != 0) == (report.votes.size() == 1));
    CHECK(refused || state.uncertain());
  });
  CHECK(allocations >= 4);
}

TEST(memory_short_for_the_books_of_many_votes_is_an_error_and_harms_no_log) {
  FormatOptions options = small_format();
  options.log_length = 1 << 20;
  const std::vector<std::byte> empty = formatted(options);
  long refusals = 0;
  // More records, and more votes, than the tables begin with; some of them are refused their growth.
  for (long grants = 0; grants < 12; grants++) {
    OpenLog opened = open_image(empty);
    granted = grants;
    refused = false;
    Status status = Status::good();
    std::uint64_t answered = 0;
    for (std::uint64_t slot = 1; status.ok() && slot <= 1200; slot += 4) {
      const Group group = {0, {{slot, 65537, 8}, {slot + 1, 65537, 8}, {slot + 2, 65537, 8}, {slot + 3, 65537, 8}}};
      status = append(*opened.log, group);
      if (status.ok()) answered = slot + 3;
      if (status.ok() && slot % 128 == 1) status = opened.log->index_all();
      ScrubReport report;
      if (status.ok() && slot % 128 == 65) status = opened.log->scrub(1 << 20, report);
    }
    granted = -1;
    CHECK(refused ? is_no_memory(status) : status.ok() && answered == 1200);
    refusals += refused ? 1 : 0;
    OpenLog again = open_image(opened.medium->durable());
    CHECK(again.log->recovered().outcome == Outcome::intact && again.log->state().highest_voted == answered);
  }
  CHECK(refusals >= 5);
}

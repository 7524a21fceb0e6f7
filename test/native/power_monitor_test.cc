// PoWER's rule, kept by the log and broken on purpose: a write may not touch bytes that recovery would read.
#include "../../native/power_monitor.h"
#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

/// A log with three records, watched.
struct Watched {
  RecordingMedium medium{formatted(small_format())};
  PowerMonitor monitor{medium};
  std::unique_ptr<Log> log;

  Watched() {
    CHECK(Log::open(medium, OpenOptions{}, log).ok());
    for (std::uint64_t slot = 1; slot <= 3; slot++) CHECK(append(*log, {slot, {{slot, slot, 100}}}).ok());
  }

  /// Whether a write of `length` zeros is a breach that is called `what`.
  bool breaks(std::uint64_t offset, std::uint64_t length, const char* what) {
    const std::vector<std::byte> zeros(length);
    medium.write(Site::append_body, offset, zeros.data(), length);
    return monitor.breach().find(what) != std::string::npos;
  }
};

}  // namespace

TEST(power_rule_is_kept_by_appends_trims_and_restarts) {
  Watched watched;
  CHECK(watched.log->trim(2, 2).ok());
  CHECK(append(*watched.log, {9, {{7, 9, 1500}}}).ok());
  CHECK(watched.log->close().ok());
  CHECK(watched.monitor.breach().empty());
  RecordingMedium again(watched.medium.durable());
  const PowerMonitor monitor(again);
  std::unique_ptr<Log> log;
  CHECK(Log::open(again, OpenOptions{}, log).ok());
  CHECK(monitor.breach().empty());
}

TEST(power_rule_is_broken_by_a_write_into_a_record) {
  CHECK(Watched().breaks(kLogOffset + kDescriptorsAt, 8, "a record"));
}

TEST(power_rule_is_broken_by_a_write_over_more_than_a_commit_word) {
  CHECK(Watched().breaks(kLogOffset, 16, "a record"));
  Watched watched;
  const std::uint64_t tail = kLogOffset + watched.log->state().position;
  CHECK(watched.breaks(tail, 128, "a commit word"));
}

TEST(power_rule_is_broken_by_a_write_into_a_root_or_header) {
  CHECK(Watched().breaks(kStaticOffset[1] + 64, 8, "a header"));
  Watched watched;
  std::uint64_t selector = 0;
  CHECK(watched.medium.read(kRootOffset[0], &selector, sizeof selector).ok());
  const std::uint64_t active = kRootOffset[0] + kRootSlotOffset[selector == kSelector[0] ? 0 : 1];
  CHECK(watched.breaks(active + 16, 8, "a root"));
}

TEST(power_rule_leaves_the_words_made_to_be_switched) {
  Watched watched;
  watched.medium.store64(Site::append_commit, kLogOffset, 1);
  watched.medium.store64(Site::root_flip, kRootOffset[0], kSelector[0]);
  CHECK(watched.monitor.breach().empty());
}

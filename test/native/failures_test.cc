// One failure at every place where a medium can fail, one after the other: each read, probe, fence and settling of
// a life of the log, of recoveries, scrubs and formatting. Whatever it was, it comes out as the medium's own error,
// and what had been answered is there when the bytes that were durable are opened again.
#include <cerrno>
#include <cstring>
#include <functional>

#include "../../native/root.h"
#include "../../native/static_header.h"
#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

/// A recording medium of which the n-th call that can fail does, counted from 0.
class FailingMedium final : public Medium {
 public:
  FailingMedium(std::vector<std::byte> image, std::uint64_t fails_at) : inner(std::move(image)), left_(fails_at) {}

  RecordingMedium inner;
  bool failed = false;
  bool fence_failed = false;
  bool stored_after = false;

  [[nodiscard]] std::uint64_t size() const override { return inner.size(); }
  void write(Site site, std::uint64_t offset, const void* source, std::uint64_t length) override {
    note_store();
    inner.write(site, offset, source, length);
  }
  void store64(Site site, std::uint64_t offset, std::uint64_t value) override {
    note_store();
    inner.store64(site, offset, value);
  }
  void flush(Site site, std::uint64_t offset, std::uint64_t length) override { inner.flush(site, offset, length); }
  void reflush(Site site, std::uint64_t offset, std::uint64_t length) override {
    inner.reflush(site, offset, length);
  }
  [[nodiscard]] Status fence(Site site) override {
    if (!fails()) return inner.fence(site);
    fence_failed = true;
    return Status::io(EIO, Syscall::fence, "the fence that fails here");
  }
  [[nodiscard]] Status settle(Site site, std::uint64_t offset, std::uint64_t length) override {
    if (!fails()) return inner.settle(site, offset, length);
    fence_failed = true;
    return Status::io(EIO, Syscall::msync, "the settling that fails here");
  }
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override {
    return fails() ? Status::io(EIO, Syscall::pread, "the read that fails here") : inner.read(offset, target, length);
  }

 private:
  void note_store() { stored_after = stored_after || fence_failed; }
  bool fails() {
    if (left_ == kNever) return false;
    const bool now = left_-- == 0;
    failed = failed || now;
    return now;
  }
  std::uint64_t left_;
};

struct Life {
  FailingMedium& medium;
  Contents answered;
  Contents submitted;
  std::unique_ptr<Log> log;
  std::uint64_t trimmed = 0;

  Status open(bool fused, bool process_only) {
    OpenOptions options;
    options.fused = fused;
    options.process_only = process_only;
    return Log::open(medium, options, log);
  }
  Status put(const Group& group) {
    submitted.apply(group);
    Status status = append(*log, group, 1);
    if (status.ok() && !log->pending()) answered = submitted;
    return status;
  }
  Status drain() {
    Status status = log->drain();
    if (status.ok()) answered = submitted;
    return status;
  }
  Status trim(std::uint64_t through) {
    trimmed = through;
    return log->trim(through, through);
  }
};

using Scenario = std::function<Status(Life&)>;

/// Every vote that was answered and not trimmed is there, or one staged for its slot later, which may be as well.
void check_durable(const FailingMedium& medium, const Life& life) {
  OpenLog opened = open_image(medium.inner.durable());
  if (!CHECK(opened.status.ok()) || !CHECK(opened.log->recovered().outcome != Outcome::lost)) return;
  const Contents found = contents_of(*opened.log);
  CHECK(found.promised >= life.answered.promised);
  for (const auto& [slot, vote] : life.answered.votes) {
    if (slot <= life.trimmed) continue;
    const auto there = found.votes.find(slot);
    const auto later = life.submitted.votes.find(slot);
    CHECK(there != found.votes.end() && (there->second == vote || there->second == later->second));
  }
}

enum class Bytes : std::uint8_t { sound, rotten };

/// @returns how many calls there were to fail.
std::uint64_t sweep(const std::vector<std::byte>& image, const Contents& held, const Scenario& scenario,
                    Bytes bytes = Bytes::sound) {
  for (std::uint64_t fails_at = 0;; fails_at++) {
    FailingMedium medium(image, fails_at);
    Life life{medium, held, held, nullptr};
    const Status status = scenario(life);
    if (!medium.failed) {
      CHECK(status.ok());
      return fails_at;
    }
    CHECK(status.code == Code::store_io && status.errnum == EIO);
    CHECK(!medium.stored_after);
    if (life.log != nullptr && medium.fence_failed) {
      CHECK(append(*life.log, {1, {}}).code == Code::store_poisoned);
      CHECK(life.log->drain().code == Code::store_poisoned);
      CHECK(life.log->trim(life.trimmed + 1, 1).code == Code::store_poisoned);
      ScrubReport report;
      CHECK(life.log->scrub(1000, report).code == Code::store_poisoned);
      CHECK(life.log->close().ok() && !medium.stored_after);
    }
    if (bytes == Bytes::sound) check_durable(medium, life);
  }
}

constexpr std::uint64_t kBallot = 65537;

/// Ten records, some with votes that a later one supersedes; in use, as a crash leaves it.
struct Written {
  std::vector<std::byte> image;
  std::vector<std::uint64_t> offsets;
  Contents held;

  Written() {
    OpenLog opened = open_image(formatted(small_format()));
    for (std::uint64_t slot = 1; slot <= 10; slot++) {
      offsets.push_back(kLogOffset + opened.log->state().position);
      const Group group{slot == 4 ? 3 * kBallot : 0, {{slot, 5 * kBallot, 300}, {slot % 3 + 1, 5 * kBallot, 40}}};
      CHECK(append(*opened.log, group).ok());
      held.apply(group);
    }
    image = opened.medium->durable();
  }
};

Status scrub_all(Life& life) {
  for (;;) {
    ScrubReport report;
    if (Status status = life.log->scrub(2000, report); !status.ok() || report.pass_ended) return status;
  }
}

}  // namespace

TEST(failure_anywhere_in_a_life_comes_out_and_loses_nothing) {
  const Written written;
  for (const bool fused : {false, true}) {
    for (const bool process_only : {false, true}) {
      const std::uint64_t calls = sweep(formatted(small_format()), {}, [&](Life& life) {
        Status status = life.open(fused, process_only);
        for (std::uint64_t slot = 1; status.ok() && slot <= 4; slot++) status = life.put({0, {{slot, kBallot, 100}}});
        if (status.ok()) status = life.put({9 * kBallot, {}});
        if (status.ok()) status = life.drain();
        if (status.ok()) status = life.log->index_all();
        if (status.ok()) status = life.trim(2);
        if (status.ok()) status = scrub_all(life);
        return status.ok() ? life.log->close() : status;
      });
      CHECK(calls > 20);
    }
  }
}

TEST(failure_anywhere_in_a_trim_with_a_group_pending_comes_out_and_loses_nothing) {
  const std::uint64_t calls = sweep(formatted(small_format()), {}, [](Life& life) {
    Status status = life.open(true, false);
    for (std::uint64_t slot = 1; status.ok() && slot <= 4; slot++) status = life.put({0, {{slot, kBallot, 100}}});
    return status.ok() ? life.trim(2) : status;
  });
  CHECK(calls > 8);
}

TEST(failure_anywhere_in_making_room_comes_out_and_loses_nothing) {
  const std::uint64_t calls = sweep(formatted(small_format()), {}, [](Life& life) {
    Status status = life.open(false, false);
    // Most of each record is superseded by the next, and a little is not: it has to be copied out of the way.
    for (std::uint64_t round = 1; status.ok() && round <= 40; round++) {
      bool found = false;
      status = life.log->make_room(4096, Claim::vote, found);
      if (status.ok() && CHECK(found)) {
        status = life.put({0, {{round + 1, kBallot, 64}, {1, kBallot * round, 3600}}});
      }
    }
    return status;
  });
  CHECK(calls > 100);
}

TEST(failure_anywhere_in_copying_a_full_log_forward_comes_out_and_loses_nothing) {
  const std::uint64_t calls = sweep(formatted(small_format()), {}, [](Life& life) {
    Status status = life.open(false, false);
    bool found = true;
    for (std::uint64_t slot = 2; status.ok() && found; slot++) {
      status = life.log->make_room(1200, Claim::vote, found);
      if (status.ok() && found) status = life.put({0, {{slot, kBallot, 900}}});
    }
    // What everything waits for, at one ballot after the other: each time all else is copied out of the way.
    for (std::uint64_t round = 2; status.ok() && round <= 8; round++) {
      status = life.log->make_room(4096, Claim::reserve, found);
      if (status.ok() && CHECK(found)) status = life.put({0, {{1, kBallot * round, 3600}}});
    }
    return status;
  });
  CHECK(calls > 100);
}

TEST(failure_anywhere_in_recovery_comes_out_and_loses_nothing) {
  const Written written;
  const auto recover = [](Life& life) { return life.open(false, true); };
  CHECK(sweep(written.image, written.held, recover) > 10);
  std::vector<std::byte> image = written.image;
  for (const std::uint64_t root : kRootOffset) std::memset(image.data() + root, 0, sizeof(std::uint64_t));
  CHECK(sweep(image, {}, [](Life& life) {
          Status status = life.open(false, false);
          return status.ok() && life.log->recovered().outcome == Outcome::lost ? Status::good() : status;
        }) > 4);
}

TEST(failure_anywhere_in_mending_comes_out_and_loses_nothing) {
  const Written written;
  std::vector<std::byte> image = written.image;
  // A commit word, one copy of the header, one root.
  std::memset(image.data() + written.offsets[3], 0, sizeof(std::uint64_t));
  std::memset(image.data() + kStaticOffset[1], 0, sizeof(std::uint64_t));
  std::memset(image.data() + kRootOffset[1], 0, sizeof(std::uint64_t));
  CHECK(sweep(image, written.held, [](Life& life) { return life.open(true, true); }) > 10);
  // The same, of a log in use.
  const std::uint64_t calls = sweep(written.image, written.held, [&](Life& life) {
    Status status = life.open(false, false);
    if (!status.ok()) return status;
    const std::uint64_t zero = 0;
    for (const std::uint64_t offset : {written.offsets[3], kStaticOffset[1], kRootOffset[1]}) {
      life.medium.inner.spoil(offset, &zero, sizeof zero);
    }
    return scrub_all(life);
  });
  CHECK(calls > 10);
}

TEST(failure_anywhere_in_a_scrub_that_finds_damage_comes_out) {
  const Written written;
  // The newest record's header: its votes keep their bytes, the promise is repeated behind it.
  for (const std::size_t record : {std::size_t{9}, std::size_t{5}}) {
    for (const std::uint64_t place : {kHeaderAt + 8, kDescriptorsAt + 2 * sizeof(Descriptor)}) {
      const Scenario scenario = [&](Life& life) {
        Status status = life.open(false, false);
        if (!status.ok()) return status;
        const std::uint64_t rot = 0x5A5A5A5A;
        life.medium.inner.spoil(written.offsets[record] + place, &rot, sizeof rot);
        return scrub_all(life);
      };
      CHECK(sweep(written.image, {}, scenario, Bytes::rotten) > 10);
    }
  }
}

TEST(failure_anywhere_in_formatting_comes_out) {
  const FormatOptions options = small_format();
  for (std::uint64_t fails_at = 0; fails_at < 3; fails_at++) {
    FailingMedium medium(std::vector<std::byte>(kLogOffset + options.log_length), fails_at);
    CHECK(format_medium(medium, options).code == Code::store_io && !medium.stored_after);
  }
  FailingMedium medium(std::vector<std::byte>(kLogOffset + options.log_length), 3);
  CHECK(format_medium(medium, options).ok() && !medium.failed);
  FailingMedium small(std::vector<std::byte>(kLogOffset + options.log_length - 8), kNever);
  CHECK(format_medium(small, options).code == Code::argument);
  FormatOptions wrong = options;
  wrong.replica_id = 0;
  CHECK(format_medium(medium, wrong).code == Code::argument);
}

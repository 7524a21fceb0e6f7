// Random histories of appends, promises, trims and restarts over the recording medium; crash images at every
// fence and every operation boundary, opened by the production recovery.
//
// The log is a sequence of whole groups, so what is recovered must be the answered groups and then some first
// ones of those written and not yet answered: nothing else, byte for byte.
//   CRASH_SEED=n replays one history; CRASH_SEEDS=n runs that many.
#include <cstdlib>
#include <functional>

#include "check.h"
#include "log_fixture.h"

using namespace fixture;

namespace {

constexpr int kImagesPerFence = 3;
constexpr int kOperations = 60;

struct Random {
  std::uint64_t state;
  std::uint64_t next() { return mix64(state += 0x9E3779B97F4A7C15); }
  std::uint64_t below(std::uint64_t end) { return next() % end; }
};

/// What may be recovered: `answered`, or that and a first part of `written`; the trim point old or new.
struct Expectation {
  Contents answered;
  std::vector<Group> written;
  std::uint64_t trim = 0;
  std::uint64_t trim_written = 0;
};

bool matches(const Expectation& expectation, Log& log) {
  const std::uint64_t trim = log.state().trim_through;
  if (trim != expectation.trim && trim != expectation.trim_written) return false;
  const Contents found = contents_of(log);
  Contents candidate = expectation.answered;
  candidate.forget(trim);
  if (found == candidate) return true;
  for (const Group& group : expectation.written) {
    candidate.apply(group);
    candidate.forget(trim);
    if (found == candidate) return true;
  }
  return false;
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_{mix64(seed)}, fused_(seed % 2 == 0) {
    restart(std::make_unique<RecordingMedium>(formatted(small_format(seed + 1))));
  }

  bool run() {
    for (int operation = 0; operation < kOperations && good_; operation++) {
      const std::uint64_t what = random_.below(100);
      if (what < 70) {
        append_group();
      } else if (what < 82) {
        trim();
      } else if (what < 88) {
        good_ = good_ && log_->drain().ok();
        answer();
      } else {
        crash_and_restart(what % 3);
      }
      judge_now();
    }
    return good_;
  }

 private:
  void restart(std::unique_ptr<RecordingMedium> medium) {
    medium_ = std::move(medium);
    medium_->on_fence([this](Site) { judge_now(); });
    OpenOptions options;
    options.fused = fused_;
    const Status status = Log::open(*medium_, options, log_);
    if (!CHECK(status.ok())) good_ = false;
  }

  void judge_now() {
    const int images = medium_->outstanding() == 0 ? 1 : kImagesPerFence;
    for (int index = 0; index < images && good_; index++) {
      std::vector<std::byte> image(medium_->size());
      medium_->crash_image(random_.next(), image.data());
      judge(std::move(image), 1);
    }
    if (good_) judge(medium_->seen(), 0);
  }

  /// Opens an image; with `levels` left, crashes inside that recovery and behind one more append, too.
  void judge(std::vector<std::byte> image, int levels) {
    auto medium = std::make_unique<RecordingMedium>(std::move(image));
    RecordingMedium* raw = medium.get();
    if (levels > 0) {
      medium->on_fence([this, raw, levels](Site) {
        std::vector<std::byte> inner(raw->size());
        raw->crash_image(random_.next(), inner.data());
        if (good_) judge(std::move(inner), levels - 1);
      });
    }
    OpenLog opened = open_on(std::move(medium), fused_);
    good_ = good_ && CHECK(opened.status.ok());
    if (!good_) return;
    good_ = CHECK(opened.log->recovered().outcome == Outcome::intact) && CHECK(matches(expectation_, *opened.log));
    if (!good_) return;
    opened.medium->on_fence({});
    const Contents recovered = contents_of(*opened.log);
    OpenLog again = open_image(opened.medium->durable(), false);
    good_ = CHECK(again.status.ok()) && CHECK(contents_of(*again.log) == recovered);
    if (good_) append_behind(*again.log, *again.medium, recovered);
  }

  /// The log is writable after recovery, and what is written then is there after the next one.
  void append_behind(Log& log, RecordingMedium& medium, Contents recovered) {
    const std::uint64_t slot = 1 + std::max(log.state().highest_voted, log.state().trim_through);
    const std::uint64_t ballot = recovered.promised + 1;
    const Group group{ballot, {{slot, ballot, static_cast<std::uint32_t>(random_.below(300))}}};
    bool found = false;
    good_ = CHECK(log.make_room(bytes_of(group), Claim::vote, found).ok());
    if (!good_ || !found) return;
    good_ = CHECK(append(log, group).ok());
    recovered.apply(group);
    OpenLog last = open_image(medium.durable(), false);
    good_ = good_ && CHECK(last.status.ok()) && CHECK(contents_of(*last.log) == recovered);
  }

  void append_group() {
    Group group;
    const std::uint64_t ballot = expected_now().promised + random_.below(2);
    if (random_.below(4) == 0) group.promise = ballot + 1;
    const std::uint64_t votes = group.promise != 0 && random_.below(2) == 0 ? 0 : 1 + random_.below(5);
    for (std::uint64_t index = 0; index < votes; index++) {
      const std::uint64_t lengths[] = {0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, random_.below(700)};
      if (random_.below(5) != 0 || slot_ == trim_) slot_++;
      const std::uint64_t slot = slot_ - random_.below(std::min<std::uint64_t>(slot_ - trim_, 3));
      group.votes.push_back({slot, ballot + 1, static_cast<std::uint32_t>(lengths[random_.below(12)])});
    }
    if (group.promise == 0 && group.votes.empty()) return;
    bool found = false;
    const Claim claim = group.votes.empty() ? Claim::promise : Claim::vote;
    good_ = good_ && CHECK(log_->make_room(bytes_of(group), claim, found).ok());
    if (!found) return trim();
    expectation_.written.push_back(group);
    good_ = good_ && CHECK(append(*log_, group).ok());
    answer();
  }

  void trim() {
    const std::uint64_t through = slot_ - random_.below(std::min<std::uint64_t>(slot_ - trim_, 12) + 1);
    if (through <= trim_) return;
    expectation_.trim_written = through;
    good_ = good_ && CHECK(log_->trim(through, through).ok());
    expectation_.trim = trim_ = through;
    answer();
  }

  /// Whatever is durable now counts as answered.
  void answer() {
    const std::size_t open = log_->pending() ? 1 : 0;
    while (expectation_.written.size() > open) {
      expectation_.answered.apply(expectation_.written.front());
      expectation_.written.erase(expectation_.written.begin());
    }
    expectation_.answered.forget(trim_);
  }

  Contents expected_now() const {
    Contents contents = expectation_.answered;
    for (const Group& group : expectation_.written) contents.apply(group);
    return contents;
  }

  void crash_and_restart(std::uint64_t kind) {
    std::unique_ptr<RecordingMedium> next;
    if (kind == 0) {
      std::vector<std::byte> image(medium_->size());
      medium_->crash_image(random_.next(), image.data());
      next = std::make_unique<RecordingMedium>(std::move(image));
    } else if (kind == 1) {
      next = std::make_unique<RecordingMedium>(medium_->seen(), medium_->durable());
    } else {
      good_ = good_ && CHECK(log_->close().ok());
      answer();
      next = std::make_unique<RecordingMedium>(medium_->durable());
    }
    fused_ = random_.below(2) == 0;
    restart(std::move(next));
    if (!good_) return;
    good_ = CHECK(log_->recovered().outcome == Outcome::intact) && CHECK(matches(expectation_, *log_));
    // From here on the log answers for everything it recovered.
    expectation_.answered = contents_of(*log_);
    expectation_.written.clear();
  }

  Random random_;
  bool fused_;
  std::unique_ptr<RecordingMedium> medium_;
  std::unique_ptr<Log> log_;
  Expectation expectation_;
  std::uint64_t slot_ = 0;
  std::uint64_t trim_ = 0;
  bool good_ = true;
};

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST(crash_images_recover_to_what_was_answered_and_nothing_else) {
  const std::uint64_t only = environment("CRASH_SEED", 0);
  const std::uint64_t seeds = environment("CRASH_SEEDS", 25);
  for (std::uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only); seed++) {
    History history(seed);
    if (history.run()) continue;
    std::printf("replay with: CRASH_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return;
  }
}

TEST(crash_inside_format_leaves_no_region_or_a_whole_one) {
  for (std::uint64_t seed = 1; seed <= 40; seed++) {
    // What lay there before: another region, or noise.
    Random random{seed};
    std::vector<std::byte> before = formatted(small_format(1000 + seed));
    if (seed % 2 == 0) {
      for (std::byte& byte : before) byte = static_cast<std::byte>(random.next());
    }
    RecordingMedium medium(std::move(before));
    int fences = 0;
    medium.on_fence([&](Site) {
      fences++;
      for (int index = 0; index < 20; index++) {
        std::vector<std::byte> image(medium.size());
        medium.crash_image(random.next(), image.data());
        OpenLog opened = open_image(std::move(image));
        const bool none = opened.status.code == Code::store_foreign;
        const bool whole = opened.status.ok() && opened.log->recovered().outcome == Outcome::intact;
        if (!CHECK(none || whole)) return;
        CHECK(none || fences == 1 || opened.log->state().incarnation == seed);
      }
    });
    CHECK(format_medium(medium, small_format(seed)).ok());
    CHECK(open_image(medium.durable()).log->recovered().outcome == Outcome::intact);
    CHECK(fences == 3);
  }
}

// A damaged region through everything the log does with one: recovery, recovery again, a life after it, and
// recovery of that.
//
//  1. No input crashes, reads outside the region, or makes recovery work without bound.
//  2. What recovery takes is what the bytes say (oracle.h); a store that is refused or lost is not written
//  to.
//  3. Recovery is idempotent: of its own result it recovers the same, while its numbers last (oracle.h).
//  4. The log goes on behind whatever was recovered, and what it then answers is there at the next recovery.
//  5. After a failed fence nothing is stored; a failed read is an error and never a vote.
#include <algorithm>
#include <memory>

#include "../crc64.h"
#include "edits.h"
#include "oracle.h"

namespace indelible::fuzz {
namespace {

constexpr std::uint32_t kOperationsMax = 24;

struct Plan {
  std::size_t base;
  bool fused;
  bool process_only;
  bool truncated;
  bool again;
  std::uint8_t failing_read;
  std::uint8_t failing_fence;

  static Plan read(Script& script) {
    Plan plan{};
    plan.base = script.byte() % base_images().size();
    const std::uint8_t flags = script.byte();
    plan.fused = (flags & 1) != 0;
    plan.process_only = (flags & 2) != 0;
    plan.truncated = (flags & 4) != 0;
    plan.again = (flags & 32) != 0;
    if ((flags & 8) != 0) plan.failing_read = script.byte();
    if ((flags & 16) != 0) plan.failing_fence = script.byte();
    return plan;
  }
  [[nodiscard]] bool faulty() const { return failing_read != 0 || failing_fence != 0; }
};

/// Appends, promises, trims and reads, and keeps the books itself.
class Life {
 public:
  Life(Log& log, Contents& expected, bool faulty) : log_(log), expected_(expected), faulty_(faulty) {}

  void run(Script& script) {
    for (std::uint32_t count = 0; count < kOperationsMax && !script.ended() && good_; count++) {
      const std::uint8_t what = script.byte();
      switch (what % 8) {
        case 0:
        case 1:
        case 2:
          vote(script, 1 + what / 8 % 3, (what & 0x80) != 0);
          break;
        case 3:
          promise(what / 8);
          break;
        case 4:
          trim(what / 8);
          break;
        case 5:
          settle(log_.drain());
          break;
        case 6:
          read_all();
          break;
        default:
          what < 128 ? room(static_cast<Claim>((what & 0x7F) % 3)) : scrub(what);
          break;
      }
    }
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  void settle(const Status& status) {
    good_ = status.ok();
    demand(good_ || faulty_, "a sound medium fails nothing");
  }

  void vote(Script& script, std::uint32_t count, bool again) {
    Vote votes[3];
    const std::uint64_t above = std::max(log_.state().highest_voted, log_.state().trim_through);
    for (std::uint32_t index = 0; index < count; index++) {
      const bool old = again && !expected_.votes.empty();
      votes[index].slot =
          old ? expected_.votes[script.below(static_cast<std::uint32_t>(expected_.votes.size()))].slot
              : above + 1 + index;
      votes[index].ballot = expected_.promised + (again ? 1 : 0);
      votes[index].length = script.byte() % 88;
      if (votes[index].slot > kNumberMax || votes[index].ballot > kNumberMax) return;
    }
    append(0, votes, count);
  }

  void promise(std::uint64_t step) {
    if (expected_.promised + step > kNumberMax || expected_.promised + step == 0) return;
    append(expected_.promised + step, nullptr, 0);
  }

  void append(std::uint64_t promise, const Vote* votes, std::uint32_t count) {
    Status status = Status::good();
    const bool appended = append_group(log_, promise, votes, count, status);
    settle(status);
    if (!appended) return;
    expected_.promised = std::max(expected_.promised, promise);
    for (std::uint32_t index = 0; index < count; index++) {
      const Vote& vote = votes[index];
      const std::uint64_t crc = vote.length == 0 ? 0 : crc64(payload_of(vote), vote.length);
      const std::uint8_t type = vote.length == 0 ? 0 : 1;
      expected_.promised = std::max(expected_.promised, vote.ballot);
      expected_.highest_voted = std::max(expected_.highest_voted, vote.slot);
      expected_.put({vote.slot, vote.ballot, crc, vote.length, type, 0});
    }
  }

  void trim(std::uint64_t step) {
    const std::uint64_t through = expected_.trim_through + step;
    if (through > kNumberMax) return;
    const Status status = log_.trim(through, through);
    settle(status);
    expected_.forget(through);
  }

  void room(Claim claim) {
    bool found = false;
    settle(log_.make_room(log_.header().record_bytes_max, claim, found));
  }

  /// Nothing has changed since recovery but by the log itself.
  void scrub(std::uint64_t budget) {
    ScrubReport report;
    const std::uint64_t uncertain_through = log_.state().uncertain_through;
    settle(log_.scrub(budget * 32, report));
    const bool less = !report.votes.empty() || log_.state().uncertain_through != uncertain_through;
    demand(faulty_ || !less, "a scrub finds no more damage than recovery did");
  }

  void read_all() {
    settle(log_.index_all());
    if (!good_) return;
    std::vector<std::byte> bytes(log_.header().record_bytes_max);
    log_.state().votes.for_each([&](const VoteEntry& vote) {
      if ((vote.flags & kFlagUnavailable) != 0) return;
      bool whole = false;
      const Status status = log_.read_payload(vote, bytes.data(), whole);
      demand(faulty_ || (status.ok() && whole), "an available vote can be read");
    });
  }

  Log& log_;
  Contents& expected_;
  bool faulty_;
  bool good_ = true;
};

void demand_equal(const Contents& found, const Contents& expected, bool lived) {
  demand(found.promised == expected.promised, "the promise is as it was");
  demand(found.trim_through == expected.trim_through, "the trim point is as it was");
  demand(found.highest_voted == expected.highest_voted, "the highest slot is as it was");
  // Where a torn header bounded the damage, the record that replaced it may bound it more generously.
  const std::uint64_t uncertain_max = lived ? expected.highest_voted : expected.uncertain_through;
  const bool uncertain = expected.uncertain_through > expected.trim_through;
  demand(!uncertain || found.uncertain_through >= expected.uncertain_through, "what was uncertain still is");
  demand(found.uncertain_through <= uncertain_max, "nothing else is uncertain");
  demand(found.votes == expected.votes, "the votes are as they were");
}

class Run {
 public:
  explicit Run(Script& script) : script_(script), plan_(Plan::read(script)) {}

  void go() {
    const BaseImage& base = base_images()[plan_.base];
    medium_.load(base.bytes, base.bytes.size());
    edit(base, medium_.bytes(), script_);
    if (plan_.truncated) medium_.truncate(script_.word());
    medium_.fail_read(plan_.failing_read);
    medium_.fail_fence(plan_.failing_fence);
    std::unique_ptr<Log> log;
    const OpenOptions first = open_options(plan_.fused, plan_.process_only, kOtherBoot);
    const Status status = Log::open(medium_, first, log);
    if (!status.ok() || log->recovered().outcome == Outcome::lost) {
      demand(!medium_.written() || plan_.faulty(), "a lost or refused store is not written to");
      return;
    }
    judge_recovered(*log, medium_);
    expected_.take(*log);
    const bool ends = is_forged_to_the_end(*log, medium_);
    if (plan_.again && !plan_.faulty() && !ends) log = recover_again(std::move(log), plan_.fused, false);
    if (script_.ended()) return;
    Life life(*log, expected_, plan_.faulty());
    life.run(script_);
    if (!life.good() || plan_.faulty() || ends || is_forged_ahead(*log, medium_)) return;
    const bool orderly = plan_.base % 2 == 0;
    demand((orderly ? log->close() : log->drain()).ok(), "a sound medium fails nothing");
    recover_again(std::move(log), false, true);
  }

 private:
  std::unique_ptr<Log> recover_again(std::unique_ptr<Log> log, bool fused, bool lived) {
    log.reset();
    medium_.reopen();
    const OpenOptions options = open_options(fused, plan_.process_only, kOtherBoot);
    demand(Log::open(medium_, options, log).ok(), "it opens again");
    demand(log->recovered().outcome != Outcome::lost, "nothing is lost by recovering");
    judge_recovered(*log, medium_);
    found_.take(*log);
    if (found_.votes != expected_.votes || found_.promised != expected_.promised) {
      expected_.print("expected");
      found_.print("found");
    }
    demand_equal(found_, expected_, lived);
    return log;
  }

  Script& script_;
  Plan plan_;
  static CheckedMedium medium_;
  static Contents expected_;
  static Contents found_;
};

CheckedMedium Run::medium_;
Contents Run::expected_;
Contents Run::found_;

}  // namespace
}  // namespace indelible::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length);

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length) {
  indelible::fuzz::Script script(bytes, length);
  indelible::fuzz::Run(script).go();
  return 0;
}

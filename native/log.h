// The acceptor log: groups of votes and promises, each one atomic append to a ring of batch records.
//
// 1. A group is durable by one aligned 8-byte store: body, flush, fence, commit word, flush, fence, answer.
// 2. Behind the last record lies the next record's EMPTY word, durable before the record's own commit word is
//    stored: the chain always ends in a word that is neither stale nor foreign.
// 3. Fused, the commit word of record k-1 goes out with the body of record k, never with its own.
// 4. Space is reused only after a root that says so is durable.
// 5. After a failed fence the log is poisoned: it writes nothing more.
//
// Room: votes leave two largest records (one to copy live votes forward with, one that the wrap may waste)
// and a few promises free; promises may use the latter. So an election never locks a full log. They leave two
// more for the vote that everything else waits for, and for another one in its place while it still counts.
//
// Positions are below 2^53, some petabytes. Far in front of that votes find no room any more, so that the log is
// emptied by checkpoints; a root that names an empty log lets positions begin again, at the same place.
#pragma once

#include <memory>

#include "log_state.h"
#include "medium.h"
#include "probe_window.h"
#include "record_builder.h"
#include "recovery.h"
#include "root.h"
#include "scrub.h"
#include "static_header.h"

namespace indelible {

struct OpenOptions {
  /// Answers group k when group k+1 is written: one fence a group.
  bool fused = false;
  /// The medium forgets at power loss: an unclean region of another boot is lost.
  bool process_only = false;
  std::uint8_t boot_id[16] = {};
  /// Where the medium lies and how often it lost power without being able to flush; 0: not known.
  std::uint64_t device_id = 0;
  std::uint64_t unsafe_shutdowns = 0;
  /// Refuses a region whose records start at finer steps; a medium that syncs pages needs whole ones.
  std::uint32_t alignment_min = 64;
};

/// What room is asked for: for any vote, for promises alone, for the vote that everything else waits for.
enum class Claim : std::uint8_t { vote = 0, promise = 1, reserve = 2 };

struct LogCounters {
  std::uint64_t records = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t fences = 0;
  std::uint64_t trims = 0;
  std::uint64_t laps = 0;
};

class Log {
 public:
  /// Recovers the log; what is in it is durable when this returns. The medium must outlive the log.
  static Status open(Medium& medium, const OpenOptions& options, std::unique_ptr<Log>& log);

  /// Where the next group is put together: `begin`, `add` for each item, then `append`.
  [[nodiscard]] RecordBuilder& builder() { return builder_; }

  /// While a group is put together: writes what is complete of its large payloads, which are on their way while the
  /// rest is put together. Whether there will be an append is open; without one these are bytes in free space.
  void write_ahead();

  /// Writes the built group. Durable on return; fused: when `pending` is false again.
  Status append(std::uint64_t learned_through);

  /// Makes a fused group durable.
  Status drain();

  /// Tries to find room for a record of `bytes`, dropping dead records and copying live votes forward.
  Status make_room(std::uint64_t bytes, Claim claim, bool& found);

  /// Forgets votes at or below `through`; durable on return. A lower point than before is ignored.
  Status trim(std::uint64_t through, std::uint64_t checkpoint_id);

  /// Reads about `budget` bytes of the log back and verifies them (scrub.h); what is mirrored is mended. Behind
  /// an unreadable newest record a promise is repeated, so that recovery knows it.
  Status scrub(std::uint64_t budget, ScrubReport& report);

  /// Marks the region cleanly closed. Nothing may follow.
  Status close();

  /// Brings the index of votes up to date: before a vote is looked for in `state().votes`. Records that can no
  /// longer be read are left out, and the next scrub tells of them.
  Status index_all();

  /// Copies out a vote's bytes; `length` must be its own. Not good: damaged, or where the medium can give nothing.
  /// That harms this vote alone, and the next scrub tells of it.
  Status read_payload(const VoteEntry& vote, std::byte* target, bool& good);

  /// Largest record there is room for now, in bytes.
  [[nodiscard]] std::uint64_t room(Claim claim) const;
  [[nodiscard]] std::uint64_t capacity() const;
  [[nodiscard]] bool pending() const { return pending_; }
  [[nodiscard]] LogState& state() { return state_; }
  [[nodiscard]] const Recovered& recovered() const { return recovered_; }
  [[nodiscard]] const StaticHeader& header() const { return headers_.header; }
  [[nodiscard]] const RootSlot& root() const { return root_.current(); }
  [[nodiscard]] const LogCounters& counters() const { return counters_; }

 private:
  Log(Medium& medium, const OpenOptions& options, const StaticHeaders& headers);
  Status recover();
  [[nodiscard]] const char* why_forgotten(const RootSlot& root) const;
  Status begin_use();
  Status fence(Site site);
  Status update_root(RootState root_state);
  [[nodiscard]] RootState in_use() const {
    return options_.process_only ? RootState::in_use_volatile : RootState::in_use;
  }
  Status copy_forward();
  Status probe_payload(const VoteEntry& vote, std::byte* target, bool& good);
  static Status exhausted();
  Status scrub_step(std::uint64_t budget, ScrubReport& report);
  Status scrub_mirrored();
  Status repeat_promise();
  void commit_pending();
  [[nodiscard]] std::uint64_t promise_reserve() const;
  [[nodiscard]] bool fits(std::uint64_t length) const;
  [[nodiscard]] bool is_free_before(std::uint64_t next) const;
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t position);
  [[nodiscard]] std::uint64_t hint_of(std::uint64_t position) const;
  [[nodiscard]] std::uint64_t next_after(std::uint64_t length) const;

  Medium& medium_;
  OpenOptions options_;
  StaticHeaders headers_;
  LogState state_;
  Root root_;
  RecordBuilder builder_;
  Recovered recovered_;
  std::unique_ptr<Scrub> scrub_;
  LogCounters counters_;
  /// Fused: the last record's commit word has not been stored yet.
  bool pending_ = false;
  std::uint64_t pending_offset_ = 0;
  std::uint64_t pending_number_ = 0;
  bool poisoned_ = false;
  /// A multiple of the log's length at or below the tail: where the lap began that `offset_of` saw last.
  std::uint64_t lap_start_ = 0;
};

}  // namespace indelible

// Everything a recovery yields, in a few numbers that can be compared, and computed without the log as well:
// the votes count as a sum, so that a group's effect on an outcome is known from its items alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "log.h"

namespace indelible {

struct LogOutcome {
  Code code = Code::ok;
  Outcome outcome = Outcome::intact;
  std::uint64_t promised = 0;
  std::uint64_t trim_through = 0;
  std::uint64_t checkpoint_id = 0;
  std::uint64_t learned_through = 0;
  std::uint64_t highest_voted = 0;
  std::uint64_t uncertain_through = 0;
  std::uint64_t votes = 0;
  /// Over all votes: slot, ballot, type, length and bytes of each.
  std::uint64_t votes_digest = 0;

  bool operator==(const LogOutcome&) const = default;
  [[nodiscard]] bool intact() const { return code == Code::ok && outcome == Outcome::intact; }

  /// What one more vote, for a slot without one, makes of it.
  void add_vote(std::uint64_t slot, std::uint64_t ballot, ItemType type, std::span<const std::byte> bytes);
  void add_promise(std::uint64_t ballot);
};

/// Of an open log, its votes' bytes read from the medium; of a failed open, only why.
LogOutcome outcome_of(const Status& status, Log* log);

}  // namespace indelible

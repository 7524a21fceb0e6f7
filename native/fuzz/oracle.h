// What a recovered log must be, checked against the bytes it was recovered from, without its reader.
//
//  1. Positions, numbers and sums are bounded by the area: at most a lap, no record across its end.
//  2. Every record that it does not call unreadable is whole, says that it lies there, and names the CRC of the
//     header before it; one that it does call so holds no votes.
//  3. Every vote lies in such a record, is no newer than the promise, and has its bytes, or is flagged.
//  4. Nothing is above the numbers that JavaScript can hold.
#pragma once

#include <vector>

#include "../log.h"
#include "checked_medium.h"

namespace indelible::fuzz {

void judge_recovered(Log& log, const CheckedMedium& medium);

/// A whole header in the area that speaks for a record not written yet: no medium makes one out of others,
/// but a script does. Recovery takes it for what is left after a lost write, once the space it lies in is
/// free.
bool is_forged_ahead(Log& log, const CheckedMedium& medium);

/// A log whose record number, position or root generation is so near the end of its range that it comes to it by
/// going on. A recovery adds one to the generation: no log gets there in 2^53 of them, but a script does, and then
/// the next recovery refuses what this one wrote.
bool is_forged_to_the_end(Log& log, const CheckedMedium& medium);

/// Everything a log answers from, as values that can be compared.
struct Contents {
  Outcome outcome = Outcome::intact;
  std::uint64_t promised = 0;
  std::uint64_t trim_through = 0;
  std::uint64_t uncertain_through = 0;
  std::uint64_t highest_voted = 0;
  struct Vote {
    std::uint64_t slot;
    std::uint64_t ballot;
    std::uint64_t crc;
    std::uint32_t length;
    std::uint8_t type;
    std::uint8_t flags;
    bool operator==(const Vote&) const = default;
  };
  /// By rising slot.
  std::vector<Vote> votes;

  void take(Log& log);
  /// To stderr, for whoever reads a finding.
  void print(const char* name) const;
  void put(const Vote& vote);
  void forget(std::uint64_t through);
};

}  // namespace indelible::fuzz

// What is known about a log: where it starts and ends, what it promises, which votes it holds. Recovery fills
// it, append and trim keep it; it never touches the medium.
//
// The index of votes is lazy: an appended record is indexed when someone asks for a vote or for room, and most
// are trimmed before that. Until then all its votes count as live.
#pragma once

#include <algorithm>
#include <cstdint>

#include "layout.h"
#include "record_table.h"
#include "vote_index.h"

namespace indelible {

struct LogState {
  Geometry geometry{};
  std::uint64_t incarnation = 0;

  /// The durable head: nothing at or behind it is overwritten.
  std::uint64_t head = 0;
  std::uint64_t head_number = 0;
  /// The next record's position and number, and the CRC of the header before it.
  std::uint64_t position = 0;
  std::uint64_t number = 1;
  std::uint64_t previous_crc = 0;

  std::uint64_t promised = 0;
  std::uint64_t trim_through = 0;
  std::uint64_t checkpoint_id = 0;
  std::uint64_t learned_through = 0;
  std::uint64_t highest_voted = 0;

  RecordTable records;
  /// The newest vote of each slot in records below `indexed_end`.
  VoteIndex votes;
  std::uint64_t indexed_end = 1;
  /// Bytes of the records from the head on, and what they would be if only live votes were in them.
  std::uint64_t used = 0;
  std::uint64_t compacted = 0;

  /// Slots through this one may have had votes in record `damaged_from` … `damaged_through` that cannot be
  /// read any more. While it lies above the trim point the head stays where it is.
  std::uint64_t uncertain_through = 0;
  std::uint64_t damaged_from = 0;
  std::uint64_t damaged_through = 0;

  /// Record `blind_number` could not be indexed any more: a vote in an earlier record, at a slot through
  /// `blind_through`, may have been superseded in it.
  std::uint64_t blind_through = 0;
  std::uint64_t blind_number = 0;
  /// Records were found unreadable of which no scrub has told yet.
  bool untold = false;

  [[nodiscard]] bool uncertain() const { return uncertain_through > trim_through; }

  /// Takes a record, for which there is room in `records`, into the books, unindexed; the next one lies at `next`.
  /// `position` and `number` are the record's own at the call. Inlined, so that an append's header need not be in
  /// memory.
  [[gnu::always_inline]] void take(const RecordHeader& header, std::uint64_t next, std::uint32_t votes_in_it,
                                   std::uint32_t vote_bytes_in_it, std::uint64_t highest_slot) {
    RecordEntry& record = records.push();
    record.position = position;
    record.previous_crc = previous_crc;
    record.length = header.length;
    record.live = votes_in_it;
    record.live_bytes = vote_bytes_in_it;
    record.highest_slot = highest_slot;
    record.unreadable = false;
    used += header.length;
    compacted += compacted_bytes(record);
    promised = std::max(promised, header.promised);
    highest_voted = std::max(highest_voted, header.highest_voted);
    learned_through = std::max(learned_through, header.learned_through);
    previous_crc = header.crc;
    position = next;
    number++;
  }

  /// Indexes record `indexed_end`; `descriptors` are its own. Without memory for it nothing has changed.
  Status index_next(const Descriptor* descriptors, std::uint32_t items);

  /// Record `number` can no longer be read: nothing is copied out of it, and it stays.
  void lose_record(std::uint64_t number);

  /// The same for record `indexed_end`, which is then counted as indexed.
  void skip_unreadable();

  /// Whether an indexed vote is known to be the last one for its slot.
  [[nodiscard]] bool is_last(const VoteEntry& vote) const {
    return vote.slot > blind_through || vote.record_number > blind_number;
  }

  /// Forgets votes at or below `through`.
  void forget(std::uint64_t through);

  /// Records `from` … `through` can no longer be read, and votes through slot `highest` may have been in them.
  void note_damage(std::uint64_t from, std::uint64_t through, std::uint64_t highest);

  /// Drops records without live votes from the front of the books; the durable head stays.
  void drop_dead();

  /// The position, number and previous CRC that a root written now has to name.
  void name_head(RootSlot& slot);

 private:
  void index_votes(const Descriptor* descriptors, std::uint32_t items);
  void index_vote(const Descriptor& descriptor, std::uint64_t record_offset, RecordEntry& record);
  void bury(const VoteEntry& vote);
  [[nodiscard]] std::uint64_t compacted_bytes(const RecordEntry& record) const {
    return record.live == 0 ? 0 : align_up(kDescriptorsAt + record.live_bytes, geometry.alignment);
  }

  /// The highest slot in the index so far: above it there is nothing to look for.
  std::uint64_t indexed_slot_ = 0;
};

/// Bytes that one vote takes in a record.
constexpr std::uint32_t vote_bytes(std::uint32_t length, std::uint8_t flags) {
  const std::uint64_t payload = (flags & kFlagUnavailable) != 0 ? 0 : align_up(length, 8);
  return static_cast<std::uint32_t>(sizeof(Descriptor) + payload);
}

}  // namespace indelible

#include "log_state.h"

#include <algorithm>

namespace indelible {

Status LogState::index_next(const Descriptor* descriptors, std::uint32_t items) {
  if (Status status = votes.reserve(items); !status.ok()) return status;
  index_votes(descriptors, items);
  return Status::good();
}

void LogState::index_votes(const Descriptor* descriptors, std::uint32_t items) {
  RecordEntry& record = records.at(indexed_end);
  compacted -= compacted_bytes(record);
  record.live = 0;
  record.live_bytes = 0;
  const std::uint64_t record_offset = geometry.offset_of(record.position);
  for (std::uint32_t index = 0; index < items; index++) {
    if (descriptors[index].type != static_cast<std::uint8_t>(ItemType::promise)) {
      index_vote(descriptors[index], record_offset, record);
    }
  }
  compacted += compacted_bytes(record);
  indexed_end++;
}

void LogState::index_vote(const Descriptor& descriptor, std::uint64_t record_offset, RecordEntry& record) {
  if (descriptor.slot <= trim_through) return;
  VoteEntry vote;
  vote.slot = descriptor.slot;
  vote.ballot = descriptor.ballot;
  vote.payload_crc = descriptor.payload_crc;
  vote.payload_offset = record_offset + descriptor.offset;
  vote.record_number = indexed_end;
  vote.length = descriptor.length;
  vote.type = descriptor.type;
  vote.flags = descriptor.flags;
  VoteEntry* before = descriptor.slot <= indexed_slot_ ? votes.find(descriptor.slot) : nullptr;
  record.live++;
  record.live_bytes += vote_bytes(vote.length, vote.flags);
  indexed_slot_ = std::max(indexed_slot_, descriptor.slot);
  if (before == nullptr) {
    votes.insert(vote);
    return;
  }
  bury(*before);
  *before = vote;
}

void LogState::bury(const VoteEntry& vote) {
  RecordEntry& record = records.at(vote.record_number);
  // The record being indexed is not counted in `compacted` yet.
  const bool counted = vote.record_number != indexed_end;
  if (counted) compacted -= compacted_bytes(record);
  record.live--;
  record.live_bytes -= vote_bytes(vote.length, vote.flags);
  if (counted) compacted += compacted_bytes(record);
}

void LogState::forget(std::uint64_t through) {
  const std::uint64_t from = trim_through + 1;
  trim_through = std::max(trim_through, through);
  if (through < from || votes.size() == 0) return;
  if (through - from < votes.size()) {
    for (std::uint64_t slot = from; slot <= through; slot++) {
      VoteEntry* vote = votes.find(slot);
      if (vote == nullptr) continue;
      bury(*vote);
      votes.remove(vote);
    }
    return;
  }
  votes.remove_through(through, [&](const VoteEntry& vote) { bury(vote); });
}

void LogState::note_damage(std::uint64_t from, std::uint64_t through, std::uint64_t highest) {
  const bool first = damaged_from == 0 || !uncertain();
  damaged_from = first ? from : std::min(damaged_from, from);
  damaged_through = first ? through : std::max(damaged_through, through);
  uncertain_through = std::max(uncertain_through, highest);
}

void LogState::lose_record(std::uint64_t number_of_it) {
  note_damage(number_of_it, number_of_it, highest_voted);
  records.at(number_of_it).unreadable = true;
  untold = true;
}

void LogState::skip_unreadable() {
  blind_through = std::max(blind_through, records.at(indexed_end).highest_slot);
  blind_number = indexed_end;
  lose_record(indexed_end);
  index_votes(nullptr, 0);
}

void LogState::drop_dead() {
  while (!records.empty()) {
    const std::uint64_t number_of_first = records.first_number();
    const RecordEntry& record = records.front();
    const bool dead = number_of_first < indexed_end ? record.live == 0 : record.highest_slot <= trim_through;
    if (!dead || (uncertain() && number_of_first >= damaged_from)) return;
    used -= record.length;
    compacted -= compacted_bytes(record);
    records.pop();
    indexed_end = std::max(indexed_end, number_of_first + 1);
  }
}

void LogState::name_head(RootSlot& slot) {
  slot.head_number = records.empty() ? number : records.first_number();
  slot.head_position = records.empty() ? position : records.front().position;
  slot.head_previous_crc = records.empty() ? previous_crc : records.front().previous_crc;
}

}  // namespace indelible

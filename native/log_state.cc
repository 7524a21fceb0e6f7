#include "log_state.h"

#include <algorithm>
#include <vector>

namespace indelible {

void LogState::take(const RecordHeader& header, const Descriptor* descriptors, std::uint64_t crc_of_previous) {
  records.push({position, crc_of_previous, header.length, 0, 0});
  RecordEntry& record = records.at(number);
  const std::uint64_t record_offset = geometry.offset_of(position);
  for (std::uint32_t index = 0; index < header.items; index++) {
    if (descriptors[index].type != static_cast<std::uint8_t>(ItemType::promise)) {
      take_vote(descriptors[index], record_offset, record);
    }
  }
  used += header.length;
  compacted += compacted_bytes(record);
  promised = std::max(promised, header.promised);
  highest_voted = std::max(highest_voted, header.highest_voted);
  learned_through = std::max(learned_through, header.learned_through);
  previous_crc = header.crc;
  position = geometry.position_after(position, header.length);
  number++;
}

void LogState::take_vote(const Descriptor& descriptor, std::uint64_t record_offset, RecordEntry& record) {
  if (descriptor.slot <= trim_through) return;
  VoteEntry vote;
  vote.slot = descriptor.slot;
  vote.ballot = descriptor.ballot;
  vote.payload_crc = descriptor.payload_crc;
  vote.payload_offset = record_offset + descriptor.offset;
  vote.record_number = number;
  vote.length = descriptor.length;
  vote.type = descriptor.type;
  vote.flags = descriptor.flags;
  VoteEntry* before = descriptor.slot <= highest_voted ? votes.find(descriptor.slot) : nullptr;
  record.live++;
  record.live_bytes += vote_bytes(vote.length, vote.flags);
  highest_voted = std::max(highest_voted, descriptor.slot);
  if (before == nullptr) {
    votes.insert(vote);
    return;
  }
  bury(*before);
  *before = vote;
}

void LogState::bury(const VoteEntry& vote) {
  RecordEntry& record = records.at(vote.record_number);
  const bool in_books = vote.record_number != number;
  if (in_books) compacted -= compacted_bytes(record);
  record.live--;
  record.live_bytes -= vote_bytes(vote.length, vote.flags);
  if (in_books) compacted += compacted_bytes(record);
}

void LogState::forget(std::uint64_t through) {
  const std::uint64_t from = trim_through + 1;
  trim_through = std::max(trim_through, through);
  if (through < from) return;
  if (through - from < votes.size()) {
    for (std::uint64_t slot = from; slot <= through; slot++) {
      VoteEntry* vote = votes.find(slot);
      if (vote == nullptr) continue;
      bury(*vote);
      votes.remove(vote);
    }
    return;
  }
  std::vector<std::uint64_t> slots;
  votes.for_each([&](const VoteEntry& vote) {
    if (vote.slot <= through) slots.push_back(vote.slot);
  });
  for (const std::uint64_t slot : slots) {
    VoteEntry* vote = votes.find(slot);
    bury(*vote);
    votes.remove(vote);
  }
}

void LogState::drop_dead() {
  while (!records.empty() && records.front().live == 0) {
    if (uncertain() && records.first_number() >= damaged_from) return;
    used -= records.front().length;
    records.pop();
  }
}

void LogState::name_head(RootSlot& slot) {
  slot.head_number = records.empty() ? number : records.first_number();
  slot.head_position = records.empty() ? position : records.front().position;
  slot.head_previous_crc = records.empty() ? previous_crc : records.front().previous_crc;
}

}  // namespace indelible

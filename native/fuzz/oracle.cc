#include "oracle.h"

#include <algorithm>
#include <optional>

#include "../crc64.h"
#include "demand.h"

namespace indelible::fuzz {
namespace {

/// More than recovery and a life of a few operations count on by, in numbers or in bytes of position.
constexpr std::uint64_t kCountedInALife = std::uint64_t{1} << 32;

RecordHeader header_at(const CheckedMedium& medium, std::uint64_t offset) {
  RecordHeader header{};
  demand(offset + kDescriptorsAt <= medium.size(), "a record's header lies in the region");
  std::memcpy(&header, medium.bytes() + offset + kHeaderAt, sizeof header);
  return header;
}

/// `before` is the CRC of the header before it, or nothing where that could not be read.
void judge_record(LogState& state, const CheckedMedium& medium, std::uint64_t number,
                  const std::optional<std::uint64_t>& before) {
  const RecordEntry& record = state.records.at(number);
  const std::uint64_t offset = state.geometry.offset_of(record.position);
  const RecordHeader header = header_at(medium, offset);
  demand(header.crc == crc64(&header, offsetof(RecordHeader, crc)), "a record's header is whole");
  demand(header.magic == kRecordMagic && header.number == number && header.position == record.position &&
             header.incarnation == state.incarnation,
         "a record says that it is this one, here");
  demand(header.length == record.length && offset + header.length <= kLogOffset + state.geometry.log_length,
         "a record does not cross the end of the area");
  demand(header.previous_crc == record.previous_crc, "a record names the header before it");
  demand(header.previous_crc == before.value_or(header.previous_crc), "the chain of CRCs is whole");
  demand(header.promised <= state.promised && header.highest_voted <= state.highest_voted &&
             header.trim_through <= state.trim_through,
         "the log is no older than its records");
  demand(header.items <= (header.length - kDescriptorsAt) / sizeof(Descriptor), "items stay in their record");
  const std::byte* descriptors = medium.bytes() + offset + kDescriptorsAt;
  demand(header.descriptors_crc == crc64(descriptors, header.items * sizeof(Descriptor)),
         "descriptors are whole");
}

void judge_vote(LogState& state, const CheckedMedium& medium, const VoteEntry& vote) {
  demand(vote.slot > state.trim_through && vote.slot <= kNumberMax, "a vote lies above the trim point");
  demand(vote.ballot <= state.promised, "a vote is not above the promise");
  demand(vote.slot <= state.highest_voted, "a vote is not above the highest");
  demand(vote.type <= 2, "a vote is of a kind that there is");
  demand(
      vote.record_number >= state.records.first_number() && vote.record_number < state.records.end_number(),
      "a vote lies in a record of the log");
  const RecordEntry& record = state.records.at(vote.record_number);
  demand(vote.length <= state.geometry.record_bytes_max, "a vote is no longer than a record");
  if ((vote.flags & kFlagUnavailable) != 0) return;
  const std::uint64_t offset = state.geometry.offset_of(record.position);
  demand(vote.payload_offset >= offset + kDescriptorsAt &&
             vote.payload_offset + vote.length <= offset + record.length,
         "a vote's bytes lie in its record");
  const std::uint64_t crc = vote.length == 0 ? 0 : crc64(medium.bytes() + vote.payload_offset, vote.length);
  demand(crc == vote.payload_crc, "a vote that is available has its bytes");
}

}  // namespace

void judge_recovered(Log& log, const CheckedMedium& medium) {
  LogState& state = log.state();
  const Geometry& geometry = state.geometry;
  demand(kLogOffset + geometry.log_length <= medium.size(), "the area lies in the region");
  demand(state.promised <= kNumberMax && state.trim_through <= kNumberMax &&
             state.checkpoint_id <= kNumberMax && state.highest_voted <= kNumberMax &&
             state.learned_through <= kNumberMax && state.uncertain_through <= kNumberMax,
         "numbers are safe integers");
  demand(
      state.position >= state.head && state.position - state.head + geometry.alignment <= geometry.log_length,
      "the log is no longer than a lap");
  demand(state.used <= geometry.log_length, "the log is no larger than its area");
  demand(state.records.end_number() == state.number && state.indexed_end == state.number,
         "every record is indexed");
  std::uint64_t used = 0;
  std::optional<std::uint64_t> before;
  for (std::uint64_t number = state.records.first_number(); number < state.number; number++) {
    const RecordEntry& record = state.records.at(number);
    used += record.length;
    if (record.unreadable) {
      demand(record.live == 0, "a record that cannot be read holds no votes");
      before.reset();
      continue;
    }
    judge_record(state, medium, number, before);
    before = header_at(medium, geometry.offset_of(record.position)).crc;
  }
  demand(used == state.used, "the books add up");
  state.votes.for_each([&](const VoteEntry& vote) { judge_vote(state, medium, vote); });
}

bool is_forged_ahead(Log& log, const CheckedMedium& medium) {
  const LogState& state = log.state();
  for (std::uint64_t at = 0; at + kDescriptorsAt <= state.geometry.log_length;
       at += state.geometry.alignment) {
    const RecordHeader header = header_at(medium, kLogOffset + at);
    if (header.magic == kRecordMagic && header.number >= state.number && header.position >= state.position)
      return true;
  }
  return false;
}

bool is_forged_to_the_end(Log& log, const CheckedMedium& medium) {
  const LogState& state = log.state();
  std::uint64_t highest = std::max(state.number, state.position);
  for (const std::uint64_t root : kRootOffset) {
    std::uint64_t selector = 0;
    std::memcpy(&selector, medium.bytes() + root, sizeof selector);
    RootSlot slot{};
    std::memcpy(&slot, medium.bytes() + root + kRootSlotOffset[selector == kSelector[0] ? 0 : 1], sizeof slot);
    highest = std::max(highest, slot.generation);
  }
  return highest > kNumberMax - kCountedInALife;
}

void Contents::take(Log& log) {
  LogState& state = log.state();
  outcome = log.recovered().outcome;
  promised = state.promised;
  trim_through = state.trim_through;
  uncertain_through = state.uncertain() ? state.uncertain_through : 0;
  highest_voted = state.highest_voted;
  votes.clear();
  state.votes.for_each([&](const VoteEntry& vote) {
    const auto flags = static_cast<std::uint8_t>(vote.flags & kFlagUnavailable);
    votes.push_back({vote.slot, vote.ballot, vote.payload_crc, vote.length, vote.type, flags});
  });
  std::sort(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) { return a.slot < b.slot; });
}

void Contents::print(const char* name) const {
  const auto wide = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
  std::fprintf(stderr, "%s: outcome %d, promised %llx, trim %llu, uncertain %llu, highest %llu, votes", name,
               static_cast<int>(outcome), wide(promised), wide(trim_through), wide(uncertain_through),
               wide(highest_voted));
  for (const Vote& vote : votes) {
    std::fprintf(stderr, " %llu@%llx:%u:%d%s", wide(vote.slot), wide(vote.ballot), vote.length, vote.type,
                 vote.flags != 0 ? "!" : "");
  }
  std::fprintf(stderr, "\n");
}

void Contents::put(const Vote& vote) {
  const auto at = std::lower_bound(votes.begin(), votes.end(), vote.slot,
                                   [](const Vote& one, std::uint64_t slot) { return one.slot < slot; });
  if (at != votes.end() && at->slot == vote.slot) {
    *at = vote;
  } else {
    votes.insert(at, vote);
  }
}

void Contents::forget(std::uint64_t through) {
  trim_through = std::max(trim_through, through);
  while (!votes.empty() && votes.front().slot <= trim_through) votes.erase(votes.begin());
}

}  // namespace indelible::fuzz

#include "log_outcome.h"

#include <algorithm>
#include <vector>

#include "crc64.h"

namespace indelible {
namespace {

std::uint64_t digest_of(const VoteEntry& vote, std::uint64_t bytes_crc) {
  const std::uint64_t identity = mix64(vote.slot * 3 + mix64(vote.ballot));
  return mix64(identity ^ mix64(bytes_crc + vote.length) ^ (std::uint64_t{vote.type} << 8 | vote.flags));
}

}  // namespace

void LogOutcome::add_vote(std::uint64_t slot, std::uint64_t ballot, ItemType type,
                          std::span<const std::byte> bytes) {
  VoteEntry vote;
  vote.slot = slot;
  vote.ballot = ballot;
  vote.type = static_cast<std::uint8_t>(type);
  vote.length = static_cast<std::uint32_t>(bytes.size());
  votes++;
  votes_digest += digest_of(vote, bytes.empty() ? 0 : crc64(bytes.data(), bytes.size()));
  promised = std::max(promised, ballot);
  highest_voted = std::max(highest_voted, slot);
}

void LogOutcome::add_promise(std::uint64_t ballot) { promised = std::max(promised, ballot); }

LogOutcome outcome_of(const Status& status, Log* log) {
  LogOutcome found;
  found.code = status.code;
  if (!status.ok()) return found;
  found.outcome = log->recovered().outcome;
  LogState& state = log->state();
  found.promised = state.promised;
  found.trim_through = state.trim_through;
  found.checkpoint_id = state.checkpoint_id;
  found.learned_through = state.learned_through;
  found.highest_voted = state.highest_voted;
  found.uncertain_through = state.uncertain_through;
  std::vector<std::byte> bytes;
  state.votes.for_each([&](const VoteEntry& vote) {
    bytes.resize(vote.length);
    bool good = false;
    const bool read = log->read_payload(vote, bytes.data(), good).ok();
    const std::uint64_t crc = read && good && vote.length > 0 ? crc64(bytes.data(), bytes.size()) : 0;
    found.votes++;
    found.votes_digest += digest_of(vote, read && good ? crc : ~std::uint64_t{0});
  });
  return found;
}

}  // namespace indelible

// What is known of a log's votes, told to JavaScript: at open by recovery, later by the scrub.
#include <algorithm>

#include "binding.h"

namespace indelible {
namespace {

/// Six doubles a vote, by rising slot: slot, ballot, type, digest, length, 1 if its bytes are there.
std::vector<double> numbers_of(std::vector<const VoteEntry*>& votes) {
  std::sort(votes.begin(), votes.end(), [](const VoteEntry* a, const VoteEntry* b) { return a->slot < b->slot; });
  std::vector<double> numbers;
  numbers.reserve(votes.size() * kVoteDoubles);
  for (const VoteEntry* vote : votes) {
    const bool available = (vote->flags & kFlagUnavailable) == 0;
    numbers.insert(numbers.end(), {static_cast<double>(vote->slot), static_cast<double>(vote->ballot),
                                   static_cast<double>(vote->type),
                                   static_cast<double>(vote->payload_crc & kDigestMask),
                                   static_cast<double>(vote->length), available ? 1.0 : 0.0});
  }
  return numbers;
}

/// Those that the next recovery could tell of as well.
std::vector<double> votes_of(LogState& state) {
  std::vector<const VoteEntry*> votes;
  state.votes.for_each([&](const VoteEntry& vote) {
    // An old vote at a slot where a newer one was lost says nothing for certain.
    if (vote.slot > state.uncertain_through || vote.record_number > state.damaged_through) votes.push_back(&vote);
  });
  return numbers_of(votes);
}
/// Pairs from, through: slots that may have had a vote, less those whose vote was read behind the damage.
std::vector<double> uncertain_of(const LogState& state, const std::vector<double>& votes) {
  std::vector<double> ranges;
  if (!state.uncertain()) return ranges;
  auto from = static_cast<double>(state.trim_through + 1);
  const auto through = static_cast<double>(state.uncertain_through);
  for (std::size_t at = 0; at < votes.size() && votes[at] <= through; at += kVoteDoubles) {
    if (votes[at] > from) ranges.insert(ranges.end(), {from, votes[at] - 1});
    from = votes[at] + 1;
  }
  if (from <= through) ranges.insert(ranges.end(), {from, through});
  return ranges;
}

Napi::Value recovered(Handle& handle, const Napi::CallbackInfo& info) {
  constexpr const char* kOutcomes[] = {"intact", "damaged", "lost"};
  const Napi::Env env = info.Env();
  const Recovered& found = handle.log->recovered();
  LogState& state = handle.log->state();
  const std::vector<double> votes = votes_of(state);
  auto object = Napi::Object::New(env);
  object.Set("outcome", kOutcomes[static_cast<int>(found.outcome)]);
  object.Set("reason", found.reason);
  object.Set("clean", found.clean ? 1 : 0);
  object.Set("promised", make_number(env, state.promised));
  object.Set("trimThrough", make_number(env, state.trim_through));
  object.Set("checkpointId", make_number(env, state.checkpoint_id));
  object.Set("learnedThrough", make_number(env, state.learned_through));
  object.Set("highestVoted", make_number(env, state.highest_voted));
  object.Set("votes", make_doubles(env, votes));
  object.Set("uncertain", make_doubles(env, uncertain_of(state, votes)));
  return object;
}

/// scrub(budget): bytes, passEnded, and where damage was found reason, votes, uncertain.
Napi::Value scrub(Handle& handle, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::uint64_t budget = 0;
  if (!integer_of(info[0], budget)) return raise_argument(env, "scrub takes a number of bytes");
  ScrubReport report;
  const Status status = handle.log->scrub(budget, report);
  handle.update_gauges();
  if (!status.ok()) return raise(env, status);
  auto object = Napi::Object::New(env);
  object.Set("bytes", make_number(env, report.bytes));
  object.Set("passEnded", report.pass_ended ? 1 : 0);
  if (report.votes.empty() && !report.unreadable) return object;
  object.Set("reason", report.unreadable ? "a record of the log can no longer be read"
                                         : "votes of the log have lost their bytes");
  std::vector<const VoteEntry*> lost;
  for (const VoteEntry& vote : report.votes) lost.push_back(&vote);
  object.Set("votes", make_doubles(env, numbers_of(lost)));
  LogState& state = handle.log->state();
  const std::vector<double> kept = votes_of(state);
  object.Set("uncertain", make_doubles(env, report.unreadable ? uncertain_of(state, kept) : std::vector<double>()));
  return object;
}

}  // namespace

void bind_recovered(Napi::Object object, const std::shared_ptr<Handle>& handle) {
  bind(object, handle, "recovered", Needs::log, recovered);
  bind(object, handle, "scrub", Needs::log, scrub);
}

}  // namespace indelible

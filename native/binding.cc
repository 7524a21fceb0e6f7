#include "binding.h"

#include <algorithm>

namespace indelible {
namespace {

Napi::Value drain(Handle& handle, const Napi::CallbackInfo& info) {
  const Status status = handle.log->drain();
  handle.update_gauges();
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

/// makeRoom(bytes, onlyPromises: 0 | 1): 1 if there is room now.
Napi::Value make_room(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t bytes = 0;
  std::uint64_t only_promises = 0;
  if (!integer_of(info[0], bytes) || !integer_of(info[1], only_promises)) {
    return raise_argument(info.Env(), "makeRoom takes two integers");
  }
  bool found = false;
  const Status status = handle.log->make_room(bytes, only_promises != 0, found);
  handle.update_gauges();
  return status.ok() ? make_number(info.Env(), found ? 1 : 0) : raise(info.Env(), status);
}

/// trim(through, checkpointId)
Napi::Value trim(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t through = 0;
  std::uint64_t checkpoint = 0;
  if (!integer_of(info[0], through) || !integer_of(info[1], checkpoint)) {
    return raise_argument(info.Env(), "trim takes a slot and a checkpoint id");
  }
  const Status status = handle.log->trim(through, checkpoint);
  handle.update_gauges();
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

/// readVote(slot): a Uint8Array, or undefined.
Napi::Value read_vote(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t slot = 0;
  if (!integer_of(info[0], slot)) return raise_argument(info.Env(), "readVote takes a slot");
  if (Status status = handle.log->index_all(); !status.ok()) return raise(info.Env(), status);
  const VoteEntry* vote = slot == 0 ? nullptr : handle.log->state().votes.find(slot);
  if (vote == nullptr || (vote->flags & kFlagUnavailable) != 0) return {};
  auto bytes = Napi::Uint8Array::New(info.Env(), vote->length);
  bool good = false;
  const Status status = handle.log->read_payload(*vote, reinterpret_cast<std::byte*>(bytes.Data()), good);
  if (!status.ok()) return raise(info.Env(), status);
  return good ? bytes : Napi::Value();
}

std::vector<double> votes_of(LogState& state) {
  std::vector<const VoteEntry*> votes;
  state.votes.for_each([&](const VoteEntry& vote) {
    // An old vote at a slot where a newer one was lost says nothing for certain.
    if (vote.slot > state.uncertain_through || vote.record_number > state.damaged_through) votes.push_back(&vote);
  });
  std::sort(votes.begin(), votes.end(), [](const VoteEntry* a, const VoteEntry* b) { return a->slot < b->slot; });
  std::vector<double> numbers;
  numbers.reserve(votes.size() * kItemDoubles);
  for (const VoteEntry* vote : votes) {
    const bool available = (vote->flags & kFlagUnavailable) == 0;
    numbers.insert(numbers.end(), {static_cast<double>(vote->slot), static_cast<double>(vote->ballot),
                                   static_cast<double>(vote->type),
                                   static_cast<double>(vote->payload_crc & kDigestMask),
                                   static_cast<double>(vote->length), available ? 1.0 : 0.0});
  }
  return numbers;
}

/// Pairs from, through: slots that may have had a vote, less those whose vote was read behind the damage.
std::vector<double> uncertain_of(const LogState& state, const std::vector<double>& votes) {
  std::vector<double> ranges;
  if (!state.uncertain()) return ranges;
  auto from = static_cast<double>(state.trim_through + 1);
  const auto through = static_cast<double>(state.uncertain_through);
  for (std::size_t at = 0; at < votes.size() && votes[at] <= through; at += kItemDoubles) {
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

/// counters(): records, bytes written, fences, trims, laps.
Napi::Value counters(Handle& handle, const Napi::CallbackInfo& info) {
  const LogCounters& counted = handle.log->counters();
  return make_doubles(info.Env(),
                      {static_cast<double>(counted.records), static_cast<double>(counted.bytes_written),
                       static_cast<double>(counted.fences), static_cast<double>(counted.trims),
                       static_cast<double>(counted.laps)});
}

/// close(orderly: 0 | 1): marks the region cleanly closed if orderly; releases it either way. The images of a
/// recording medium stay readable.
Napi::Value close(Handle& handle, const Napi::CallbackInfo& info) {
  if (handle.log == nullptr) return {};
  std::uint64_t orderly = 0;
  Status status = Status::good();
  if (integer_of(info[0], orderly) && orderly != 0) status = handle.log->close();
  if (handle.recording == nullptr) {
    handle.release();
  } else {
    handle.log.reset();
  }
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

bool is_there(const Handle& handle, Needs needs) {
  if (needs == Needs::log) return handle.log != nullptr;
  return needs == Needs::nothing || handle.recording != nullptr;
}

}  // namespace

void Handle::release() {
  log.reset();
  monitor.reset();
  medium.reset();
  recording = nullptr;
  explored.clear();
  if (addon != nullptr) addon->open.erase(this);
  addon = nullptr;
}

Handle::~Handle() {
  release();
  Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes);
}

void bind(Napi::Object object, const std::shared_ptr<Handle>& handle, const char* name, Needs needs,
          Method method) {
  const auto call = [handle, needs, method](const Napi::CallbackInfo& info) {
    return is_there(*handle, needs) ? method(*handle, info) : raise_closed(info.Env());
  };
  object.Set(name, Napi::Function::New(object.Env(), call, name));
}

Napi::Object expose(const std::shared_ptr<Handle>& handle) {
  const Napi::Env env = handle->env;
  const StaticHeader& header = handle->log->header();
  const auto items_that_fit =
      static_cast<std::uint32_t>((header.record_bytes_max - kDescriptorsAt) / sizeof(Descriptor));
  handle->table_items = std::min(header.record_items_max, items_that_fit);
  const std::size_t doubles = kTableHeadDoubles + std::size_t{handle->table_items} * kItemDoubles;
  auto table = Napi::Float64Array::New(env, doubles);
  handle->table = table.Data();
  handle->table_reference = Napi::Persistent(table);
  auto gauges = Napi::Float64Array::New(env, kGaugeDoubles);
  handle->gauges = gauges.Data();
  handle->gauges_reference = Napi::Persistent(gauges);
  auto object = Napi::Object::New(env);
  object.Set("table", table);
  object.Set("gauges", gauges);
  object.Set("clusterId", copy_of(env, std::as_bytes(std::span(header.cluster_id))));
  object.Set("storeUuid", copy_of(env, std::as_bytes(std::span(header.store_uuid))));
  object.Set("replicaId", header.replica_id);
  object.Set("alignment", header.alignment);
  object.Set("recordBytesMax", header.record_bytes_max);
  object.Set("recordItemsMax", handle->table_items);
  object.Set("capacityBytes", make_number(env, handle->log->capacity()));
  bind_append(object, handle);
  bind(object, handle, "drain", Needs::log, drain);
  bind(object, handle, "makeRoom", Needs::log, make_room);
  bind(object, handle, "trim", Needs::log, trim);
  bind(object, handle, "readVote", Needs::log, read_vote);
  bind(object, handle, "recovered", Needs::log, recovered);
  bind(object, handle, "counters", Needs::log, counters);
  bind(object, handle, "close", Needs::nothing, close);
  if (handle->recording != nullptr) {
    bind_recording(object, handle);
    bind_explore(object, handle);
    // The collector must know what a forgotten recording holds: two images.
    handle->external_bytes = static_cast<std::int64_t>(2 * handle->medium->size());
    Napi::MemoryManagement::AdjustExternalMemory(env, handle->external_bytes);
  }
  handle->update_gauges();
  return object;
}

}  // namespace indelible

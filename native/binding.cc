#include "binding.h"

#include <algorithm>

namespace indelible {
namespace {

Napi::Value drain(Handle& handle, const Napi::CallbackInfo& info) {
  const Status status = handle.log->drain();
  handle.update_gauges();
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

/// makeRoom(bytes, claim: a Claim): 1 if there is room now.
Napi::Value make_room(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t bytes = 0;
  std::uint64_t claim = 0;
  if (!integer_of(info[0], bytes) || !integer_of(info[1], claim) || claim > 2) {
    return raise_argument(info.Env(), "makeRoom takes two integers, the second at most 2");
  }
  bool found = false;
  const Status status = handle.log->make_room(bytes, static_cast<Claim>(claim), found);
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

/// readVote(slot, digest?): a Uint8Array, or undefined. With a digest, of a vote for that batch only; without
/// one, of a vote that is known to be the last.
Napi::Value read_vote(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t slot = 0;
  std::uint64_t digest = 0;
  const bool any = info.Length() < 2 || info[1].IsUndefined();
  if (!integer_of(info[0], slot) || (!any && !integer_of(info[1], digest))) {
    return raise_argument(info.Env(), "readVote takes a slot, and may take a digest");
  }
  if (Status status = handle.log->index_all(); !status.ok()) return raise(info.Env(), status);
  LogState& state = handle.log->state();
  const VoteEntry* vote = slot == 0 ? nullptr : state.votes.find(slot);
  if (vote == nullptr || (vote->flags & kFlagUnavailable) != 0) return {};
  if (any ? !state.is_last(*vote) : (vote->payload_crc & kDigestMask) != digest) return {};
  auto bytes = Napi::Uint8Array::New(info.Env(), vote->length);
  bool good = false;
  const Status status = handle.log->read_payload(*vote, reinterpret_cast<std::byte*>(bytes.Data()), good);
  if (!status.ok()) return raise(info.Env(), status);
  return good ? bytes : Napi::Value();
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

/// Memory that stays as long as the log or the array does, wherever JavaScript transfers the array to.
Napi::Float64Array shared_doubles(Napi::Env env, const std::shared_ptr<double[]>& memory, std::size_t count) {
  auto* const share = new std::shared_ptr<double[]>(memory);
  const auto let_go = [](Napi::Env /*env*/, void* /*memory*/, std::shared_ptr<double[]>* held) { delete held; };
  const auto buffer = Napi::ArrayBuffer::New(env, memory.get(), count * sizeof(double), let_go, share);
  return Napi::Float64Array::New(env, count, buffer, 0);
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
  handle->table_rows = std::min(header.record_items_max, items_that_fit);
  const std::size_t doubles = kTableHeadDoubles + std::size_t{handle->table_rows} * (kRowDoubles + kRunDoubles);
  handle->table_memory = std::make_shared<double[]>(doubles);
  handle->table = handle->table_memory.get();
  handle->gauges_memory = std::make_shared<double[]>(kGaugeDoubles);
  handle->gauges = handle->gauges_memory.get();
  auto object = Napi::Object::New(env);
  object.Set("table", shared_doubles(env, handle->table_memory, doubles));
  object.Set("gauges", shared_doubles(env, handle->gauges_memory, kGaugeDoubles));
  object.Set("clusterId", copy_of(env, std::as_bytes(std::span(header.cluster_id))));
  object.Set("storeUuid", copy_of(env, std::as_bytes(std::span(header.store_uuid))));
  object.Set("replicaId", header.replica_id);
  object.Set("incarnation", make_number(env, header.incarnation & kNumberMax));
  object.Set("generation", make_number(env, handle->log->root().generation));
  object.Set("alignment", header.alignment);
  object.Set("recordBytesMax", header.record_bytes_max);
  object.Set("recordItemsMax", handle->table_rows);
  object.Set("capacityBytes", make_number(env, handle->log->capacity()));
  bind_append(object, handle);
  bind_recovered(object, handle);
  bind(object, handle, "drain", Needs::log, drain);
  bind(object, handle, "makeRoom", Needs::log, make_room);
  bind(object, handle, "trim", Needs::log, trim);
  bind(object, handle, "readVote", Needs::log, read_vote);
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

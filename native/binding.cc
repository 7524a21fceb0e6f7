#include "binding.h"

#include <algorithm>
#include <cstring>

#include "crc64.h"

namespace indelible {
namespace {

void release_function(napi_env env, void* data, void* /*hint*/) {
  auto* handle = static_cast<Handle*>(data);
  if (--handle->functions > 0) return;
  handle->release();
  std::int64_t adjusted = 0;
  napi_adjust_external_memory(env, -handle->external_bytes, &adjusted);
  napi_delete_reference(env, handle->table_reference);
  napi_delete_reference(env, handle->gauges_reference);
  delete handle;
}

napi_value closed(napi_env env) {
  napi_throw_error(env, "ERR_INDELIBLE_STORE_CLOSED", "the store is closed");
  return nullptr;
}

/// One row of the table, checked. False: a value no caller of the facade can produce.
struct Row {
  std::uint64_t slot;
  std::uint64_t ballot;
  std::uint64_t digest;
  std::uint64_t start;
  std::uint32_t length;
  std::uint8_t type;

  /// In bounds already: a signed conversion is one instruction, an unsigned one is a branch.
  static std::uint64_t whole(double number) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  }

  bool read(const double* row, std::size_t source_bytes) {
    constexpr auto kMax = static_cast<double>(kNumberMax);
    for (std::uint32_t column = 0; column < kItemDoubles; column++) {
      if (!(row[column] >= 0 && row[column] <= kMax)) return false;
    }
    slot = whole(row[0]);
    ballot = whole(row[1]);
    digest = whole(row[3]);
    start = whole(row[4]);
    const std::uint64_t wide_length = whole(row[5]);
    if (row[2] > 255 || start > source_bytes || wide_length > source_bytes - start) return false;
    if (wide_length > UINT32_MAX) return false;
    type = static_cast<std::uint8_t>(static_cast<std::int64_t>(row[2]));
    length = static_cast<std::uint32_t>(wide_length);
    const bool promise = type == static_cast<std::uint8_t>(ItemType::promise);
    return promise ? slot == 0 && length == 0 : slot > 0 && type <= 2;
  }
};

Status build(Handle* handle, std::uint32_t count, const std::byte* source, std::size_t source_bytes) {
  const Geometry& geometry = handle->log->state().geometry;
  if (count == 0 || count > handle->table_items) return Status::failed(Code::argument, "a group of no items");
  std::uint64_t padded = 0;
  for (std::uint32_t index = 0; index < count; index++) {
    const double length = handle->table[index * kItemDoubles + 5];
    if (!(length >= 0) || length > static_cast<double>(geometry.record_bytes_max)) {
      return Status::failed(Code::argument, "a batch larger than the store was formatted for");
    }
    padded += align_up(static_cast<std::uint64_t>(length), 8);
  }
  if (RecordBuilder::bytes_of(count, padded) > geometry.record_bytes_max) {
    return Status::failed(Code::argument, "a group larger than the store was formatted for");
  }
  RecordBuilder& builder = handle->log->builder();
  builder.begin(count);
  Row row{};
  for (std::uint32_t index = 0; index < count; index++) {
    if (!row.read(handle->table + index * kItemDoubles, source_bytes)) {
      return Status::failed(Code::argument, "an item with a number out of its bounds");
    }
    const std::byte* payload = source + row.start;
    const std::uint64_t crc = row.length == 0 ? 0 : crc64(payload, row.length);
    if ((crc & kDigestMask) != row.digest) {
      return Status::failed(Code::digest_mismatch, "a batch does not have the digest it was staged with");
    }
    builder.add(row.slot, row.ballot, row.type, 0, payload, row.length, crc);
  }
  return Status::good();
}

/// append(count, learnedThrough, source?: ArrayBuffer)
napi_value append(napi_env env, napi_callback_info info) {
  std::size_t count = 3;
  napi_value arguments[3];
  Handle* handle = open_handle(env, info, count, arguments);
  if (handle == nullptr) return nullptr;
  double items = 0;
  double learned = 0;
  if (count < 2 || !number_of(env, arguments[0], items) || !number_of(env, arguments[1], learned) ||
      !(items >= 0 && items <= handle->table_items) ||
      !(learned >= 0 && learned <= static_cast<double>(kNumberMax))) {
    return raise_argument(env, "append takes a count, a slot and the ArrayBuffer of the batches");
  }
  void* source = nullptr;
  std::size_t source_bytes = 0;
  if (count > 2 && napi_get_arraybuffer_info(env, arguments[2], &source, &source_bytes) != napi_ok) {
    return raise_argument(env, "the batches are not in an ArrayBuffer");
  }
  Status status = build(handle, static_cast<std::uint32_t>(items), static_cast<std::byte*>(source), source_bytes);
  if (status.ok()) status = handle->log->append(static_cast<std::uint64_t>(learned));
  handle->update_gauges();
  return status.ok() ? nullptr : raise(env, status);
}

napi_value drain(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = open_handle(env, info, count, nullptr);
  if (handle == nullptr) return nullptr;
  const Status status = handle->log->drain();
  handle->update_gauges();
  return status.ok() ? nullptr : raise(env, status);
}

/// makeRoom(bytes, onlyPromises: 0 | 1): 1 if there is room now.
napi_value make_room(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value arguments[2];
  Handle* handle = open_handle(env, info, count, arguments);
  if (handle == nullptr) return nullptr;
  std::uint64_t bytes = 0;
  std::uint64_t only_promises = 0;
  if (count < 2 || !integer_of(env, arguments[0], bytes) || !integer_of(env, arguments[1], only_promises)) {
    return raise_argument(env, "makeRoom takes two integers");
  }
  bool found = false;
  const Status status = handle->log->make_room(bytes, only_promises != 0, found);
  handle->update_gauges();
  return status.ok() ? make_number(env, found ? 1 : 0) : raise(env, status);
}

/// trim(through, checkpointId)
napi_value trim(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value arguments[2];
  Handle* handle = open_handle(env, info, count, arguments);
  if (handle == nullptr) return nullptr;
  std::uint64_t through = 0;
  std::uint64_t checkpoint = 0;
  if (count < 2 || !integer_of(env, arguments[0], through) || !integer_of(env, arguments[1], checkpoint)) {
    return raise_argument(env, "trim takes a slot and a checkpoint id");
  }
  const Status status = handle->log->trim(through, checkpoint);
  handle->update_gauges();
  return status.ok() ? nullptr : raise(env, status);
}

/// readVote(slot): a Uint8Array, or undefined.
napi_value read_vote(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  Handle* handle = open_handle(env, info, count, arguments);
  if (handle == nullptr) return nullptr;
  std::uint64_t slot = 0;
  if (count < 1 || !integer_of(env, arguments[0], slot)) return raise_argument(env, "readVote takes a slot");
  if (Status status = handle->log->index_all(); !status.ok()) return raise(env, status);
  const VoteEntry* vote = slot == 0 ? nullptr : handle->log->state().votes.find(slot);
  if (vote == nullptr || (vote->flags & kFlagUnavailable) != 0) return nullptr;
  std::byte* target = nullptr;
  napi_value bytes = make_bytes(env, vote->length, target);
  bool good = false;
  const Status status = handle->log->read_payload(*vote, target, good);
  if (!status.ok()) return raise(env, status);
  return good ? bytes : nullptr;
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

napi_value recovered(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = open_handle(env, info, count, nullptr);
  if (handle == nullptr) return nullptr;
  constexpr const char* kOutcomes[] = {"intact", "damaged", "lost"};
  const Recovered& found = handle->log->recovered();
  LogState& state = handle->log->state();
  napi_value object = nullptr;
  napi_create_object(env, &object);
  set(env, object, "outcome", make_text(env, kOutcomes[static_cast<int>(found.outcome)]));
  set(env, object, "reason", make_text(env, found.reason));
  set(env, object, "clean", make_number(env, found.clean ? 1 : 0));
  set(env, object, "promised", make_number(env, static_cast<double>(state.promised)));
  set(env, object, "trimThrough", make_number(env, static_cast<double>(state.trim_through)));
  set(env, object, "checkpointId", make_number(env, static_cast<double>(state.checkpoint_id)));
  set(env, object, "learnedThrough", make_number(env, static_cast<double>(state.learned_through)));
  set(env, object, "highestVoted", make_number(env, static_cast<double>(state.highest_voted)));
  const std::vector<double> votes = votes_of(state);
  set(env, object, "votes", make_doubles(env, votes));
  set(env, object, "uncertain", make_doubles(env, uncertain_of(state, votes)));
  return object;
}

/// counters(): records, bytes written, fences, trims, laps.
napi_value counters(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = open_handle(env, info, count, nullptr);
  if (handle == nullptr) return nullptr;
  const LogCounters& counted = handle->log->counters();
  return make_doubles(env, {static_cast<double>(counted.records), static_cast<double>(counted.bytes_written),
                            static_cast<double>(counted.fences), static_cast<double>(counted.trims),
                            static_cast<double>(counted.laps)});
}

/// close(orderly: 0 | 1): marks the region cleanly closed if orderly; releases it either way. The images of a
/// recording medium stay readable.
napi_value close(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  auto* handle = static_cast<Handle*>(data);
  if (handle->log == nullptr) return nullptr;
  std::uint64_t orderly = 0;
  Status status = Status::good();
  if (count > 0 && integer_of(env, arguments[0], orderly) && orderly != 0) status = handle->log->close();
  if (handle->recording == nullptr) {
    handle->release();
  } else {
    handle->log.reset();
  }
  return status.ok() ? nullptr : raise(env, status);
}

napi_value reference_doubles(napi_env env, std::size_t doubles, double*& data, napi_ref& reference) {
  void* memory = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  napi_create_arraybuffer(env, doubles * sizeof(double), &memory, &buffer);
  napi_create_typedarray(env, napi_float64_array, doubles, buffer, 0, &array);
  napi_create_reference(env, array, 1, &reference);
  data = static_cast<double*>(memory);
  return array;
}

}  // namespace

void Handle::release() {
  log.reset();
  medium.reset();
  recording = nullptr;
  samples.clear();
  if (addon != nullptr) addon->open.erase(this);
  addon = nullptr;
}

Handle* open_handle(napi_env env, napi_callback_info info, std::size_t& count, napi_value* arguments) {
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  auto* handle = static_cast<Handle*>(data);
  if (handle->log != nullptr) return handle;
  closed(env);
  return nullptr;
}

void bind(napi_env env, napi_value object, Handle* handle, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, handle, &function);
  napi_add_finalizer(env, function, handle, release_function, nullptr, nullptr);
  handle->functions++;
  set(env, object, name, function);
}

napi_value expose(napi_env env, std::unique_ptr<Handle> owned) {
  Handle* handle = owned.release();
  handle->addon->open.insert(handle);
  napi_value object = nullptr;
  napi_create_object(env, &object);
  const StaticHeader& header = handle->log->header();
  const auto items_that_fit =
      static_cast<std::uint32_t>((header.record_bytes_max - kDescriptorsAt) / sizeof(Descriptor));
  handle->table_items = std::min(header.record_items_max, items_that_fit);
  set(env, object, "table",
      reference_doubles(env, std::size_t{handle->table_items} * kItemDoubles, handle->table,
                        handle->table_reference));
  set(env, object, "gauges", reference_doubles(env, 4, handle->gauges, handle->gauges_reference));
  std::byte* target = nullptr;
  set(env, object, "clusterId", make_bytes(env, sizeof header.cluster_id, target));
  std::memcpy(target, header.cluster_id, sizeof header.cluster_id);
  set(env, object, "storeUuid", make_bytes(env, sizeof header.store_uuid, target));
  std::memcpy(target, header.store_uuid, sizeof header.store_uuid);
  set(env, object, "replicaId", make_number(env, header.replica_id));
  set(env, object, "alignment", make_number(env, header.alignment));
  set(env, object, "recordBytesMax", make_number(env, header.record_bytes_max));
  set(env, object, "recordItemsMax", make_number(env, handle->table_items));
  set(env, object, "capacityBytes", make_number(env, static_cast<double>(handle->log->capacity())));
  bind(env, object, handle, "append", append);
  bind(env, object, handle, "drain", drain);
  bind(env, object, handle, "makeRoom", make_room);
  bind(env, object, handle, "trim", trim);
  bind(env, object, handle, "readVote", read_vote);
  bind(env, object, handle, "recovered", recovered);
  bind(env, object, handle, "counters", counters);
  bind(env, object, handle, "close", close);
  if (handle->recording != nullptr) {
    bind_recording(env, object, handle);
    // The collector must know what a forgotten recording holds: two images.
    handle->external_bytes = static_cast<std::int64_t>(2 * handle->medium->size());
    std::int64_t adjusted = 0;
    napi_adjust_external_memory(env, handle->external_bytes, &adjusted);
  }
  handle->update_gauges();
  return object;
}

}  // namespace indelible

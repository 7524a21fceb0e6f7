// The hot path: one call a group, its numbers in the table, so that only the ArrayBuffer crosses the boundary.
// A node-addon-api callback costs as much as a bare Node-API one here: 32 against 30 ns of some 500 a vote.
#include "binding.h"
#include "crc64.h"

namespace indelible {
namespace {

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

Status build(Handle& handle, std::uint32_t count, const std::byte* source, std::size_t source_bytes) {
  const Geometry& geometry = handle.log->state().geometry;
  const double* items = handle.table + kTableHeadDoubles;
  if (count == 0 || count > handle.table_items) return Status::failed(Code::argument, "a group of no items");
  std::uint64_t padded = 0;
  for (std::uint32_t index = 0; index < count; index++) {
    const double length = items[index * kItemDoubles + 5];
    if (!(length >= 0) || length > static_cast<double>(geometry.record_bytes_max)) {
      return Status::failed(Code::argument, "a batch larger than the store was formatted for");
    }
    padded += align_up(static_cast<std::uint64_t>(length), 8);
  }
  if (RecordBuilder::bytes_of(count, padded) > geometry.record_bytes_max) {
    return Status::failed(Code::argument, "a group larger than the store was formatted for");
  }
  RecordBuilder& builder = handle.log->builder();
  builder.begin(count);
  Row row{};
  for (std::uint32_t index = 0; index < count; index++) {
    if (!row.read(items + index * kItemDoubles, source_bytes)) {
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

/// append(source?: ArrayBuffer): the count and the slot learned through lie at the head of the table.
Napi::Value append(Handle& handle, const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double items = handle.table[0];
  const double learned = handle.table[1];
  if (!(items >= 0 && items <= handle.table_items) ||
      !(learned >= 0 && learned <= static_cast<double>(kNumberMax))) {
    return raise_argument(env, "the table's head is a number of items and a slot");
  }
  // One bare call: through Napi::ArrayBuffer it would take three.
  void* source = nullptr;
  std::size_t source_bytes = 0;
  if (info.Length() > 0 && napi_get_arraybuffer_info(env, info[0], &source, &source_bytes) != napi_ok) {
    return raise_argument(env, "the batches are not in an ArrayBuffer");
  }
  Status status =
      build(handle, static_cast<std::uint32_t>(items), static_cast<std::byte*>(source), source_bytes);
  if (status.ok()) status = handle.log->append(static_cast<std::uint64_t>(learned));
  handle.update_gauges();
  return status.ok() ? Napi::Value() : raise(env, status);
}

}  // namespace

void bind_append(Napi::Object object, const std::shared_ptr<Handle>& handle) {
  bind(object, handle, "append", Needs::log, append);
}

}  // namespace indelible

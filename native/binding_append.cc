// The hot path: one call a group, its numbers in the table, so that only the ArrayBuffer crosses the
// boundary.
//
// Nothing in the table is believed: every number is bounded before it is used, every payload lies in the
// ArrayBuffer, and no record is committed unless the bytes of each have the digest they were staged with.
#include <bit>
#include <memory>
#include <span>

#include "binding.h"
#include "crc64.h"

namespace indelible {
namespace {

/// Payloads whose CRCs are found together.
constexpr std::uint32_t kBlockRows = 16;

/// One comparison for both bounds: negative numbers and what is no number have larger bits.
bool whole_of(double number, std::uint64_t& value) {
  constexpr auto kMaxBits = std::bit_cast<std::uint64_t>(static_cast<double>(kNumberMax));
  if (std::bit_cast<std::uint64_t>(number) > kMaxBits) return false;
  // A signed conversion is one instruction, an unsigned one is a branch.
  value = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  return true;
}

struct Run {
  std::uint64_t slot;
  std::uint64_t ballot;
  std::uint64_t type;
  std::uint64_t first_row;

  [[nodiscard]] bool is_promise() const { return type == static_cast<std::uint64_t>(ItemType::promise); }

  bool read(const double* numbers) {
    return whole_of(numbers[0], slot) && whole_of(numbers[1], ballot) && whole_of(numbers[2], type) &&
           whole_of(numbers[3], first_row) &&
           (is_promise() ? slot == 0
                         : slot > 0 && type <= static_cast<std::uint64_t>(ItemType::configuration));
  }
};

/// One group, from the table into the log's builder.
class Group {
 public:
  Group(Handle& handle, std::span<const std::byte> source)
      : log_(*handle.log),
        builder_(handle.log->builder()),
        source_(source),
        rows_(handle.table + kTableHeadDoubles),
        runs_(rows_ + std::size_t{handle.table_rows} * kRowDoubles) {}

  Status build(std::uint32_t rows, std::uint32_t runs) {
    builder_.begin(rows);
    Run run{};
    if (runs == 0 || !run.read(runs_) || run.first_row != 0) return out_of_bounds();
    for (std::uint32_t index = 1; index <= runs; index++) {
      Run next{};
      next.first_row = rows;
      if (index < runs && !next.read(runs_ + std::size_t{index} * kRunDoubles)) return out_of_bounds();
      if (next.first_row <= run.first_row || next.first_row > rows) return out_of_bounds();
      if (Status status = add(run, static_cast<std::uint32_t>(next.first_row)); !status.ok()) return status;
      run = next;
    }
    return Status::good();
  }

 private:
  static Status out_of_bounds() {
    return Status::failed(Code::argument, "an item with a number out of its bounds");
  }

  Status add(const Run& run, std::uint32_t end) {
    auto row = static_cast<std::uint32_t>(run.first_row);
    if (run.is_promise()) {
      if (end - row != 1) return out_of_bounds();
      builder_.add(0, run.ballot, static_cast<std::uint8_t>(run.type), 0, nullptr, 0, 0);
      return Status::good();
    }
    if (run.slot + (end - row) > kNumberMax) return out_of_bounds();
    std::uint64_t slot = run.slot;
    while (row < end) {
      const std::uint32_t count = end - row < kBlockRows ? end - row : kBlockRows;
      if (Status status = add_block(run, slot, row, count); !status.ok()) return status;
      slot += count;
      row += count;
    }
    return Status::good();
  }

  /// Votes for `count` slots from `slot` on, their rows from `row` on.
  Status add_block(const Run& run, std::uint64_t slot, std::uint32_t row, std::uint32_t count) {
    const double* const numbers = rows_ + std::size_t{row} * kRowDoubles;
    const void* payloads[kBlockRows];
    std::size_t lengths[kBlockRows];
    std::uint64_t crcs[kBlockRows];
    std::uint64_t padded = 0;
    for (std::uint32_t index = 0; index < count; index++) {
      std::uint64_t place = 0;
      if (!whole_of(numbers[index * kRowDoubles + 1], place)) return out_of_bounds();
      const std::uint64_t start = place >> kPlaceLengthBits;
      const std::uint64_t length = place & ((std::uint64_t{1} << kPlaceLengthBits) - 1);
      if (start + length > source_.size()) return out_of_bounds();
      payloads[index] = source_.data() + start;
      lengths[index] = length;
      padded += align_up(length, 8);
    }
    if (!builder_.fits(padded)) {
      return Status::failed(Code::argument, "a group larger than the store was formatted for");
    }
    builder_.place_run(payloads, lengths, count);
    log_.write_ahead();
    crc64_each(payloads, lengths, count, crcs);
    for (std::uint32_t index = 0; index < count; index++) {
      const auto digest = static_cast<double>(static_cast<std::int64_t>(crcs[index] & kDigestMask));
      if (digest != numbers[index * kRowDoubles]) {
        return Status::failed(Code::digest_mismatch, "a batch does not have the digest it was staged with");
      }
    }
    builder_.describe_run(slot, run.ballot, static_cast<std::uint8_t>(run.type), lengths, crcs, count);
    return Status::good();
  }

  Log& log_;
  RecordBuilder& builder_;
  std::span<const std::byte> source_;
  const double* rows_;
  const double* runs_;
};

napi_value append_group(Handle& handle, napi_env env, std::span<const std::byte> source) {
  std::uint64_t rows = 0;
  std::uint64_t learned = 0;
  std::uint64_t runs = 0;
  if (!whole_of(handle.table[0], rows) || !whole_of(handle.table[1], learned) ||
      !whole_of(handle.table[2], runs) || rows == 0 || rows > handle.table_rows || runs > rows) {
    return raise_argument(env, "the table's head is a number of rows, a slot and a number of runs");
  }
  Group group(handle, source);
  Status status = group.build(static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(runs));
  if (status.ok()) status = handle.log->append(learned);
  handle.update_gauges();
  return status.ok() ? nullptr : static_cast<napi_value>(raise(env, status));
}

/// append(source?: ArrayBuffer): everything else lies in the table. Bare Node-API: node-addon-api would ask for
/// what is not needed here, which takes as long as staging a vote or two.
napi_value append(napi_env env, napi_callback_info info) {
  std::size_t arguments = 1;
  napi_value source_value = nullptr;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &arguments, &source_value, nullptr, &data) != napi_ok) return nullptr;
  Handle& handle = **static_cast<std::shared_ptr<Handle>*>(data);
  if (handle.log == nullptr) return raise_closed(env);
  void* source = nullptr;
  std::size_t source_bytes = 0;
  if (arguments > 0 && napi_get_arraybuffer_info(env, source_value, &source, &source_bytes) != napi_ok) {
    return raise_argument(env, "the batches are not in an ArrayBuffer");
  }
  return append_group(handle, env, {static_cast<const std::byte*>(source), source_bytes});
}

}  // namespace

void bind_append(Napi::Object object, const std::shared_ptr<Handle>& handle) {
  const Napi::Env env = object.Env();
  auto share = std::make_unique<std::shared_ptr<Handle>>(handle);
  napi_value function = nullptr;
  if (napi_create_function(env, "append", NAPI_AUTO_LENGTH, append, share.get(), &function) != napi_ok) return;
  const auto let_go = [](napi_env /*env*/, void* held, void* /*hint*/) {
    delete static_cast<std::shared_ptr<Handle>*>(held);
  };
  if (napi_add_finalizer(env, function, share.get(), let_go, nullptr, nullptr) != napi_ok) return;
  share.release();
  object.Set("append", function);
}

}  // namespace indelible

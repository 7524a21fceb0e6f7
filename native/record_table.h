// What the log holds, record by record, from the head to the tail: a ring that grows, numbered without gaps.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "status.h"

namespace indelible {

struct RecordEntry {
  /// Virtual position of the commit word.
  std::uint64_t position = 0;
  /// The CRC of the header before this one: what a root that makes this the head has to know.
  std::uint64_t previous_crc = 0;
  /// Bytes it occupies. Where headers could not be read, the first missing record stands for the whole gap.
  std::uint64_t length = 0;
  /// Votes in it that are the newest of their slot, and the bytes of their descriptors and payloads.
  std::uint32_t live = 0;
  std::uint32_t live_bytes = 0;
  /// Of its votes; 0 if it holds none.
  std::uint64_t highest_slot = 0;
  /// What it holds, or some of the records of the gap it stands for, can no longer be read. Nothing of it is indexed.
  bool unreadable = false;
};

class RecordTable {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t first_number() const { return first_number_; }
  [[nodiscard]] std::uint64_t end_number() const { return first_number_ + count_; }

  void start_at(std::uint64_t number) {
    first_ = 0;
    count_ = 0;
    first_number_ = number;
  }

  /// Makes room for one more record.
  [[nodiscard]] Status reserve() { return count_ < capacity_ ? Status::good() : grow(); }

  /// Another record at the end, for which there is room. All of it is the caller's to fill, field by field: right
  /// behind a fence, an entry put together elsewhere and copied would be waited for (record_words.h).
  RecordEntry& push() {
    return entries_[(first_ + count_++) & (capacity_ - 1)];
  }

  RecordEntry& at(std::uint64_t number) {
    return entries_[(first_ + (number - first_number_)) & (capacity_ - 1)];
  }
  RecordEntry& front() { return entries_[first_]; }

  void pop() {
    first_ = (first_ + 1) & (capacity_ - 1);
    first_number_++;
    count_--;
  }

 private:
  static constexpr std::size_t kCapacityMin = 64;

  Status grow() {
    const std::size_t capacity = capacity_ == 0 ? kCapacityMin : 2 * capacity_;
    std::unique_ptr<RecordEntry[]> bigger(new (std::nothrow) RecordEntry[capacity]);
    if (bigger == nullptr) return Status::no_memory();
    for (std::size_t index = 0; index < count_; index++) {
      bigger[index] = entries_[(first_ + index) & (capacity_ - 1)];
    }
    entries_ = std::move(bigger);
    capacity_ = capacity;
    first_ = 0;
    return Status::good();
  }

  std::unique_ptr<RecordEntry[]> entries_;
  /// A power of two, once there are any.
  std::size_t capacity_ = 0;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint64_t first_number_ = 1;
};

}  // namespace indelible

// What the log holds, record by record, from the head to the tail: a ring that grows, numbered without gaps.
#pragma once

#include <cstdint>
#include <vector>

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

  /// Another record at the end. All of it is the caller's to fill, field by field: right behind a fence, an
  /// entry put together elsewhere and copied would be waited for (record_words.h).
  RecordEntry& push() {
    if (count_ == entries_.size()) grow();
    return entries_[(first_ + count_++) & (entries_.size() - 1)];
  }

  RecordEntry& at(std::uint64_t number) {
    return entries_[(first_ + (number - first_number_)) & (entries_.size() - 1)];
  }
  RecordEntry& front() { return entries_[first_]; }

  void pop() {
    first_ = (first_ + 1) & (entries_.size() - 1);
    first_number_++;
    count_--;
  }

 private:
  void grow() {
    std::vector<RecordEntry> bigger(entries_.size() * 2);
    for (std::size_t index = 0; index < count_; index++) {
      bigger[index] = entries_[(first_ + index) & (entries_.size() - 1)];
    }
    entries_.swap(bigger);
    first_ = 0;
  }

  std::vector<RecordEntry> entries_ = std::vector<RecordEntry>(64);
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint64_t first_number_ = 1;
};

}  // namespace indelible

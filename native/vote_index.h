// Slot → newest vote, in one flat table: no allocation per vote.
//
// Robin-Hood hashing with the slot itself as its hash: consecutive slots lie next to each other, and removing
// one stops at the first entry that is at home.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "status.h"

namespace indelible {

struct VoteEntry {
  /// 0: this place is free.
  std::uint64_t slot = 0;
  std::uint64_t ballot = 0;
  std::uint64_t payload_crc = 0;
  /// Bytes from the start of the region.
  std::uint64_t payload_offset = 0;
  /// Of the record that holds it.
  std::uint64_t record_number = 0;
  std::uint32_t length = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
};

class VoteIndex {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Makes room for `more` slots.
  [[nodiscard]] Status reserve(std::size_t more) {
    std::size_t capacity = capacity_ == 0 ? kCapacityMin : capacity_;
    while ((size_ + more) * 4 > capacity * 3) capacity *= 2;
    return capacity == capacity_ ? Status::good() : grow(capacity);
  }

  [[nodiscard]] VoteEntry* find(std::uint64_t slot) {
    if (size_ == 0) return nullptr;
    std::size_t at = slot & mask();
    for (std::size_t distance = 0;; distance++, at = (at + 1) & mask()) {
      VoteEntry& entry = entries_[at];
      if (entry.slot == slot) return &entry;
      if (entry.slot == 0 || distance_of(entry, at) < distance) return nullptr;
    }
  }

  /// The slot must not be in the index, and there must be room for it.
  void insert(VoteEntry entry) {
    size_++;
    std::size_t at = entry.slot & mask();
    for (std::size_t distance = 0;; distance++, at = (at + 1) & mask()) {
      VoteEntry& place = entries_[at];
      if (place.slot == 0) {
        place = entry;
        return;
      }
      const std::size_t other = distance_of(place, at);
      if (other < distance) {
        std::swap(place, entry);
        distance = other;
      }
    }
  }

  void remove(VoteEntry* entry) {
    std::size_t at = static_cast<std::size_t>(entry - entries_.get());
    for (;;) {
      const std::size_t next = (at + 1) & mask();
      if (entries_[next].slot == 0 || distance_of(entries_[next], next) == 0) break;
      entries_[at] = entries_[next];
      at = next;
    }
    entries_[at] = VoteEntry{};
    size_--;
  }

  template <typename Visit>
  void for_each(Visit visit) {
    for (std::size_t at = 0; at < capacity_; at++) {
      if (entries_[at].slot != 0) visit(entries_[at]);
    }
  }

  /// Removes the slots through this one; `visit` sees each before it goes.
  template <typename Visit>
  void remove_through(std::uint64_t slot, Visit visit) {
    for (std::size_t at = 0; at < capacity_;) {
      VoteEntry& entry = entries_[at];
      if (entry.slot == 0 || entry.slot > slot) {
        at++;
        continue;
      }
      // What comes to lie here next is looked at, too; what is moved to the end from the beginning was.
      visit(entry);
      remove(&entry);
    }
  }

 private:
  static constexpr std::size_t kCapacityMin = 256;

  [[nodiscard]] std::size_t mask() const { return capacity_ - 1; }
  [[nodiscard]] std::size_t distance_of(const VoteEntry& entry, std::size_t at) const {
    return (at - entry.slot) & mask();
  }

  Status grow(std::size_t capacity) {
    std::unique_ptr<VoteEntry[]> before(new (std::nothrow) VoteEntry[capacity]);
    if (before == nullptr) return Status::no_memory();
    before.swap(entries_);
    const std::size_t capacity_before = std::exchange(capacity_, capacity);
    size_ = 0;
    for (std::size_t at = 0; at < capacity_before; at++) {
      if (before[at].slot != 0) insert(before[at]);
    }
    return Status::good();
  }

  std::unique_ptr<VoteEntry[]> entries_;
  /// A power of two, once there are any.
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace indelible

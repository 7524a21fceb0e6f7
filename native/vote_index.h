// Slot → newest vote, in one flat table: no allocation per vote.
//
// Robin-Hood hashing with the slot itself as its hash: consecutive slots lie next to each other, and removing
// one stops at the first entry that is at home.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

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
  VoteIndex() : entries_(kCapacityMin) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] VoteEntry* find(std::uint64_t slot) {
    std::size_t at = slot & mask();
    for (std::size_t distance = 0;; distance++, at = (at + 1) & mask()) {
      VoteEntry& entry = entries_[at];
      if (entry.slot == slot) return &entry;
      if (entry.slot == 0 || distance_of(entry, at) < distance) return nullptr;
    }
  }

  /// The slot must not be in the index.
  void insert(VoteEntry entry) {
    if ((size_ + 1) * 4 > entries_.size() * 3) grow();
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
    std::size_t at = static_cast<std::size_t>(entry - entries_.data());
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
    for (VoteEntry& entry : entries_) {
      if (entry.slot != 0) visit(entry);
    }
  }

 private:
  static constexpr std::size_t kCapacityMin = 256;

  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  [[nodiscard]] std::size_t distance_of(const VoteEntry& entry, std::size_t at) const {
    return (at - entry.slot) & mask();
  }

  void grow() {
    std::vector<VoteEntry> before(entries_.size() * 2);
    before.swap(entries_);
    size_ = 0;
    for (const VoteEntry& entry : before) {
      if (entry.slot != 0) insert(entry);
    }
  }

  std::vector<VoteEntry> entries_;
  std::size_t size_ = 0;
};

}  // namespace indelible

// What both limits of append_limit have in common: a mapped area, used as a ring of records of one length,
// with the log's commit words, prefetches, flushes and fences. No room to look after, nothing to recover: it is never
// read.
#pragma once

#include <atomic>
#include <cstdint>

#include "../layout.h"
#include "../pmem_library.h"

namespace indelible {

struct LimitArea {
  const LibPmem* pmem;
  char* base;
  std::uint64_t bytes;
};

inline constexpr std::uint64_t kLimitIncarnation = 0x1234567;

class LimitRing {
 public:
  LimitRing(const LimitArea& area, std::uint64_t record_bytes) : area_(area), record_bytes_(record_bytes) {}

  [[nodiscard]] const LibPmem& pmem() const { return *area_.pmem; }
  /// Where the next record's commit word lies, its number, and its position as headers count it.
  [[nodiscard]] char* at() const { return area_.base + offset_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  /// The record's body is written: what the log does then.
  void commit(bool fused) {
    char* const record = at();
    const std::uint64_t next = behind(offset_);
    store(area_.base + next, empty_word(kLimitIncarnation, number_ + 1));
    if (fused && pending_ != nullptr) store(pending_, commit_word(kLimitIncarnation, number_ - 1));
    __builtin_prefetch(area_.base + behind(next), 1);
    area_.pmem->drain();
    if (!fused) {
      store(record, commit_word(kLimitIncarnation, number_));
      area_.pmem->drain();
    }
    pending_ = record;
    offset_ = next;
    number_++;
  }

 private:
  [[nodiscard]] std::uint64_t behind(std::uint64_t offset) const {
    return offset + 2 * record_bytes_ > area_.bytes ? 0 : offset + record_bytes_;
  }

  void store(char* at, std::uint64_t value) const {
    std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at))
        .store(value, std::memory_order_release);
    area_.pmem->flush(at, sizeof value);
  }

  const LimitArea& area_;
  std::uint64_t record_bytes_;
  std::uint64_t offset_ = 0;
  std::uint64_t number_ = 1;
  char* pending_ = nullptr;
};

/// Bytes of a record with such votes.
constexpr std::uint64_t limit_record_bytes(std::uint32_t votes, std::uint32_t bytes) {
  return align_up(kDescriptorsAt + votes * (sizeof(Descriptor) + align_up(bytes, 8)), kLineBytes);
}

}  // namespace indelible

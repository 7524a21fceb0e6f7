// A region in ordinary memory that demands what every medium takes for granted.
//
//  1. Reads and writes stay inside the region. A mapped region has neighbours that no sanitizer knows of.
//  2. Destinations and lengths of stores are multiples of 8.
//  3. Nothing is stored after a fence that failed, and nothing while stores are forbidden.
//  4. Work is bounded by the size of the region, not by numbers found in it.
//
// The nth read or fence can be made to fail. Nothing is allocated between two inputs.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "../medium.h"
#include "demand.h"

namespace indelible::fuzz {

class CheckedMedium final : public Medium {
 public:
  /// Starts over with the first `size` bytes of `image`.
  void load(const std::vector<std::byte>& image, std::uint64_t size) {
    if (bytes_.size() < image.size()) bytes_.resize(image.size());
    std::memcpy(bytes_.data(), image.data(), image.size());
    size_ = size;
    reads_until_failure_ = 0;
    fences_until_failure_ = 0;
    failed_ = false;
    frozen_ = false;
    written_ = false;
    restart_budget();
  }
  /// As after the end of the process: the bytes stay, a failed fence is forgotten.
  void reopen() {
    reads_until_failure_ = 0;
    fences_until_failure_ = 0;
    failed_ = false;
    restart_budget();
  }
  void truncate(std::uint64_t size) { size_ = size < size_ ? size : size_; }
  /// 0: none fails. After a failed read the medium is whole again; after a failed fence it stays broken.
  void fail_read(std::uint32_t nth) { reads_until_failure_ = nth; }
  void fail_fence(std::uint32_t nth) { fences_until_failure_ = nth; }
  /// From here on a store is a finding.
  void freeze() { frozen_ = true; }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool written() const { return written_; }
  [[nodiscard]] std::byte* bytes() { return bytes_.data(); }
  [[nodiscard]] const std::byte* bytes() const { return bytes_.data(); }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  void write(Site /*site*/, std::uint64_t offset, const void* source, std::uint64_t length) override {
    judge_store(offset, length);
    std::memcpy(bytes_.data() + offset, source, length);
  }
  void store64(Site /*site*/, std::uint64_t offset, std::uint64_t value) override {
    judge_store(offset, sizeof value);
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  void flush(Site /*site*/, std::uint64_t offset, std::uint64_t length) override {
    demand(inside(offset, length), "a flush stays inside the region");
  }
  void reflush(Site /*site*/, std::uint64_t offset, std::uint64_t length) override {
    demand(inside(offset, length), "a flush stays inside the region");
    demand(!frozen_, "a lost or refused store is not written to");
  }
  [[nodiscard]] Status fence(Site /*site*/) override {
    if (fences_until_failure_ == 0 || --fences_until_failure_ > 0) return Status::good();
    failed_ = true;
    return Status::io(EIO, Syscall::fence, "the fence was made to fail");
  }
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override {
    demand(inside(offset, length), "a read stays inside the region");
    demand(length + kReadCost <= budget_, "reads are bounded by the size of the region");
    budget_ -= length + kReadCost;
    if (reads_until_failure_ > 0 && --reads_until_failure_ == 0) {
      return Status::io(EIO, Syscall::read, "the read was made to fail");
    }
    std::memcpy(target, bytes_.data() + offset, length);
    return Status::good();
  }

 private:
  /// A read of nothing costs something, too.
  static constexpr std::uint64_t kReadCost = 8;
  /// So often may a byte be read between two loads.
  static constexpr std::uint64_t kReadsOfAByte = 64;

  void restart_budget() { budget_ = kReadsOfAByte * (bytes_.size() + 1); }
  [[nodiscard]] bool inside(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size_ && length <= size_ - offset;
  }
  void judge_store(std::uint64_t offset, std::uint64_t length) {
    demand(inside(offset, length), "a store stays inside the region");
    demand(offset % 8 == 0 && length % 8 == 0, "stores are whole words");
    demand(!failed_, "nothing is stored after a failed fence");
    demand(!frozen_, "a lost or refused store is not written to");
    written_ = true;
  }

  std::vector<std::byte> bytes_;
  std::uint64_t size_ = 0;
  std::uint64_t budget_ = 0;
  std::uint32_t reads_until_failure_ = 0;
  std::uint32_t fences_until_failure_ = 0;
  bool failed_ = false;
  bool frozen_ = false;
  bool written_ = false;
};

}  // namespace indelible::fuzz

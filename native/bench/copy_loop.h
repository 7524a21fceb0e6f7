// The least an append can cost on this machine: the bytes are there already, and the same each time but for
// one.
#pragma once

#include <cstdint>
#include <vector>

#include "limit_ring.h"

namespace indelible {

template <std::uint32_t kVotes, std::uint32_t kBytes>
class CopyLoop {
 public:
  explicit CopyLoop(const LimitArea& area)
      : ring_(area, kRecordBytes), body_(kRecordBytes - kHeaderAt, 'x') {}

  void append(bool fused) {
    body_[0] = static_cast<char>(ring_.number());
    ring_.pmem().memcpy_nodrain(ring_.at() + kHeaderAt, body_.data(), body_.size());
    ring_.commit(fused);
  }

 private:
  static constexpr std::uint64_t kRecordBytes = limit_record_bytes(kVotes, kBytes);
  LimitRing ring_;
  std::vector<char> body_;
};

}  // namespace indelible

// Reads a medium in order, in large pieces, and past what it cannot give: bytes that are unreadable come back as
// zeros, which nothing whole begins with, instead of as a fault in the middle of a load.
//
// What it holds was true when it was read: whoever writes to the medium must not look here for what was written.
#pragma once

#include <cstddef>

#include "buffer.h"
#include "medium.h"

namespace indelible {

/// Of who reads a whole log.
inline constexpr std::uint64_t kProbeWindowBytes = 1 << 20;

class ProbeWindow final : public Source {
 public:
  ProbeWindow(Medium& medium, std::uint64_t bytes);

  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override;

  /// Forgets what was read.
  void clear() { held_ = 0; }

 private:
  Medium& medium_;
  Buffer bytes_;
  std::uint64_t capacity_;
  std::uint64_t from_ = 0;
  std::uint64_t held_ = 0;
};

}  // namespace indelible

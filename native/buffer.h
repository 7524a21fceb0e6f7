// Memory for bytes that grows when asked to: where there is none, that is an answer and not the end of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "status.h"

namespace indelible {

class Buffer {
 public:
  /// Makes room for `bytes`; what was in it is gone where it has to grow.
  Status reserve(std::uint64_t bytes) {
    if (bytes <= capacity_) return Status::good();
    memory_.reset();
    capacity_ = 0;
    memory_.reset(new (std::nothrow) std::byte[bytes]);
    if (memory_ == nullptr) return Status::no_memory();
    capacity_ = bytes;
    return Status::good();
  }
  [[nodiscard]] std::byte* data() const { return memory_.get(); }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::uint64_t capacity_ = 0;
};

}  // namespace indelible

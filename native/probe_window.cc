#include "probe_window.h"

#include <algorithm>
#include <cstring>

namespace indelible {

ProbeWindow::ProbeWindow(Medium& medium, std::uint64_t bytes)
    : medium_(medium), capacity_(std::min(bytes, medium.size())) {}

Status ProbeWindow::read(std::uint64_t offset, void* target, std::uint64_t length) {
  if (length > capacity_) return medium_.probe(offset, target, length);
  if (offset < from_ || offset + length > from_ + held_) {
    from_ = offset;
    held_ = 0;
    if (Status status = bytes_.reserve(capacity_); !status.ok()) return status;
    const std::uint64_t wanted = std::min(capacity_, medium_.size() - offset);
    if (Status status = medium_.probe(offset, bytes_.data(), wanted); !status.ok()) return status;
    held_ = wanted;
  }
  std::memcpy(target, bytes_.data() + (offset - from_), length);
  return Status::good();
}

}  // namespace indelible

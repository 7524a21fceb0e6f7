#include "root.h"

#include "crc64.h"

namespace indelible {
namespace {

struct Copy {
  bool whole = false;
  int active = 1;
  RootSlot slot{};
};

Status read_copy(Source& source, int index, Copy& copy) {
  std::uint64_t selector = 0;
  Status status = source.read(kRootOffset[index], &selector, sizeof selector);
  if (!status.ok()) return status;
  if (selector != kSelector[0] && selector != kSelector[1]) return Status::good();
  copy.active = selector == kSelector[0] ? 0 : 1;
  status = source.read(kRootOffset[index] + kRootSlotOffset[copy.active], &copy.slot, sizeof copy.slot);
  if (!status.ok()) return status;
  // A static header is as long and has its CRC in the same place: a write that landed here is not a root.
  const bool plausible = copy.slot.generation > 0 && copy.slot.generation <= kNumberMax;
  copy.whole = plausible && copy.slot.crc == crc64(&copy.slot, offsetof(RootSlot, crc));
  return Status::good();
}

}  // namespace

void seal(RootSlot& slot) { slot.crc = crc64(&slot, offsetof(RootSlot, crc)); }

Status Root::load(Source& source, bool& found) {
  Copy copies[2];
  for (int index = 0; index < 2; index++) {
    if (Status status = read_copy(source, index, copies[index]); !status.ok()) return status;
    active_[index] = copies[index].active;
  }
  found = copies[0].whole || copies[1].whole;
  if (!found) return Status::good();
  const bool second = !copies[0].whole ||
                      (copies[1].whole && copies[1].slot.generation > copies[0].slot.generation);
  current_ = copies[second ? 1 : 0].slot;
  return Status::good();
}

Status Root::verify(Source& source, bool& whole) const {
  whole = true;
  for (int index = 0; index < 2; index++) {
    Copy copy;
    if (Status status = read_copy(source, index, copy); !status.ok()) return status;
    whole = whole && copy.whole && copy.active == active_[index] && copy.slot.generation == current_.generation;
  }
  return Status::good();
}

Status Root::update(Medium& medium, RootSlot next) {
  next.generation = current_.generation + 1;
  seal(next);
  current_ = next;
  if (Status status = write_copy(medium, 0); !status.ok()) return status;
  return write_copy(medium, 1);
}

Status Root::write_copy(Medium& medium, int copy) {
  const int target = 1 - active_[copy];
  const std::uint64_t root = kRootOffset[copy];
  medium.write(Site::root_slot, root + kRootSlotOffset[target], &current_, sizeof current_);
  if (Status status = medium.fence(Site::root_slot_fence); !status.ok()) return status;
  medium.store64(Site::root_flip, root, kSelector[target]);
  medium.flush(Site::root_flip, root, sizeof(std::uint64_t));
  if (Status status = medium.fence(Site::root_flip_fence); !status.ok()) return status;
  active_[copy] = target;
  return Status::good();
}

}  // namespace indelible

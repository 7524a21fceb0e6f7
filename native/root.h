// The mirrored root: where recovery starts, and what covers everything before that.
//
// 1. The slot its selector does not name is written and fenced before the selector changes.
// 2. A is made durable before B is touched, so that one of the two is always whole.
// 3. Of two whole roots the higher generation counts; both are made equal before any space is reused.
#pragma once

#include "layout.h"
#include "medium.h"

namespace indelible {

/// Writes the slot's CRC.
void seal(RootSlot& slot);

class Root {
 public:
  /// Reads both roots. False: neither is whole.
  Status load(Source& source, bool& found);

  /// Writes `next` (its generation and CRC are set here) to A, then to B. Durable on return.
  Status update(Medium& medium, RootSlot next);

  /// Whether both roots still say what was written last.
  Status verify(Source& source, bool& whole) const;

  [[nodiscard]] const RootSlot& current() const { return current_; }

 private:
  Status write_copy(Medium& medium, int copy);

  RootSlot current_{};
  /// The slot each root's selector names; 1 also where the selector is damaged, so that slot 0 is written next.
  int active_[2] = {1, 1};
};

}  // namespace indelible

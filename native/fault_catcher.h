// Turns SIGBUS under a mapped region into a flag that its medium asks for: a file cut off under its mapping, a
// block the medium cannot give. A load, a store or a flush raises it in the middle of anything, so:
//
// 1. The handler knows its regions by address, not by thread: it works in every thread, and code that
//    touches a region pays nothing.
// 2. It notes the address, puts zero pages of ordinary memory in the region's place, and returns: the
//    instruction runs again, and whatever was under way ends. What it read is not to be believed and what
//    it wrote is nowhere, so a medium asks `caught` after every read and in every fence, and never answers
//    again once it was.
//    The exception is `copy_past_bad`: a fault in the middle of its copy ends that copy and nothing else.
// 3. It is installed once for the process and stays. A SIGBUS under no region goes to whoever handled it
//    before, as if this were not here; by default that ends the process.
// 4. It calls only what may be called in a signal handler, and allocates nothing.
#pragma once

#include <cstdint>

#include "status.h"

namespace indelible {

class FaultCatcher {
 public:
  FaultCatcher() = default;
  FaultCatcher(const FaultCatcher&) = delete;
  FaultCatcher& operator=(const FaultCatcher&) = delete;
  ~FaultCatcher() { release(); }

  /// Watches a mapping from now on.
  Status watch(char* base, std::uint64_t size);
  /// Before the range is unmapped, and another mapping may take its place.
  void release();

  /// Copies out of the mapping. Pages that cannot be read come back as zeros, and that is not `caught`: the mapping
  /// stays as it is. One thread at a time.
  void copy_past_bad(void* target, const char* source, std::uint64_t length);

  [[nodiscard]] bool caught() const;
  /// Of the first fault: bytes from the start of the mapping, and how many the system calls bad.
  [[nodiscard]] std::uint64_t offset() const;
  [[nodiscard]] std::uint64_t length() const;

 private:
  struct Place;
  friend struct FaultHandler;
  bool copy(void* target, const char* source, std::uint64_t length);

  Place* place_ = nullptr;
};

}  // namespace indelible

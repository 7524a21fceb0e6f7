// How bytes become durable: the primitives every store to a region goes through, and nothing else does.
//
// Failure model, the same for every medium:
//  1. A crash leaves every aligned 8-byte chunk of every outstanding (stored, not yet fenced) write old or
//     new, each for itself, flushed or not.
//  2. A fence makes durable exactly what was flushed before it. Nothing else is promised.
//  3. kill -9 is another fault: every executed store stays visible, flushed or not. What recovery sees is
//     therefore not yet durable.
// Offsets are bytes from the start of the region. Destinations and lengths are multiples of 8: without that
// there is no 8-byte atomicity.
#pragma once

#include <cstdint>

#include "site.h"
#include "status.h"

namespace indelible {

/// What can be read from.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Copies out what is there now. A range that cannot be read as a whole is an error.
  [[nodiscard]] virtual Status read(std::uint64_t offset, void* target, std::uint64_t length) = 0;
};

class Medium : public Source {
 public:

  /// Bytes of the region.
  [[nodiscard]] virtual std::uint64_t size() const = 0;

  /// Copies and flushes; not durable before the next fence.
  virtual void write(Site site, std::uint64_t offset, const void* source, std::uint64_t length) = 0;

  /// A hint: the cache line at `offset` is about to be stored to, and may be fetched meanwhile.
  virtual void prefetch(std::uint64_t /*offset*/) {}

  /// One store that no crash can split. Not flushed.
  virtual void store64(Site site, std::uint64_t offset, std::uint64_t value) = 0;

  /// Asks for the cache lines of a range; durable after the next fence.
  virtual void flush(Site site, std::uint64_t offset, std::uint64_t length) = 0;

  /// Flushes bytes that an earlier process may have stored and never flushed. Their values stay.
  virtual void reflush(Site site, std::uint64_t offset, std::uint64_t length) = 0;

  /// Makes everything flushed durable. After a failure nothing may be trusted, and nothing is retried.
  [[nodiscard]] virtual Status fence(Site site) = 0;

  /// The same as `read`, but blocks that the medium cannot give come back as zeros where that can be done.
  [[nodiscard]] virtual Status probe(std::uint64_t offset, void* target, std::uint64_t length) {
    return read(offset, target, length);
  }

  /// Makes a range survive a power cut as well, where fences are for less than that. Between two calls a power
  /// cut leaves any mixture.
  [[nodiscard]] virtual Status settle(Site site, std::uint64_t /*offset*/, std::uint64_t /*length*/) {
    return fence(site);
  }
};

}  // namespace indelible

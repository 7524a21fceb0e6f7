// What an append costs the log itself, called from C++: CRCs, digest checks, descriptors and books as in
// production, without JavaScript. Beside append_limit's bare loop it shows what these cost, and beside the
// figures through the storage contract what the language boundary costs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../log.h"
#include "../mapped_medium.h"

namespace indelible {

class LogAppend {
 public:
  /// Formats a region at `path`, opens it in mode emulated and removes its name.
  static Status open(const char* path, bool fused, std::unique_ptr<LogAppend>& subject);

  /// Nanoseconds from one group to the next over at least `milliseconds`.
  Status measure(std::uint32_t votes, std::uint32_t bytes, int milliseconds, double& nanoseconds);

 private:
  /// The first lap pays for page faults; what is measured comes after it.
  Status touch_every_page();
  void choose_payloads(std::uint32_t bytes);
  Status append(std::uint32_t votes, std::uint32_t bytes);
  Status trim_when_half_full();

  std::unique_ptr<MappedMedium> medium_;
  std::unique_ptr<Log> log_;
  /// Batches one behind the other, and their digests.
  std::vector<std::byte> payloads_;
  std::vector<std::uint64_t> digests_;
  std::uint32_t variant_ = 0;
  std::uint64_t slot_ = 0;
  std::uint64_t checkpoint_ = 0;
};

}  // namespace indelible

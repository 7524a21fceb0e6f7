// Watches every store to a recording medium for PoWER's rule: a write may not touch bytes that recovery would
// read now. Otherwise a crash in the middle of it could change what is recovered.
//
// 1. What recovery would read is asked of recovery itself, of what is durable and of what was stored since:
//    whole headers, whole roots, and the records from the head to the tail.
// 2. Aside stand the words made to be switched by one store: commit words, the EMPTY word at the tail, the
//    roots' selectors, a static header's magic. Only a store of exactly that word may touch them.
#pragma once

#include <string>
#include <vector>

#include "recording_medium.h"

namespace indelible {

class PowerMonitor {
 public:
  /// Watches `medium`, which must outlive this.
  explicit PowerMonitor(RecordingMedium& medium);
  PowerMonitor(const PowerMonitor&) = delete;
  PowerMonitor& operator=(const PowerMonitor&) = delete;

  /// The first breach in words; empty if there was none.
  [[nodiscard]] const std::string& breach() const { return breach_; }

 private:
  struct Read {
    std::uint64_t offset;
    std::uint64_t end;
    const char* what;
  };

  void check(Site site, std::uint64_t offset, std::uint64_t length);
  void find_reads(const std::vector<std::byte>& image);
  void read_log(const struct RootSlot& root, const struct StaticHeader& header);
  [[nodiscard]] bool is_switch(std::uint64_t offset, std::uint64_t length) const;

  RecordingMedium& medium_;
  RecordingMedium copy_;
  std::vector<Read> reads_;
  std::vector<std::uint64_t> switches_;
  std::string breach_;
};

}  // namespace indelible

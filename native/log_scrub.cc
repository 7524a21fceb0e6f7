// The log's own part in its scrub: when to read, and what to write where something mirrored is bad.
#include "log.h"

namespace indelible {

Status Log::scrub(std::uint64_t budget, ScrubReport& report) {
  if (poisoned_) return Status::failed(Code::store_poisoned, "the log failed earlier");
  Status status = scrub_step(budget, report);
  poisoned_ = poisoned_ || !status.ok();
  return status;
}

Status Log::scrub_step(std::uint64_t budget, ScrubReport& report) {
  if (scrub_ == nullptr) scrub_ = std::make_unique<Scrub>(medium_, state_);
  Status status = scrub_->step(budget, pending_ ? pending_number_ : 0, report);
  if (status.ok() && report.mended) status = fence(Site::recover_commit_fence);
  if (status.ok() && report.last_unreadable) status = repeat_promise();
  if (status.ok() && report.pass_ended) status = scrub_mirrored();
  return status;
}

Status Log::repeat_promise() {
  const std::uint64_t bytes = RecordBuilder::bytes_of(1, 0);
  bool found = false;
  if (Status status = make_room(bytes, Claim::promise, found); !status.ok() || !found) return status;
  builder_.begin(1);
  builder_.add(0, state_.promised, static_cast<std::uint8_t>(ItemType::promise), 0, nullptr, 0, 0);
  if (Status status = append(state_.learned_through); !status.ok()) return status;
  return drain();
}

Status Log::scrub_mirrored() {
  StaticHeaders found{headers_.header, {true, true}};
  if (Status status = verify_static_headers(medium_, headers_.header, found.valid); !status.ok()) return status;
  if (!found.valid[0] || !found.valid[1]) {
    repair_static_headers(medium_, found);
    if (Status status = fence(Site::recover_fence); !status.ok()) return status;
  }
  bool whole = false;
  ProbeWindow window(medium_, kLogOffset);
  if (Status status = root_.verify(window, whole); !status.ok()) return status;
  return whole ? Status::good() : update_root(in_use());
}

}  // namespace indelible

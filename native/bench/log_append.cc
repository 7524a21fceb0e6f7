#include "log_append.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "../crc64.h"
#include "../region_file.h"

namespace indelible {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kVariants = 128;
constexpr std::uint32_t kStride = 64;
/// Payloads whose CRCs are found together.
constexpr std::uint32_t kBlockVotes = 16;
/// Round 1, replica 1.
constexpr std::uint64_t kBallot = 65537;

}  // namespace

Status LogAppend::open(const char* path, bool fused, std::unique_ptr<LogAppend>& subject) {
  FormatOptions format;
  format.replica_id = 1;
  format.log_length = 64 << 20;
  format.record_bytes_max = 1 << 20;
  format.record_items_max = 4096;
  if (Status status = draw_incarnation(format.incarnation); !status.ok()) return status;
  if (Status status = create_region_file(path, format); !status.ok()) return status;
  auto opened = std::make_unique<LogAppend>();
  Status status = MappedMedium::open(path, MapMode::emulated, opened->medium_);
  ::unlink(path);
  OpenOptions options;
  options.fused = fused;
  if (status.ok()) status = Log::open(*opened->medium_, options, opened->log_);
  if (status.ok()) status = opened->touch_every_page();
  if (status.ok()) subject = std::move(opened);
  return status;
}

Status LogAppend::touch_every_page() {
  choose_payloads(kPageBytes);
  while (log_->counters().laps == 0) {
    if (Status status = append(kStride, kPageBytes); !status.ok()) return status;
    if (Status status = trim_when_half_full(); !status.ok()) return status;
  }
  return Status::good();
}

void LogAppend::choose_payloads(std::uint32_t bytes) {
  payloads_.resize(std::size_t{kVariants} * bytes);
  for (std::size_t at = 0; at < payloads_.size(); at++) {
    payloads_[at] = static_cast<std::byte>(at * 31 + (at >> 8));
  }
  digests_.resize(kVariants);
  for (std::uint32_t index = 0; index < kVariants; index++) {
    digests_[index] = crc64(payloads_.data() + std::size_t{index} * bytes, bytes) & kDigestMask;
  }
  variant_ = 0;
}

Status LogAppend::append(std::uint32_t votes, std::uint32_t bytes) {
  RecordBuilder& builder = log_->builder();
  builder.begin(votes);
  for (std::uint32_t done = 0; done < votes;) {
    const void* payloads[kBlockVotes]{};
    std::size_t lengths[kBlockVotes]{};
    std::uint64_t digests[kBlockVotes];
    std::uint64_t crcs[kBlockVotes];
    const std::uint32_t count = std::min(votes - done, kBlockVotes);
    for (std::uint32_t vote = 0; vote < count; vote++) {
      payloads[vote] = payloads_.data() + std::uint64_t{variant_} * bytes;
      lengths[vote] = bytes;
      digests[vote] = digests_[variant_];
      variant_ = (variant_ + 1) % kVariants;
    }
    builder.place_run(payloads, lengths, count);
    log_->write_ahead();
    crc64_each(payloads, lengths, count, crcs);
    for (std::uint32_t vote = 0; vote < count; vote++) {
      if ((crcs[vote] & kDigestMask) == digests[vote]) continue;
      return Status::failed(Code::digest_mismatch, "a batch does not have its digest");
    }
    builder.describe_run(slot_ + 1, kBallot, static_cast<std::uint8_t>(ItemType::commands), lengths, crcs, count);
    slot_ += count;
    done += count;
  }
  return log_->append(slot_);
}

Status LogAppend::trim_when_half_full() {
  if (log_->state().used <= log_->capacity() / 2) return Status::good();
  return log_->trim(slot_, ++checkpoint_);
}

Status LogAppend::measure(std::uint32_t votes, std::uint32_t bytes, int milliseconds, double& nanoseconds) {
  choose_payloads(bytes);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(milliseconds);
  std::uint64_t groups = 0;
  do {
    for (std::uint32_t turn = 0; turn < kStride; turn++) {
      if (Status status = append(votes, bytes); !status.ok()) return status;
    }
    groups += kStride;
    if (Status status = trim_when_half_full(); !status.ok()) return status;
  } while (Clock::now() < end);
  if (Status status = log_->drain(); !status.ok()) return status;
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  nanoseconds = took.count() / static_cast<double>(groups);
  return Status::good();
}

}  // namespace indelible

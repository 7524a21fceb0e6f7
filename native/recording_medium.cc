#include "recording_medium.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "crc64.h"
#include "layout.h"

namespace indelible {
namespace {

constexpr std::uint64_t kChunkBytes = 8;

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    state += 0x9E3779B97F4A7C15;
    return mix64(state);
  }
};

}  // namespace

RecordingMedium::RecordingMedium(std::vector<std::byte> image) : seen_(std::move(image)), durable_(seen_) {}

RecordingMedium::RecordingMedium(std::vector<std::byte> seen, std::vector<std::byte> durable)
    : seen_(std::move(seen)), durable_(std::move(durable)) {
  find_outstanding();
}

void RecordingMedium::find_outstanding() {
  for (std::uint64_t at = 0; at + kChunkBytes <= seen_.size(); at += kChunkBytes) {
    if (std::memcmp(seen_.data() + at, durable_.data() + at, kChunkBytes) == 0) continue;
    std::uint64_t value = 0;
    std::memcpy(&value, seen_.data() + at, kChunkBytes);
    outstanding_.push_back({at, value, Site::count, false});
  }
}

void RecordingMedium::reset(const std::vector<std::byte>& image) {
  std::memcpy(seen_.data(), image.data(), seen_.size());
  std::memcpy(durable_.data(), image.data(), durable_.size());
  outstanding_.clear();
  on_fence_ = {};
  on_store_ = {};
  noting_reads_ = false;
  record(false);
}

void RecordingMedium::reset(const std::vector<std::byte>& seen, const std::vector<std::byte>& durable) {
  reset(durable);
  std::memcpy(seen_.data(), seen.data(), seen_.size());
  find_outstanding();
}

void RecordingMedium::spoil(std::uint64_t offset, const void* bytes, std::uint64_t length) {
  if (length == 0) return;
  std::memcpy(seen_.data() + offset, bytes, length);
  std::memcpy(durable_.data() + offset, bytes, length);
  if (recording_) std::memcpy(shadow_.data() + offset, bytes, length);
}

void RecordingMedium::preset(std::uint64_t offset, std::uint64_t value) {
  std::memcpy(seen_.data() + offset, &value, kChunkBytes);
  std::memcpy(durable_.data() + offset, &value, kChunkBytes);
}

void RecordingMedium::store(Site site, std::uint64_t offset, std::uint64_t value, bool flushed) {
  std::memcpy(seen_.data() + offset, &value, kChunkBytes);
  if (recording_) std::memcpy(shadow_.data() + offset, &value, kChunkBytes);
  outstanding_.push_back({offset, value, site, flushed});
}

void RecordingMedium::write(Site site, std::uint64_t offset, const void* source, std::uint64_t length) {
  trace(TraceKind::write, site, offset, length);
  if (on_store_) on_store_(site, offset, length);
  const auto* bytes = static_cast<const std::byte*>(source);
  for (std::uint64_t at = 0; at < length; at += kChunkBytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes + at, kChunkBytes);
    store(site, offset + at, value, true);
  }
}

void RecordingMedium::store64(Site site, std::uint64_t offset, std::uint64_t value) {
  trace(TraceKind::store, site, offset, kChunkBytes);
  if (on_store_) on_store_(site, offset, kChunkBytes);
  store(site, offset, value, false);
}

void RecordingMedium::flush(Site site, std::uint64_t offset, std::uint64_t length) {
  trace(TraceKind::flush, site, offset, length);
  const std::uint64_t from = offset / kLineBytes * kLineBytes;
  const std::uint64_t end = align_up(offset + length, kLineBytes);
  for (OutstandingStore& store : outstanding_) {
    if (store.offset >= from && store.offset < end) store.flushed = true;
  }
}

void RecordingMedium::reflush(Site site, std::uint64_t offset, std::uint64_t length) {
  flush(site, offset, length);
  if (recording_) trace_.back().kind = TraceKind::reflush;
}

Status RecordingMedium::fence(Site site) {
  trace(TraceKind::fence, site, 0, 0);
  if (recording_ && shadow_ != seen_) untraced_store_ = true;
  if (on_fence_) on_fence_(site);
  if (std::exchange(fail_next_fence_, false)) {
    return Status::io(EIO, Syscall::fence, "the injected failure of a fence");
  }
  if (forgets_) return Status::good();
  std::size_t kept = 0;
  for (std::size_t index = 0; index < outstanding_.size(); index++) {
    const OutstandingStore store = outstanding_[index];
    if (store.flushed) {
      std::memcpy(durable_.data() + store.offset, &store.value, kChunkBytes);
    } else if (!overwritten_and_flushed(index)) {
      outstanding_[kept++] = store;
    }
  }
  outstanding_.resize(kept);
  return Status::good();
}

Status RecordingMedium::settle(Site site, std::uint64_t offset, std::uint64_t length) {
  const Status status = fence(site);
  trace(TraceKind::settle, site, offset, length);
  if (!status.ok() || !forgets_) return status;
  std::erase_if(outstanding_, [&](const OutstandingStore& store) {
    const bool settled = store.offset >= offset && store.offset < offset + length;
    if (settled) std::memcpy(durable_.data() + store.offset, &store.value, kChunkBytes);
    return settled;
  });
  return Status::good();
}

bool RecordingMedium::overwritten_and_flushed(std::size_t index) const {
  for (std::size_t later = index + 1; later < outstanding_.size(); later++) {
    if (outstanding_[later].flushed && outstanding_[later].offset == outstanding_[index].offset) return true;
  }
  return false;
}

Status RecordingMedium::read(std::uint64_t offset, void* target, std::uint64_t length) {
  std::memcpy(target, seen_.data() + offset, length);
  if (noting_reads_) {
    reads_digest_ = mix64(reads_digest_ ^ mix64(offset * 2 + 1) ^ crc64(target, length));
    if (noting_ranges_) reads_.push_back({offset, length});
  }
  return Status::good();
}

void RecordingMedium::note_reads(bool ranges) {
  noting_reads_ = true;
  noting_ranges_ = ranges;
  reads_digest_ = 0;
  reads_.clear();
}

void RecordingMedium::crash_image(std::uint64_t seed, std::byte* image) const {
  std::memcpy(image, durable_.data(), durable_.size());
  Random random{mix64(seed)};
  // Many choices at one in two never leave "all but one" or "only one": let the seed pick the odds as well.
  constexpr std::uint64_t kOddsOf256[] = {128, 128, 16, 240, 2, 254, 256, 64};
  const std::uint64_t odds = kOddsOf256[random.next() % 8];
  // One seed in four is a prefix of program order instead, one in four decides by cache line.
  const std::uint64_t shape = random.next() % 4;
  const std::uint64_t prefix = random.next() % (outstanding_.size() + 1);
  const std::uint64_t line_key = random.next();
  for (std::size_t index = 0; index < outstanding_.size(); index++) {
    const OutstandingStore& store = outstanding_[index];
    bool reached = false;
    if (shape == 0) {
      reached = index < prefix;
    } else if (shape == 1) {
      reached = mix64(line_key ^ (store.offset / kLineBytes)) % 256 < odds;
    } else {
      reached = random.next() % 256 < odds;
    }
    if (reached) std::memcpy(image + store.offset, &store.value, kChunkBytes);
  }
}

void RecordingMedium::record(bool on) {
  recording_ = on;
  shadow_ = on ? seen_ : std::vector<std::byte>();
}

void RecordingMedium::trace(TraceKind kind, Site site, std::uint64_t offset, std::uint64_t length) {
  if (recording_) trace_.push_back({kind, site, offset, length});
}

}  // namespace indelible

#include "base_image.h"

#include <algorithm>
#include <memory>

#include "../crc64.h"

namespace indelible::fuzz {
namespace {

constexpr std::uint32_t kPayloadBytesMax = 4096;

enum class History : std::uint8_t {
  fresh,
  promised,
  voted,
  superseded,
  full,
  trimmed,
  wrapped,
  closed,
  rolls_forward,
  torn,
  count,
};

FormatOptions format_options(int geometry) {
  FormatOptions options;
  options.replica_id = 3;
  options.cluster_id[0] = 1;
  options.store_uuid[0] = 2;
  options.incarnation = 77 + static_cast<std::uint64_t>(geometry);
  options.alignment = geometry == 0 ? 64 : 256;
  options.record_bytes_max = geometry == 0 ? 512 : 1024;
  options.record_items_max = geometry == 0 ? 8 : 16;
  options.log_length = geometry == 0 ? 4096 : 8192;
  return options;
}

/// Votes with payloads of every kind of length, until `records` are written or the log is full.
void vote(Log& log, std::uint32_t records, std::uint64_t ballot) {
  constexpr std::uint32_t kLengths[] = {0, 1, 8, 63, 64, 100, 17};
  Status status = Status::good();
  for (std::uint32_t record = 0; record < records; record++) {
    Vote votes[2];
    const std::uint32_t count = 1 + record % 2;
    for (std::uint32_t index = 0; index < count; index++) {
      votes[index].slot = 1 + std::max(log.state().highest_voted, log.state().trim_through) + index;
      votes[index].ballot = ballot;
      votes[index].length = kLengths[(record * 2 + index) % 7];
    }
    if (!append_group(log, 0, votes, count, status)) break;
  }
  demand(status.ok(), "a base image can be built: votes");
}

/// Newer ballots at slots that have a vote already.
void supersede(Log& log, std::uint32_t records, std::uint64_t ballot) {
  Status status = Status::good();
  for (std::uint32_t record = 0; record < records; record++) {
    const Vote again{log.state().trim_through + 1 + record % 2, ballot + record, 40 + record};
    if (!append_group(log, 0, &again, 1, status)) break;
  }
  demand(status.ok(), "a base image can be built: newer votes");
}

void live(Log& log, History history) {
  Status status = Status::good();
  if (history == History::fresh) return;
  append_group(log, 0x10003, nullptr, 0, status);
  demand(status.ok(), "a base image can be built: a promise");
  if (history == History::promised) return;
  vote(log, history == History::full ? 1000 : 3, 0x10003);
  if (history == History::superseded) supersede(log, 9, 0x20003);
  if (history == History::trimmed || history == History::wrapped) {
    status = log.trim(2, 2);
    demand(status.ok(), "a base image can be built: a trim");
  }
  if (history != History::wrapped) return;
  for (std::uint64_t lap = 0; log.counters().laps < 1; lap++) {
    vote(log, 3, 0x30003 + lap);
    status = log.trim(log.state().highest_voted - 1, 100 + lap);
    demand(status.ok(), "a base image can be built: a lap");
  }
  vote(log, 2, 0x50003);
}

BaseImage build(int geometry, History history) {
  const FormatOptions format = format_options(geometry);
  demand(check_format(format).ok(), "the fuzz targets are built with small records");
  BaseImage base;
  base.bytes = formatted_start(format);
  base.bytes.resize(kLogOffset + format.log_length);
  CheckedMedium medium;
  medium.load(base.bytes, base.bytes.size());
  std::unique_ptr<Log> log;
  const bool unfinished = history == History::rolls_forward || history == History::torn;
  Status status = Log::open(medium, open_options(unfinished, false, kThisBoot), log);
  demand(status.ok(), "a base image can be built: open");
  live(*log, history);
  if (history == History::closed) demand(log->close().ok(), "a base image can be built: close");
  std::copy(medium.bytes(), medium.bytes() + base.bytes.size(), base.bytes.begin());
  LogState& state = log->state();
  base.header = log->header();
  for (std::uint64_t number = state.records.first_number(); number < state.records.end_number(); number++) {
    base.records.push_back(state.geometry.offset_of(state.records.at(number).position));
  }
  if (history == History::torn) base.bytes[base.records.back() + kDescriptorsAt + 3] ^= std::byte{0x40};
  base.records.push_back(state.geometry.offset_of(state.position));
  return base;
}

}  // namespace

const std::vector<BaseImage>& base_images() {
  static const std::vector<BaseImage> images = [] {
    std::vector<BaseImage> built;
    for (int geometry = 0; geometry < 2; geometry++) {
      for (int history = 0; history < static_cast<int>(History::count); history++) {
        built.push_back(build(geometry, static_cast<History>(history)));
      }
    }
    return built;
  }();
  return images;
}

OpenOptions open_options(bool fused, bool process_only, std::uint8_t boot) {
  OpenOptions options;
  options.fused = fused;
  options.process_only = process_only;
  options.boot_id[0] = boot;
  return options;
}

const std::byte* payload_of(const Vote& vote) {
  static const std::vector<std::byte> noise = [] {
    std::vector<std::byte> bytes(2 * kPayloadBytesMax);
    for (std::size_t at = 0; at < bytes.size(); at++)
      bytes[at] = static_cast<std::byte>(mix64(at / 8) >> (at % 8));
    return bytes;
  }();
  return noise.data() + (vote.slot * 131 + vote.ballot * 31) % kPayloadBytesMax;
}

bool append_group(Log& log, std::uint64_t promise, const Vote* votes, std::uint32_t count, Status& status) {
  std::uint64_t payloads = 0;
  for (std::uint32_t index = 0; index < count; index++) payloads += align_up(votes[index].length, 8);
  const std::uint32_t items = count + (promise != 0 ? 1 : 0);
  bool found = items <= log.header().record_items_max;
  status = Status::good();
  const Claim claim = count == 0 ? Claim::promise : Claim::vote;
  if (found) status = log.make_room(RecordBuilder::bytes_of(items, payloads), claim, found);
  if (!status.ok() || !found) return false;
  RecordBuilder& builder = log.builder();
  builder.begin(items);
  if (promise != 0) builder.add(0, promise, 255, 0, nullptr, 0, 0);
  for (std::uint32_t index = 0; index < count; index++) {
    const Vote& vote = votes[index];
    const std::byte* payload = payload_of(vote);
    const std::uint64_t crc = vote.length == 0 ? 0 : crc64(payload, vote.length);
    builder.add(vote.slot, vote.ballot, vote.length == 0 ? 0 : 1, 0, payload, vote.length, crc);
  }
  status = log.append(0);
  return status.ok();
}

}  // namespace indelible::fuzz

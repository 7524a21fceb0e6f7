#include "log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crc64.h"

namespace indelible {
namespace {

constexpr std::uint64_t kPromisesReserved = 4;
constexpr std::uint64_t kRecordsReserved = 2;
/// A look at a record's header and descriptors takes about as much of the medium.
constexpr std::uint64_t kIndexWindowBytes = 4096;

}  // namespace

Log::Log(Medium& medium, const OpenOptions& options, const StaticHeaders& headers)
    : medium_(medium), options_(options), headers_(headers), builder_(headers.header.record_bytes_max) {
  state_.geometry = geometry_of(headers.header);
  state_.incarnation = headers.header.incarnation;
}

Status Log::open(Medium& medium, const OpenOptions& options, std::unique_ptr<Log>& log) {
  StaticHeaders headers{};
  if (Status status = load_static_headers(medium, headers); !status.ok()) return status;
  if (headers.header.alignment < options.alignment_min) {
    return Status::failed(Code::argument, "sync 'msync' needs a region formatted with alignment 4096 or more");
  }
  std::unique_ptr<Log> opened(new Log(medium, options, headers));
  if (!opened->builder_.usable()) return Status::no_memory();
  if (Status status = opened->recover(); !status.ok()) return status;
  log = std::move(opened);
  return Status::good();
}

Status Log::recover() {
  RootSlot root{};
  Recovery recovery(medium_, state_);
  if (Status status = recovery.find_root(root_, root, recovered_); !status.ok()) return status;
  if (recovered_.outcome == Outcome::lost) {
    poisoned_ = true;
    return Status::good();
  }
  if (Status status = recovery.walk(root, recovered_); !status.ok()) return status;
  if (const char* why = why_forgotten(root); why != nullptr) {
    recovered_.outcome = Outcome::lost;
    recovered_.reason = why;
  }
  if (recovered_.outcome == Outcome::lost) {
    poisoned_ = true;
    return Status::good();
  }
  // Nothing is repaired of a region that cannot be put in use.
  const std::uint64_t roots_written = options_.process_only ? 2 : 1;
  if (root_.current().generation > kNumberMax - roots_written) return exhausted();
  find_missing(state_, recovered_);
  repair_static_headers(medium_, headers_);
  if (Status status = recovery.settle(); !status.ok()) return status;
  return begin_use();
}

const char* Log::why_forgotten(const RootSlot& root) const {
  if (root.state == static_cast<std::uint64_t>(RootState::clean)) return nullptr;
  const bool forgets = options_.process_only || root.state == static_cast<std::uint64_t>(RootState::in_use_volatile);
  const bool same_boot = std::memcmp(root.boot_id, options_.boot_id, sizeof root.boot_id) == 0;
  if (forgets && !same_boot) {
    return "the region was in use when the machine went down, and its medium does not survive that";
  }
  if (root.device_id == 0) return nullptr;
  if (root.device_id != options_.device_id) {
    return "the region was in use on another device: what that had not flushed is not here";
  }
  if (root.unsafe_shutdowns != options_.unsafe_shutdowns) {
    return "the device counts a power loss, since the region was in use, in which it could not flush its buffers";
  }
  return nullptr;
}

Status Log::begin_use() {
  if (Status status = update_root(in_use()); !status.ok() || !options_.process_only) return status;
  // A power cut may bring back any earlier state of a medium that only survives the process. "In use" must be
  // all it can bring back: in all four slots, and as durable as can be, before the first answer.
  if (Status status = update_root(in_use()); !status.ok()) return status;
  return medium_.settle(Site::root_flip_fence, 0, kLogOffset);
}

std::uint64_t Log::promise_reserve() const {
  return kPromisesReserved * align_up(RecordBuilder::bytes_of(1, 0), state_.geometry.alignment);
}

std::uint64_t Log::capacity() const {
  const Geometry& geometry = state_.geometry;
  const std::uint64_t kept_records = (2 + kRecordsReserved) * geometry.record_bytes_max;
  return geometry.log_length - geometry.alignment - kept_records - promise_reserve();
}

std::uint64_t Log::room(Claim claim) const {
  if (claim == Claim::vote && state_.position >= kPositionsForVotes) return 0;
  std::uint64_t limit = capacity();
  if (claim != Claim::vote) limit += kRecordsReserved * state_.geometry.record_bytes_max;
  if (claim == Claim::promise) limit += promise_reserve();
  return state_.used >= limit ? 0 : std::min(state_.geometry.record_bytes_max, limit - state_.used);
}

bool Log::fits(std::uint64_t length) const {
  return is_free_before(state_.geometry.position_after(state_.position, length));
}

/// Whether a record at the tail, and the commit word behind it at `next`, end in front of the durable head.
bool Log::is_free_before(std::uint64_t next) const {
  return next + state_.geometry.alignment - state_.head <= state_.geometry.log_length;
}

/// Geometry::offset_of without its division, which an append would wait for several times.
std::uint64_t Log::offset_of(std::uint64_t position) {
  const std::uint64_t log_length = state_.geometry.log_length;
  if (position - lap_start_ >= log_length) lap_start_ = position - position % log_length;
  return kLogOffset + (position - lap_start_);
}

/// Where the word behind a record will lie, for a hint: `position` is at most a lap and a record away.
std::uint64_t Log::hint_of(std::uint64_t position) const {
  const std::uint64_t log_length = state_.geometry.log_length;
  const std::uint64_t at = position - lap_start_;
  return kLogOffset + (at < log_length ? at : at - log_length);
}

/// Geometry::position_after the tail, without its division either; `lap_start_` is the tail's.
std::uint64_t Log::next_after(std::uint64_t length) const {
  const std::uint64_t end = state_.position + length;
  const std::uint64_t remaining = lap_start_ + state_.geometry.log_length - end;
  return remaining < state_.geometry.record_bytes_max ? end + remaining : end;
}

Status Log::fence(Site site) {
  counters_.fences++;
  Status status = medium_.fence(site);
  if (!status.ok()) poisoned_ = true;
  return status;
}

void Log::commit_pending() {
  if (!pending_) return;
  medium_.store64(Site::append_commit, pending_offset_, commit_word(state_.incarnation, pending_number_));
  medium_.flush(Site::append_commit, pending_offset_, sizeof(std::uint64_t));
  pending_ = false;
}

Status Log::exhausted() {
  return Status::failed(Code::store_exhausted, "the numbers of this region are used up: it takes no more records");
}

void Log::write_ahead() {
  if (poisoned_ || !builder_.has_pieces()) return;
  const std::uint64_t length = align_up(builder_.bytes(), state_.geometry.alignment);
  const std::uint64_t offset = offset_of(state_.position);
  if (is_free_before(next_after(length))) builder_.write_ahead(medium_, offset);
}

Status Log::append(std::uint64_t learned_through) {
  if (poisoned_) return Status::failed(Code::store_poisoned, "the log failed earlier");
  const std::uint64_t length = align_up(builder_.bytes(), state_.geometry.alignment);
  const std::uint64_t offset = offset_of(state_.position);
  const std::uint64_t next = next_after(length);
  if (!is_free_before(next)) return Status::failed(Code::log_full, "no room in the log");
  if (next > kNumberMax || std::max(state_.number, root_.current().generation) > kCountForRecords) {
    return exhausted();
  }
  if (Status status = state_.records.reserve(); !status.ok()) return status;
  medium_.prefetch(hint_of(next));
  RecordHeader header{};
  header.magic = kRecordMagic;
  header.version = kRecordVersion;
  header.number = state_.number;
  header.position = state_.position;
  header.length = static_cast<std::uint32_t>(length);
  header.items = builder_.items();
  header.promised = std::max(state_.promised, builder_.promised());
  header.trim_through = state_.trim_through;
  header.highest_voted = std::max(state_.highest_voted, builder_.highest_slot());
  header.learned_through = std::max(state_.learned_through, learned_through);
  header.previous_crc = state_.previous_crc;
  header.incarnation = state_.incarnation;
  header.head_position = state_.head;
  header.head_number = state_.head_number;
  header.checkpoint_id = state_.checkpoint_id;

  counters_.bytes_written += builder_.write(medium_, offset, header) + 2 * sizeof(std::uint64_t);
  const std::uint64_t after = offset_of(next);
  counters_.laps += after < offset ? 1 : 0;
  medium_.store64(Site::append_empty, after, empty_word(state_.incarnation, state_.number + 1));
  medium_.flush(Site::append_empty, after, sizeof(std::uint64_t));
  commit_pending();
  pending_ = true;
  pending_offset_ = offset;
  pending_number_ = state_.number;
  // The books in front of the fence: they are written while the body is on its way, and what comes behind the
  // fence finds the store buffer empty. Should the fence fail, nobody reads them again.
  state_.take(header, next, builder_.votes(), builder_.vote_bytes(), builder_.highest_slot());
  counters_.records++;
  // Groups are often as long as the ones before: the line that the next one ends at comes in behind this fence.
  medium_.prefetch(hint_of(next + length));
  if (Status status = fence(Site::append_body_fence); !status.ok()) return status;
  return options_.fused ? Status::good() : drain();
}

Status Log::drain() {
  if (poisoned_) return Status::failed(Code::store_poisoned, "the log failed earlier");
  if (!pending_) return Status::good();
  commit_pending();
  return fence(Site::append_commit_fence);
}

Status Log::update_root(RootState root_state) {
  if (Status status = drain(); !status.ok()) return status;
  if (root_.current().generation >= kNumberMax) return exhausted();
  if (state_.records.empty() && state_.position > kPositionsAgain) {
    // The same place, which the next record's EMPTY word lies at already. Old records say that they lie elsewhere.
    state_.position %= state_.geometry.log_length;
    lap_start_ = 0;
  }
  RootSlot slot{};
  state_.name_head(slot);
  slot.trim_through = state_.trim_through;
  slot.checkpoint_id = state_.checkpoint_id;
  slot.promised = state_.promised;
  slot.highest_voted = state_.highest_voted;
  slot.learned_through = state_.learned_through;
  slot.state = static_cast<std::uint64_t>(root_state);
  std::memcpy(slot.boot_id, options_.boot_id, sizeof slot.boot_id);
  slot.device_id = options_.device_id;
  slot.unsafe_shutdowns = options_.unsafe_shutdowns;
  Status status = root_.update(medium_, slot);
  counters_.fences += 4;
  if (!status.ok()) {
    poisoned_ = true;
    return status;
  }
  state_.head = slot.head_position;
  state_.head_number = slot.head_number;
  return status;
}

Status Log::index_all() {
  // Past what the medium cannot give: a bad block is a record lost, and no fault.
  ProbeWindow window(medium_, kIndexWindowBytes);
  RecordReader reader(window, state_.geometry, state_.incarnation);
  FoundRecord record;
  while (state_.indexed_end < state_.records.end_number()) {
    const std::uint64_t number = state_.indexed_end;
    if (Status status = reader.descriptors_at(state_.records.at(number).position, record); !status.ok()) {
      poisoned_ = true;
      return status;
    }
    if (record.descriptors_good && record.header.number == number) {
      if (Status status = state_.index_next(record.descriptors.data(), record.header.items); !status.ok()) {
        poisoned_ = true;
        return status;
      }
    } else {
      state_.skip_unreadable();
    }
  }
  return Status::good();
}

Status Log::make_room(std::uint64_t bytes, Claim claim, bool& found) {
  const std::uint64_t length = align_up(bytes, state_.geometry.alignment);
  found = room(claim) >= length && fits(length);
  if (found || length > state_.geometry.record_bytes_max) return Status::good();
  if (Status status = index_all(); !status.ok()) return status;
  const std::uint64_t number_at_start = state_.number;
  const std::uint64_t first_at_start = state_.records.first_number();
  for (;;) {
    state_.drop_dead();
    if (room(claim) >= length) break;
    // Copying pays for itself when it frees a good part of what it moves. What others wait for is worth any effort:
    // there the garbage need only be what is still missing, since the rest of the room is free already.
    const std::uint64_t missing = length - std::min(length, room(claim));
    const std::uint64_t garbage_min = claim == Claim::vote ? std::max(length, capacity() / 4) : missing;
    const bool positions_end = claim == Claim::vote && state_.position >= kPositionsForVotes;
    const bool worth_it = !positions_end && state_.used - std::min(state_.used, state_.compacted) >= garbage_min;
    const bool a_lap = state_.records.empty() || state_.records.first_number() >= number_at_start;
    if (state_.uncertain() || !worth_it || a_lap) break;
    if (Status status = copy_forward(); !status.ok()) return status;
  }
  if (state_.records.first_number() == first_at_start) return Status::good();
  if (Status status = update_root(in_use()); !status.ok()) return status;
  found = room(claim) >= length && fits(length);
  return Status::good();
}

Status Log::copy_forward() {
  const std::uint64_t number = state_.records.first_number();
  const std::uint64_t position = state_.records.front().position;
  FoundRecord record;
  ProbeWindow window(medium_, kIndexWindowBytes);
  RecordReader reader(window, state_.geometry, state_.incarnation);
  if (Status status = reader.record_at(position, record); !status.ok()) return status;
  if (!record.descriptors_good) {
    state_.lose_record(number);
    return Status::good();
  }
  Buffer payloads;
  Rows<VoteEntry> live;
  Status status = payloads.reserve(record.header.length);
  if (status.ok()) status = live.reserve(record.descriptors.size());
  if (!status.ok()) return status;
  std::byte* free_from = payloads.data();
  for (const Descriptor& descriptor : record.descriptors) {
    const VoteEntry* vote = state_.votes.find(descriptor.slot);
    const bool newest = vote != nullptr && vote->record_number == number && vote->ballot == descriptor.ballot &&
                        vote->length == descriptor.length &&
                        vote->payload_offset == state_.geometry.offset_of(position) + descriptor.offset;
    if (!newest || descriptor.type == static_cast<std::uint8_t>(ItemType::promise)) continue;
    VoteEntry copied = *vote;
    copied.flags |= descriptor.flags;
    bool good = (copied.flags & kFlagUnavailable) == 0;
    if (good) status = probe_payload(copied, free_from, good);
    if (!status.ok()) return status;
    if (good) {
      free_from += align_up(copied.length, 8);
    } else {
      copied.flags |= kFlagUnavailable;
    }
    live.add(copied);
  }
  builder_.begin(static_cast<std::uint32_t>(live.size()));
  const std::byte* payload = payloads.data();
  for (const VoteEntry& vote : live) {
    builder_.add(vote.slot, vote.ballot, vote.type, vote.flags, payload, vote.length, vote.payload_crc);
    if ((vote.flags & kFlagUnavailable) == 0) payload += align_up(vote.length, 8);
  }
  const std::uint64_t length = align_up(builder_.bytes(), state_.geometry.alignment);
  if (!fits(length)) {
    // The head in the books has moved on; the durable one has to follow before its space is written.
    status = update_root(in_use());
  }
  if (status.ok()) status = append(state_.learned_through);
  return status.ok() ? index_all() : status;
}

Status Log::trim(std::uint64_t through, std::uint64_t checkpoint_id) {
  if (poisoned_) return Status::failed(Code::store_poisoned, "the log failed earlier");
  if (through <= state_.trim_through) return Status::good();
  state_.forget(through);
  state_.checkpoint_id = checkpoint_id;
  state_.drop_dead();
  counters_.trims++;
  return update_root(in_use());
}

Status Log::close() {
  if (poisoned_) return Status::good();
  if (!options_.process_only) return update_root(RootState::clean);
  // Only what survives a power cut may be called clean, and only then may the root say so.
  Status status = drain();
  if (status.ok()) status = medium_.settle(Site::append_commit_fence, 0, medium_.size());
  if (status.ok()) status = update_root(RootState::clean);
  if (status.ok()) status = medium_.settle(Site::root_flip_fence, 0, kLogOffset);
  poisoned_ = poisoned_ || !status.ok();
  return status;
}

Status Log::read_payload(const VoteEntry& vote, std::byte* target, bool& good) {
  const Status status = probe_payload(vote, target, good);
  // Whoever writes next meets what has become of the medium.
  return status.errnum == EIO ? Status::good() : status;
}

Status Log::probe_payload(const VoteEntry& vote, std::byte* target, bool& good) {
  good = vote.length == 0;
  if (good) return Status::good();
  Status status = medium_.probe(vote.payload_offset, target, vote.length);
  good = status.ok() && crc64(target, vote.length) == vote.payload_crc;
  return status;
}

}  // namespace indelible

#include "scrub.h"

#include <algorithm>

#include "crc64.h"

namespace indelible {
namespace {

constexpr std::uint64_t kWindowBytes = 256 << 10;

}  // namespace

Scrub::Scrub(Medium& medium, LogState& state)
    : medium_(medium),
      state_(state),
      window_(medium, kWindowBytes),
      reader_(window_, state.geometry, state.incarnation) {}

Status Scrub::step(std::uint64_t budget, std::uint64_t uncommitted, ScrubReport& report) {
  window_.clear();
  next_ = std::max(next_, state_.records.first_number());
  while (next_ < state_.records.end_number() && report.bytes < budget) {
    const std::uint64_t number = next_++;
    if (Status status = verify(number, number != uncommitted, report); !status.ok()) return status;
  }
  tell(report);
  if (next_ < state_.records.end_number()) return Status::good();
  next_ = 0;
  report.pass_ended = true;
  return verify_tail(report);
}

/// Of what was found by this step, or by whoever else read the log since the last one.
void Scrub::tell(ScrubReport& report) {
  if (!state_.untold) return;
  state_.untold = false;
  // With everything trimmed there is no slot to be uncertain about.
  report.unreadable = state_.uncertain();
  report.last_unreadable = !state_.records.empty() && state_.records.at(state_.records.end_number() - 1).unreadable;
}

bool Scrub::is_as_written(std::uint64_t number) {
  const RecordEntry& entry = state_.records.at(number);
  const bool last = number + 1 == state_.records.end_number();
  const std::uint64_t crc = last ? state_.previous_crc : state_.records.at(number + 1).previous_crc;
  return record_.header_good && record_.header.number == number && record_.header.length == entry.length &&
         record_.header.previous_crc == entry.previous_crc && record_.header.crc == crc;
}

Status Scrub::verify(std::uint64_t number, bool committed, ScrubReport& report) {
  const RecordEntry& entry = state_.records.at(number);
  report.bytes += entry.length;
  if (entry.unreadable) return Status::good();
  std::uint64_t word = 0;
  if (Status status = reader_.commit_word_at(entry.position, word); !status.ok()) return status;
  if (Status status = reader_.record_at(entry.position, record_); !status.ok()) return status;
  if (!is_as_written(number) || !record_.descriptors_good) return lose_record(number, report);
  // While it can be read: what is in the index stays known when the record rots later.
  if (Status status = index_through(number); !status.ok()) return status;
  if (!record_.payloads_good) {
    if (Status status = lose_votes(number, report); !status.ok()) return status;
  }
  const std::uint64_t right = commit_word(state_.incarnation, number);
  if (!committed || word == right) return Status::good();
  return mend(state_.geometry.offset_of(entry.position), right, report);
}

Status Scrub::verify_tail(ScrubReport& report) {
  std::uint64_t word = 0;
  if (Status status = reader_.commit_word_at(state_.position, word); !status.ok()) return status;
  const std::uint64_t right = empty_word(state_.incarnation, state_.number);
  if (word == right) return Status::good();
  return mend(state_.geometry.offset_of(state_.position), right, report);
}

Status Scrub::mend(std::uint64_t offset, std::uint64_t word, ScrubReport& report) {
  medium_.store64(Site::recover_commit, offset, word);
  medium_.flush(Site::recover_commit, offset, sizeof word);
  report.mended = true;
  return Status::good();
}

Status Scrub::index_through(std::uint64_t number) {
  while (state_.indexed_end <= number) {
    const std::uint64_t next = state_.indexed_end;
    Status status = reader_.descriptors_at(state_.records.at(next).position, indexed_);
    if (!status.ok()) return status;
    if (indexed_.descriptors_good && indexed_.header.number == next) {
      status = state_.index_next(indexed_.descriptors.data(), indexed_.header.items);
      if (!status.ok()) return status;
    } else {
      state_.skip_unreadable();
    }
  }
  return Status::good();
}

/// Whether a vote's bytes are there. Blocks that the medium cannot give come back as zeros: they cost this vote alone.
Status Scrub::has_bytes(const VoteEntry& vote, bool& good) {
  good = vote.length == 0;
  if (good) return Status::good();
  Status status = payload_.reserve(vote.length);
  if (status.ok()) status = window_.read(vote.payload_offset, payload_.data(), vote.length);
  good = status.ok() && crc64(payload_.data(), vote.length) == vote.payload_crc;
  return status;
}

/// What the index already knows of the record's votes stays known. A vote is marked once it has been told of, and the
/// record last: where the step fails, all that was not told of is found again.
Status Scrub::lose_record(std::uint64_t number, ScrubReport& report) {
  if (Status status = index_through(state_.records.end_number() - 1); !status.ok()) return status;
  Status status = Status::good();
  state_.votes.for_each([&](VoteEntry& vote) {
    if (vote.record_number != number || (vote.flags & kFlagUnavailable) != 0 || !status.ok()) return;
    bool good = false;
    status = has_bytes(vote, good);
    if (status.ok() && !good) status = lose(vote, report);
  });
  if (status.ok()) state_.lose_record(number);
  return status;
}

Status Scrub::lose_votes(std::uint64_t number, ScrubReport& report) {
  const std::uint64_t record_offset = state_.geometry.offset_of(state_.records.at(number).position);
  for (const Descriptor& descriptor : record_.descriptors) {
    if ((descriptor.flags & kFlagUnavailable) == 0) continue;
    VoteEntry* vote = state_.votes.find(descriptor.slot);
    const bool newest = vote != nullptr && vote->record_number == number &&
                        vote->payload_offset == record_offset + descriptor.offset;
    if (!newest || (vote->flags & kFlagUnavailable) != 0) continue;
    if (Status status = lose(*vote, report); !status.ok()) return status;
  }
  return Status::good();
}

Status Scrub::lose(VoteEntry& vote, ScrubReport& report) {
  VoteEntry lost = vote;
  lost.flags |= kFlagUnavailable;
  Status status = report.votes.push(lost);
  if (status.ok()) vote = lost;
  return status;
}

}  // namespace indelible

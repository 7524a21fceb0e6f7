#include "recovery.h"

#include <algorithm>

namespace indelible {

Recovery::Recovery(Medium& medium, LogState& state)
    : medium_(medium),
      state_(state),
      window_(medium, kProbeWindowBytes),
      reader_(window_, state.geometry, state.incarnation) {}

Status Recovery::find_root(Root& roots, RootSlot& root, Recovered& recovered) {
  bool found = false;
  ProbeWindow window(medium_, kLogOffset);
  if (Status status = roots.load(window, found); !status.ok()) return status;
  root = roots.current();
  if (!found) {
    if (Status status = root_from_chain(root, found); !status.ok()) return status;
  }
  if (!found) {
    recovered.outcome = Outcome::lost;
    recovered.reason = "both roots are damaged: where the log starts and what it promised is unknown";
  }
  return Status::good();
}

Status Recovery::root_from_chain(RootSlot& root, bool& found) {
  RecordHeader newest{};
  if (Status status = reader_.newest_header(newest, found); !status.ok()) return status;
  found = found && newest.head_number != 0;
  if (!found) return Status::good();
  root = {};
  root.head_position = newest.head_position;
  root.head_number = newest.head_number;
  root.state = static_cast<std::uint64_t>(RootState::in_use);
  // Of the record before the head nothing is known; if there was none its link is.
  link_known_ = newest.head_number == 1;
  return Status::good();
}

bool Recovery::root_fits(const RootSlot& root) const {
  return state_.geometry.may_start_at(root.head_position) && root.head_number > 0 &&
         std::max({root.generation, root.head_number, root.trim_through, root.checkpoint_id, root.promised,
                   root.highest_voted, root.learned_through}) <= kNumberMax;
}

Status Recovery::walk(const RootSlot& root, Recovered& recovered) {
  if (!root_fits(root)) {
    recovered.outcome = Outcome::lost;
    recovered.reason = "the root names no place or number that a log can have";
    return Status::good();
  }
  state_.head = root.head_position;
  state_.head_number = root.head_number;
  state_.position = root.head_position;
  state_.number = root.head_number;
  state_.previous_crc = root.head_previous_crc;
  state_.promised = root.promised;
  state_.trim_through = root.trim_through;
  state_.checkpoint_id = root.checkpoint_id;
  state_.highest_voted = root.highest_voted;
  state_.learned_through = root.learned_through;
  state_.records.start_at(root.head_number);
  state_.indexed_end = root.head_number;
  recovered.clean = root.state == static_cast<std::uint64_t>(RootState::clean);
  Step next = Step::next;
  while (next == Step::next) {
    if (Status status = step(next); !status.ok()) return status;
  }
  if (next == Step::lost) {
    recovered.outcome = Outcome::lost;
    recovered.reason = "the chain of records breaks and nothing readable follows: votes and perhaps a promise are gone";
  }
  return Status::good();
}

Status Recovery::step(Step& step) {
  std::uint64_t word = 0;
  if (Status status = reader_.commit_word_at(state_.position, word); !status.ok()) return status;
  if (Status status = reader_.record_at(state_.position, record_); !status.ok()) return status;
  const bool committed = word == commit_word(state_.incarnation, state_.number);
  const bool empty = word == empty_word(state_.incarnation, state_.number);
  const std::uint64_t behind = state_.geometry.position_after(state_.position, record_.header.length);
  record_.header_good = record_.header_good && record_.header.number == state_.number &&
                        behind + state_.geometry.alignment - state_.head <= state_.geometry.log_length &&
                        (!link_known_ || record_.header.previous_crc == state_.previous_crc);
  step = Step::next;
  if (committed && record_.header_good) {
    rolled_forward_ = false;
    return accept(record_);
  }
  if (!committed && record_.whole()) {
    if (Status status = mend_.push(state_.number); !status.ok()) return status;
    rolled_forward_ = true;
    return accept(record_);
  }
  return pass_gap(empty || (rolled_forward_ && !committed), step);
}

Status Recovery::accept(const FoundRecord& record) {
  if (Status status = state_.records.reserve(); !status.ok()) return status;
  RecordHeader header = record.header;
  if (!record.descriptors_good) {
    note_damage(state_.number, state_.number, header);
    header.items = 0;
  }
  // Behind a gap the record itself is the only one that says what it links to.
  if (!link_known_) state_.previous_crc = header.previous_crc;
  state_.take(header, state_.geometry.position_after(header.position, header.length), 0, 0, 0);
  state_.records.at(header.number).unreadable = !record.descriptors_good;
  if (Status status = state_.index_next(record.descriptors.data(), header.items); !status.ok()) return status;
  if (header.trim_through > state_.trim_through) {
    state_.forget(header.trim_through);
    if (header.head_number != 0) state_.checkpoint_id = header.checkpoint_id;
  }
  link_known_ = true;
  return Status::good();
}

void Recovery::note_damage(std::uint64_t from, std::uint64_t through, const RecordHeader& bound) {
  // A header speaks for every record before it, so the first good one at or behind the damage bounds it.
  state_.note_damage(from, through, bound.highest_voted);
  state_.highest_voted = std::max(state_.highest_voted, bound.highest_voted);
  state_.promised = std::max(state_.promised, bound.promised);
}

Status Recovery::pass_gap(bool at_tail, Step& step) {
  const std::uint64_t end = state_.head + state_.geometry.log_length;
  const std::uint64_t least = align_up(kDescriptorsAt, state_.geometry.alignment);
  std::uint64_t from = state_.position;
  std::uint64_t position = end;
  RecordHeader header{};
  for (;;) {
    Status status = reader_.find_header(from, end, state_.number, position, header);
    if (!status.ok()) return status;
    // More records than fit in between: not a record of this chain.
    if (position == end || header.number - state_.number <= (position - state_.position) / least) break;
    from = position + state_.geometry.alignment;
  }
  if (position == end) {
    step = at_tail ? Step::tail : Step::lost;
    return Status::good();
  }
  note_damage(state_.number, header.number - 1, header);
  const std::uint64_t bytes = position - state_.position;
  for (std::uint64_t number = state_.number; number < header.number; number++) {
    if (Status status = state_.records.reserve(); !status.ok()) return status;
    const bool first = number == state_.number;
    state_.records.push() = first ? RecordEntry{state_.position, state_.previous_crc, bytes, 0, 0, 0, true}
                                  : RecordEntry{position, 0, 0, 0, 0, 0, true};
  }
  state_.used += bytes;
  state_.position = position;
  state_.number = header.number;
  state_.indexed_end = header.number;
  link_known_ = false;
  rolled_forward_ = false;
  step = Step::next;
  return Status::good();
}

Status Recovery::persist_log() {
  for (std::uint64_t number = state_.records.first_number(); number < state_.records.end_number(); number++) {
    const RecordEntry& record = state_.records.at(number);
    if (record.length == 0) continue;
    const std::uint64_t offset = state_.geometry.offset_of(record.position);
    const std::uint64_t to_wrap = state_.geometry.log_length - record.position % state_.geometry.log_length;
    medium_.reflush(Site::recover_record, offset, std::min(record.length, to_wrap));
  }
  std::uint64_t word = 0;
  Status status = reader_.commit_word_at(state_.position, word);
  if (!status.ok()) return status;
  const std::uint64_t offset = state_.geometry.offset_of(state_.position);
  const std::uint64_t tail = empty_word(state_.incarnation, state_.number);
  if (word != tail) medium_.store64(Site::recover_tail, offset, tail);
  medium_.reflush(Site::recover_tail, offset, sizeof tail);
  return medium_.fence(Site::recover_fence);
}

Status Recovery::settle() {
  if (Status status = persist_log(); !status.ok()) return status;
  if (mend_.empty()) return Status::good();
  for (const std::uint64_t number : mend_) {
    const std::uint64_t offset = state_.geometry.offset_of(state_.records.at(number).position);
    medium_.store64(Site::recover_commit, offset, commit_word(state_.incarnation, number));
    medium_.flush(Site::recover_commit, offset, sizeof(std::uint64_t));
  }
  return Status::good();
}

void find_missing(LogState& state, Recovered& recovered) {
  bool unavailable = false;
  state.votes.for_each(
      [&](const VoteEntry& vote) { unavailable = unavailable || (vote.flags & kFlagUnavailable) != 0; });
  if (!unavailable && !state.uncertain()) return;
  recovered.outcome = Outcome::damaged;
  recovered.reason = state.uncertain() ? "records could not be read: some slots are uncertain"
                                       : "some votes have lost their bytes";
}

}  // namespace indelible

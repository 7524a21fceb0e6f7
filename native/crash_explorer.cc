#include "crash_explorer.h"

#include <algorithm>

#include "crc64.h"

namespace indelible {
namespace {

/// Outcomes kept of one moment; a sound log has three at the most.
constexpr std::size_t kClassesMax = 32;
constexpr std::uint64_t kInnerGoOnEvery = 4;
/// Any other than that of the history, which is zero.
constexpr std::uint8_t kBootOfJudging = 2;
constexpr std::uint32_t kLengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 256, 257, 500, 1100};

const char* name_of(Site site) {
  return site == Site::count ? "between operations" : kSiteNames[static_cast<unsigned>(site)];
}

}  // namespace

/// What is written behind a recovery: another length and type with every variant.
struct CrashExplorer::Group {
  struct Vote {
    std::uint64_t slot;
    ItemType type;
    std::vector<std::byte> bytes;
  };
  std::uint64_t ballot = 0;
  bool promise = false;
  std::vector<Vote> votes;

  Group(const LogOutcome& before, std::uint64_t variant, std::uint32_t record_bytes_max) {
    ballot = before.promised + 1;
    promise = variant % 8 == 0 || variant % 8 == 2;
    if (variant % 8 == 0) return;
    const std::uint64_t count = variant % 8 == 3 ? 3 : 1;
    const auto largest = static_cast<std::uint32_t>(record_bytes_max - kDescriptorsAt - sizeof(Descriptor));
    for (std::uint64_t index = 0; index < count; index++) {
      std::uint32_t length = kLengths[(variant / 8 + index * 5) % 16];
      if (variant % 8 == 4) length = 0;
      if (variant % 8 == 6 && variant % 3 == 0) length = largest;
      const ItemType type = length == 0 ? ItemType::noop
                            : variant % 8 == 5 ? ItemType::configuration : ItemType::commands;
      const std::uint64_t slot = 1 + index + std::max(before.highest_voted, before.trim_through);
      std::vector<std::byte> bytes(length);
      for (std::uint32_t at = 0; at < length; at++) {
        bytes[at] = static_cast<std::byte>(mix64(slot * 31 + ballot + at / 8) >> (8 * (at % 8)));
      }
      votes.push_back({slot, type, std::move(bytes)});
    }
  }

  [[nodiscard]] std::uint64_t record_bytes() const {
    std::uint64_t payloads = 0;
    for (const Vote& vote : votes) payloads += align_up(vote.bytes.size(), 8);
    return RecordBuilder::bytes_of(static_cast<std::uint32_t>(votes.size() + (promise ? 1 : 0)), payloads);
  }

  [[nodiscard]] LogOutcome behind(LogOutcome outcome) const {
    if (promise) outcome.add_promise(ballot);
    for (const Vote& vote : votes) outcome.add_vote(vote.slot, ballot, vote.type, vote.bytes);
    return outcome;
  }

  Status append(Log& log) const {
    RecordBuilder& builder = log.builder();
    builder.begin(static_cast<std::uint32_t>(votes.size() + (promise ? 1 : 0)));
    if (promise) builder.add(0, ballot, static_cast<std::uint8_t>(ItemType::promise), 0, nullptr, 0, 0);
    for (const Vote& vote : votes) {
      const auto length = static_cast<std::uint32_t>(vote.bytes.size());
      const std::uint64_t crc = length == 0 ? 0 : crc64(vote.bytes.data(), length);
      builder.add(vote.slot, ballot, static_cast<std::uint8_t>(vote.type), 0, vote.bytes.data(), length, crc);
    }
    return log.append(0);
  }
};

CrashPoint CrashExplorer::explore(const RecordingMedium& medium, Site site, const ExploreOptions& options) {
  options_ = options;
  point_ = CrashPoint{};
  point_.site = site;
  image_ = 0;
  steps_.clear();
  judge_all(medium, site);
  return std::move(point_);
}

std::vector<CrashPoint> CrashExplorer::explore_format(RecordingMedium& medium, const FormatOptions& format,
                                                      const ExploreOptions& options) {
  std::vector<CrashPoint> points;
  format_ = &format;
  medium.on_fence([&](Site site) { points.push_back(explore(medium, site, options)); });
  const Status status = format_medium(medium, format);
  medium.on_fence({});
  points.push_back(explore(medium, Site::count, options));
  if (!status.ok()) points.back().violation = status.what;
  format_ = nullptr;
  return points;
}

void CrashExplorer::judge_all(const RecordingMedium& medium, Site site) {
  CrashStates states(medium);
  point_.units = states.units();
  point_.exhaustive = states.choices() <= options_.enumeration.exhaustive_max;
  if (!point_.exhaustive) {
    std::vector<ReadRange> reads;
    for (const Pick& pick : {states.none(), states.all()}) {
      RecordingMedium& target = medium_at(0, medium);
      target.reset(medium.durable());
      states.apply(pick, target);
      target.note_reads(true);
      std::unique_ptr<Log> log;
      const Status status = Log::open(target, OpenOptions{}, log);
      if (status.ok()) reads.insert(reads.end(), target.reads().begin(), target.reads().end());
    }
    states.group_by(reads);
  }
  medium_at(0, medium);
  states.enumerate(options_.enumeration, [&](const Pick& pick) {
    const bool drawn = mix64(image_ + options_.enumeration.seed) % options_.deep_every == 0;
    const bool deep = image_ < 2 || states.units() <= 3 || drawn;
    point_.images++;
    const bool x86_state = states.is_line_prefix(pick);
    point_.x86_images += x86_state ? 1 : 0;
    return judge_image({"a power cut at", site, &medium, &states, &pick, nullptr}, deep ? Rigor::deep : Rigor::go_on);
  });
  const std::uint64_t kills = options_.forgets ? 0 : std::min<std::uint64_t>(options_.kills, states.stores());
  for (std::uint64_t kill = 0; kill < kills && point_.violation.empty(); kill++) {
    const Pick seen = states.prefix(states.stores() * (kill + 1) / kills);
    Pick durable = states.none();
    // Of every other one some of what was stored had left the caches by itself.
    for (std::size_t unit = 0; unit < durable.size() && kill % 2 == 1; unit++) {
      if (mix64(options_.enumeration.seed + unit * 7 + kill) % 2 == 0) durable[unit] = seen[unit];
    }
    point_.kills++;
    judge_image({"kill -9 at", site, &medium, &states, &durable, &seen}, Rigor::deep);
  }
}

bool CrashExplorer::judge_image(const Step& step, Rigor rigor) {
  const std::uint64_t image = image_++;
  if (options_.only_image != ~std::uint64_t{0} && options_.only_image != image) return true;
  random_ = mix64(options_.enumeration.seed ^ mix64(image));
  prepare(step, *media_[0]);
  steps_.push_back(step);
  point_.image_number = image;
  judge(0, rigor);
  steps_.pop_back();
  return point_.violation.empty();
}

void CrashExplorer::judge(unsigned depth, Rigor rigor) {
  RecordingMedium& medium = *media_[depth];
  if (rigor == Rigor::deep) {
    medium.on_fence([&, depth](Site site) { crash_inside("then a crash inside recovery at", depth, site); });
  }
  std::unique_ptr<Log> log;
  const LogOutcome found = open(medium, random_ % 2 == 0, log);
  medium.on_fence({});
  count(medium, steps_.back().site);
  if (!point_.violation.empty()) return;
  note(found);
  if (rigor == Rigor::open || options_.forgets) return;
  log.reset();
  if (format_ != nullptr && found.code == Code::store_foreign) return format_again(depth);
  if (!found.intact()) return;
  check_lasting(depth, found);
  if (point_.violation.empty()) go_on(depth, found, rigor == Rigor::deep);
}

void CrashExplorer::crash_inside(const char* what, unsigned depth, Site site) {
  if (!point_.violation.empty()) return;
  const RecordingMedium& medium = *media_[depth];
  const CrashStates states(medium);
  medium_at(depth + 1, medium);
  states.sample(draw(), options_.inner_images, [&](const Pick& pick) {
    const Step step{what, site, &medium, &states, &pick, nullptr};
    prepare(step, *media_[depth + 1]);
    steps_.push_back(step);
    point_.inner_images++;
    judge(depth + 1, draw() % kInnerGoOnEvery == 0 ? Rigor::go_on : Rigor::open);
    steps_.pop_back();
    return point_.violation.empty();
  });
}

void CrashExplorer::check_lasting(unsigned depth, const LogOutcome& found) {
  const RecordingMedium& medium = *media_[depth];
  if (medium.outstanding() == 0) return;
  const CrashStates states(medium);
  states.sample(draw(), options_.inner_images + 2, [&](const Pick& pick) {
    RecordingMedium& target = medium_at(depth + 1, medium);
    const Step step{"then a crash behind recovery,", Site::count, &medium, &states, &pick, nullptr};
    prepare(step, target);
    steps_.push_back(step);
    std::unique_ptr<Log> log;
    if (open(target, false, log) != found) violated("what was recovered had not been made durable");
    steps_.pop_back();
    return point_.violation.empty();
  });
}

void CrashExplorer::go_on(unsigned depth, const LogOutcome& found, bool deep) {
  RecordingMedium& medium = medium_at(depth + 1, *media_[depth]);
  medium.reset(media_[depth]->durable());
  const bool fused = draw() % 2 == 0;
  std::unique_ptr<Log> log;
  if (open(medium, fused, log) != found) return violated("a second recovery finds something else");
  Behind behind{{found}, 0};
  if (deep) {
    medium.on_fence([&, depth](Site site) { check_behind(depth + 1, site, behind); });
  }
  const int groups = deep ? 2 : 1;
  for (int group = 0; group < groups && point_.violation.empty(); group++) {
    const Group next(behind.outcomes.back(), draw() % 1024, log->header().record_bytes_max);
    bool room = false;
    const Claim claim = next.votes.empty() ? Claim::promise : Claim::vote;
    Status status = log->make_room(next.record_bytes(), claim, room);
    if (status.ok() && !room) break;
    behind.outcomes.push_back(next.behind(behind.outcomes.back()));
    if (status.ok()) status = next.append(*log);
    if (!status.ok()) return violated(status.what);
    behind.answered = behind.outcomes.size() - (log->pending() ? 2 : 1);
  }
  if (!point_.violation.empty()) return;
  if (const Status status = log->drain(); !status.ok()) return violated(status.what);
  medium.on_fence({});
  log.reset();
  RecordingMedium& last = medium_at(depth + 2, medium);
  last.reset(medium.durable());
  if (open(last, false, log) != behind.outcomes.back()) violated("what was written behind a recovery is not there");
}

void CrashExplorer::check_behind(unsigned depth, Site site, const Behind& behind) {
  if (!point_.violation.empty()) return;
  const RecordingMedium& medium = *media_[depth];
  const CrashStates states(medium);
  RecordingMedium& target = medium_at(depth + 1, medium);
  states.sample(draw(), options_.inner_images, [&](const Pick& pick) {
    const Step step{"then, writing on, a crash at", site, &medium, &states, &pick, nullptr};
    prepare(step, target);
    steps_.push_back(step);
    point_.inner_images++;
    std::unique_ptr<Log> log;
    const LogOutcome found = open(target, false, log);
    count(target, site);
    const auto from = behind.outcomes.begin() + static_cast<std::ptrdiff_t>(behind.answered);
    if (std::find(from, behind.outcomes.end(), found) != behind.outcomes.end()) {
      // As it should be.
    } else if (behind.answered == 0 && found.intact()) {
      // Until a group written behind it is answered, a torn record that recovery had dropped may become whole.
      note(found);
    } else {
      violated(found.intact() ? "recovered is neither what was answered nor that and a next group"
                              : "a crash was taken for damage");
    }
    steps_.pop_back();
    return point_.violation.empty();
  });
}

void CrashExplorer::format_again(unsigned depth) {
  FormatOptions again = *format_;
  again.incarnation++;
  RecordingMedium& medium = *media_[depth];
  medium.on_fence([&, depth](Site site) { crash_inside("then a crash inside a second formatting at", depth, site); });
  const FormatOptions* format = format_;
  format_ = nullptr;
  const Status status = format_medium(medium, again);
  format_ = format;
  medium.on_fence({});
  if (!status.ok()) return violated(status.what);
  LogOutcome empty;
  go_on(depth, empty, false);
}

RecordingMedium& CrashExplorer::medium_at(unsigned depth, const RecordingMedium& like) {
  std::unique_ptr<RecordingMedium>& medium = media_[depth];
  if (medium == nullptr || medium->size() != like.size()) {
    medium = std::make_unique<RecordingMedium>(like.durable());
  }
  return *medium;
}

void CrashExplorer::prepare(const Step& step, RecordingMedium& medium) {
  medium.reset(step.base->durable());
  step.states->apply(*step.durable, medium);
  if (step.seen != nullptr) step.states->leave(*step.seen, *step.durable, medium);
}

LogOutcome CrashExplorer::open(RecordingMedium& medium, bool fused, std::unique_ptr<Log>& log) {
  OpenOptions options;
  options.fused = fused;
  options.process_only = options_.forgets;
  options.boot_id[0] = kBootOfJudging;
  medium.note_reads(false);
  const Status status = Log::open(medium, options, log);
  return outcome_of(status, log.get());
}

void CrashExplorer::count(const RecordingMedium& medium, Site site) {
  if (!judged_.insert(medium.reads_digest()).second) return;
  distinct_[static_cast<std::size_t>(site)]++;
  point_.distinct++;
}

void CrashExplorer::note(const LogOutcome& found) {
  auto same = std::find_if(point_.classes.begin(), point_.classes.end(),
                           [&](const OutcomeClass& known) { return known.outcome == found; });
  if (same == point_.classes.end()) {
    if (point_.classes.size() == kClassesMax) return;
    OutcomeClass fresh;
    fresh.outcome = found;
    fresh.image_number = point_.image_number;
    fresh.x86 = x86();
    fresh.trail = trail();
    RecordingMedium again(steps_.back().base->durable());
    prepare(steps_.back(), again);
    fresh.seen = again.seen();
    fresh.durable = again.durable();
    point_.classes.push_back(std::move(fresh));
    same = point_.classes.end() - 1;
  }
  if (steps_.size() == 1) {
    same->images++;
  } else {
    same->inner_images++;
  }
}

void CrashExplorer::violated(const char* what) {
  point_.violation = what;
  point_.trail = trail();
  point_.x86 = x86();
}

std::string CrashExplorer::trail() const {
  std::string text;
  for (const Step& step : steps_) {
    if (!text.empty()) text += "; ";
    text += std::string(step.what) + " " + name_of(step.site) + " leaves ";
    text += step.states->describe(step.seen != nullptr ? *step.seen : *step.durable);
    if (step.seen != nullptr) text += ", durable of them " + step.states->describe(*step.durable);
  }
  return text;
}

bool CrashExplorer::x86() const {
  return std::all_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.states->is_line_prefix(*step.durable); });
}

}  // namespace indelible

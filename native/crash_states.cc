#include "crash_states.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "layout.h"

namespace indelible {
namespace {

constexpr std::uint64_t kChunkBytes = 8;
/// Sets of units that reads can tell apart, and states of all cache lines, up to which every one is visited.
constexpr std::uint64_t kGroupsMax = 8;
constexpr std::uint64_t kLineStatesMax = 256;
constexpr std::size_t kValuesMax = 255;

struct Random {
  std::uint64_t state;
  std::uint64_t next() { return mix64(state += 0x9E3779B97F4A7C15); }
  std::uint64_t below(std::uint64_t end) { return next() % end; }
};

std::uint64_t digest_of(const Pick& pick) {
  std::uint64_t digest = 0;
  for (std::size_t index = 0; index < pick.size(); index++) {
    if (pick[index] != 0) digest += mix64(index * 256 + pick[index]);
  }
  return digest;
}

}  // namespace

/// Passes each choice on once.
class CrashStates::Visitor {
 public:
  explicit Visitor(const std::function<bool(const Pick&)>& visit) : visit_(visit) {}

  [[nodiscard]] bool done() const { return done_; }
  void operator()(const Pick& pick) {
    if (done_ || !seen_.insert(digest_of(pick)).second) return;
    done_ = !visit_(pick);
  }

 private:
  const std::function<bool(const Pick&)>& visit_;
  std::unordered_set<std::uint64_t> seen_;
  bool done_ = false;
};

CrashStates::CrashStates(const RecordingMedium& medium) {
  std::unordered_map<std::uint64_t, std::uint32_t> unit_at;
  std::unordered_map<std::uint64_t, std::uint32_t> line_at;
  for (const OutstandingStore& store : medium.stores()) {
    const auto [place, fresh] = unit_at.try_emplace(store.offset, static_cast<std::uint32_t>(units_.size()));
    if (fresh) {
      std::uint64_t durable = 0;
      std::memcpy(&durable, medium.durable().data() + store.offset, kChunkBytes);
      if (durable == store.value) {
        unit_at.erase(place);
        continue;
      }
      units_.push_back({store.offset, store.site, {durable}});
    }
    Unit& unit = units_[place->second];
    auto value = std::find(unit.values.begin(), unit.values.end(), store.value);
    if (value == unit.values.end()) {
      if (unit.values.size() == kValuesMax) continue;
      unit.values.push_back(store.value);
      value = unit.values.end() - 1;
    }
    const auto [line, first] =
        line_at.try_emplace(store.offset / kLineBytes, static_cast<std::uint32_t>(lines_.size()));
    if (first) lines_.emplace_back();
    lines_[line->second].push_back(static_cast<std::uint32_t>(stores_.size()));
    stores_.push_back({place->second, static_cast<std::uint8_t>(value - unit.values.begin())});
  }
}

Pick CrashStates::prefix(std::size_t count) const {
  Pick pick = none();
  for (std::size_t index = 0; index < count; index++) pick[stores_[index].unit] = stores_[index].value;
  return pick;
}

Pick CrashStates::all() const { return prefix(stores_.size()); }

std::uint64_t CrashStates::choices() const {
  std::uint64_t product = 1;
  for (const Unit& unit : units_) {
    product *= unit.values.size();
    if (product > UINT32_MAX) break;
  }
  return product;
}

void CrashStates::group_by(const std::vector<ReadRange>& reads) {
  std::unordered_map<std::uint64_t, std::uint32_t> group_of;
  groups_.clear();
  for (std::uint32_t index = 0; index < units_.size(); index++) {
    std::uint64_t covered = 0;
    for (std::size_t read = 0; read < reads.size(); read++) {
      const bool covers = units_[index].offset + kChunkBytes > reads[read].offset &&
                          units_[index].offset < reads[read].offset + reads[read].length;
      if (covers) covered = mix64(covered ^ (read + 1));
    }
    const auto [place, fresh] = group_of.try_emplace(covered, static_cast<std::uint32_t>(groups_.size()));
    if (fresh) groups_.emplace_back();
    groups_[place->second].push_back(index);
  }
}

void CrashStates::enumerate(const EnumerationOptions& options,
                            const std::function<bool(const Pick&)>& visit) const {
  Visitor visitor(visit);
  visitor(none());
  visitor(all());
  if (choices() <= options.exhaustive_max) return every_choice(visitor);
  ordered_choices(visitor);
  grouped_choices(visitor);
  line_choices(visitor, options);
  random_choices(visitor, options);
}

void CrashStates::every_choice(Visitor& visitor) const {
  Pick pick = none();
  for (std::size_t at = 0; at < pick.size() && !visitor.done();) {
    if (++pick[at] < units_[at].values.size()) {
      visitor(pick);
      at = 0;
    } else {
      pick[at++] = 0;
    }
  }
}

void CrashStates::ordered_choices(Visitor& visitor) const {
  for (const Store& store : stores_) {
    Pick single = none();
    single[store.unit] = store.value;
    visitor(single);
    if (visitor.done()) return;
  }
  const Pick whole = all();
  for (std::size_t unit = 0; unit < whole.size() && !visitor.done(); unit++) {
    Pick but_one = whole;
    but_one[unit] = but_one[unit] == 0 ? 1 : static_cast<std::uint8_t>(but_one[unit] - 1);
    visitor(but_one);
  }
  Pick pick = none();
  for (const Store& store : stores_) {
    pick[store.unit] = store.value;
    visitor(pick);
    if (visitor.done()) return;
  }
  pick = none();
  for (auto store = stores_.rbegin(); store != stores_.rend() && !visitor.done(); ++store) {
    if (pick[store->unit] == 0) pick[store->unit] = store->value;
    visitor(pick);
  }
}

void CrashStates::grouped_choices(Visitor& visitor) const {
  if (groups_.size() < 2) return;
  const Pick whole = all();
  const std::uint64_t sets = std::uint64_t{1} << std::min<std::uint64_t>(groups_.size(), kGroupsMax);
  for (std::uint64_t set = 1; set < sets && !visitor.done(); set++) {
    Pick pick = none();
    for (std::size_t group = 0; group < groups_.size(); group++) {
      if ((set >> std::min<std::uint64_t>(group, kGroupsMax - 1) & 1) == 0) continue;
      for (const std::uint32_t unit : groups_[group]) pick[unit] = whole[unit];
    }
    visitor(pick);
  }
}

void CrashStates::line_choices(Visitor& visitor, const EnumerationOptions& options) const {
  std::uint64_t product = 1;
  for (const std::vector<std::uint32_t>& line : lines_) {
    product = std::min<std::uint64_t>(product * (line.size() + 1), kLineStatesMax + 1);
  }
  const bool every = product <= kLineStatesMax;
  Random random{options.seed ^ 0x1111};
  const std::uint64_t states = every ? product : options.random_images;
  for (std::uint64_t state = 0; state < states && !visitor.done(); state++) {
    Pick pick = none();
    std::uint64_t rest = state;
    for (const std::vector<std::uint32_t>& line : lines_) {
      const std::uint64_t reached = every ? rest % (line.size() + 1) : random.below(line.size() + 1);
      rest /= line.size() + 1;
      for (std::uint64_t index = 0; index < reached; index++) {
        const Store& store = stores_[line[index]];
        pick[store.unit] = store.value;
      }
    }
    visitor(pick);
  }
}

void CrashStates::random_choices(Visitor& visitor, const EnumerationOptions& options) const {
  Random random{options.seed};
  // Many choices at one in two never leave nearly none or nearly all: let chance pick the odds as well.
  constexpr std::uint64_t kOddsOf256[] = {128, 128, 16, 240, 4, 252, 64, 192};
  for (std::uint32_t image = 0; image < options.random_images && !visitor.done(); image++) {
    const std::uint64_t odds = kOddsOf256[random.below(8)];
    Pick pick = none();
    for (std::size_t unit = 0; unit < pick.size(); unit++) {
      if (random.below(256) >= odds) continue;
      pick[unit] = static_cast<std::uint8_t>(1 + random.below(units_[unit].values.size() - 1));
    }
    visitor(pick);
  }
}

void CrashStates::sample(std::uint64_t seed, std::uint32_t images,
                         const std::function<bool(const Pick&)>& visit) const {
  Visitor visitor(visit);
  visitor(none());
  visitor(all());
  if (choices() <= images) return every_choice(visitor);
  EnumerationOptions options;
  options.seed = seed;
  options.random_images = images > 2 ? images - 2 : 0;
  random_choices(visitor, options);
}

void CrashStates::apply(const Pick& pick, RecordingMedium& target) const {
  for (std::size_t index = 0; index < pick.size(); index++) {
    if (pick[index] != 0) target.preset(units_[index].offset, units_[index].values[pick[index]]);
  }
}

void CrashStates::leave(const Pick& seen, const Pick& durable, RecordingMedium& target) const {
  for (std::size_t index = 0; index < seen.size(); index++) {
    if (seen[index] == durable[index]) continue;
    target.store64(units_[index].site, units_[index].offset, units_[index].values[seen[index]]);
  }
}

bool CrashStates::is_line_prefix(const Pick& pick) const {
  Pick now = none();
  for (const std::vector<std::uint32_t>& line : lines_) {
    std::size_t differing = 0;
    for (const std::uint32_t index : line) now[stores_[index].unit] = 255;
    for (const std::uint32_t index : line) {
      std::uint8_t& value = now[stores_[index].unit];
      if (value != 255) continue;
      value = 0;
      differing += pick[stores_[index].unit] != 0 ? 1 : 0;
    }
    bool reached = differing == 0;
    for (std::size_t at = 0; at < line.size() && !reached; at++) {
      const Store& store = stores_[line[at]];
      const bool was = now[store.unit] == pick[store.unit];
      now[store.unit] = store.value;
      const bool is = now[store.unit] == pick[store.unit];
      if (was && !is) differing++;
      if (!was && is) differing--;
      reached = differing == 0;
    }
    if (!reached) return false;
  }
  return true;
}

std::string CrashStates::describe(const Pick& pick) const {
  std::size_t chosen = 0;
  for (const std::uint8_t value : pick) chosen += value != 0 ? 1 : 0;
  std::string text = std::to_string(chosen) + " of " + std::to_string(pick.size()) + " outstanding chunks";
  if (chosen == 0 || chosen == pick.size()) return text;
  std::vector<std::uint32_t> order;
  for (std::uint32_t index = 0; index < pick.size(); index++) {
    if (pick[index] != 0) order.push_back(index);
  }
  std::sort(order.begin(), order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return units_[a].offset < units_[b].offset; });
  constexpr std::size_t kRangesMax = 12;
  std::size_t ranges = 0;
  text += ":";
  for (std::size_t at = 0; at < order.size(); ranges++) {
    std::size_t end = at + 1;
    while (end < order.size() && units_[order[end]].offset == units_[order[end - 1]].offset + kChunkBytes) end++;
    if (ranges == kRangesMax) return text + " and more";
    const Unit& first = units_[order[at]];
    const char* site = first.site == Site::count ? "earlier" : kSiteNames[static_cast<unsigned>(first.site)];
    char range[96];
    std::snprintf(range, sizeof range, " %s 0x%llx+%zu", site, static_cast<unsigned long long>(first.offset),
                  (end - at) * kChunkBytes);
    text += range;
    at = end;
  }
  return text;
}

}  // namespace indelible

// Which images a crash could leave, as choices: all of them where they are few, each once, and what x86 could show.
#include "../../native/crash_states.h"

#include <algorithm>
#include <set>

#include "check.h"

using namespace indelible;

namespace {

std::set<Pick> all_of(const CrashStates& states, const EnumerationOptions& options = {}) {
  std::set<Pick> picks;
  states.enumerate(options, [&](const Pick& pick) { return CHECK(picks.insert(pick).second); });
  return picks;
}

using Stores = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// What a crash could leave of a blank page after these stores.
CrashStates states_of(const Stores& stores) {
  RecordingMedium medium(std::vector<std::byte>(4096));
  for (const auto& [offset, value] : stores) medium.store64(Site::append_commit, offset, value);
  return CrashStates(medium);
}

}  // namespace

TEST(states_of_few_chunks_are_all_choices) {
  CHECK(all_of(states_of({{0, 1}, {8, 1}, {64, 1}, {128, 1}})).size() == 16);
}

TEST(states_of_a_chunk_stored_twice_are_three) {
  CHECK(all_of(states_of({{0, 1}, {0, 2}})).size() == 3);
  // What was stored and taken back is no state of its own.
  CHECK(all_of(states_of({{0, 0}, {8, 5}, {8, 5}})).size() == 2);
}

TEST(states_of_many_chunks_hold_singles_all_but_one_prefixes_and_suffixes) {
  Stores stores;
  for (std::uint64_t index = 0; index < 40; index++) stores.push_back({index * 8, index + 1});
  const CrashStates states = states_of(stores);
  const std::set<Pick> picks = all_of(states);
  for (std::size_t unit = 0; unit < 40; unit++) {
    Pick single = states.none();
    single[unit] = 1;
    Pick but_one = states.all();
    but_one[unit] = 0;
    Pick suffix = states.all();
    std::fill(suffix.begin(), suffix.begin() + static_cast<std::ptrdiff_t>(unit), 0);
    CHECK(picks.contains(single) && picks.contains(but_one) && picks.contains(suffix));
    CHECK(picks.contains(states.prefix(unit)));
  }
}

TEST(states_grouped_by_reads_hold_every_set_of_groups) {
  Stores stores;
  for (std::uint64_t index = 0; index < 24; index++) stores.push_back({index * 8, index + 1});
  CrashStates states = states_of(stores);
  states.group_by({{0, 64}, {64, 64}, {0, 192}});
  const std::set<Pick> picks = all_of(states);
  for (unsigned set = 0; set < 8; set++) {
    Pick pick = states.none();
    for (std::size_t unit = 0; unit < 24; unit++) pick[unit] = (set >> (unit / 8) & 1) != 0 ? 1 : 0;
    CHECK(picks.contains(pick));
  }
}

TEST(states_that_x86_could_show_are_prefixes_of_each_line) {
  const CrashStates states = states_of({{0, 1}, {8, 1}, {64, 1}});
  CHECK(states.is_line_prefix({0, 0, 1}));
  CHECK(states.is_line_prefix({1, 0, 0}));
  CHECK(states.is_line_prefix({1, 1, 1}));
  CHECK(!states.is_line_prefix({0, 1, 0}));
}

TEST(states_applied_make_the_image) {
  const CrashStates states = states_of({{0, 7}, {8, 9}});
  RecordingMedium image(std::vector<std::byte>(4096));
  states.apply({0, 1}, image);
  std::uint64_t values[2] = {};
  CHECK(image.read(0, values, sizeof values).ok());
  CHECK(values[0] == 0 && values[1] == 9 && image.outstanding() == 0);
}

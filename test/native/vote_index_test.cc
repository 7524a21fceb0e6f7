#include "../../native/vote_index.h"

#include <map>

#include "../../native/layout.h"
#include "check.h"

using indelible::mix64;
using indelible::VoteEntry;
using indelible::VoteIndex;

TEST(vote_index_agrees_with_a_map_through_inserts_and_removals) {
  for (std::uint64_t seed = 1; seed <= 20; seed++) {
    VoteIndex index;
    std::map<std::uint64_t, std::uint64_t> model;
    std::uint64_t state = seed;
    for (int step = 0; step < 5000; step++) {
      state = mix64(state + 0x9E3779B97F4A7C15);
      // Clustered, sparse and far slots.
      const std::uint64_t slot = 1 + (state % 3 == 0 ? state % 700 : (state % 64) * 1024 + seed);
      VoteEntry* found = index.find(slot);
      if (!CHECK((found != nullptr) == (model.count(slot) == 1))) return;
      if (found != nullptr && (state >> 40) % 2 == 0) {
        index.remove(found);
        model.erase(slot);
      } else if (found == nullptr) {
        VoteEntry entry;
        entry.slot = slot;
        entry.ballot = state >> 12;
        CHECK(index.reserve(1).ok());
        index.insert(entry);
        model[slot] = state >> 12;
      } else if (!CHECK(found->ballot == model[slot])) {
        return;
      }
    }
    std::size_t visited = 0;
    index.for_each([&](const VoteEntry& entry) { visited += model.count(entry.slot); });
    CHECK(visited == model.size());
    CHECK(index.size() == model.size());
  }
}

TEST(vote_index_forgets_all_through_a_slot_and_shows_each_once) {
  for (std::uint64_t seed = 1; seed <= 200; seed++) {
    VoteIndex index;
    std::map<std::uint64_t, int> shown;
    CHECK(index.reserve(190).ok());
    // Up to three quarters of the table are taken, and chains go around its end.
    for (std::uint64_t count = 0; count < 190; count++) {
      VoteEntry entry;
      entry.slot = 1 + mix64(seed * 1000 + count) % 2000;
      if (index.find(entry.slot) != nullptr) continue;
      index.insert(entry);
      shown[entry.slot] = 0;
    }
    const std::uint64_t through = mix64(seed) % 2200;
    index.remove_through(through, [&](const VoteEntry& entry) { shown[entry.slot]++; });
    std::size_t left = 0;
    for (const auto& [slot, times] : shown) {
      left += slot > through ? 1 : 0;
      CHECK(times == (slot <= through ? 1 : 0));
      CHECK((index.find(slot) != nullptr) == (slot > through));
    }
    CHECK(index.size() == left);
  }
}

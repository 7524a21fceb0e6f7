// Which images a power cut could leave of a recording medium, as choices of a value for each outstanding chunk.
//
// 1. A unit is a chunk with stores that are not durable and would change it; its values are the durable one
//    and every other one stored since. Any choice of values is a reachable state (medium.h, failure model 1).
// 2. With few choices in all every one is visited. Otherwise: none, all, each store alone, all but each unit,
//    the prefixes and suffixes of program order, every set of units that recovery's reads can tell apart,
//    states of the second model, and random ones. No choice is visited twice.
// 3. The second model is that of x86 caches: of each cache line some first part of its stores. It says whether
//    such a machine could show a state that the first model found wanting; it decides nothing.
// Equal media and options give equal choices in equal order: a number names an image.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "recording_medium.h"

namespace indelible {

struct EnumerationOptions {
  std::uint64_t seed = 0;
  /// Choices in all up to which every one is visited.
  std::uint64_t exhaustive_max = 4096;
  std::uint32_t random_images = 32;
};

/// Which value each unit takes, 0 being the durable one.
using Pick = std::vector<std::uint8_t>;

class CrashStates {
 public:
  explicit CrashStates(const RecordingMedium& medium);

  [[nodiscard]] std::size_t units() const { return units_.size(); }
  /// How many choices there are; at most about 2^40 is said exactly.
  [[nodiscard]] std::uint64_t choices() const;

  /// Units that the same of these reads cover can only be told apart by their values: they are chosen together.
  void group_by(const std::vector<ReadRange>& reads);

  /// Visits choices until `visit` says false.
  void enumerate(const EnumerationOptions& options, const std::function<bool(const Pick&)>& visit) const;

  /// At most `images` choices: none, all, and random ones.
  void sample(std::uint64_t seed, std::uint32_t images, const std::function<bool(const Pick&)>& visit) const;

  [[nodiscard]] Pick none() const { return Pick(units_.size(), 0); }
  [[nodiscard]] Pick all() const;
  /// After the first `count` of `stores()` stores.
  [[nodiscard]] Pick prefix(std::size_t count) const;
  [[nodiscard]] std::size_t stores() const { return stores_.size(); }

  /// Puts the choice in place in `target`, which holds the durable image.
  void apply(const Pick& pick, RecordingMedium& target) const;
  /// Lets `target` see the choice `seen`, where `durable` has been applied; none of the difference is flushed.
  void leave(const Pick& seen, const Pick& durable, RecordingMedium& target) const;
  /// Whether x86 caches could leave this choice.
  [[nodiscard]] bool is_line_prefix(const Pick& pick) const;
  /// Which units are new, by site and address.
  [[nodiscard]] std::string describe(const Pick& pick) const;

 private:
  struct Unit {
    std::uint64_t offset;
    /// The first site that stored to it.
    Site site;
    std::vector<std::uint64_t> values;
  };
  struct Store {
    std::uint32_t unit;
    std::uint8_t value;
  };
  class Visitor;

  void every_choice(Visitor& visitor) const;
  void ordered_choices(Visitor& visitor) const;
  void grouped_choices(Visitor& visitor) const;
  void line_choices(Visitor& visitor, const EnumerationOptions& options) const;
  void random_choices(Visitor& visitor, const EnumerationOptions& options) const;

  std::vector<Unit> units_;
  /// In program order.
  std::vector<Store> stores_;
  /// Indexes of `stores_`, by cache line.
  std::vector<std::vector<std::uint32_t>> lines_;
  /// Indexes of `units_`, by the reads that cover them.
  std::vector<std::vector<std::uint32_t>> groups_;
};

}  // namespace indelible

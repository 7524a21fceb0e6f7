// Judges the images that a crash could leave at one moment of a log's life, by the production recovery.
//
// Of every image, a power cut's or kill -9's:
//  1. it is opened, and what was found is kept by outcome: which outcomes are legal the owner knows;
//  2. what was found is durable once `open` has returned: a crash behind it and a second recovery find the same;
//  3. the log takes groups of other lengths and types behind it, which are there after one more recovery.
// Of some, and of all that few units decide, besides:
//  4. a crash at every fence inside that recovery leaves an image as good (second level);
//  5. a crash at every fence of the groups behind it leaves what was found and some first ones of them.
// An image counts as another one if recovery reads other bytes of it than of any before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "crash_states.h"
#include "log_outcome.h"
#include "recording_medium.h"
#include "static_header.h"

namespace indelible {

struct ExploreOptions {
  EnumerationOptions enumeration;
  /// Images of kill -9: first parts of the stores, of which little or nothing is durable.
  std::uint32_t kills = 4;
  /// One image in so many is crashed again inside its recovery and behind it.
  std::uint32_t deep_every = 8;
  /// Images at each fence of the second level.
  std::uint32_t inner_images = 4;
  /// The medium forgets at power loss: images are opened as after one, by another boot, and not crashed again.
  bool forgets = false;
  /// Judges this image alone, the n-th of the moment; ~0: all.
  std::uint64_t only_image = ~std::uint64_t{0};
};

/// What recovery made of some of the images, and one of them.
struct OutcomeClass {
  LogOutcome outcome;
  /// Images of the first and of the second level.
  std::uint64_t images = 0;
  std::uint64_t inner_images = 0;
  std::uint64_t image_number = 0;
  bool x86 = false;
  std::string trail;
  std::vector<std::byte> seen;
  std::vector<std::byte> durable;
};

struct CrashPoint {
  /// `Site::count` between two operations.
  Site site = Site::count;
  std::size_t units = 0;
  bool exhaustive = false;
  std::uint64_t images = 0;
  std::uint64_t kills = 0;
  std::uint64_t inner_images = 0;
  std::uint64_t x86_images = 0;
  std::uint64_t distinct = 0;
  std::vector<OutcomeClass> classes;
  /// What was violated, empty if nothing was, and by which image.
  std::string violation;
  std::string trail;
  std::uint64_t image_number = 0;
  bool x86 = false;
};

class CrashExplorer {
 public:
  /// Whatever `medium` could leave now; `site` is that of the fence about to take effect.
  CrashPoint explore(const RecordingMedium& medium, Site site, const ExploreOptions& options);

  /// Formats `medium` again and again, over what crashes in the formatting left; a moment for every fence.
  std::vector<CrashPoint> explore_format(RecordingMedium& medium, const FormatOptions& format,
                                         const ExploreOptions& options);

  /// Distinct images by the fence they were taken at; the last place is for those between operations.
  using Counts = std::array<std::uint64_t, static_cast<std::size_t>(Site::count) + 1>;
  [[nodiscard]] const Counts& distinct() const { return distinct_; }

 private:
  /// How much of the list above an image goes through.
  enum class Rigor : std::uint8_t { open, go_on, deep };
  /// One crash on the way to an image: of what `base` could leave, `durable`, and seen besides `seen`.
  struct Step {
    const char* what;
    Site site;
    const RecordingMedium* base;
    const CrashStates* states;
    const Pick* durable;
    const Pick* seen;
  };
  struct Group;
  /// What may be found while groups are written behind a recovery: from `outcomes[answered]` on.
  struct Behind {
    std::vector<LogOutcome> outcomes;
    std::size_t answered = 0;
  };

  void judge_all(const RecordingMedium& medium, Site site);
  bool judge_image(const Step& step, Rigor rigor);
  void judge(unsigned depth, Rigor rigor);
  void crash_inside(const char* what, unsigned depth, Site site);
  void check_lasting(unsigned depth, const LogOutcome& found);
  void go_on(unsigned depth, const LogOutcome& found, bool deep);
  void check_behind(unsigned depth, Site site, const Behind& behind);
  void format_again(unsigned depth);

  RecordingMedium& medium_at(unsigned depth, const RecordingMedium& like);
  static void prepare(const Step& step, RecordingMedium& medium);
  LogOutcome open(RecordingMedium& medium, bool fused, std::unique_ptr<Log>& log);
  void count(const RecordingMedium& medium, Site site);
  void note(const LogOutcome& found);
  void violated(const char* what);
  [[nodiscard]] std::string trail() const;
  [[nodiscard]] bool x86() const;
  std::uint64_t draw() { return mix64(random_ += 0x9E3779B97F4A7C15); }

  std::unordered_set<std::uint64_t> judged_;
  Counts distinct_{};
  std::array<std::unique_ptr<RecordingMedium>, 5> media_;
  ExploreOptions options_;
  CrashPoint point_;
  std::vector<Step> steps_;
  std::uint64_t image_ = 0;
  std::uint64_t random_ = 0;
  /// Not nullptr while a formatting is explored.
  const FormatOptions* format_ = nullptr;
};

}  // namespace indelible

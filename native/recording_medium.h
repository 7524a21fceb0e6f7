// A region in ordinary memory that knows what a crash could leave of it.
//
// 1. It keeps three images: what loads see, what is durable, and the outstanding stores in between.
// 2. A crash image takes, for every outstanding 8-byte chunk, the durable value or any value stored since
//    (medium.h, failure model 1), chosen by a seed.
// 3. A store that did not come through here is found at the next fence when checking is on.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "medium.h"

namespace indelible {

enum class TraceKind : std::uint8_t { write, store, flush, reflush, fence };

struct TraceEntry {
  TraceKind kind;
  Site site;
  std::uint64_t offset;
  std::uint64_t length;
};

class RecordingMedium final : public Medium {
 public:
  /// Everything in `image` counts as durable.
  explicit RecordingMedium(std::vector<std::byte> image);
  /// What a process finds after kill -9 of another: it sees `seen`, of which only `durable` is durable.
  RecordingMedium(std::vector<std::byte> seen, std::vector<std::byte> durable);

  [[nodiscard]] std::uint64_t size() const override { return seen_.size(); }
  void write(Site site, std::uint64_t offset, const void* source, std::uint64_t length) override;
  void store64(Site site, std::uint64_t offset, std::uint64_t value) override;
  void flush(Site site, std::uint64_t offset, std::uint64_t length) override;
  void reflush(Site site, std::uint64_t offset, std::uint64_t length) override;
  [[nodiscard]] Status fence(Site site) override;
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override;

  /// Stores since they were last made durable.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }
  /// What a power cut at this moment leaves; every seed is one choice.
  void crash_image(std::uint64_t seed, std::byte* image) const;
  /// What kill -9 leaves: every executed store.
  [[nodiscard]] const std::vector<std::byte>& seen() const { return seen_; }
  /// What is durable, nothing outstanding.
  [[nodiscard]] const std::vector<std::byte>& durable() const { return durable_; }

  /// Called before each fence takes effect: the moment with the most crash states.
  void on_fence(std::function<void(Site)> callback) { on_fence_ = std::move(callback); }
  /// The next fence fails as an EIO would; nothing becomes durable by it.
  void fail_next_fence() { fail_next_fence_ = true; }

  /// Keeps a trace, and compares memory with a shadow at every fence.
  void record(bool on);
  [[nodiscard]] std::vector<TraceEntry>& trace() { return trace_; }
  /// True once a fence found bytes that no traced store wrote.
  [[nodiscard]] bool untraced_store() const { return untraced_store_; }

 private:
  struct Store {
    std::uint64_t offset;
    std::uint64_t value;
    bool flushed;
  };

  void store(std::uint64_t offset, std::uint64_t value, bool flushed);
  void trace(TraceKind kind, Site site, std::uint64_t offset, std::uint64_t length);

  std::vector<std::byte> seen_;
  std::vector<std::byte> durable_;
  /// In program order; one chunk may appear more than once.
  std::vector<Store> outstanding_;
  std::function<void(Site)> on_fence_;
  bool fail_next_fence_ = false;
  bool recording_ = false;
  bool untraced_store_ = false;
  std::vector<TraceEntry> trace_;
  std::vector<std::byte> shadow_;
};

}  // namespace indelible

// A region in ordinary memory that knows what a crash could leave of it.
//
// 1. It keeps three images: what loads see, what is durable, and the outstanding stores in between.
// 2. A crash image takes, for every outstanding 8-byte chunk, the durable value or any value stored since
//    (medium.h, failure model 1), chosen by a seed.
// 3. A store that did not come through here is found at the next fence when checking is on.
// 4. A medium that forgets at power loss, such as memory under an emulation, makes nothing durable by a fence,
//    and a range by `settle`.
// 5. What is read can be noted: two images are one to recovery if it reads the same bytes of both.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "medium.h"

namespace indelible {

enum class TraceKind : std::uint8_t { write, store, flush, reflush, fence, settle };

struct TraceEntry {
  TraceKind kind;
  Site site;
  std::uint64_t offset;
  std::uint64_t length;
};

/// A stored chunk that is not durable yet.
struct OutstandingStore {
  std::uint64_t offset;
  std::uint64_t value;
  Site site;
  bool flushed;
};

struct ReadRange {
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
  [[nodiscard]] Status settle(Site site, std::uint64_t offset, std::uint64_t length) override;
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override;

  /// Begins again as the constructors do, in the memory that is there; both images have this medium's size.
  void reset(const std::vector<std::byte>& image);
  void reset(const std::vector<std::byte>& seen, const std::vector<std::byte>& durable);
  /// Puts a durable chunk in place, as part of the image.
  void preset(std::uint64_t offset, std::uint64_t value);

  /// Stores since they were last made durable.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }
  /// The same in program order; one chunk may appear more than once.
  [[nodiscard]] const std::vector<OutstandingStore>& stores() const { return outstanding_; }
  /// What a power cut at this moment leaves; every seed is one choice.
  void crash_image(std::uint64_t seed, std::byte* image) const;
  /// What kill -9 leaves: every executed store.
  [[nodiscard]] const std::vector<std::byte>& seen() const { return seen_; }
  /// What is durable, nothing outstanding.
  [[nodiscard]] const std::vector<std::byte>& durable() const { return durable_; }

  /// Called before each fence takes effect: the moment with the most crash states.
  void on_fence(std::function<void(Site)> callback) { on_fence_ = std::move(callback); }
  /// Called before each store or write takes effect.
  void on_store(std::function<void(Site, std::uint64_t, std::uint64_t)> callback) {
    on_store_ = std::move(callback);
  }
  /// Notes from now on what is read: a digest of all bytes in order, and the ranges where asked for.
  void note_reads(bool ranges);
  [[nodiscard]] std::uint64_t reads_digest() const { return reads_digest_; }
  [[nodiscard]] const std::vector<ReadRange>& reads() const { return reads_; }

  /// The next fence fails as an EIO would; nothing becomes durable by it.
  void fail_next_fence() { fail_next_fence_ = true; }

  /// Overwrites what is durable, and what is seen of it, as a medium that rots does.
  void spoil(std::uint64_t offset, const void* bytes, std::uint64_t length);
  /// From now on it forgets at power loss.
  void forget_at_power_loss() { forgets_ = true; }

  /// Keeps a trace, and compares memory with a shadow at every fence.
  void record(bool on);
  [[nodiscard]] std::vector<TraceEntry>& trace() { return trace_; }
  /// True once a fence found bytes that no traced store wrote.
  [[nodiscard]] bool untraced_store() const { return untraced_store_; }

 private:
  void store(Site site, std::uint64_t offset, std::uint64_t value, bool flushed);
  void find_outstanding();
  /// A later value of the chunk is being made durable: this one can come back no more.
  [[nodiscard]] bool overwritten_and_flushed(std::size_t index) const;
  void trace(TraceKind kind, Site site, std::uint64_t offset, std::uint64_t length);

  std::vector<std::byte> seen_;
  std::vector<std::byte> durable_;
  std::vector<OutstandingStore> outstanding_;
  std::function<void(Site)> on_fence_;
  std::function<void(Site, std::uint64_t, std::uint64_t)> on_store_;
  bool noting_reads_ = false;
  bool noting_ranges_ = false;
  std::uint64_t reads_digest_ = 0;
  std::vector<ReadRange> reads_;
  bool fail_next_fence_ = false;
  bool forgets_ = false;
  bool recording_ = false;
  bool untraced_store_ = false;
  std::vector<TraceEntry> trace_;
  std::vector<std::byte> shadow_;
};

}  // namespace indelible

// A region file mapped into memory: real persistent memory, or any file that behaves as if it were.
//
// 1. The file is locked (flock) as long as the mapping lives; a second process is refused.
// 2. Mode pmem opens only what libpmem calls persistent memory on this very open, with nothing in the
//    environment that makes libpmem lie.
// 3. A fault under the mapping (SIGBUS) ends in an error that says where, of the read or fence that meets it
//    and of every later one.
// 4. Mode pmem flushes through libpmem and nothing else; the emulations do it without where it is not installed.
// 5. With `msync`, a fence is an msync of what was flushed since the last one; otherwise it is sfence.
#pragma once

#include <memory>

#include "device_state.h"
#include "fault_catcher.h"
#include "medium.h"
#include "pmem_library.h"
#include "rows.h"

namespace indelible {

enum class MapMode : std::uint8_t { pmem, emulated, emulated_msync };

class MappedMedium final : public Medium {
 public:
  static Status open(const char* path, MapMode mode, std::unique_ptr<MappedMedium>& medium);
  /// Whether a region in `directory` would be persistent memory: asked of an unnamed file that is gone again.
  static Status try_directory(const char* directory);
  ~MappedMedium() override;

  /// True where nothing outlives the machine whatever is synced: on tmpfs and ramfs, and on a device over
  /// ordinary memory.
  [[nodiscard]] bool in_memory_only() const { return in_memory_only_; }
  /// What makes what is written here durable: "libpmem", an instruction of the processor, or "msync".
  [[nodiscard]] const char* flushed_by() const { return mode_ == MapMode::emulated_msync ? "msync" : pmem_->name; }
  /// Zeros unless the mode is pmem and the platform says.
  [[nodiscard]] const DeviceState& device_state() const { return device_state_; }

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void write(Site site, std::uint64_t offset, const void* source, std::uint64_t length) override;
  void prefetch(std::uint64_t offset) override { __builtin_prefetch(base_ + offset, 1); }
  void store64(Site site, std::uint64_t offset, std::uint64_t value) override;
  void flush(Site site, std::uint64_t offset, std::uint64_t length) override;
  void reflush(Site site, std::uint64_t offset, std::uint64_t length) override;
  [[nodiscard]] Status fence(Site site) override;
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override;
  /// Through the file where there is one: a bad block is an error number there, a signal in a device's mapping.
  [[nodiscard]] Status probe(std::uint64_t offset, void* target, std::uint64_t length) override;
  [[nodiscard]] Status settle(Site site, std::uint64_t offset, std::uint64_t length) override;

 private:
  struct Range {
    std::uint64_t from;
    std::uint64_t end;
  };

  explicit MappedMedium(const LibPmem* library) : pmem_(library) {}
  Status lock(const char* path);
  Status map(const char* path);
  void note(std::uint64_t offset, std::uint64_t length);
  Status fault();

  const LibPmem* pmem_;
  char* base_ = nullptr;
  std::uint64_t size_ = 0;
  int lock_fd_ = -1;
  MapMode mode_ = MapMode::emulated;
  bool in_memory_only_ = false;
  bool is_file_ = false;
  DeviceState device_state_;
  FaultCatcher faults_;
  char fault_sentence_[192] = "";
  /// Page ranges flushed since the last fence; used with msync only.
  Rows<Range> dirty_;
};

}  // namespace indelible

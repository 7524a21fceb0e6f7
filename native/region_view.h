// A region as it lies there: nothing is written, no lock is taken, and it may be in use, damaged or no region
// at all. A file is read where it is asked for, since it may be larger than memory; a DAX device, which cannot
// be read, is mapped for reading.
#pragma once

#include <memory>

#include "fault_catcher.h"
#include "file_descriptor.h"
#include "medium.h"

namespace indelible {

class RegionView final : public Medium {
 public:
  static Status open(const char* path, std::unique_ptr<RegionView>& view);
  ~RegionView() override;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  /// Pages the medium cannot give come back as zeros: what is looked at may be damaged.
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override;

  void write(Site /*site*/, std::uint64_t /*offset*/, const void* /*source*/, std::uint64_t /*length*/) override {}
  void store64(Site /*site*/, std::uint64_t /*offset*/, std::uint64_t /*value*/) override {}
  void flush(Site /*site*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) override {}
  void reflush(Site /*site*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) override {}
  [[nodiscard]] Status fence(Site /*site*/) override { return Status::good(); }

 private:
  explicit RegionView(int fd) : file_(fd) {}
  Status map_device(dev_t device);

  FileDescriptor file_;
  std::uint64_t size_ = 0;
  /// Of a device alone.
  char* base_ = nullptr;
  FaultCatcher faults_;
};

}  // namespace indelible

// What the platform says of the device a region lies on: which one it is, and how often it lost power without
// being able to flush its buffers. Linux keeps both in sysfs, for NVDIMMs that count it (ACPI NFIT, PAPR, CXL).
//
// 0 is "not known", in both: an ordinary file system, a device that does not count. Nothing here fails.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace indelible {

struct DeviceState {
  /// Made of the ids of all modules the region's bytes are interleaved over.
  std::uint64_t device_id = 0;
  /// Of all of them together.
  std::uint64_t unsafe_shutdowns = 0;
};

/// Of the block or character device `device`; `sysfs` is where the kernel's view is mounted.
DeviceState device_state_of(dev_t device, bool is_character_device, const char* sysfs = "/sys");

/// Bytes of a DAX device; 0 if it is none.
std::uint64_t bytes_of_device(dev_t device, const char* sysfs = "/sys");

}  // namespace indelible

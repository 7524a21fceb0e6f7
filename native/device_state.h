// What the platform says of the device a region lies on: which one it is, how often it lost power without being
// able to flush its buffers, and whether it is ordinary memory that only plays persistent memory. Linux keeps the
// first two in sysfs, for NVDIMMs that count it (ACPI NFIT, PAPR, CXL).
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
  /// Memory that the kernel was told to call persistent (`memmap=nG!sG`), or a DAX device over memory that nobody
  /// calls so (volatile CXL, `efi_fake_mem`): libpmem takes both for persistent memory, and they lose all.
  bool is_volatile = false;
};

/// Of the block or character device `device`; `sysfs` is where the kernel's view is mounted, `command_line` the
/// file that holds what it was started with.
DeviceState device_state_of(dev_t device, bool is_character_device, const char* sysfs = "/sys",
                            const char* command_line = "/proc/cmdline");

/// Bytes of a DAX device; 0 if it is none.
std::uint64_t bytes_of_device(dev_t device, const char* sysfs = "/sys");

}  // namespace indelible

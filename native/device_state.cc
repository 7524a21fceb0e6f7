#include "device_state.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

#include "crc64.h"
#include "file_descriptor.h"

namespace indelible {
namespace {

/// How deep a partition of a namespace lies below its region.
constexpr int kLevelsMax = 6;

/// The first line of a small file; empty if there is none.
std::string line_of(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t got = file.get() < 0 ? -1 : ::read(file.get(), text, sizeof text);
  std::string line(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  return line.substr(0, line.find('\n'));
}

std::string resolved(const std::string& path) {
  char real[PATH_MAX];
  return ::realpath(path.c_str(), real) == nullptr ? std::string() : std::string(real);
}

/// Names of the memory modules under the region's bytes: `mapping0` reads "nmem0,0,17179869184,0".
std::vector<std::string> modules_of(const std::string& region) {
  std::vector<std::string> names;
  for (int index = 0;; index++) {
    const std::string mapping = line_of(region + "/mapping" + std::to_string(index));
    if (mapping.empty()) return names;
    names.push_back(mapping.substr(0, mapping.find(',')));
  }
}

/// What tells of the bus a region hangs on: "ACPI.NFIT", "e820", …; empty for what is no such region.
std::string provider_of(const std::string& region) {
  return line_of(region.substr(0, region.rfind('/')) + "/provider");
}

/// The directory of the region a device belongs to; empty for other devices.
std::string region_of(const std::string& device) {
  std::string at = device;
  for (int level = 0; level < kLevelsMax && !at.empty(); level++) {
    const std::size_t slash = at.rfind('/');
    if (slash == std::string::npos) break;
    if (at.compare(slash + 1, 6, "region") == 0 && !provider_of(at).empty()) return at;
    at.resize(slash);
  }
  return {};
}

/// The value of an attribute that each kind of module keeps in a folder of its own.
std::string attribute_of(const std::string& module, const char* name) {
  for (const char* kind : {"/nfit/", "/papr/", "/cxl/", "/"}) {
    std::string value = line_of(module + kind + name);
    if (!value.empty()) return value;
  }
  return {};
}

/// Whether the kernel was told to call ordinary memory persistent. Firmware that knows an old kind of NVDIMM has
/// the same provider, but needs no such word.
bool plays_memory(const char* command_line) {
  const std::string line = line_of(command_line);
  for (std::size_t at = line.find("memmap="); at != std::string::npos; at = line.find("memmap=", at + 1)) {
    if (line.substr(at, line.find(' ', at) - at).find('!') != std::string::npos) return true;
  }
  return false;
}

std::string sysfs_link_of(dev_t device, bool is_character_device, const char* sysfs) {
  const std::string number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  return std::string(sysfs) + (is_character_device ? "/dev/char/" : "/dev/block/") + number;
}

}  // namespace

DeviceState device_state_of(dev_t device, bool is_character_device, const char* sysfs, const char* command_line) {
  const std::string region = region_of(resolved(sysfs_link_of(device, is_character_device, sysfs)));
  DeviceState state;
  state.is_volatile =
      region.empty() ? is_character_device : provider_of(region) == "e820" && plays_memory(command_line);
  const std::vector<std::string> modules = region.empty() ? std::vector<std::string>() : modules_of(region);
  if (modules.empty()) return state;
  std::string ids;
  for (const std::string& name : modules) {
    const std::string module = std::string(sysfs) + "/bus/nd/devices/" + name;
    const std::string count = attribute_of(module, "dirty_shutdown");
    // One module that does not count, and what the others say is not the whole truth.
    if (count.empty()) return {};
    state.unsafe_shutdowns += std::strtoull(count.c_str(), nullptr, 0);
    ids += attribute_of(module, "id") + ";";
  }
  state.device_id = crc64(ids.data(), ids.size());
  return state;
}

std::uint64_t bytes_of_device(dev_t device, const char* sysfs) {
  return std::strtoull(line_of(sysfs_link_of(device, true, sysfs) + "/size").c_str(), nullptr, 0);
}

}  // namespace indelible

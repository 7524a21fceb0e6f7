// What sysfs says of persistent memory, read from a tree of the same shape.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "../../native/device_state.h"
#include "check.h"
#include "scratch.h"

using namespace indelible;

namespace {

struct Tree {
  std::string root;

  Tree() {
    root = scratch::directory();
    const std::string region = "/devices/LNXSYSTM:00/ndbus0/region0";
    make(region + "/namespace0.0/block/pmem0/pmem0p1");
    make("/dev/block");
    make("/bus/nd/devices");
    write("/devices/LNXSYSTM:00/ndbus0/provider", "ACPI.NFIT\n");
    write(region + "/mapping0", "nmem0,0,1073741824,0\n");
    write(region + "/mapping1", "nmem1,0,1073741824,1\n");
    for (const char* module : {"nmem0", "nmem1"}) {
      make(std::string("/devices/LNXSYSTM:00/ndbus0/") + module + "/nfit");
      link("/devices/LNXSYSTM:00/ndbus0/" + std::string(module), "/bus/nd/devices/" + std::string(module));
    }
    link(region + "/namespace0.0/block/pmem0/pmem0p1", "/dev/block/259:1");
    module("nmem0", "8089-a2-1834-00000001", "4");
    module("nmem1", "8089-a2-1834-00000002", "0x2");
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { CHECK(std::system(("rm -r " + root).c_str()) == 0); }

  void make(const std::string& path) const { CHECK(std::system(("mkdir -p " + root + path).c_str()) == 0); }
  void link(const std::string& from, const std::string& to) const {
    CHECK(::symlink((root + from).c_str(), (root + to).c_str()) == 0);
  }
  void write(const std::string& path, const std::string& text) const {
    std::FILE* file = std::fopen((root + path).c_str(), "w");
    CHECK(file != nullptr && std::fputs(text.c_str(), file) >= 0);
    std::fclose(file);
  }
  void module(const std::string& name, const std::string& id, const std::string& count) const {
    write("/devices/LNXSYSTM:00/ndbus0/" + name + "/nfit/id", id + "\n");
    write("/devices/LNXSYSTM:00/ndbus0/" + name + "/nfit/dirty_shutdown", count + "\n");
  }
  [[nodiscard]] DeviceState state() const { return device_state_of(makedev(259, 1), false, root.c_str()); }
};

}  // namespace

TEST(device_state_sums_what_all_modules_of_a_region_count) {
  const Tree tree;
  const DeviceState before = tree.state();
  CHECK(before.unsafe_shutdowns == 6);
  CHECK(before.device_id != 0);
  tree.module("nmem1", "8089-a2-1834-00000002", "3");
  CHECK(tree.state().unsafe_shutdowns == 7);
  CHECK(tree.state().device_id == before.device_id);
  tree.module("nmem1", "8089-a2-1834-00000003", "3");
  CHECK(tree.state().device_id != before.device_id);
}

TEST(device_state_is_zero_where_the_platform_does_not_say) {
  const Tree tree;
  tree.module("nmem1", "8089-a2-1834-00000002", "");
  CHECK(tree.state().device_id == 0 && tree.state().unsafe_shutdowns == 0);
  CHECK(device_state_of(makedev(8, 1), false, tree.root.c_str()).device_id == 0);
  CHECK(device_state_of(makedev(259, 1), true, tree.root.c_str()).device_id == 0);
}

TEST(device_state_knows_the_size_of_a_dax_device_and_of_no_other) {
  const Tree tree;
  tree.make("/devices/LNXSYSTM:00/ndbus0/region0/dax0.0/dax0.0");
  tree.make("/dev/char");
  tree.write("/devices/LNXSYSTM:00/ndbus0/region0/dax0.0/dax0.0/size", "400556032\n");
  tree.link("/devices/LNXSYSTM:00/ndbus0/region0/dax0.0/dax0.0", "/dev/char/252:0");
  CHECK(bytes_of_device(makedev(252, 0), tree.root.c_str()) == 400556032);
  CHECK(bytes_of_device(makedev(1, 5), tree.root.c_str()) == 0);
}

TEST(device_state_tells_memory_that_plays_persistent_memory) {
  const Tree tree;
  tree.write("/cmdline", "quiet memmap=4G!12G root=/dev/vda1\n");
  const std::string command_line = tree.root + "/cmdline";
  const auto is_volatile = [&](dev_t device, bool is_character_device) {
    return device_state_of(device, is_character_device, tree.root.c_str(), command_line.c_str()).is_volatile;
  };
  // An NVDIMM beside it is one all the same.
  CHECK(!is_volatile(makedev(259, 1), false));
  tree.write("/devices/LNXSYSTM:00/ndbus0/provider", "e820\n");
  CHECK(is_volatile(makedev(259, 1), false));
  // An old NVDIMM that the firmware knows of, and memory kept away from the kernel.
  tree.write("/cmdline", "quiet memmap=64K$0x18000000 root=/dev/vda!\n");
  CHECK(!is_volatile(makedev(259, 1), false));
  // A DAX device that belongs to no region, and a disk.
  CHECK(is_volatile(makedev(252, 7), true));
  CHECK(!is_volatile(makedev(8, 1), false));
}

#include "region_view.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "device_state.h"
#include "file_probe.h"

namespace indelible {

Status RegionView::open(const char* path, std::unique_ptr<RegionView>& view) {
  // Not to be waited for, should it be a pipe.
  std::unique_ptr<RegionView> opened(new RegionView(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
  const int fd = opened->file_.get();
  if (fd < 0 && errno == ENOENT) return Status::failed(Code::store_missing, "there is no region at this path");
  if (fd < 0) return Status::io(errno, Syscall::open, "the region cannot be opened for reading");
  struct stat about {};
  if (::fstat(fd, &about) != 0) return Status::io(errno, Syscall::fstat, "the region cannot be examined");
  if (S_ISDIR(about.st_mode)) return Status::io(EISDIR, Syscall::open, "a directory is no region");
  opened->size_ = static_cast<std::uint64_t>(about.st_size);
  if (S_ISCHR(about.st_mode)) {
    if (Status status = opened->map_device(about.st_rdev); !status.ok()) return status;
  }
  view = std::move(opened);
  return Status::good();
}

Status RegionView::map_device(dev_t device) {
  size_ = bytes_of_device(device);
  if (size_ == 0) return Status::failed(Code::store_foreign, "the device is no DAX device: it tells no size");
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (address == MAP_FAILED) return Status::io(errno, Syscall::mmap, "the device cannot be mapped for reading");
  base_ = static_cast<char*>(address);
  return faults_.watch(base_, size_);
}

RegionView::~RegionView() {
  faults_.release();
  if (base_ != nullptr) ::munmap(base_, size_);
}

Status RegionView::read(std::uint64_t offset, void* target, std::uint64_t length) {
  if (base_ == nullptr) return probe_file(file_.get(), offset, target, length);
  std::memcpy(target, base_ + offset, length);
  if (faults_.caught()) return Status::io(EIO, Syscall::memory, "the device cannot be read (SIGBUS)");
  return Status::good();
}

}  // namespace indelible

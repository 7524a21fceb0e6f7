#include "mapped_medium.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "file_descriptor.h"
#include "file_probe.h"
#include "layout.h"
#include "own_pmem.h"

namespace indelible {
namespace {

constexpr const char* kNotHonest =
    "PMEM_IS_PMEM_FORCE or PMEM_NO_FLUSH is set, or was when libpmem was loaded: libpmem would call any mapping "
    "persistent memory; start without them, or use mode emulated";
constexpr const char* kNotPmem =
    "the mapping is not persistent memory (no DAX, or no MAP_SYNC); mode emulated takes any file and says what "
    "it survives";

}  // namespace

Status MappedMedium::try_directory(const char* directory) {
  const LibPmem* library = nullptr;
  if (Status status = load_libpmem(library); !status.ok()) return status;
  if (!library->honest || !environment_is_honest()) return Status::failed(Code::not_persistent_memory, kNotHonest);
  const FileDescriptor file(::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    // Every file system with DAX has unnamed files.
    if (errno == EOPNOTSUPP || errno == EISDIR) return Status::failed(Code::not_persistent_memory, kNotPmem);
    return Status::io(errno, Syscall::open, "the directory cannot be written");
  }
  if (::ftruncate(file.get(), kPageBytes) != 0) {
    return Status::io(errno, Syscall::open, "the directory cannot be written");
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  std::size_t mapped = 0;
  int is_pmem = 0;
  void* address = library->map_file(path.c_str(), 0, 0, 0, &mapped, &is_pmem);
  if (address == nullptr) return Status::io(errno, Syscall::pmem_map_file, library->errormsg());
  library->unmap(address, mapped);
  return is_pmem != 0 ? Status::good() : Status::failed(Code::not_persistent_memory, kNotPmem);
}

Status MappedMedium::open(const char* path, MapMode mode, std::unique_ptr<MappedMedium>& medium) {
  const LibPmem* library = nullptr;
  if (Status status = load_libpmem(library); !status.ok()) {
    if (mode == MapMode::pmem) return status;
    library = &own_pmem();
  }
  if (mode == MapMode::pmem) {
    if (!library->honest || !environment_is_honest()) {
      return Status::failed(Code::not_persistent_memory, kNotHonest);
    }
  }
  std::unique_ptr<MappedMedium> opened(new MappedMedium(library));
  opened->mode_ = mode;
  if (Status status = opened->dirty_.reserve(1); !status.ok()) return status;
  if (Status status = opened->lock(path); !status.ok()) return status;
  if (Status status = opened->map(path); !status.ok()) return status;
  medium = std::move(opened);
  return Status::good();
}

Status MappedMedium::lock(const char* path) {
  lock_fd_ = ::open(path, O_RDWR | O_CLOEXEC);
  if (lock_fd_ < 0) {
    if (errno == ENOENT) return Status::failed(Code::store_missing, "there is no region at this path");
    return Status::io(errno, Syscall::open, "the region cannot be opened for writing");
  }
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Status::failed(Code::store_locked, "another process has the region open");
    }
    return Status::io(errno, Syscall::flock, "the region cannot be locked");
  }
  struct statfs filesystem {};
  if (::fstatfs(lock_fd_, &filesystem) != 0) {
    return Status::io(errno, Syscall::fstatfs, "the region cannot be examined");
  }
  struct stat file {};
  if (::fstat(lock_fd_, &file) != 0) return Status::io(errno, Syscall::fstat, "the region cannot be examined");
  is_file_ = S_ISREG(file.st_mode);
  if (mode_ == MapMode::pmem) device_state_ = device_state_of(is_file_ ? file.st_dev : file.st_rdev, !is_file_);
  // The names of devices are in memory too, but not what they name.
  const bool in_memory = is_file_ && (filesystem.f_type == TMPFS_MAGIC || filesystem.f_type == RAMFS_MAGIC);
  in_memory_only_ = in_memory || device_state_.is_volatile;
  if (is_file_ && static_cast<std::uint64_t>(file.st_size) <= kLogOffset) {
    return Status::failed(Code::store_foreign, "the file is too short to be a region");
  }
  return Status::good();
}

Status MappedMedium::map(const char* path) {
  std::size_t mapped = 0;
  int is_pmem = 0;
  // Length 0 and no flags: with PMEM_FILE_CREATE libpmem would truncate an existing file.
  void* address = pmem_->map_file(path, 0, 0, 0, &mapped, &is_pmem);
  if (address == nullptr) return Status::io(errno, Syscall::pmem_map_file, pmem_->errormsg());
  base_ = static_cast<char*>(address);
  size_ = mapped;
  if (Status status = faults_.watch(base_, size_); !status.ok()) return status;
  if (mode_ == MapMode::pmem && is_pmem == 0) {
    return Status::failed(Code::not_persistent_memory, kNotPmem);
  }
  return Status::good();
}

MappedMedium::~MappedMedium() {
  faults_.release();
  if (base_ != nullptr) pmem_->unmap(base_, size_);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

void MappedMedium::note(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t from = offset / kPageBytes * kPageBytes;
  const std::uint64_t end = align_up(offset + length, kPageBytes);
  for (Range& range : dirty_) {
    if (from > range.end || end < range.from) continue;
    if (from < range.from) range.from = from;
    if (end > range.end) range.end = end;
    return;
  }
  if (dirty_.push({from, end}).ok()) return;
  // Without memory for another range one goes over both: what lies between is synced as well.
  Range& last = dirty_.back();
  last.from = std::min(last.from, from);
  last.end = std::max(last.end, end);
}

void MappedMedium::write(Site /*site*/, std::uint64_t offset, const void* source, std::uint64_t length) {
  if (mode_ == MapMode::emulated_msync) {
    std::memcpy(base_ + offset, source, length);
    note(offset, length);
    return;
  }
  pmem_->memcpy_nodrain(base_ + offset, source, length);
}

void MappedMedium::store64(Site /*site*/, std::uint64_t offset, std::uint64_t value) {
  std::atomic_ref<std::uint64_t> word(*reinterpret_cast<std::uint64_t*>(base_ + offset));
  static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);
  word.store(value, std::memory_order_release);
}

void MappedMedium::flush(Site /*site*/, std::uint64_t offset, std::uint64_t length) {
  if (mode_ == MapMode::emulated_msync) {
    note(offset, length);
    return;
  }
  pmem_->flush(base_ + offset, length);
}

void MappedMedium::reflush(Site site, std::uint64_t offset, std::uint64_t length) {
  if (mode_ == MapMode::emulated_msync) {
    // A page whose earlier msync failed may be marked clean: storing to it makes the next msync write it.
    for (std::uint64_t at = offset; at < offset + length; at = at / kPageBytes * kPageBytes + kPageBytes) {
      std::atomic_ref<std::uint64_t> word(*reinterpret_cast<std::uint64_t*>(base_ + at));
      word.store(word.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
  }
  flush(site, offset, length);
}

Status MappedMedium::fence(Site /*site*/) {
  if (mode_ != MapMode::emulated_msync) {
    pmem_->drain();
    return faults_.caught() ? fault() : Status::good();
  }
  if (faults_.caught()) return fault();
  for (const Range& range : dirty_) {
    const std::uint64_t end = range.end < size_ ? range.end : size_;
    if (::msync(base_ + range.from, end - range.from, MS_SYNC) != 0) {
      return Status::io(errno, Syscall::msync, "the region could not be synced");
    }
  }
  dirty_.clear();
  return faults_.caught() ? fault() : Status::good();
}

Status MappedMedium::settle(Site site, std::uint64_t offset, std::uint64_t length) {
  if (Status status = fence(site); !status.ok()) return status;
  if (mode_ != MapMode::emulated || in_memory_only_) return Status::good();
  if (::msync(base_ + offset, length, MS_SYNC) != 0) {
    return Status::io(errno, Syscall::msync, "the region could not be synced");
  }
  return Status::good();
}

Status MappedMedium::fault() {
  std::snprintf(fault_sentence_, sizeof fault_sentence_,
                "bytes %" PRIu64 " to %" PRIu64 " of the region can no longer be reached (SIGBUS): its file was cut "
                "off, or the medium failed there",
                faults_.offset(), faults_.offset() + faults_.length() - 1);
  return Status::io(EIO, Syscall::memory, fault_sentence_);
}

Status MappedMedium::read(std::uint64_t offset, void* target, std::uint64_t length) {
  std::memcpy(target, base_ + offset, length);
  return faults_.caught() ? fault() : Status::good();
}

Status MappedMedium::probe(std::uint64_t offset, void* target, std::uint64_t length) {
  if (!is_file_) {
    faults_.copy_past_bad(target, base_ + offset, length);
    return faults_.caught() ? fault() : Status::good();
  }
  if (Status status = probe_file(lock_fd_, offset, target, length); !status.ok()) return status;
  return faults_.caught() ? fault() : Status::good();
}

}  // namespace indelible

#include "file_probe.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "layout.h"

namespace indelible {

Status probe_file(int fd, std::uint64_t offset, void* target, std::uint64_t length) {
  auto* bytes = static_cast<std::byte*>(target);
  while (length > 0) {
    ssize_t got = ::pread(fd, bytes, length, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EIO) {
      const std::uint64_t block = std::min(length, kPageBytes - offset % kPageBytes);
      got = ::pread(fd, bytes, block, static_cast<off_t>(offset));
      if (got < 0 && errno == EIO) {
        std::memset(bytes, 0, block);
        got = static_cast<ssize_t>(block);
      }
    }
    if (got < 0) return Status::io(errno, Syscall::pread, "the region cannot be read");
    if (got == 0) return Status::io(EIO, Syscall::pread, "the region's file was cut off");
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    length -= static_cast<std::uint64_t>(got);
  }
  return Status::good();
}

}  // namespace indelible

#include "region_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "file_descriptor.h"
#include "mapped_medium.h"

namespace indelible {
namespace {

constexpr std::uint64_t kFillBytes = 1 << 20;

Status write_all(int fd, const std::byte* bytes, std::uint64_t length, std::uint64_t offset) {
  while (length > 0) {
    const ssize_t written = ::pwrite(fd, bytes, length, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Status::io(errno, Syscall::pwrite, "the new region could not be written");
    bytes += written;
    offset += static_cast<std::uint64_t>(written);
    length -= static_cast<std::uint64_t>(written);
  }
  return Status::good();
}

Status fill(int fd, const FormatOptions& options) {
  const std::vector<std::byte> start = formatted_start(options);
  if (Status status = write_all(fd, start.data(), start.size(), 0); !status.ok()) return status;
  const std::vector<std::byte> zeros(kFillBytes);
  const std::uint64_t end = kLogOffset + options.log_length;
  for (std::uint64_t at = start.size(); at < end; at += kFillBytes) {
    Status status = write_all(fd, zeros.data(), std::min(kFillBytes, end - at), at);
    if (!status.ok()) return status;
  }
  if (::fsync(fd) != 0) return Status::io(errno, Syscall::fsync, "the new region could not be synced");
  return Status::good();
}

Status publish(const std::string& temporary, const char* path, const std::string& directory) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return Status::failed(Code::store_exists, "a file is there already; nothing was written");
    return Status::io(errno, Syscall::renameat2, "the new region could not be put in place");
  }
  const FileDescriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) {
    return Status::io(errno, Syscall::fsync, "the region's directory could not be synced");
  }
  return Status::good();
}

/// A device is there already and has its length; what it holds, if it is no region, is written over. Records of
/// an earlier region may stay in the log: their incarnation is another.
Status format_device(const char* path, const FormatOptions& options) {
  std::unique_ptr<MappedMedium> medium;
  if (Status status = MappedMedium::open(path, MapMode::pmem, medium); !status.ok()) return status;
  StaticHeaders headers;
  const Status found = load_static_headers(*medium, headers);
  if (found.code == Code::store_io) return found;
  if (found.code != Code::store_foreign) {
    return Status::failed(Code::store_exists, "the device holds a region already; nothing was written");
  }
  if (medium->size() < kLogOffset + options.log_length) {
    return Status::failed(Code::argument, "the device is smaller than the region");
  }
  return format_medium(*medium, options);
}

}  // namespace

Status create_region_file(const char* path, const FormatOptions& options) {
  if (Status status = check_format(options); !status.ok()) return status;
  struct stat existing {};
  // Device DAX, by its own name or through a link in the replica's directory.
  if (::stat(path, &existing) == 0 && S_ISCHR(existing.st_mode)) return format_device(path, options);
  if (::lstat(path, &existing) == 0) {
    return Status::failed(Code::store_exists, "a file is there already; nothing was written");
  }
  const std::string target(path);
  const std::size_t slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : target.substr(0, slash + 1);
  const std::string temporary = target + ".formatting-" + std::to_string(options.incarnation);
  const FileDescriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    if (errno == ENOENT) return Status::failed(Code::store_missing, "the region's directory does not exist");
    return Status::io(errno, Syscall::open, "the new region could not be created");
  }
  Status status = fill(file.get(), options);
  if (status.ok()) status = publish(temporary, path, directory);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

Status read_boot_id(std::uint8_t (&boot_id)[16]) {
  const FileDescriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[36];
  if (file.get() < 0 || ::read(file.get(), text, sizeof text) != static_cast<ssize_t>(sizeof text)) {
    return Status::io(errno, Syscall::read, "the machine's boot id cannot be read from /proc");
  }
  int digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (digits >= 32) break;
    std::uint8_t& byte = boot_id[digits / 2];
    byte = static_cast<std::uint8_t>(digits % 2 == 0 ? value << 4 : byte | value);
    digits++;
  }
  return Status::good();
}

Status draw_incarnation(std::uint64_t& incarnation) {
  if (::getrandom(&incarnation, sizeof incarnation, 0) != static_cast<ssize_t>(sizeof incarnation)) {
    return Status::io(errno, Syscall::getrandom, "no random number could be drawn");
  }
  return Status::good();
}

}  // namespace indelible

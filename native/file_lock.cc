#include "file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace indelible {
namespace {

/// Whether `fd` is the file that `path` names now.
bool is_at(int fd, const char* path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::stat(path, &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

Status FileLock::take(const char* path, std::unique_ptr<FileLock>& lock) {
  // Each turn that does not end here follows another holder who came and went.
  for (;;) {
    // For writing: a network file system makes a byte-range lock of it, which needs that.
    std::unique_ptr<FileLock> taken(new FileLock(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644)));
    const int fd = taken->file_.get();
    if (fd < 0) return Status::io(errno, Syscall::open, "the lock file cannot be opened");
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return Status::failed(Code::store_locked, "the lock is held");
      return Status::io(errno, Syscall::flock, "the lock file cannot be locked");
    }
    if (!is_at(fd, path)) continue;
    lock = std::move(taken);
    return Status::good();
  }
}

}  // namespace indelible

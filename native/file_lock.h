// A lock that one open file holds, in whatever process, thread or container: the kernel keeps it with the file,
// not with a process id, and lets it go when the last descriptor of it is closed, so also when a process dies.
#pragma once

#include <memory>

#include "file_descriptor.h"
#include "status.h"

namespace indelible {

class FileLock {
 public:
  /// Creates the file if need be and locks it. Whoever lets go of the lock may remove the file first: a file that
  /// is not the one at `path` any more is not taken for it. `store_locked` while somebody holds it.
  static Status take(const char* path, std::unique_ptr<FileLock>& lock);

 private:
  explicit FileLock(int fd) : file_(fd) {}

  FileDescriptor file_;
};

}  // namespace indelible

// How the native half reports what went wrong: a value, never a C++ exception.
//
// Codes map one to one onto lib/errors.ts; `what` is a literal that says it in a human's words.
#pragma once

#include <cerrno>
#include <cstdint>

namespace indelible {

enum class Code : std::uint8_t {
  ok = 0,
  argument = 1,
  store_missing = 2,
  store_exists = 3,
  store_foreign = 4,
  store_version = 5,
  store_locked = 6,
  store_corrupt = 7,
  store_io = 8,
  store_poisoned = 9,
  log_full = 10,
  not_persistent_memory = 11,
  native_missing = 12,
  digest_mismatch = 13,
  store_exhausted = 14,
};

/// What the system refused.
enum class Syscall : std::uint8_t {
  none, fence, flock, fstat, fstatfs, fsync, getrandom, malloc, memory, mmap, msync, open, pmem_map_file, pread,
  pwrite, read, renameat2, sigaction,
};

inline constexpr const char* kSyscallNames[] = {
    "",      "fence", "flock", "fstat",         "fstatfs", "fsync",  "getrandom", "malloc",    "memory",
    "mmap",  "msync", "open",  "pmem_map_file", "pread",   "pwrite", "read",      "renameat2", "sigaction",
};

/// Two words, so that it is returned in registers: read back from memory it would wait for every cache line
/// that is still being flushed.
struct [[nodiscard]] Status {
  Code code = Code::ok;
  Syscall syscall = Syscall::none;
  /// The system's errno, 0 if none was involved.
  int errnum = 0;
  const char* what = "";

  [[nodiscard]] bool ok() const { return code == Code::ok; }

  static Status good() { return {}; }
  static Status failed(Code code, const char* what) { return {code, Syscall::none, 0, what}; }
  static Status io(int errnum, Syscall syscall, const char* what) {
    return {Code::store_io, syscall, errnum, what};
  }
  /// The machine is short of memory: nothing is known of the medium then.
  static Status no_memory() { return io(ENOMEM, Syscall::malloc, "there is not enough memory"); }
};
static_assert(sizeof(Status) == 16);

}  // namespace indelible

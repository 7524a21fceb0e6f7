// libpmem, loaded when the first region is mapped, so that neither building nor loading the addon needs it. For
// mode emulated own_pmem.h stands in where it is not installed.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "status.h"

namespace indelible {

/// The functions of libpmem.h that a mapped region needs; native/rigs/recording_libpmem.cc holds their types
/// against that header's.
struct LibPmem {
  /// PMEM_FILE_CREATE, a flag of `map_file`.
  static constexpr int kFileCreate = 1;
  void* (*map_file)(const char* path, std::size_t length, int flags, mode_t mode, std::size_t* mapped, int* is_pmem);
  int (*unmap)(void* address, std::size_t length);
  void (*flush)(const void* address, std::size_t length);
  void (*drain)();
  void* (*memcpy_nodrain)(void* target, const void* source, std::size_t length);
  const char* (*errormsg)();
  /// What flushes: "libpmem", or the instruction of the addon's own way.
  const char* name;
  /// False if libpmem was loaded here under a variable that makes it call any mapping persistent memory: it
  /// reads its environment once, then.
  bool honest;
};

/// False while PMEM_IS_PMEM_FORCE or PMEM_NO_FLUSH is set.
bool environment_is_honest();

/// Sets `library`, or says how to get libpmem. INDELIBLE_LIBPMEM names another file than libpmem.so.1; one that
/// cannot be loaded is as if libpmem were not installed.
Status load_libpmem(const LibPmem*& library);

}  // namespace indelible

// libpmem, loaded when the first region is mapped, so that loading the addon never needs it.
#pragma once

#include <libpmem.h>

#include "status.h"

namespace indelible {

struct LibPmem {
  decltype(&::pmem_map_file) map_file;
  decltype(&::pmem_unmap) unmap;
  decltype(&::pmem_flush) flush;
  decltype(&::pmem_drain) drain;
  decltype(&::pmem_memcpy_nodrain) memcpy_nodrain;
  decltype(&::pmem_errormsg) errormsg;
  /// False if libpmem was loaded here under a variable that makes it call any mapping persistent memory: it
  /// reads its environment once, then.
  bool honest;
};

/// False while PMEM_IS_PMEM_FORCE or PMEM_NO_FLUSH is set.
bool environment_is_honest();

/// Sets `library`, or says how to get libpmem.
Status load_libpmem(const LibPmem*& library);

}  // namespace indelible

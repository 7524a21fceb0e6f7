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
};

/// Sets `library`, or says how to get libpmem.
Status load_libpmem(const LibPmem*& library);

}  // namespace indelible

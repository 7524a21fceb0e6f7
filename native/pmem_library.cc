#include "pmem_library.h"

#include <dlfcn.h>

#include <cstdlib>

namespace indelible {
namespace {

template <typename Function>
bool resolve(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

struct Loaded {
  LibPmem functions{};
  bool complete = false;

  Loaded() {
    functions.name = "libpmem";
    functions.honest = environment_is_honest();
    const char* named = std::getenv("INDELIBLE_LIBPMEM");
    void* library = dlopen(named != nullptr ? named : "libpmem.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    complete = resolve(library, "pmem_map_file", functions.map_file) &&
               resolve(library, "pmem_unmap", functions.unmap) &&
               resolve(library, "pmem_flush", functions.flush) &&
               resolve(library, "pmem_drain", functions.drain) &&
               resolve(library, "pmem_memcpy_nodrain", functions.memcpy_nodrain) &&
               resolve(library, "pmem_errormsg", functions.errormsg);
  }
};

}  // namespace

bool environment_is_honest() {
  return std::getenv("PMEM_IS_PMEM_FORCE") == nullptr && std::getenv("PMEM_NO_FLUSH") == nullptr;
}

Status load_libpmem(const LibPmem*& library) {
  static const Loaded loaded;
  if (!loaded.complete) {
    return Status::failed(Code::native_missing,
                          "mode pmem needs libpmem, and libpmem.so.1 could not be loaded; install it with: apt-get "
                          "install libpmem1 (Debian, Ubuntu) or dnf install libpmem (Fedora)");
  }
  library = &loaded.functions;
  return Status::good();
}

}  // namespace indelible

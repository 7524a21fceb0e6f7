// CRCs for the fuzz targets. The vectorised function is not instrumented: the range it will read is checked
// first.
#include <sanitizer/asan_interface.h>

#include "../crc64.h"
#include "demand.h"

namespace indelible {

/// What native/crc64.cc is compiled to here.
std::uint64_t crc64_unchecked(const void* bytes, std::size_t length);

std::uint64_t crc64(const void* bytes, std::size_t length) {
  void* from = const_cast<void*>(bytes);
  fuzz::demand(length == 0 || __asan_region_is_poisoned(from, length) == nullptr,
               "a CRC stays in its buffer");
  return crc64_unchecked(bytes, length);
}

}  // namespace indelible

/// Less for the sanitizer to remember, so that what it needs stays in the cache.
extern "C" const char* __asan_default_options();
const char* __asan_default_options() {
  return "quarantine_size_mb=2:thread_local_quarantine_size_kb=64:malloc_context_size=2";
}

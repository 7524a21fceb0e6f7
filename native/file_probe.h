// Reads a file past what its medium cannot give.
#pragma once

#include <cstdint>

#include "status.h"

namespace indelible {

/// Reads a range. Pages the medium cannot give (EIO) come back as zeros; a range that reaches behind the end of
/// the file is an error.
Status probe_file(int fd, std::uint64_t offset, void* target, std::uint64_t length);

}  // namespace indelible

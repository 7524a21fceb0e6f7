// Region files: made once, whole or not at all, and never over one that exists.
#pragma once

#include <cstdint>

#include "static_header.h"

namespace indelible {

/// Writes a temporary file beside `path`, syncs it, renames it, syncs the directory. Every byte of the file
/// is allocated, so that no later store can run out of space. A DAX device, or a link to one, is formatted in
/// place, unless it holds a region.
Status create_region_file(const char* path, const FormatOptions& options);

/// 16 bytes that differ after every boot of this machine.
Status read_boot_id(std::uint8_t (&boot_id)[16]);

/// A number nobody can guess; keys the commit words of one store.
Status draw_incarnation(std::uint64_t& incarnation);

}  // namespace indelible

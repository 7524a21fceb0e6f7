// Damage with an understanding of the layout: a script's edits of one image, each a field, a block or a byte,
// and the CRCs over it recomputed where the script says so, because else nothing behind the first check is
// reached.
#pragma once

#include "base_image.h"
#include "script.h"

namespace indelible::fuzz {

/// Applies a number of edits that the script names; `image` starts as the bytes of `base`.
void edit(const BaseImage& base, std::byte* image, Script& script);

/// Recomputes CRCs in place: of one copy of the static header, of one root slot, of a record's payloads,
/// descriptors and header.
void seal_static_header(std::byte* image, int copy);
void seal_root_slot(std::byte* image, int copy, int slot);
void seal_record(const BaseImage& base, std::byte* image, std::uint64_t offset);

}  // namespace indelible::fuzz

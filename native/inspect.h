// Describes a region in JSON without changing it: headers, roots, every record found, damaged or not,
// and what recovery would conclude.
#pragma once

#include <string>

#include "medium.h"

namespace indelible {

/// Numbers that do not fit a JavaScript number are hex strings. Fails only when the medium cannot be read.
Status inspect(Medium& medium, std::string& json);

}  // namespace indelible

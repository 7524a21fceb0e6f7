// File locks as JavaScript sees them. A lock is held until it is released or its environment ends, whether or not
// JavaScript still reaches it: what it keeps others from may be written until then.
#pragma once

#include <napi.h>

namespace indelible {

/// lockFile(path): a function that lets go of the lock; called again it does nothing.
Napi::Value lock_file(const Napi::CallbackInfo& info);

}  // namespace indelible

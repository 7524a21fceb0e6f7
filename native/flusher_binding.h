// The flusher as JavaScript sees it (lib/native/flusher.ts has its types).
//
// 1. The memory of a job is referenced until its end has been seen by the event loop.
// 2. The event loop stays alive while a job is under way, and no longer.
// 3. When the environment ends, the write under way is waited for and the rest is dropped, before any memory
//    or descriptor goes.
#pragma once

#include <napi.h>

namespace indelible {

/// openFlusher(onProgress)
Napi::Value open_flusher(const Napi::CallbackInfo& info);

}  // namespace indelible

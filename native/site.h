// Every place in the log, its recovery and its formatting that stores, flushes or fences has a name here.
// A recorded trace carries it, so that a crash image can be blamed on an instruction.
#pragma once

#include <cstdint>

namespace indelible {

enum class Site : std::uint8_t {
  format_invalidate,
  format_invalidate_fence,
  format_body,
  format_body_fence,
  format_magic,
  format_magic_fence,
  append_body,
  append_payload,
  append_empty,
  append_body_fence,
  append_commit,
  append_commit_fence,
  root_slot,
  root_slot_fence,
  root_flip,
  root_flip_fence,
  recover_header,
  recover_record,
  recover_tail,
  recover_fence,
  recover_commit,
  recover_commit_fence,
  count,
};

inline constexpr const char* kSiteNames[] = {
    "format.invalidate",   "format.invalidate-fence", "format.body",      "format.body-fence",
    "format.magic",        "format.magic-fence",      "append.body",      "append.payload",
    "append.empty",        "append.body-fence",       "append.commit",    "append.commit-fence",
    "root.slot",           "root.slot-fence",         "root.flip",        "root.flip-fence",
    "recover.header",      "recover.record",          "recover.tail",     "recover.fence",
    "recover.commit",      "recover.commit-fence",
};
static_assert(sizeof(kSiteNames) / sizeof(kSiteNames[0]) == static_cast<unsigned>(Site::count));

}  // namespace indelible

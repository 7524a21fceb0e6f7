#include <cstring>

#include "binding.h"

namespace indelible {
namespace {

/// crashImage(seed)
Napi::Value crash_image(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t seed = 0;
  if (!integer_of(info[0], seed)) return raise_argument(info.Env(), "crashImage takes a seed");
  auto image = Napi::Uint8Array::New(info.Env(), handle.recording->size());
  handle.recording->crash_image(seed, reinterpret_cast<std::byte*>(image.Data()));
  return image;
}

Napi::Value seen_image(Handle& handle, const Napi::CallbackInfo& info) {
  return copy_of(info.Env(), handle.recording->seen());
}

Napi::Value durable_image(Handle& handle, const Napi::CallbackInfo& info) {
  return copy_of(info.Env(), handle.recording->durable());
}

Napi::Value outstanding(Handle& handle, const Napi::CallbackInfo& info) {
  return make_number(info.Env(), handle.recording->outstanding());
}

Napi::Value fail_next_fence(Handle& handle, const Napi::CallbackInfo& /*info*/) {
  handle.recording->fail_next_fence();
  return {};
}

/// flip(offset, bits): turns bits of a durable byte over, as a medium that rots does.
Napi::Value flip(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t offset = 0;
  std::uint64_t bits = 0;
  const bool good = integer_of(info[0], offset) && integer_of(info[1], bits) && bits <= 0xFF;
  if (!good || offset >= handle.recording->size()) {
    return raise_argument(info.Env(), "flip takes an offset in the region and eight bits");
  }
  const std::uint64_t chunk = offset - offset % sizeof(std::uint64_t);
  std::uint64_t value = 0;
  std::memcpy(&value, handle.recording->durable().data() + chunk, sizeof value);
  handle.recording->preset(chunk, value ^ (bits << (8 * (offset - chunk))));
  return {};
}

/// record(on: 0 | 1)
Napi::Value record(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t on = 0;
  if (!integer_of(info[0], on)) return raise_argument(info.Env(), "record takes 0 or 1");
  handle.recording->record(on != 0);
  return {};
}

/// takeTrace(): four doubles an entry: kind, site, offset, length. Forgets them.
Napi::Value take_trace(Handle& handle, const Napi::CallbackInfo& info) {
  std::vector<TraceEntry>& trace = handle.recording->trace();
  std::vector<double> numbers;
  numbers.reserve(trace.size() * 4);
  for (const TraceEntry& entry : trace) {
    numbers.insert(numbers.end(), {static_cast<double>(entry.kind), static_cast<double>(entry.site),
                                   static_cast<double>(entry.offset), static_cast<double>(entry.length)});
  }
  trace.clear();
  return make_doubles(info.Env(), numbers);
}

Napi::Value untraced_store(Handle& handle, const Napi::CallbackInfo& info) {
  return make_number(info.Env(), handle.recording->untraced_store() ? 1 : 0);
}

/// spoil(offset, bytes)
Napi::Value spoil(Handle& handle, const Napi::CallbackInfo& info) {
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes;
  if (!integer_of(info[0], offset) || !bytes_of(info[1], bytes) || offset > handle.recording->size() ||
      bytes.size() > handle.recording->size() - offset) {
    return raise_argument(info.Env(), "spoil takes an offset and bytes within the image");
  }
  handle.recording->spoil(offset, bytes.data(), bytes.size());
  return {};
}

/// powerBreach(): what PoWER's monitor saw first; empty if nothing, or if the medium is not watched.
Napi::Value power_breach(Handle& handle, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), handle.monitor == nullptr ? "" : handle.monitor->breach());
}

/// release(): frees the images at once instead of when the collector comes by.
Napi::Value release(Handle& handle, const Napi::CallbackInfo& /*info*/) {
  handle.release();
  return {};
}

}  // namespace

void bind_recording(Napi::Object object, const std::shared_ptr<Handle>& handle) {
  bind(object, handle, "crashImage", Needs::recording, crash_image);
  bind(object, handle, "seenImage", Needs::recording, seen_image);
  bind(object, handle, "durableImage", Needs::recording, durable_image);
  bind(object, handle, "outstanding", Needs::recording, outstanding);
  bind(object, handle, "failNextFence", Needs::recording, fail_next_fence);
  bind(object, handle, "flip", Needs::recording, flip);
  bind(object, handle, "record", Needs::recording, record);
  bind(object, handle, "takeTrace", Needs::recording, take_trace);
  bind(object, handle, "untracedStore", Needs::recording, untraced_store);
  bind(object, handle, "spoil", Needs::recording, spoil);
  bind(object, handle, "powerBreach", Needs::recording, power_breach);
  bind(object, handle, "release", Needs::nothing, release);
}

}  // namespace indelible

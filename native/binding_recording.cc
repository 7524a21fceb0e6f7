#include <cstring>

#include "binding.h"

namespace indelible {
namespace {

RecordingMedium* medium_of(napi_env env, napi_callback_info info, Handle*& handle, std::size_t& count,
                           napi_value* arguments) {
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  handle = static_cast<Handle*>(data);
  if (handle->recording == nullptr) napi_throw_error(env, "ERR_INDELIBLE_STORE_CLOSED", "the store is closed");
  return handle->recording;
}

napi_value copy_of(napi_env env, const std::vector<std::byte>& image) {
  std::byte* target = nullptr;
  napi_value bytes = make_bytes(env, image.size(), target);
  std::memcpy(target, image.data(), image.size());
  return bytes;
}

/// crashImage(seed)
napi_value crash_image(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, arguments);
  if (medium == nullptr) return nullptr;
  std::uint64_t seed = 0;
  if (count < 1 || !integer_of(env, arguments[0], seed)) return raise_argument(env, "crashImage takes a seed");
  std::byte* target = nullptr;
  napi_value bytes = make_bytes(env, medium->size(), target);
  medium->crash_image(seed, target);
  return bytes;
}

napi_value seen_image(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  return medium == nullptr ? nullptr : copy_of(env, medium->seen());
}

napi_value durable_image(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  return medium == nullptr ? nullptr : copy_of(env, medium->durable());
}

napi_value outstanding(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  return medium == nullptr ? nullptr : make_number(env, static_cast<double>(medium->outstanding()));
}

napi_value fail_next_fence(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  if (medium != nullptr) medium->fail_next_fence();
  return nullptr;
}

/// record(on: 0 | 1)
napi_value record(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, arguments);
  if (medium == nullptr) return nullptr;
  std::uint64_t on = 0;
  if (count < 1 || !integer_of(env, arguments[0], on)) return raise_argument(env, "record takes 0 or 1");
  medium->record(on != 0);
  return nullptr;
}

/// takeTrace(): four doubles an entry: kind, site, offset, length. Forgets them.
napi_value take_trace(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  if (medium == nullptr) return nullptr;
  std::vector<double> numbers;
  numbers.reserve(medium->trace().size() * 4);
  for (const TraceEntry& entry : medium->trace()) {
    numbers.insert(numbers.end(), {static_cast<double>(entry.kind), static_cast<double>(entry.site),
                                   static_cast<double>(entry.offset), static_cast<double>(entry.length)});
  }
  medium->trace().clear();
  return make_doubles(env, numbers);
}

napi_value untraced_store(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, nullptr);
  return medium == nullptr ? nullptr : make_number(env, medium->untraced_store() ? 1 : 0);
}

/// sampleAtFences(images, seed): keeps that many crash images of every fence from now on.
napi_value sample_at_fences(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value arguments[2];
  Handle* handle = nullptr;
  RecordingMedium* medium = medium_of(env, info, handle, count, arguments);
  if (medium == nullptr) return nullptr;
  if (count < 2 || !integer_of(env, arguments[0], handle->samples_per_fence) ||
      !integer_of(env, arguments[1], handle->sample_seed)) {
    return raise_argument(env, "sampleAtFences takes a count and a seed");
  }
  medium->on_fence([handle](Site site) { take_samples(handle, site); });
  return nullptr;
}

/// takeSamples(): [site, image, site, image …]; forgets them.
napi_value take_samples_out(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  Handle* handle = nullptr;
  if (medium_of(env, info, handle, count, nullptr) == nullptr) return nullptr;
  napi_value array = nullptr;
  napi_create_array(env, &array);
  std::uint32_t index = 0;
  for (const Sample& sample : handle->samples) {
    napi_set_element(env, array, index++, make_number(env, static_cast<double>(sample.site)));
    napi_set_element(env, array, index++, copy_of(env, sample.image));
  }
  handle->samples.clear();
  return array;
}

/// release(): frees the images at once instead of when the collector comes by.
napi_value release(napi_env env, napi_callback_info info) {
  std::size_t count = 0;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, nullptr, nullptr, &data);
  static_cast<Handle*>(data)->release();
  return nullptr;
}

}  // namespace

void take_samples(Handle* handle, Site site) {
  if (handle->samples_per_fence == 0) return;
  const RecordingMedium& medium = *handle->recording;
  // With nothing outstanding every choice is the same image.
  const std::uint64_t images = medium.outstanding() == 0 ? 1 : handle->samples_per_fence;
  for (std::uint64_t index = 0; index < images; index++) {
    std::vector<std::byte> image(medium.size());
    medium.crash_image(handle->sample_seed++, image.data());
    handle->samples.push_back({site, std::move(image)});
  }
}

void bind_recording(napi_env env, napi_value object, Handle* handle) {
  bind(env, object, handle, "crashImage", crash_image);
  bind(env, object, handle, "seenImage", seen_image);
  bind(env, object, handle, "durableImage", durable_image);
  bind(env, object, handle, "outstanding", outstanding);
  bind(env, object, handle, "failNextFence", fail_next_fence);
  bind(env, object, handle, "record", record);
  bind(env, object, handle, "takeTrace", take_trace);
  bind(env, object, handle, "untracedStore", untraced_store);
  bind(env, object, handle, "sampleAtFences", sample_at_fences);
  bind(env, object, handle, "takeSamples", take_samples_out);
  bind(env, object, handle, "release", release);
}

}  // namespace indelible

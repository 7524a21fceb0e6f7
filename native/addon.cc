// The addon: what can be done without an open region, and how one is opened. Nothing here is global; what an
// environment has open is closed when it ends.
#include <cstring>
#include <memory>

#include "binding.h"
#include "crc64.h"
#include "inspect.h"
#include "mapped_medium.h"
#include "region_file.h"

namespace indelible {
namespace {

bool identity_of(napi_env env, napi_value value, std::uint8_t (&target)[16]) {
  const std::byte* bytes = nullptr;
  std::size_t length = 0;
  if (!bytes_of(env, value, bytes, length) || length != sizeof target) return false;
  std::memcpy(target, bytes, sizeof target);
  return true;
}

bool format_options_of(napi_env env, napi_value object, FormatOptions& options) {
  std::uint64_t replica = 0;
  std::uint64_t alignment = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t record_items = 0;
  if (!identity_of(env, named(env, object, "clusterId"), options.cluster_id) ||
      !identity_of(env, named(env, object, "storeUuid"), options.store_uuid) ||
      !integer_of(env, named(env, object, "replicaId"), replica) ||
      !integer_of(env, named(env, object, "alignment"), alignment) ||
      !integer_of(env, named(env, object, "logBytes"), options.log_length) ||
      !integer_of(env, named(env, object, "recordBytesMax"), record_bytes) ||
      !integer_of(env, named(env, object, "recordItemsMax"), record_items) ||
      !integer_of(env, named(env, object, "incarnation"), options.incarnation)) {
    return false;
  }
  if ((replica | alignment | record_bytes | record_items) > UINT32_MAX) return false;
  options.replica_id = static_cast<std::uint32_t>(replica);
  options.alignment = static_cast<std::uint32_t>(alignment);
  options.record_bytes_max = static_cast<std::uint32_t>(record_bytes);
  options.record_items_max = static_cast<std::uint32_t>(record_items);
  return true;
}

Addon* addon_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Addon*>(data);
}

/// formatFile(path, options): incarnation 0 draws one.
napi_value format_file(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  std::string path;
  FormatOptions options;
  if (count < 2 || !string_of(env, arguments[0], path) || !format_options_of(env, arguments[1], options)) {
    return raise_argument(env, "formatFile takes a path and format options");
  }
  Status status = Status::good();
  if (options.incarnation == 0) status = draw_incarnation(options.incarnation);
  if (status.ok()) status = create_region_file(path.c_str(), options);
  return status.ok() ? nullptr : raise(env, status);
}

/// formatImage(options): the bytes of a fresh region.
napi_value format_image(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  FormatOptions options;
  if (count < 1 || !format_options_of(env, arguments[0], options)) {
    return raise_argument(env, "formatImage takes format options");
  }
  if (Status status = check_format(options); !status.ok()) return raise(env, status);
  const std::vector<std::byte> start = formatted_start(options);
  std::byte* target = nullptr;
  napi_value image = make_bytes(env, kLogOffset + options.log_length, target);
  if (image == nullptr) return raise_argument(env, "an image of that size cannot be allocated");
  std::memcpy(target, start.data(), start.size());
  return image;
}

napi_value open_log(napi_env env, std::unique_ptr<Handle> handle, const OpenOptions& options) {
  handle->addon = addon_of(env);
  Status status = Log::open(*handle->medium, options, handle->log);
  if (!status.ok()) return raise(env, status);
  return expose(env, std::move(handle));
}

/// openFile(path, mode: 0 pmem, 1 emulated, 2 emulated with msync, fused: 0 | 1)
napi_value open_file(napi_env env, napi_callback_info info) {
  std::size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  std::string path;
  std::uint64_t mode = 0;
  std::uint64_t fused = 0;
  if (count < 3 || !string_of(env, arguments[0], path) || !integer_of(env, arguments[1], mode) || mode > 2 ||
      !integer_of(env, arguments[2], fused)) {
    return raise_argument(env, "openFile takes a path, a mode and whether to fuse");
  }
  OpenOptions options;
  options.fused = fused != 0;
  if (Status status = read_boot_id(options.boot_id); !status.ok()) return raise(env, status);
  std::unique_ptr<MappedMedium> medium;
  Status status = MappedMedium::open(path.c_str(), static_cast<MapMode>(mode), medium);
  if (!status.ok()) return raise(env, status);
  const bool survives_power = mode != 1 && !medium->in_memory_only();
  options.process_only = !survives_power;
  if (mode == 2) options.alignment_min = kPageBytes;
  auto handle = std::make_unique<Handle>();
  handle->medium = std::move(medium);
  napi_value object = open_log(env, std::move(handle), options);
  if (object != nullptr) set(env, object, "survivesPower", make_number(env, survives_power ? 1 : 0));
  return object;
}

/// openRecording(seen, durable, fused, imagesPerFence, seed)
napi_value open_recording(napi_env env, napi_callback_info info) {
  std::size_t count = 5;
  napi_value arguments[5];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const std::byte* seen = nullptr;
  const std::byte* durable = nullptr;
  std::size_t length = 0;
  std::size_t durable_length = 0;
  std::uint64_t fused = 0;
  auto handle = std::make_unique<Handle>();
  if (count < 5 || !bytes_of(env, arguments[0], seen, length) ||
      !bytes_of(env, arguments[1], durable, durable_length) || length != durable_length ||
      !integer_of(env, arguments[2], fused) || !integer_of(env, arguments[3], handle->samples_per_fence) ||
      !integer_of(env, arguments[4], handle->sample_seed)) {
    return raise_argument(env, "openRecording takes two images of one length and three integers");
  }
  std::unique_ptr<RecordingMedium> medium;
  std::vector<std::byte> image(seen, seen + length);
  if (seen == durable) {
    medium = std::make_unique<RecordingMedium>(std::move(image));
  } else {
    medium = std::make_unique<RecordingMedium>(std::move(image), std::vector<std::byte>(durable, durable + length));
  }
  handle->recording = medium.get();
  if (handle->samples_per_fence > 0) {
    medium->on_fence([raw = handle.get()](Site site) { take_samples(raw, site); });
  }
  handle->medium = std::move(medium);
  OpenOptions options;
  options.fused = fused != 0;
  return open_log(env, std::move(handle), options);
}

/// digestOf(bytes, start, end)
napi_value digest_of(napi_env env, napi_callback_info info) {
  std::size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const std::byte* bytes = nullptr;
  std::size_t length = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  if (count < 3 || !bytes_of(env, arguments[0], bytes, length) || !integer_of(env, arguments[1], start) ||
      !integer_of(env, arguments[2], end) || start > end || end > length) {
    return raise_argument(env, "digestOf takes bytes and a range in them");
  }
  const std::uint64_t crc = start == end ? 0 : crc64(bytes + start, end - start);
  return make_number(env, static_cast<double>(crc & kDigestMask));
}

/// inspect(path or bytes): JSON.
napi_value inspect_region(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  std::string path;
  std::string json;
  const std::byte* bytes = nullptr;
  std::size_t length = 0;
  Status status = Status::good();
  if (count > 0 && string_of(env, arguments[0], path)) {
    status = inspect_file(path.c_str(), json);
  } else if (count > 0 && bytes_of(env, arguments[0], bytes, length)) {
    RecordingMedium medium(std::vector<std::byte>(bytes, bytes + length));
    status = inspect(medium, json);
  } else {
    return raise_argument(env, "inspect takes a path or the bytes of a region");
  }
  return status.ok() ? make_text(env, json.c_str()) : raise(env, status);
}

napi_value crc_implementation(napi_env env, napi_callback_info /*info*/) {
  return make_text(env, crc64_implementation());
}

napi_value site_names(napi_env env, napi_callback_info /*info*/) {
  napi_value array = nullptr;
  napi_create_array(env, &array);
  std::uint32_t index = 0;
  for (const char* name : kSiteNames) napi_set_element(env, array, index++, make_text(env, name));
  return array;
}

void add(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  set(env, exports, name, function);
}

void close_all(void* data) {
  auto* addon = static_cast<Addon*>(data);
  while (!addon->open.empty()) (*addon->open.begin())->release();
}

void free_addon(napi_env /*env*/, void* data, void* /*hint*/) { delete static_cast<Addon*>(data); }

}  // namespace
}  // namespace indelible

NAPI_MODULE_INIT() {
  using namespace indelible;
  auto* addon = new Addon();
  napi_set_instance_data(env, addon, free_addon, nullptr);
  napi_add_env_cleanup_hook(env, close_all, addon);
  add(env, exports, "formatFile", format_file);
  add(env, exports, "formatImage", format_image);
  add(env, exports, "openFile", open_file);
  add(env, exports, "openRecording", open_recording);
  add(env, exports, "digestOf", digest_of);
  add(env, exports, "inspect", inspect_region);
  add(env, exports, "crcImplementation", crc_implementation);
  add(env, exports, "siteNames", site_names);
  return exports;
}

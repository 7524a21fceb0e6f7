// The addon: what can be done without an open region, and how one is opened. Nothing here is global; what an
// environment has open is closed when it ends.
#include <algorithm>
#include <memory>

#include "binding.h"
#include "crc64.h"
#include "file_lock_binding.h"
#include "flusher_binding.h"
#include "inspect.h"
#include "mapped_medium.h"
#include "region_file.h"
#include "region_view.h"

namespace indelible {
namespace {

constexpr std::uint64_t kImageBytesMax = std::uint64_t{1} << 30;

bool identity_of(Napi::Value value, std::uint8_t (&target)[16]) {
  std::span<const std::byte> bytes;
  if (!bytes_of(value, bytes) || bytes.size() != sizeof target) return false;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(target));
  return true;
}

bool small_integer_of(Napi::Value value, std::uint32_t& number) {
  std::uint64_t wide = 0;
  if (!integer_of(value, wide) || wide > UINT32_MAX) return false;
  number = static_cast<std::uint32_t>(wide);
  return true;
}

/// formatFile(path, options): incarnation 0 draws one.
Napi::Value format_file(const Napi::CallbackInfo& info) {
  std::string path;
  FormatOptions options;
  if (!string_of(info[0], path) || !format_options_of(info[1], options)) {
    return raise_argument(info.Env(), "formatFile takes a path and format options");
  }
  Status status = Status::good();
  if (options.incarnation == 0) status = draw_incarnation(options.incarnation);
  if (status.ok()) status = create_region_file(path.c_str(), options);
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

/// readIdentity(path): clusterId, storeUuid, replicaId of a region that is only read.
Napi::Value read_identity(const Napi::CallbackInfo& info) {
  std::string path;
  if (!string_of(info[0], path)) return raise_argument(info.Env(), "readIdentity takes a path");
  StaticHeaders headers{};
  std::unique_ptr<RegionView> view;
  Status status = RegionView::open(path.c_str(), view);
  if (status.ok()) status = load_static_headers(*view, headers);
  if (!status.ok()) return raise(info.Env(), status);
  auto object = Napi::Object::New(info.Env());
  object.Set("clusterId", copy_of(info.Env(), std::as_bytes(std::span(headers.header.cluster_id))));
  object.Set("storeUuid", copy_of(info.Env(), std::as_bytes(std::span(headers.header.store_uuid))));
  object.Set("replicaId", headers.header.replica_id);
  return object;
}

/// tryDirectory(path): throws unless a region there would be persistent memory.
Napi::Value try_directory(const Napi::CallbackInfo& info) {
  std::string path;
  if (!string_of(info[0], path)) return raise_argument(info.Env(), "tryDirectory takes a path");
  const Status status = MappedMedium::try_directory(path.c_str());
  return status.ok() ? Napi::Value() : raise(info.Env(), status);
}

/// formatImage(options): the bytes of a fresh region.
Napi::Value format_image(const Napi::CallbackInfo& info) {
  FormatOptions options;
  if (!format_options_of(info[0], options)) {
    return raise_argument(info.Env(), "formatImage takes format options");
  }
  if (Status status = check_format(options); !status.ok()) return raise(info.Env(), status);
  // Memory that V8 does not get ends the process.
  if (options.log_length > kImageBytesMax) return raise_argument(info.Env(), "an image holds at most 1 GiB of log");
  const std::vector<std::byte> start = formatted_start(options);
  auto image = Napi::Uint8Array::New(info.Env(), kLogOffset + options.log_length);
  std::copy(start.begin(), start.end(), reinterpret_cast<std::byte*>(image.Data()));
  return image;
}

/// Recovers the log of a medium and hands it to JavaScript; throws and returns an empty object otherwise.
Napi::Object open_log(const std::shared_ptr<Handle>& handle, const OpenOptions& options) {
  const Status status = Log::open(*handle->medium, options, handle->log);
  if (!status.ok()) {
    raise(handle->env, status);
    return {};
  }
  handle->addon = handle->env.GetInstanceData<Addon>();
  handle->addon->open.insert(handle.get());
  return expose(handle);
}

/// openFile(path, mode: 0 pmem, 1 emulated, 2 emulated with msync, fused: 0 | 1, forgets: 0 | 1): what forgets loses
/// with power what was fenced.
Napi::Value open_file(const Napi::CallbackInfo& info) {
  std::string path;
  std::uint64_t mode = 0;
  std::uint64_t fused = 0;
  std::uint64_t forgets = 0;
  if (!string_of(info[0], path) || !integer_of(info[1], mode) || mode > 2 || !integer_of(info[2], fused) ||
      !integer_of(info[3], forgets)) {
    return raise_argument(info.Env(), "openFile takes a path, a mode, whether to fuse and whether power loss forgets");
  }
  OpenOptions options;
  options.fused = fused != 0;
  if (Status status = read_boot_id(options.boot_id); !status.ok()) return raise(info.Env(), status);
  std::unique_ptr<MappedMedium> medium;
  Status status = MappedMedium::open(path.c_str(), static_cast<MapMode>(mode), medium);
  if (!status.ok()) return raise(info.Env(), status);
  const bool survives_power = mode != 1 && forgets == 0 && !medium->in_memory_only();
  options.process_only = !survives_power;
  options.device_id = medium->device_state().device_id;
  options.unsafe_shutdowns = medium->device_state().unsafe_shutdowns;
  if (mode == 2) options.alignment_min = kPageBytes;
  const char* flushed_by = medium->flushed_by();
  const auto handle = std::make_shared<Handle>(info.Env());
  handle->medium = std::move(medium);
  Napi::Object object = open_log(handle, options);
  if (!object.IsEmpty()) {
    object.Set("survivesPower", survives_power ? 1 : 0);
    object.Set("flushedBy", flushed_by);
  }
  return object;
}

/// openRecording(seen, durable, fused: 0 | 1, watch: 0 | 1, medium: 0 usual, 1 forgets, 2 had forgotten)
Napi::Value open_recording(const Napi::CallbackInfo& info) {
  std::span<const std::byte> seen;
  std::span<const std::byte> durable;
  std::uint64_t fused = 0;
  std::uint64_t watch = 0;
  std::uint64_t kind = 0;
  const auto handle = std::make_shared<Handle>(info.Env());
  if (!bytes_of(info[0], seen) || !bytes_of(info[1], durable) || seen.size() != durable.size() ||
      !integer_of(info[2], fused) || !integer_of(info[3], watch) ||
      (!info[4].IsUndefined() && !integer_of(info[4], kind))) {
    return raise_argument(info.Env(), "openRecording takes two images of one length and two or three integers");
  }
  std::unique_ptr<RecordingMedium> medium;
  std::vector<std::byte> image(seen.begin(), seen.end());
  if (seen.data() == durable.data()) {
    medium = std::make_unique<RecordingMedium>(std::move(image));
  } else {
    medium = std::make_unique<RecordingMedium>(std::move(image),
                                               std::vector<std::byte>(durable.begin(), durable.end()));
  }
  handle->recording = medium.get();
  if (watch != 0) {
    medium->record(true);
    handle->monitor = std::make_unique<PowerMonitor>(*medium);
  }
  if (kind == 1) medium->forget_at_power_loss();
  handle->medium = std::move(medium);
  OpenOptions options;
  options.fused = fused != 0;
  options.process_only = kind != 0;
  options.boot_id[0] = static_cast<std::uint8_t>(kind == 2 ? 1 : 0);
  return open_log(handle, options);
}

/// digestOf(bytes, start, end)
Napi::Value digest_of(const Napi::CallbackInfo& info) {
  std::span<const std::byte> bytes;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  if (!bytes_of(info[0], bytes) || !integer_of(info[1], start) || !integer_of(info[2], end) || start > end ||
      end > bytes.size()) {
    return raise_argument(info.Env(), "digestOf takes bytes and a range in them");
  }
  const std::uint64_t crc = start == end ? 0 : crc64(bytes.data() + start, end - start);
  return make_number(info.Env(), crc & kDigestMask);
}

/// inspect(path or bytes): JSON.
Napi::Value inspect_region(const Napi::CallbackInfo& info) {
  std::string path;
  std::string json;
  std::span<const std::byte> bytes;
  Status status = Status::good();
  if (string_of(info[0], path)) {
    std::unique_ptr<RegionView> view;
    status = RegionView::open(path.c_str(), view);
    if (status.ok()) status = inspect(*view, json);
  } else if (bytes_of(info[0], bytes)) {
    RecordingMedium medium(std::vector<std::byte>(bytes.begin(), bytes.end()));
    status = inspect(medium, json);
  } else {
    return raise_argument(info.Env(), "inspect takes a path or the bytes of a region");
  }
  return status.ok() ? Napi::String::New(info.Env(), json) : raise(info.Env(), status);
}

Napi::Value crc_implementation(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), crc64_implementation());
}

Napi::Value site_names(const Napi::CallbackInfo& info) {
  auto array = Napi::Array::New(info.Env());
  std::uint32_t index = 0;
  for (const char* name : kSiteNames) array.Set(index++, name);
  return array;
}

void close_all(Addon* addon) {
  while (!addon->open.empty()) (*addon->open.begin())->release();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* addon = new Addon();
  env.SetInstanceData(addon);
  env.AddCleanupHook(close_all, addon);
  exports.Set("formatFile", Napi::Function::New<format_file>(env, "formatFile"));
  exports.Set("formatImage", Napi::Function::New<format_image>(env, "formatImage"));
  exports.Set("readIdentity", Napi::Function::New<read_identity>(env, "readIdentity"));
  exports.Set("tryDirectory", Napi::Function::New<try_directory>(env, "tryDirectory"));
  exports.Set("openFile", Napi::Function::New<open_file>(env, "openFile"));
  exports.Set("openRecording", Napi::Function::New<open_recording>(env, "openRecording"));
  exports.Set("digestOf", Napi::Function::New<digest_of>(env, "digestOf"));
  exports.Set("inspect", Napi::Function::New<inspect_region>(env, "inspect"));
  exports.Set("crcImplementation", Napi::Function::New<crc_implementation>(env, "crcImplementation"));
  exports.Set("siteNames", Napi::Function::New<site_names>(env, "siteNames"));
  bind_exploring(env, exports);
  exports.Set("lockFile", Napi::Function::New<lock_file>(env, "lockFile"));
  exports.Set("openFlusher", Napi::Function::New<open_flusher>(env, "openFlusher"));
  return exports;
}

NODE_API_MODULE(indelible, init)

}  // namespace

bool format_options_of(Napi::Value value, FormatOptions& options) {
  if (!value.IsObject()) return false;
  const auto object = value.As<Napi::Object>();
  return identity_of(object.Get("clusterId"), options.cluster_id) &&
         identity_of(object.Get("storeUuid"), options.store_uuid) &&
         small_integer_of(object.Get("replicaId"), options.replica_id) &&
         small_integer_of(object.Get("alignment"), options.alignment) &&
         integer_of(object.Get("logBytes"), options.log_length) &&
         small_integer_of(object.Get("recordBytesMax"), options.record_bytes_max) &&
         small_integer_of(object.Get("recordItemsMax"), options.record_items_max) &&
         integer_of(object.Get("incarnation"), options.incarnation);
}

}  // namespace indelible

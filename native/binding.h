// What JavaScript holds of an open log, and the few N-API idioms the bindings share.
//
// 1. Every function of a log is a closure bound to its `Handle` by data pointer. The handle lives as long as
//    one of them does: a borrowed function is harmless, and a forgotten log is closed by the collector.
// 2. `close` releases the medium at once; afterwards every function throws ERR_INDELIBLE_STORE_CLOSED.
// 3. Numbers travel through two arrays of doubles in ordinary memory; JavaScript never sees the region.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "log.h"
#include "recording_medium.h"

namespace indelible {

struct Handle;

/// Per environment: the handles that have to be closed when it ends.
struct Addon {
  std::unordered_set<Handle*> open;
};

struct Sample {
  Site site;
  std::vector<std::byte> image;
};

struct Handle {
  Addon* addon = nullptr;
  std::unique_ptr<Medium> medium;
  std::unique_ptr<Log> log;
  /// The same object as `medium` where it is a recording one, else nullptr.
  RecordingMedium* recording = nullptr;
  std::vector<Sample> samples;
  std::uint64_t samples_per_fence = 0;
  std::uint64_t sample_seed = 0;

  /// Six doubles an item: slot, ballot, type, digest, start, length. Kept alive by `table_reference`.
  double* table = nullptr;
  std::uint32_t table_items = 0;
  /// Room for votes, room for promises, used bytes, 1 while a fused group is pending.
  double* gauges = nullptr;
  napi_ref table_reference = nullptr;
  napi_ref gauges_reference = nullptr;
  std::size_t functions = 0;
  /// What the collector was told that this handle holds outside its heap.
  std::int64_t external_bytes = 0;

  void update_gauges() {
    gauges[0] = static_cast<double>(log->room(false));
    gauges[1] = static_cast<double>(log->room(true));
    gauges[2] = static_cast<double>(log->state().used);
    gauges[3] = log->pending() ? 1 : 0;
  }
  /// Releases the log and its medium; the functions stay and throw.
  void release();
};

inline constexpr std::uint32_t kItemDoubles = 6;

/// Throws an Error with `code`, `errno` and `syscall`; returns nullptr for the callback to return.
napi_value raise(napi_env env, const Status& status);
napi_value raise_argument(napi_env env, const char* sentence);

bool number_of(napi_env env, napi_value value, double& number);
/// Integers 0 … 2^53 - 1.
bool integer_of(napi_env env, napi_value value, std::uint64_t& number);
bool string_of(napi_env env, napi_value value, std::string& text);
bool bytes_of(napi_env env, napi_value value, const std::byte*& bytes, std::size_t& length);
napi_value named(napi_env env, napi_value object, const char* name);
napi_value make_number(napi_env env, double number);
napi_value make_text(napi_env env, const char* text);
napi_value make_doubles(napi_env env, const std::vector<double>& numbers);
/// A fresh Uint8Array; `target` is where its bytes lie.
napi_value make_bytes(napi_env env, std::size_t length, std::byte*& target);
void set(napi_env env, napi_value object, const char* name, napi_value value);

/// Adds the closures of an open log to a new object. Takes the handle over.
napi_value expose(napi_env env, std::unique_ptr<Handle> handle);
void bind(napi_env env, napi_value object, Handle* handle, const char* name, napi_callback callback);
/// The handle a closure is bound to; throws and returns nullptr once it is closed.
Handle* open_handle(napi_env env, napi_callback_info info, std::size_t& count, napi_value* arguments);

/// The closures only a recording medium has.
void bind_recording(napi_env env, napi_value object, Handle* handle);
void take_samples(Handle* handle, Site site);

}  // namespace indelible

// What JavaScript holds of an open log, and what the bindings share. With addon.cc the only files that know
// Node-API, through node-addon-api but for `append`.
//
// 1. Every function of a log is a closure that owns a share of its `Handle`: a borrowed function is harmless,
//    and a log nobody can reach any more is closed by the collector.
// 2. `close` releases the medium at once; afterwards every function throws ERR_INDELIBLE_STORE_CLOSED.
// 3. Numbers travel through two arrays of doubles in ordinary memory; JavaScript never sees the region.
#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "crash_explorer.h"
#include "log.h"
#include "power_monitor.h"
#include "recording_medium.h"

namespace indelible {

struct Handle;

/// Per environment: the handles that have to be closed when it ends.
struct Addon {
  std::unordered_set<Handle*> open;
};

/// What `append` is told. The table starts with the number of rows, the slot learned through and the number of
/// runs, and one unused number. Then a row for each item: its digest, and its place, which is
/// start * 2^kPlaceLengthBits + length. Behind the last row there is room for, the runs: first slot, ballot, type,
/// first row. A run is a promise, or votes for consecutive slots at one ballot and of one type.
inline constexpr std::uint32_t kTableHeadDoubles = 4;
inline constexpr std::uint32_t kRowDoubles = 2;
inline constexpr unsigned kPlaceLengthBits = 22;
inline constexpr std::uint32_t kRunDoubles = 4;
/// A recovered vote: slot, ballot, type, digest, length, 1 if its bytes are there.
inline constexpr std::uint32_t kVoteDoubles = 6;
/// Room for votes, room for promises, used bytes, 1 while a fused group is pending.
inline constexpr std::uint32_t kGaugeDoubles = 5;

struct Handle {
  explicit Handle(Napi::Env environment) : env(environment) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  Napi::Env env;
  Addon* addon = nullptr;
  std::unique_ptr<Medium> medium;
  std::unique_ptr<Log> log;
  /// The same object as `medium` where it is a recording one, else nullptr.
  RecordingMedium* recording = nullptr;
  std::unique_ptr<PowerMonitor> monitor;
  /// What a crash could have left at the fences passed while an explorer was set.
  std::vector<CrashPoint> explored;

  /// Shared with the arrays that JavaScript has, whichever of the two lives longer.
  std::shared_ptr<double[]> table_memory;
  std::shared_ptr<double[]> gauges_memory;
  double* table = nullptr;
  double* gauges = nullptr;
  std::uint32_t table_rows = 0;
  /// What the collector was told that this handle holds outside its heap.
  std::int64_t external_bytes = 0;

  void update_gauges() {
    gauges[0] = static_cast<double>(log->room(Claim::vote));
    gauges[1] = static_cast<double>(log->room(Claim::promise));
    gauges[2] = static_cast<double>(log->state().used);
    gauges[3] = log->pending() ? 1 : 0;
    gauges[4] = static_cast<double>(log->room(Claim::reserve));
  }
  /// Releases the log and its medium; the functions stay and throw.
  void release();
};

/// Throws an Error with `code`, `errno` and `syscall`; returns what the callback returns then.
Napi::Value raise(Napi::Env env, const Status& status);
Napi::Value raise_argument(Napi::Env env, const char* sentence);
Napi::Value raise_closed(Napi::Env env);

/// Integers 0 … 2^53 - 1.
bool integer_of(Napi::Value value, std::uint64_t& number);
bool string_of(Napi::Value value, std::string& text);
/// Of a Uint8Array.
bool bytes_of(Napi::Value value, std::span<const std::byte>& bytes);
Napi::Value make_number(Napi::Env env, std::uint64_t number);
Napi::Value make_doubles(Napi::Env env, const std::vector<double>& numbers);
Napi::Value copy_of(Napi::Env env, std::span<const std::byte> bytes);

using Method = Napi::Value (*)(Handle& handle, const Napi::CallbackInfo& info);

/// What a method cannot do without; it is not called once that is gone.
enum class Needs : std::uint8_t { nothing, log, recording };

/// Adds `method` as a closure over the handle.
void bind(Napi::Object object, const std::shared_ptr<Handle>& handle, const char* name, Needs needs,
          Method method);

/// Adds the closures of an open log to a new object.
Napi::Object expose(const std::shared_ptr<Handle>& handle);
void bind_append(Napi::Object object, const std::shared_ptr<Handle>& handle);
void bind_recovered(Napi::Object object, const std::shared_ptr<Handle>& handle);
/// The closures only a recording medium has.
void bind_recording(Napi::Object object, const std::shared_ptr<Handle>& handle);
/// createExplorer(), exploreFormat(…)
void bind_exploring(Napi::Env env, Napi::Object exports);
/// The closures of a recording medium that explore what a crash could leave of it.
void bind_explore(Napi::Object object, const std::shared_ptr<Handle>& handle);
bool format_options_of(Napi::Value value, FormatOptions& options);

}  // namespace indelible

#include "flusher_binding.h"

#include <deque>
#include <memory>
#include <span>

#include "binding.h"
#include "flusher.h"

namespace indelible {
namespace {

class FlusherHandle;
void deliver(Napi::Env env, Napi::Function on_progress, FlusherHandle* handle, void* nothing);
using ProgressFunction = Napi::TypedThreadSafeFunction<FlusherHandle, void, deliver>;

class FlusherHandle {
 public:
  explicit FlusherHandle(Napi::Env env) : env_(env) {}
  FlusherHandle(const FlusherHandle&) = delete;
  FlusherHandle& operator=(const FlusherHandle&) = delete;
  ~FlusherHandle() { close(); }

  Status start(Napi::Function on_progress) {
    on_progress_ = ProgressFunction::New(env_, on_progress, "indelible.flusher", 0, 1, this);
    const Status status = Flusher::start(notify, this, flusher_);
    if (!status.ok()) {
      on_progress_.Abort();
      return status;
    }
    on_progress_.Unref(env_);
    // Runs before the hooks that were added earlier: those that close descriptors and end the function above.
    napi_add_env_cleanup_hook(env_, end_of_environment, this);
    return status;
  }

  [[nodiscard]] bool open() const { return flusher_ != nullptr; }

  void submit(int fd, const Napi::Uint8Array& bytes, std::uint64_t offset) {
    if (held_.empty()) on_progress_.Ref(env_);
    held_.push_back(Napi::Reference<Napi::Uint8Array>::New(bytes, 1));
    flusher_->submit(fd, std::as_bytes(std::span(bytes.Data(), bytes.ByteLength())), offset);
  }

  void cancel() {
    if (open()) flusher_->cancel();
  }

  /// Lets go of the memory of jobs that have finished.
  FlushProgress take_progress() {
    const FlushProgress progress = flusher_->progress();
    for (; released_ < progress.finished_through; released_++) held_.pop_front();
    if (held_.empty()) on_progress_.Unref(env_);
    return progress;
  }

  void close() {
    if (!open()) return;
    end();
    napi_remove_env_cleanup_hook(env_, end_of_environment, this);
    // Calls that wait come without an environment after this; they may outlive the handle.
    on_progress_.Abort();
  }

 private:
  static void notify(void* handle) { static_cast<FlusherHandle*>(handle)->on_progress_.NonBlockingCall(); }

  /// Node ends the thread-safe function itself then.
  static void end_of_environment(void* handle) { static_cast<FlusherHandle*>(handle)->end(); }

  void end() {
    flusher_.reset();
    held_.clear();
  }

  Napi::Env env_;
  ProgressFunction on_progress_;
  std::unique_ptr<Flusher> flusher_;
  /// In the order of the jobs; the first belongs to job `released_` + 1.
  std::deque<Napi::Reference<Napi::Uint8Array>> held_;
  std::uint64_t released_ = 0;
};

void deliver(Napi::Env env, Napi::Function on_progress, FlusherHandle* handle, void* /*nothing*/) {
  // Without an environment there is nobody to tell, and `handle` may be gone.
  if (env == nullptr || on_progress.IsEmpty() || !handle->open()) return;
  const FlushProgress progress = handle->take_progress();
  on_progress.Call({make_number(env, progress.finished_through), make_number(env, progress.failed_from),
                    Napi::Number::New(env, progress.failure.errnum),
                    Napi::String::New(env, progress.failure.what)});
  // Node would only warn of what a callback throws here.
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

Napi::Value submit(FlusherHandle& handle, const Napi::CallbackInfo& info) {
  if (!handle.open()) return raise_closed(info.Env());
  std::uint64_t fd = 0;
  std::uint64_t offset = 0;
  if (!integer_of(info[0], fd) || fd > INT32_MAX || !info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array || !integer_of(info[2], offset)) {
    return raise_argument(info.Env(), "submit takes a descriptor, a Uint8Array and an offset");
  }
  handle.submit(static_cast<int>(fd), info[1].As<Napi::Uint8Array>(), offset);
  return {};
}

}  // namespace

Napi::Value open_flusher(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return raise_argument(info.Env(), "openFlusher takes a function");
  const auto handle = std::make_shared<FlusherHandle>(info.Env());
  const Status status = handle->start(info[0].As<Napi::Function>());
  if (!status.ok()) return raise(info.Env(), status);
  const auto submit_job = [handle](const Napi::CallbackInfo& call) { return submit(*handle, call); };
  const auto cancel = [handle](const Napi::CallbackInfo& /*call*/) { handle->cancel(); };
  const auto close = [handle](const Napi::CallbackInfo& /*call*/) { handle->close(); };
  auto object = Napi::Object::New(info.Env());
  object.Set("submit", Napi::Function::New(info.Env(), submit_job, "submit"));
  object.Set("cancel", Napi::Function::New(info.Env(), cancel, "cancel"));
  object.Set("close", Napi::Function::New(info.Env(), close, "close"));
  return object;
}

}  // namespace indelible

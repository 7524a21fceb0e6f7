#include "file_lock_binding.h"

#include <memory>
#include <string>
#include <utility>

#include "binding.h"
#include "file_lock.h"

namespace indelible {
namespace {

struct HeldLock {
  Napi::Env env;
  std::unique_ptr<FileLock> lock;
  /// Set while the lock is held.
  std::shared_ptr<HeldLock> itself;
};

void end_of_environment(void* held) {
  const std::shared_ptr<HeldLock> ending = std::move(static_cast<HeldLock*>(held)->itself);
  ending->lock.reset();
}

void release(HeldLock& held) {
  if (held.itself == nullptr) return;
  napi_remove_env_cleanup_hook(held.env, end_of_environment, &held);
  end_of_environment(&held);
}

}  // namespace

Napi::Value lock_file(const Napi::CallbackInfo& info) {
  std::string path;
  if (!string_of(info[0], path)) return raise_argument(info.Env(), "lockFile takes a path");
  const auto held = std::make_shared<HeldLock>(HeldLock{info.Env(), nullptr, nullptr});
  if (Status status = FileLock::take(path.c_str(), held->lock); !status.ok()) return raise(info.Env(), status);
  held->itself = held;
  // The hooks of what is opened later run before this one: its writes have ended when the lock goes.
  napi_add_env_cleanup_hook(held->env, end_of_environment, held.get());
  const auto let_go = [held](const Napi::CallbackInfo& /*call*/) { release(*held); };
  return Napi::Function::New(info.Env(), let_go, "release");
}

}  // namespace indelible

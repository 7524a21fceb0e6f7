#include <algorithm>
#include <cstring>

#include "binding.h"

namespace indelible {
namespace {

const char* name_of(Code code) {
  switch (code) {
    case Code::ok: return "";
    case Code::argument: return "ERR_INDELIBLE_ARGUMENT";
    case Code::store_missing: return "ERR_INDELIBLE_STORE_MISSING";
    case Code::store_exists: return "ERR_INDELIBLE_STORE_EXISTS";
    case Code::store_foreign: return "ERR_INDELIBLE_STORE_FOREIGN";
    case Code::store_version: return "ERR_INDELIBLE_STORE_VERSION";
    case Code::store_locked: return "ERR_INDELIBLE_STORE_LOCKED";
    case Code::store_corrupt: return "ERR_INDELIBLE_STORE_CORRUPT";
    case Code::store_io: return "ERR_INDELIBLE_STORE_IO";
    case Code::store_poisoned: return "ERR_INDELIBLE_STORE_POISONED";
    case Code::log_full: return "ERR_INDELIBLE_LOG_FULL";
    case Code::not_persistent_memory: return "ERR_INDELIBLE_NOT_PERSISTENT_MEMORY";
    case Code::native_missing: return "ERR_INDELIBLE_NATIVE_MISSING";
    case Code::digest_mismatch: return "ERR_INDELIBLE_DIGEST_MISMATCH";
    case Code::store_exhausted: return "ERR_INDELIBLE_STORE_EXHAUSTED";
  }
  return "";
}

Napi::Value throw_error(Napi::Env env, const char* code, const std::string& sentence, const Status& status) {
  // An argument's own getter may have thrown: that error is the caller's answer.
  if (env.IsExceptionPending()) return {};
  const Napi::Error error = Napi::Error::New(env, sentence);
  Napi::Object object = error.Value();
  object.Set("code", code);
  if (status.errnum != 0) object.Set("errno", status.errnum);
  if (status.syscall != Syscall::none) object.Set("syscall", kSyscallNames[static_cast<int>(status.syscall)]);
  error.ThrowAsJavaScriptException();
  return {};
}

}  // namespace

Napi::Value raise(Napi::Env env, const Status& status) {
  std::string sentence = status.what;
  if (status.errnum != 0) sentence += std::string(": ") + std::strerror(status.errnum);
  return throw_error(env, name_of(status.code), sentence, status);
}

Napi::Value raise_argument(Napi::Env env, const char* sentence) {
  return raise(env, Status::failed(Code::argument, sentence));
}

Napi::Value raise_closed(Napi::Env env) {
  return throw_error(env, "ERR_INDELIBLE_STORE_CLOSED", "the store is closed", Status::good());
}

bool integer_of(Napi::Value value, std::uint64_t& number) {
  if (!value.IsNumber()) return false;
  const double read = value.As<Napi::Number>().DoubleValue();
  if (!(read >= 0) || read > static_cast<double>(kNumberMax)) return false;
  number = static_cast<std::uint64_t>(read);
  return static_cast<double>(number) == read;
}

bool string_of(Napi::Value value, std::string& text) {
  if (!value.IsString()) return false;
  text = value.As<Napi::String>().Utf8Value();
  // As a path it would end there.
  return text.find('\0') == std::string::npos;
}

bool bytes_of(Napi::Value value, std::span<const std::byte>& bytes) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return false;
  const auto array = value.As<Napi::Uint8Array>();
  bytes = std::as_bytes(std::span(array.Data(), array.ElementLength()));
  return true;
}

Napi::Value make_number(Napi::Env env, std::uint64_t number) {
  return Napi::Number::New(env, static_cast<double>(number));
}

Napi::Value make_doubles(Napi::Env env, const std::vector<double>& numbers) {
  auto array = Napi::Float64Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

Napi::Value copy_of(Napi::Env env, std::span<const std::byte> bytes) {
  auto array = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(array.Data()));
  return array;
}

}  // namespace indelible

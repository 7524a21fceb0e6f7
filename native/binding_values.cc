#include <cerrno>
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
  }
  return "";
}

void throw_error(napi_env env, const char* code, const std::string& sentence, const Status& status) {
  napi_value error = nullptr;
  napi_create_error(env, make_text(env, code), make_text(env, sentence.c_str()), &error);
  if (status.errnum != 0) set(env, error, "errno", make_number(env, status.errnum));
  if (status.syscall != Syscall::none) {
    set(env, error, "syscall", make_text(env, kSyscallNames[static_cast<int>(status.syscall)]));
  }
  napi_throw(env, error);
}

}  // namespace

napi_value raise(napi_env env, const Status& status) {
  std::string sentence = status.what;
  if (status.errnum != 0) sentence += std::string(": ") + std::strerror(status.errnum);
  throw_error(env, name_of(status.code), sentence, status);
  return nullptr;
}

napi_value raise_argument(napi_env env, const char* sentence) {
  return raise(env, Status::failed(Code::argument, sentence));
}

bool number_of(napi_env env, napi_value value, double& number) {
  return napi_get_value_double(env, value, &number) == napi_ok;
}

bool integer_of(napi_env env, napi_value value, std::uint64_t& number) {
  double read = 0;
  if (!number_of(env, value, read) || !(read >= 0) || read > static_cast<double>(kNumberMax)) return false;
  number = static_cast<std::uint64_t>(read);
  return static_cast<double>(number) == read;
}

bool string_of(napi_env env, napi_value value, std::string& text) {
  std::size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text.resize(length);
  return napi_get_value_string_utf8(env, value, text.data(), length + 1, &length) == napi_ok;
}

bool bytes_of(napi_env env, napi_value value, const std::byte*& bytes, std::size_t& length) {
  napi_typedarray_type type = napi_uint8_array;
  void* data = nullptr;
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return false;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  bytes = static_cast<const std::byte*>(data);
  return type == napi_uint8_array;
}

napi_value named(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) napi_get_undefined(env, &value);
  return value;
}

napi_value make_number(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value make_text(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value make_doubles(napi_env env, const std::vector<double>& numbers) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  napi_create_arraybuffer(env, numbers.size() * sizeof(double), &data, &buffer);
  if (!numbers.empty()) std::memcpy(data, numbers.data(), numbers.size() * sizeof(double));
  napi_create_typedarray(env, napi_float64_array, numbers.size(), buffer, 0, &array);
  return array;
}

napi_value make_bytes(napi_env env, std::size_t length, std::byte*& target) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return nullptr;
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  target = static_cast<std::byte*>(data);
  return array;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

}  // namespace indelible

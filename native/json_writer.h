// Just enough JSON to describe a region.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace indelible {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& text) : text_(text) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array(const char* name) {
    key(name);
    text_ += '[';
    first_ = true;
  }
  void end_array() { close(']'); }

  /// As a number where JavaScript can hold it exactly, else in hex.
  void number(const char* name, std::uint64_t value) {
    if (value >= (std::uint64_t{1} << 53)) {
      hex(name, value);
      return;
    }
    key(name);
    text_ += std::to_string(value);
  }
  void hex(const char* name, std::uint64_t value) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
    text(name, digits);
  }
  void boolean(const char* name, bool value) {
    key(name);
    text_ += value ? "true" : "false";
  }
  /// `value` needs no escaping.
  void text(const char* name, const char* value) {
    key(name);
    text_ += '"';
    text_ += value;
    text_ += '"';
  }
  void bytes(const char* name, const std::uint8_t* bytes, std::size_t length) {
    std::string digits;
    char pair[3];
    for (std::size_t index = 0; index < length; index++) {
      std::snprintf(pair, sizeof pair, "%02x", bytes[index]);
      digits += pair;
    }
    text(name, digits.c_str());
  }

 private:
  void comma() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  void open(char bracket) {
    comma();
    text_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    first_ = false;
  }
  void key(const char* name) {
    comma();
    text_ += '"';
    text_ += name;
    text_ += "\":";
  }

  std::string& text_;
  bool first_ = true;
};

}  // namespace indelible

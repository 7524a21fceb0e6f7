// The dump of a damaged region, as `indelible inspect` prints it.
//
//  1. Nothing outside the region is read, and nothing is written.
//  2. What comes out is JSON of bounded length, whatever was in the region.
#include <string>

#include "../inspect.h"
#include "edits.h"

namespace indelible::fuzz {
namespace {

/// Accepts exactly one JSON value of those that json_writer.h can write; escapes are not among them.
class JsonJudge {
 public:
  explicit JsonJudge(const std::string& text) : at_(text.data()), end_(text.data() + text.size()) {}

  void run() {
    value(0);
    demand(at_ == end_, "nothing follows the JSON value");
  }

 private:
  void value(int depth) {
    demand(depth < 8, "JSON is not nested deeply");
    const char first = peek();
    if (first == '{') return members('}', depth);
    if (first == '[') return members(']', depth);
    if (first == '"') return text();
    if (first == 't') return word("true");
    if (first == 'f') return word("false");
    demand(is_digit(first), "a JSON value begins like one");
    while (at_ != end_ && is_digit(*at_)) at_++;
  }
  void members(char bracket, int depth) {
    at_++;
    if (peek() == bracket) {
      at_++;
      return;
    }
    for (;;) {
      if (bracket == '}') {
        text();
        word(":");
      }
      value(depth + 1);
      if (peek() == bracket) break;
      word(",");
    }
    at_++;
  }
  void text() {
    word("\"");
    while (peek() != '"') {
      demand(*at_ >= ' ' && *at_ < 127 && *at_ != '\\', "JSON text needs no escapes");
      at_++;
    }
    at_++;
  }
  void word(const char* expected) {
    for (; *expected != 0; expected++, at_++) demand(peek() == *expected, "JSON is well formed");
  }
  [[nodiscard]] char peek() const {
    demand(at_ != end_, "JSON ends where its value does");
    return *at_;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  const char* at_;
  const char* end_;
};

void dump(Script& script) {
  static CheckedMedium medium;
  static std::string json;
  const BaseImage& base = base_images()[script.byte() % base_images().size()];
  medium.load(base.bytes, base.bytes.size());
  const std::uint8_t flags = script.byte();
  edit(base, medium.bytes(), script);
  if ((flags & 1) != 0) medium.truncate(script.word());
  if ((flags & 2) != 0) medium.fail_read(script.byte());
  medium.freeze();
  json.clear();
  const Status status = inspect(medium, json);
  demand(status.ok() || (flags & 2) != 0, "a sound medium fails nothing");
  demand(json.size() <= 64 * base.bytes.size(), "a dump is bounded by the size of the region");
  if (status.ok()) JsonJudge(json).run();
}

}  // namespace
}  // namespace indelible::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length);

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t length) {
  indelible::fuzz::Script script(bytes, length);
  indelible::fuzz::dump(script);
  return 0;
}

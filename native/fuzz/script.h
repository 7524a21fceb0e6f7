// The fuzzer's bytes as a script of choices. Past its end every choice is 0, so any bytes are a script.
#pragma once

#include <cstddef>
#include <cstdint>

namespace indelible::fuzz {

class Script {
 public:
  Script(const std::uint8_t* bytes, std::size_t length) : at_(bytes), end_(bytes + length) {}

  [[nodiscard]] bool ended() const { return at_ == end_; }
  std::uint8_t byte() { return ended() ? std::uint8_t{0} : *at_++; }
  std::uint16_t word() {
    const std::uint16_t low = byte();
    return static_cast<std::uint16_t>(low | byte() << 8);
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int index = 0; index < 8; index++) value |= std::uint64_t{byte()} << (8 * index);
    return value;
  }
  /// 0 … end - 1.
  std::uint32_t below(std::uint32_t end) { return (end <= 256 ? byte() : word()) % end; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace indelible::fuzz

#include "../../native/crc64.h"

#include <cstring>
#include <vector>

#include "check.h"

using indelible::crc64;
using indelible::crc64_table;

TEST(crc64_has_the_check_value_of_crc_64_xz) {
  CHECK(crc64("123456789", 9) == 0x995DC9BBDF1939FA);
  CHECK(crc64_table("123456789", 9) == 0x995DC9BBDF1939FA);
}

TEST(crc64_of_nothing_is_zero) {
  CHECK(crc64("", 0) == 0);
  CHECK(crc64_table("", 0) == 0);
}

TEST(crc64_is_the_same_with_and_without_the_vectorised_library) {
  std::vector<unsigned char> bytes(5000);
  for (std::size_t index = 0; index < bytes.size(); index++) bytes[index] = static_cast<unsigned char>(index * 37);
  for (std::size_t start = 0; start < 9; start++) {
    for (std::size_t length = 0; length < 600; length++) {
      if (!CHECK(crc64(bytes.data() + start, length) == crc64_table(bytes.data() + start, length))) return;
    }
  }
  CHECK(crc64(bytes.data(), bytes.size()) == crc64_table(bytes.data(), bytes.size()));
}

#include "../../native/crc64.h"

#include <cstring>
#include <iterator>
#include <vector>

#include "check.h"

using indelible::crc64;
using indelible::crc64_each;
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

TEST(crc64_of_each_of_several_pieces_is_that_of_each_alone) {
  std::vector<unsigned char> bytes(70000);
  for (std::size_t index = 0; index < bytes.size(); index++) {
    bytes[index] = static_cast<unsigned char>(index * 37 + (index >> 8) * 11);
  }
  // Lengths around the bounds of blocks, of what counts as short, and of what is too short; count by count.
  const std::size_t kLengths[] = {64, 0, 1, 7, 8, 9, 63, 65, 127, 128, 120, 40, 255, 256, 257, 4000, 16, 120};
  for (std::size_t first = 0; first < std::size(kLengths); first++) {
    for (std::size_t count = 0; count <= 13; count++) {
      const void* pieces[13];
      std::size_t lengths[13];
      std::uint64_t crcs[13];
      for (std::size_t piece = 0; piece < count; piece++) {
        pieces[piece] = bytes.data() + piece * 5000 + first;
        lengths[piece] = kLengths[(first + piece) % std::size(kLengths)];
      }
      crc64_each(pieces, lengths, count, crcs);
      for (std::size_t piece = 0; piece < count; piece++) {
        if (!CHECK(crcs[piece] == crc64_table(pieces[piece], lengths[piece]))) return;
      }
    }
  }
}

TEST(crc64_reads_nothing_in_front_of_a_piece_or_behind_it) {
  // Blocks of their exact size, so that AddressSanitizer or a memory fault would tell.
  for (std::size_t length = 0; length < 300; length++) {
    const std::vector<unsigned char> exact(length, 0x5A);
    CHECK(crc64(exact.data(), length) == crc64_table(exact.data(), length));
  }
}

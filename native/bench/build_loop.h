// The least it can cost to make the log's bytes and write them: payloads at hand, their CRCs, descriptors and
// header found anew for every record, numbers and lengths known to the compiler. Nothing is checked, counted
// or indexed, and nobody has to find room. append_limit reads records back with the log's own reader.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../crc64.h"
#include "../record_words.h"
#include "limit_ring.h"

namespace indelible {

template <std::uint32_t kVotes, std::uint32_t kBytes>
class BuildLoop {
 public:
  explicit BuildLoop(const LimitArea& area)
      : ring_(area, kRecordBytes), record_(kRecordBytes), payloads_(std::size_t{kVariants} * kBytes) {
    static_assert(kBytes % kLineBytes == 0);
    for (std::size_t at = 0; at < payloads_.size(); at++)
      payloads_[at] = static_cast<char>(at * 31 + (at >> 8));
  }

  void append(bool fused) {
    const char* const last = add_votes();
    char* const target = ring_.at();
    std::uint64_t end = kRecordBytes;
    if constexpr (kVotes == 1 && kBytes >= kDirectBytes) {
      // Whole lines of a large payload from where they are, the rest of it with the header.
      constexpr std::uint64_t kFrom = align_up(kPayloadsAt, kLineBytes);
      constexpr std::uint64_t kEnd = (kPayloadsAt + kBytes) / kLineBytes * kLineBytes;
      ring_.pmem().memcpy_nodrain(target + kFrom, last + (kFrom - kPayloadsAt), kEnd - kFrom);
      std::memcpy(record_.data() + kPayloadsAt, last, kFrom - kPayloadsAt);
      std::memcpy(record_.data() + kEnd, last + (kEnd - kPayloadsAt), kPayloadsAt + kBytes - kEnd);
      if constexpr (kRecordBytes > kEnd) {
        ring_.pmem().memcpy_nodrain(target + kEnd, record_.data() + kEnd, kRecordBytes - kEnd);
      }
      end = kFrom;
    }
    add_header();
    ring_.pmem().memcpy_nodrain(target + kHeaderAt, record_.data() + kHeaderAt, end - kHeaderAt);
    ring_.commit(fused);
  }

 private:
  static constexpr std::uint32_t kVariants = 128;
  static constexpr std::uint32_t kBlock = std::min(kVotes, 16U);
  static constexpr std::uint32_t kDirectBytes = 1024;
  static constexpr std::uint64_t kBallot = 65537;
  static constexpr std::uint64_t kRecordBytes = limit_record_bytes(kVotes, kBytes);
  static constexpr std::uint64_t kPayloadsAt = kDescriptorsAt + kVotes * sizeof(Descriptor);

  /// Returns the last payload.
  const char* add_votes() {
    const char* payload = nullptr;
    for (std::uint32_t done = 0; done < kVotes; done += kBlock) {
      const std::uint32_t count = std::min(kBlock, kVotes - done);
      std::array<const void*, kBlock> payloads;
      std::array<std::size_t, kBlock> lengths;
      std::array<std::uint64_t, kBlock> crcs;
      for (std::uint32_t index = 0; index < count; index++) {
        payload = payloads_.data() + std::size_t{variant_} * kBytes;
        variant_ = (variant_ + 1) % kVariants;
        payloads[index] = payload;
        lengths[index] = kBytes;
        if constexpr (kVotes > 1 || kBytes < kDirectBytes) {
          std::memcpy(record_.data() + kPayloadsAt + std::size_t{done + index} * kBytes, payload, kBytes);
        }
      }
      crc64_each(payloads.data(), lengths.data(), count, crcs.data());
      for (std::uint32_t index = 0; index < count; index++) describe(done + index, crcs[index]);
    }
    return payload;
  }

  void describe(std::uint32_t vote, std::uint64_t crc) {
    put_descriptor(record_.data() + kDescriptorsAt + vote * sizeof(Descriptor), ++slot_, kBallot,
                   kPayloadsAt + std::uint64_t{vote} * kBytes, kBytes,
                   static_cast<std::uint64_t>(ItemType::commands), crc);
  }

  void add_header() {
    RecordHeader header{};
    header.magic = kRecordMagic;
    header.version = kRecordVersion;
    header.number = ring_.number();
    header.position = ring_.offset();
    header.length = kRecordBytes;
    header.items = kVotes;
    header.promised = kBallot;
    header.highest_voted = slot_;
    header.learned_through = slot_;
    header.previous_crc = previous_crc_;
    header.incarnation = kLimitIncarnation;
    header.head_number = 1;
    header.descriptors_crc = crc64(record_.data() + kDescriptorsAt, kVotes * sizeof(Descriptor));
    put_header(record_.data() + kHeaderAt, header);
    previous_crc_ = header.crc;
  }

  LimitRing ring_;
  /// Behind the last payload there are zeros for ever.
  std::vector<std::byte> record_;
  std::vector<char> payloads_;
  std::uint32_t variant_ = 0;
  std::uint64_t slot_ = 0;
  std::uint64_t previous_crc_ = 0;
};

}  // namespace indelible

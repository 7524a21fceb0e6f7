// What the log tests share: small regions in a recording medium, votes with bytes that tell them apart, and
// the state a log recovered as plain values that can be compared.
#pragma once

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "../../native/crc64.h"
#include "../../native/log.h"
#include "../../native/recording_medium.h"
#include "../../native/root.h"

namespace fixture {

using namespace indelible;

struct TestVote {
  std::uint64_t slot;
  std::uint64_t ballot;
  std::uint32_t length;

  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> bytes(length);
    for (std::uint32_t index = 0; index < length; index++) {
      bytes[index] = static_cast<std::byte>(mix64(slot * 131 + ballot * 31 + index / 8) >> (8 * (index % 8)));
    }
    return bytes;
  }
};

struct Group {
  std::uint64_t promise = 0;
  std::vector<TestVote> votes;
};

/// What a log holds, in values: promise, and for each slot its ballot and the CRC of its bytes.
struct Contents {
  std::uint64_t promised = 0;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> votes;

  void apply(const Group& group) {
    promised = std::max(promised, group.promise);
    for (const TestVote& vote : group.votes) {
      const std::vector<std::byte> bytes = vote.bytes();
      promised = std::max(promised, vote.ballot);
      votes[vote.slot] = {vote.ballot, bytes.empty() ? 0 : crc64(bytes.data(), bytes.size())};
    }
  }
  void forget(std::uint64_t through) { votes.erase(votes.begin(), votes.upper_bound(through)); }
  bool operator==(const Contents&) const = default;
};

inline FormatOptions small_format(std::uint64_t incarnation = 77) {
  FormatOptions options;
  options.replica_id = 3;
  options.alignment = 64;
  options.log_length = 64 << 10;
  options.record_bytes_max = 4096;
  options.record_items_max = 64;
  options.incarnation = incarnation;
  return options;
}

inline std::vector<std::byte> formatted(const FormatOptions& options) {
  std::vector<std::byte> image = formatted_start(options);
  image.resize(kLogOffset + options.log_length);
  return image;
}

inline std::uint64_t bytes_of(const Group& group) {
  std::uint64_t payloads = 0;
  for (const TestVote& vote : group.votes) payloads += align_up(vote.length, 8);
  const auto items = static_cast<std::uint32_t>(group.votes.size() + (group.promise != 0 ? 1 : 0));
  return RecordBuilder::bytes_of(items, payloads);
}

inline Status append(Log& log, const Group& group, std::uint64_t learned_through = 0) {
  std::vector<std::vector<std::byte>> payloads;
  RecordBuilder& builder = log.builder();
  builder.begin(static_cast<std::uint32_t>(group.votes.size() + (group.promise != 0 ? 1 : 0)));
  if (group.promise != 0) builder.add(0, group.promise, 255, 0, nullptr, 0, 0);
  for (const TestVote& vote : group.votes) {
    payloads.push_back(vote.bytes());
    const std::vector<std::byte>& payload = payloads.back();
    const std::uint64_t crc = payload.empty() ? 0 : crc64(payload.data(), payload.size());
    builder.add(vote.slot, vote.ballot, 1, 0, payload.data(), vote.length, crc);
  }
  return log.append(learned_through);
}

/// What the log holds; a vote whose bytes cannot be read as they were has the CRC ~0.
inline Contents contents_of(Log& log) {
  Contents contents;
  if (!log.index_all().ok()) return contents;
  contents.promised = log.state().promised;
  log.state().votes.for_each([&](const VoteEntry& vote) {
    std::vector<std::byte> bytes(vote.length);
    bool good = false;
    const bool read = log.read_payload(vote, bytes.data(), good).ok();
    contents.votes[vote.slot] = {vote.ballot, read && good ? vote.payload_crc : ~std::uint64_t{0}};
  });
  return contents;
}

/// Changes and seals every slot of both roots that holds one.
inline void change_roots(std::vector<std::byte>& image, const auto& change) {
  for (const std::uint64_t offset : kRootOffset) {
    for (const std::uint64_t slot_offset : kRootSlotOffset) {
      RootSlot slot{};
      std::memcpy(&slot, image.data() + offset + slot_offset, sizeof slot);
      if (slot.generation == 0) continue;
      change(slot);
      seal(slot);
      std::memcpy(image.data() + offset + slot_offset, &slot, sizeof slot);
    }
  }
}

struct OpenLog {
  std::unique_ptr<RecordingMedium> medium;
  std::unique_ptr<Log> log;
  Status status;
};

inline OpenLog open_on(std::unique_ptr<RecordingMedium> medium, bool fused = false) {
  OpenLog opened;
  opened.medium = std::move(medium);
  OpenOptions options;
  options.fused = fused;
  opened.status = Log::open(*opened.medium, options, opened.log);
  return opened;
}

inline OpenLog open_image(std::vector<std::byte> image, bool fused = false) {
  return open_on(std::make_unique<RecordingMedium>(std::move(image)), fused);
}

}  // namespace fixture

// Puts one batch record together in ordinary memory: descriptors and small payloads lie in one piece that is
// copied at once, large payloads go to the medium straight from where the caller has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "crc64.h"
#include "layout.h"
#include "medium.h"

namespace indelible {

class RecordBuilder {
 public:
  explicit RecordBuilder(std::uint64_t record_bytes_max)
      : scratch_(std::make_unique_for_overwrite<std::byte[]>(record_bytes_max)) {}

  /// Bytes of a record with these items, before alignment.
  static constexpr std::uint64_t bytes_of(std::uint32_t items, std::uint64_t padded_payloads) {
    return kDescriptorsAt + items * sizeof(Descriptor) + padded_payloads;
  }

  /// Starts a record of exactly `items` items that the caller has found to fit.
  void begin(std::uint32_t items) {
    items_ = 0;
    cursor_ = bytes_of(items, 0);
    votes_ = 0;
    promised_ = 0;
    highest_slot_ = 0;
    pieces_.clear();
  }

  /// The payload must stay where it is until `write`.
  void add(std::uint64_t slot, std::uint64_t ballot, std::uint8_t type, std::uint8_t flags,
           const std::byte* payload, std::uint32_t length, std::uint64_t payload_crc) {
    // A Descriptor in whole words, each stored where it belongs: copied from a struct that was filled field by
    // field it would be read back before its stores have left the store buffer, behind lines being flushed.
    auto* const words = reinterpret_cast<std::uint64_t*>(scratch_.get() + bytes_of(items_, 0));
    static_assert(offsetof(Descriptor, offset) == 16 && offsetof(Descriptor, length) == 20 &&
                  offsetof(Descriptor, type) == 24 && offsetof(Descriptor, flags) == 25);
    words[0] = slot;
    words[1] = ballot;
    words[2] = cursor_ | std::uint64_t{length} << 32;
    words[3] = type | std::uint64_t{flags} << 8;
    words[4] = payload_crc;
    items_++;
    if (ballot > promised_) promised_ = ballot;
    if (slot > highest_slot_) highest_slot_ = slot;
    votes_ += slot != 0 ? 1 : 0;
    if ((flags & kFlagUnavailable) == 0 && length > 0) place(payload, length);
  }

  [[nodiscard]] std::uint32_t items() const { return items_; }
  [[nodiscard]] std::uint64_t bytes() const { return cursor_; }
  [[nodiscard]] std::uint64_t promised() const { return promised_; }
  [[nodiscard]] std::uint64_t highest_slot() const { return highest_slot_; }
  [[nodiscard]] std::uint32_t votes() const { return votes_; }
  /// Bytes of the votes' descriptors and payloads.
  [[nodiscard]] std::uint32_t vote_bytes() const {
    return static_cast<std::uint32_t>(cursor_ - bytes_of(items_ - votes_, 0));
  }
  [[nodiscard]] const Descriptor* descriptors() const {
    return reinterpret_cast<const Descriptor*>(scratch_.get() + kDescriptorsAt);
  }

  /// Fills in both CRCs and writes everything behind the commit word. Returns the bytes written.
  std::uint64_t write(Medium& medium, std::uint64_t record_offset, RecordHeader& header) {
    header.descriptors_crc = crc64(descriptors(), items_ * sizeof(Descriptor));
    header.crc = crc64(&header, offsetof(RecordHeader, crc));
    std::memcpy(scratch_.get() + kHeaderAt, &header, sizeof header);
    std::uint64_t from = kHeaderAt;
    for (const Piece& piece : pieces_) {
      const std::uint64_t whole = piece.length / 8 * 8;
      if (piece.offset > from) {
        medium.write(Site::append_body, record_offset + from, scratch_.get() + from, piece.offset - from);
      }
      medium.write(Site::append_payload, record_offset + piece.offset, piece.bytes, whole);
      from = piece.offset + whole;
    }
    // Whole cache lines copy fastest; the alignment leaves room for them.
    const std::uint64_t end = align_up(cursor_, kLineBytes);
    std::memset(scratch_.get() + cursor_, 0, end - cursor_);
    if (end > from) {
      medium.write(Site::append_body, record_offset + from, scratch_.get() + from, end - from);
    }
    return end - kHeaderAt;
  }

 private:
  struct Piece {
    const std::byte* bytes;
    std::uint64_t offset;
    std::uint64_t length;
  };
  static constexpr std::uint32_t kDirectBytesMin = 1024;

  void place(const std::byte* payload, std::uint32_t length) {
    const std::uint64_t whole = std::uint64_t{length} / 8 * 8;
    const std::uint64_t padded = align_up(length, 8);
    if (padded > whole) std::memset(scratch_.get() + cursor_ + whole, 0, 8);
    if (length < kDirectBytesMin) {
      std::memcpy(scratch_.get() + cursor_, payload, length);
    } else {
      std::memcpy(scratch_.get() + cursor_ + whole, payload + whole, length - whole);
      pieces_.push_back({payload, cursor_, length});
    }
    cursor_ += padded;
  }

  std::unique_ptr<std::byte[]> scratch_;
  std::vector<Piece> pieces_;
  std::uint64_t cursor_ = 0;
  std::uint64_t promised_ = 0;
  std::uint64_t highest_slot_ = 0;
  std::uint32_t items_ = 0;
  std::uint32_t votes_ = 0;
};

}  // namespace indelible

// Puts one batch record together in ordinary memory: header, descriptors and small payloads lie in one piece
// that is copied at once, whole cache lines of large payloads go to the medium straight from where the caller
// has them.
//
// 1. No cache line is written by two copies: persisting a line a second time right behind the first costs
//    more than all the rest of a small record.
// 2. Payloads that lie one behind the other, where they come from as in the record, are one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "crc64.h"
#include "layout.h"
#include "medium.h"
#include "record_words.h"
#include "rows.h"

namespace indelible {

class RecordBuilder {
 public:
  explicit RecordBuilder(std::uint64_t record_bytes_max)
      : scratch_(new (std::nothrow) std::byte[record_bytes_max]), record_bytes_max_(record_bytes_max) {
    if (!pieces_.reserve(record_bytes_max / kPieceBytesMin + 1).ok()) scratch_.reset();
  }

  /// False where there was no memory for it: then it builds nothing.
  [[nodiscard]] bool usable() const { return scratch_ != nullptr; }

  /// Bytes of a record with these items, before alignment.
  static constexpr std::uint64_t bytes_of(std::uint32_t items, std::uint64_t padded_payloads) {
    return kDescriptorsAt + items * sizeof(Descriptor) + padded_payloads;
  }

  /// Starts a record of exactly `items` items, which fit without their payloads.
  void begin(std::uint32_t items) {
    items_ = 0;
    votes_ = 0;
    promised_ = 0;
    highest_slot_ = 0;
    pieces_.clear();
    next_ = nullptr;
    cursor_ = bytes_of(items, 0);
    described_ = cursor_;
  }

  /// Whether payloads of so many bytes, each padded to 8, still fit into a largest record.
  [[nodiscard]] bool fits(std::uint64_t padded_payloads) const {
    return padded_payloads <= record_bytes_max_ - cursor_;
  }

  /// The payload must fit, and stay where it is until `write`.
  void add(std::uint64_t slot, std::uint64_t ballot, std::uint8_t type, std::uint8_t flags,
           const std::byte* payload, std::uint32_t length, std::uint64_t payload_crc) {
    count(slot, ballot, slot != 0 ? 1 : 0);
    put_descriptor(scratch_.get() + bytes_of(items_, 0), slot, ballot, cursor_, length,
                   type | std::uint64_t{flags} << 8, payload_crc);
    items_++;
    if ((flags & kFlagUnavailable) == 0) place(payload, length);
    described_ = cursor_;
  }

  /// Lays out the payloads of the next `votes` votes. Each must fit, and stay where it is until `write`.
  void place_run(const void* const* payloads, const std::size_t* lengths, std::uint32_t votes) {
    const auto* const first = static_cast<const std::byte*>(payloads[0]);
    const std::byte* end = first;
    std::size_t any_length = 0;
    bool together = true;
    for (std::uint32_t index = 0; index < votes; index++) {
      const auto* const payload = static_cast<const std::byte*>(payloads[index]);
      together &= payload == end;
      end = payload + lengths[index];
      any_length |= lengths[index];
    }
    if (together && any_length % 8 == 0) return place(first, static_cast<std::uint64_t>(end - first));
    for (std::uint32_t index = 0; index < votes; index++) {
      place(static_cast<const std::byte*>(payloads[index]), lengths[index]);
    }
  }

  /// Describes the votes laid out last: for `votes` slots from `slot` on, at one ballot and of one type.
  void describe_run(std::uint64_t slot, std::uint64_t ballot, std::uint8_t type, const std::size_t* lengths,
                    const std::uint64_t* payload_crcs, std::uint32_t votes) {
    count(slot + votes - 1, ballot, votes);
    std::byte* target = scratch_.get() + bytes_of(items_, 0);
    items_ += votes;
    std::uint64_t cursor = described_;
    for (std::uint32_t index = 0; index < votes; index++, target += sizeof(Descriptor)) {
      put_descriptor(target, slot + index, ballot, cursor, lengths[index], type, payload_crcs[index]);
      cursor += align_up(lengths[index], 8);
    }
    described_ = cursor;
  }

  /// Writes what is complete of a large piece, before `write` does the rest: it is on its way while the CRCs of what
  /// follows are found. The record has to have its room at `record_offset`, and comes to lie there.
  void write_ahead(Medium& medium, std::uint64_t record_offset) {
    write_lines(medium, record_offset, pieces_.back());
  }

  /// Whether there is such a piece.
  [[nodiscard]] bool has_pieces() const { return !pieces_.empty(); }

  [[nodiscard]] std::uint32_t items() const { return items_; }
  [[nodiscard]] std::uint64_t bytes() const { return cursor_; }
  [[nodiscard]] std::uint64_t promised() const { return promised_; }
  [[nodiscard]] std::uint64_t highest_slot() const { return highest_slot_; }
  [[nodiscard]] std::uint32_t votes() const { return votes_; }
  /// Bytes of the votes' descriptors and payloads.
  [[nodiscard]] std::uint32_t vote_bytes() const {
    return static_cast<std::uint32_t>(cursor_ - bytes_of(items_ - votes_, 0));
  }

  /// Fills in both CRCs and writes everything behind the commit word. Returns the bytes written.
  [[gnu::always_inline]] std::uint64_t write(Medium& medium, std::uint64_t record_offset, RecordHeader& header) {
    // Whole cache lines copy fastest; the alignment leaves room for them.
    const std::uint64_t end = align_up(cursor_, kLineBytes);
    for (std::uint64_t at = cursor_; at < end; at += 8) keep(*words_at(scratch_.get() + at), 0);
    // Large payloads are on their way while the CRCs behind them are found.
    for (Piece& piece : pieces_) {
      keep_ends(piece);
      write_lines(medium, record_offset, piece);
    }
    header.descriptors_crc = crc64(scratch_.get() + kDescriptorsAt, items_ * sizeof(Descriptor));
    put_header(scratch_.get() + kHeaderAt, header);
    copy(medium, record_offset, copy_between(medium, record_offset), end);
    return end - kHeaderAt;
  }

 private:
  /// Payload so long that its whole cache lines are worth a copy of their own.
  struct Piece {
    const std::byte* bytes;
    std::uint64_t offset;
    std::uint64_t length;
    /// Up to where its whole lines were written.
    std::uint64_t written;

    [[nodiscard]] std::uint64_t lines_from() const { return align_up(offset, kLineBytes); }
    [[nodiscard]] std::uint64_t lines_end() const { return (offset + length) / kLineBytes * kLineBytes; }
  };
  static constexpr std::uint64_t kPieceBytesMin = 1024;

  static void write_lines(Medium& medium, std::uint64_t record_offset, Piece& piece) {
    const std::uint64_t from = piece.written;
    const std::uint64_t to = piece.lines_end();
    if (to == from) return;
    medium.write(Site::append_payload, record_offset + from, piece.bytes + (from - piece.offset), to - from);
    piece.written = to;
  }

  void count(std::uint64_t highest_slot, std::uint64_t ballot, std::uint32_t votes) {
    if (ballot > promised_) promised_ = ballot;
    if (highest_slot > highest_slot_) highest_slot_ = highest_slot;
    votes_ += votes;
  }

  /// One payload, or several of whole words that lie one behind the other.
  void place(const std::byte* payload, std::uint64_t length) {
    if (length == 0) return;
    const std::uint64_t offset = cursor_;
    cursor_ += align_up(length, 8);
    if (payload != next_ && length < kPieceBytesMin) {
      pad(offset, length);
      std::memcpy(scratch_.get() + offset, payload, length);
      next_ = nullptr;
      return;
    }
    if (payload == next_) {
      pieces_.back().length += length;
    } else {
      pieces_.add({payload, offset, length, align_up(offset, kLineBytes)});
    }
    next_ = behind(payload, length);
  }

  /// Zeros behind a payload that ends within a word.
  void pad(std::uint64_t offset, std::uint64_t length) {
    if (length % 8 != 0) *words_at(scratch_.get() + offset + length / 8 * 8) = 0;
  }

  /// Where a payload has to lie to continue this one. Behind one that ends within a word there is padding:
  /// nowhere.
  static const std::byte* behind(const std::byte* payload, std::uint64_t length) {
    return length % 8 == 0 ? payload + length : nullptr;
  }

  /// Copies what lies in front of a piece's whole lines and behind them, and pads it.
  void keep_ends(const Piece& piece) {
    std::byte* const target = scratch_.get() + piece.offset;
    pad(piece.offset, piece.length);
    const std::uint64_t head = piece.lines_from() - piece.offset;
    const std::uint64_t tail = piece.lines_end() - piece.offset;
    std::memcpy(target, piece.bytes, head);
    std::memcpy(target + tail, piece.bytes + tail, piece.length - tail);
  }

  /// Writes what lies in front of each piece's whole lines and behind those of the one before. Returns where the
  /// last ones end.
  std::uint64_t copy_between(Medium& medium, std::uint64_t record_offset) {
    std::uint64_t from = kHeaderAt;
    for (const Piece& piece : pieces_) {
      copy(medium, record_offset, from, piece.lines_from());
      from = piece.lines_end();
    }
    return from;
  }

  void copy(Medium& medium, std::uint64_t record_offset, std::uint64_t from, std::uint64_t end) {
    if (end > from) medium.write(Site::append_body, record_offset + from, scratch_.get() + from, end - from);
  }

  std::unique_ptr<std::byte[]> scratch_;
  std::uint64_t record_bytes_max_;
  /// Each takes kPieceBytesMin or more of the record: there is room for as many as it can have.
  Rows<Piece> pieces_;
  /// Where a payload has to lie to continue the last piece.
  const std::byte* next_ = nullptr;
  std::uint64_t cursor_ = 0;
  /// Up to where payloads have descriptors.
  std::uint64_t described_ = 0;
  std::uint64_t promised_ = 0;
  std::uint64_t highest_slot_ = 0;
  std::uint32_t items_ = 0;
  std::uint32_t votes_ = 0;
};

}  // namespace indelible

#include "edits.h"

#include <algorithm>

#include "../crc64.h"

namespace indelible::fuzz {
namespace {

constexpr std::uint32_t kEditsMax = 12;

struct Field {
  std::uint32_t offset;
  std::uint32_t bytes;
};

#define FIELD(type, name) \
  { offsetof(type, name), sizeof(type::name) }

constexpr Field kStaticFields[] = {
    FIELD(StaticHeader, magic),       FIELD(StaticHeader, major),
    FIELD(StaticHeader, endian_tag),  FIELD(StaticHeader, incompat),
    FIELD(StaticHeader, incarnation), FIELD(StaticHeader, read_only_compat),
    FIELD(StaticHeader, replica_id),  FIELD(StaticHeader, alignment),
    FIELD(StaticHeader, log_offset),  FIELD(StaticHeader, log_length),
    FIELD(StaticHeader, crc_kind),    FIELD(StaticHeader, record_bytes_max),
    FIELD(StaticHeader, crc),         FIELD(StaticHeader, record_items_max),
};
constexpr Field kRootFields[] = {
    FIELD(RootSlot, generation),
    FIELD(RootSlot, head_position),
    FIELD(RootSlot, head_number),
    FIELD(RootSlot, trim_through),
    FIELD(RootSlot, head_previous_crc),
    FIELD(RootSlot, checkpoint_id),
    FIELD(RootSlot, promised),
    FIELD(RootSlot, highest_voted),
    FIELD(RootSlot, learned_through),
    FIELD(RootSlot, state),
    FIELD(RootSlot, crc),
    {offsetof(RootSlot, boot_id), 8},
};
constexpr Field kRecordFields[] = {
    FIELD(RecordHeader, magic),           FIELD(RecordHeader, version),
    FIELD(RecordHeader, flags),           FIELD(RecordHeader, number),
    FIELD(RecordHeader, position),        FIELD(RecordHeader, length),
    FIELD(RecordHeader, items),           FIELD(RecordHeader, promised),
    FIELD(RecordHeader, trim_through),    FIELD(RecordHeader, highest_voted),
    FIELD(RecordHeader, previous_crc),    FIELD(RecordHeader, learned_through),
    FIELD(RecordHeader, incarnation),     FIELD(RecordHeader, crc),
    FIELD(RecordHeader, descriptors_crc),
};
constexpr Field kDescriptorFields[] = {
    FIELD(Descriptor, slot),        FIELD(Descriptor, ballot), FIELD(Descriptor, offset),
    FIELD(Descriptor, length),      FIELD(Descriptor, type),   FIELD(Descriptor, flags),
    FIELD(Descriptor, payload_crc),
};

#undef FIELD

template <typename T>
T load(const std::byte* image, std::uint64_t offset) {
  T value;
  std::memcpy(&value, image + offset, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* image, std::uint64_t offset, const T& value) {
  std::memcpy(image + offset, &value, sizeof value);
}

/// Replaces a number by an extreme one, a neighbour, one with a bit flipped, or any.
void replace(std::byte* image, std::uint64_t offset, std::uint32_t bytes, Script& script) {
  constexpr std::uint64_t kExtremes[] = {
      0,
      1,
      2,
      7,
      8,
      63,
      64,
      65,
      191,
      192,
      193,
      232,
      255,
      256,
      512,
      513,
      1024,
      4096,
      4095,
      4104,
      8192,
      12288,
      0x4000,
      0x5000,
      65535,
      65536,
      65537,
      0x7FFFFFFF,
      0x80000000,
      0xFFFFFFFF,
      0x100000000,
      kNumberMax,
      kNumberMax + 1,
      ~std::uint64_t{0},
      ~std::uint64_t{63},
      std::uint64_t{1} << 63,
  };
  std::uint64_t value = 0;
  std::memcpy(&value, image + offset, bytes);
  const std::uint8_t how = script.byte();
  if (how < 64) {
    value = kExtremes[how % std::size(kExtremes)];
  } else if (how < 128) {
    value += static_cast<std::uint64_t>(how) - 96;
  } else if (how < 192) {
    value ^= std::uint64_t{1} << (how % 64 % (8 * bytes));
  } else if (how < 224) {
    value = script.word();
  } else {
    value = script.number();
  }
  std::memcpy(image + offset, &value, bytes);
}

class Editor {
 public:
  Editor(const BaseImage& base, std::byte* image, Script& script)
      : base_(base), image_(image), script_(script), geometry_(geometry_of(base.header)) {}

  void run() {
    for (std::uint32_t left = script_.below(kEditsMax); left > 0 && !script_.ended(); left--) {
      const std::uint8_t what = script_.byte();
      one(what % 10, (what & 0x80) != 0, (what & 0x40) != 0);
    }
  }

 private:
  void one(int what, bool reseal, bool relink) {
    switch (what) {
      case 0:
        return in_static_header(reseal);
      case 1:
        return in_root(reseal, relink);
      case 2:
      case 3:
        return in_record(reseal, relink);
      case 4:
        return in_descriptor(reseal, relink);
      case 5:
        return word();
      case 6:
        return block();
      case 7:
        return move_record(reseal);
      case 8:
        return raw(reseal, relink);
      default:
        return selector();
    }
  }

  /// The tail counts as a record: what lies there may look like one.
  std::size_t some_record() { return script_.below(static_cast<std::uint32_t>(base_.records.size())); }

  void in_static_header(bool reseal) {
    const Field field = kStaticFields[script_.below(std::size(kStaticFields))];
    const std::uint8_t which = script_.byte();
    const int copy = which % 2;
    const std::uint64_t at = kStaticOffset[copy] + field.offset;
    replace(image_, at, field.bytes, script_);
    if (reseal) seal_static_header(image_, copy);
    if ((which & 2) == 0) return;
    std::memcpy(image_ + kStaticOffset[1 - copy] + field.offset, image_ + at, field.bytes);
    if (reseal) seal_static_header(image_, 1 - copy);
  }

  /// In both roots where `both`: else the other one is simply believed.
  void in_root(bool reseal, bool both) {
    const Field field = kRootFields[script_.below(std::size(kRootFields))];
    const std::uint8_t which = script_.byte();
    const int copy = which % 2;
    const int active = load<std::uint64_t>(image_, kRootOffset[copy]) == kSelector[0] ? 0 : 1;
    const int slot = (which & 2) != 0 ? 1 - active : active;
    const std::uint64_t at = kRootOffset[copy] + kRootSlotOffset[slot];
    replace(image_, at + field.offset, field.bytes, script_);
    if (reseal) seal_root_slot(image_, copy, slot);
    if (!both) return;
    std::memcpy(image_ + kRootOffset[1 - copy] + kRootSlotOffset[slot], image_ + at, sizeof(RootSlot));
    std::memcpy(image_ + kRootOffset[1 - copy], image_ + kRootOffset[copy], sizeof(std::uint64_t));
  }

  void in_record(bool reseal, bool relink) {
    const std::size_t record = some_record();
    const Field field = kRecordFields[script_.below(std::size(kRecordFields))];
    replace(image_, base_.records[record] + kHeaderAt + field.offset, field.bytes, script_);
    if (reseal) seal_record(base_, image_, base_.records[record]);
    if (relink) link_from(record);
  }

  void in_descriptor(bool reseal, bool relink) {
    const std::size_t record = some_record();
    const std::uint32_t item = script_.below(3);
    const Field field = kDescriptorFields[script_.below(std::size(kDescriptorFields))];
    const std::uint64_t at =
        base_.records[record] + kDescriptorsAt + item * sizeof(Descriptor) + field.offset;
    replace(image_, at, field.bytes, script_);
    if (reseal) seal_record(base_, image_, base_.records[record]);
    if (relink) link_from(record);
  }

  void word() {
    const std::size_t record = some_record();
    const std::uint8_t which = script_.byte();
    const std::uint64_t at = base_.records[record];
    const auto number =
        load<std::uint64_t>(image_, at + kHeaderAt + offsetof(RecordHeader, number)) + which / 4;
    switch (which % 4) {
      case 0:
        return store(image_, at, commit_word(base_.header.incarnation, number));
      case 1:
        return store(image_, at, empty_word(base_.header.incarnation, number));
      case 2:
        return store(image_, at, std::uint64_t{0});
      default:
        return replace(image_, at, sizeof(std::uint64_t), script_);
    }
  }

  /// A block zeroed, or overwritten by another: a write that was lost, or went elsewhere.
  void block() {
    constexpr std::uint64_t kLengths[] = {64, 256, 512, 4096};
    const std::uint64_t lines = base_.bytes.size() / kLineBytes;
    const std::uint64_t length = kLengths[script_.below(4)];
    const std::uint64_t to = script_.word() % lines * kLineBytes;
    const std::uint16_t source = script_.word();
    const std::uint64_t from = source % lines * kLineBytes;
    const std::uint64_t fits = std::min(length, base_.bytes.size() - std::max(from, to));
    if (source == 0) {
      std::memset(image_ + to, 0, fits);
    } else {
      std::memmove(image_ + to, image_ + from, fits);
    }
  }

  /// A whole record where another one was, saying that it belongs there if resealed.
  void move_record(bool reseal) {
    const std::uint64_t from = base_.records[some_record()];
    const std::uint64_t to = kLogOffset + script_.word() % (geometry_.log_length / kLineBytes) * kLineBytes;
    const std::uint64_t fits = std::min(geometry_.record_bytes_max, base_.bytes.size() - std::max(from, to));
    std::memmove(image_ + to, image_ + from, fits);
    if (!reseal || to + kDescriptorsAt > base_.bytes.size()) return;
    const std::uint64_t lap = script_.below(3);
    store(image_, to + kHeaderAt + offsetof(RecordHeader, position),
          to - kLogOffset + lap * geometry_.log_length);
    replace(image_, to + kHeaderAt + offsetof(RecordHeader, number), sizeof(std::uint64_t), script_);
    seal_record(base_, image_, to);
  }

  void raw(bool in_log, bool several) {
    const std::uint64_t span = in_log ? base_.bytes.size() - kLogOffset : base_.bytes.size();
    std::uint64_t at = (in_log ? kLogOffset : 0) + script_.word() % span;
    for (std::uint32_t count = several ? 1 + script_.below(16) : 1; count > 0 && at < base_.bytes.size();
         count--) {
      image_[at++] ^= static_cast<std::byte>(script_.byte());
    }
  }

  void selector() {
    const std::uint8_t which = script_.byte();
    const std::uint64_t at = kRootOffset[which % 2];
    if ((which & 2) != 0) return replace(image_, at, sizeof(std::uint64_t), script_);
    store(image_, at, kSelector[(which & 4) != 0 ? 1 : 0]);
  }

  /// From here to the tail every header names the one before it.
  void link_from(std::size_t record) {
    for (; record + 2 < base_.records.size(); record++) {
      const auto crc =
          load<std::uint64_t>(image_, base_.records[record] + kHeaderAt + offsetof(RecordHeader, crc));
      const std::uint64_t next = base_.records[record + 1];
      store(image_, next + kHeaderAt + offsetof(RecordHeader, previous_crc), crc);
      seal_record(base_, image_, next);
    }
  }

  const BaseImage& base_;
  std::byte* image_;
  Script& script_;
  Geometry geometry_;
};

}  // namespace

void seal_static_header(std::byte* image, int copy) {
  const std::uint64_t at = kStaticOffset[copy];
  store(image, at + offsetof(StaticHeader, crc), crc64(image + at, offsetof(StaticHeader, crc)));
}

void seal_root_slot(std::byte* image, int copy, int slot) {
  const std::uint64_t at = kRootOffset[copy] + kRootSlotOffset[slot];
  store(image, at + offsetof(RootSlot, crc), crc64(image + at, offsetof(RootSlot, crc)));
}

void seal_record(const BaseImage& base, std::byte* image, std::uint64_t offset) {
  const std::uint64_t end = base.bytes.size();
  if (offset + kDescriptorsAt > end) return;
  const auto header = load<RecordHeader>(image, offset + kHeaderAt);
  const std::uint64_t fit =
      std::min<std::uint64_t>(header.items, (end - offset - kDescriptorsAt) / sizeof(Descriptor));
  const std::uint64_t items = std::min<std::uint64_t>(fit, base.header.record_items_max);
  for (std::uint64_t item = 0; item < items; item++) {
    const std::uint64_t at = offset + kDescriptorsAt + item * sizeof(Descriptor);
    auto descriptor = load<Descriptor>(image, at);
    const std::uint64_t from = offset + descriptor.offset;
    if (from > end || descriptor.length > end - from) continue;
    descriptor.payload_crc = descriptor.length == 0 ? 0 : crc64(image + from, descriptor.length);
    store(image, at, descriptor);
  }
  const std::uint64_t header_at = offset + kHeaderAt;
  store(image, header_at + offsetof(RecordHeader, descriptors_crc),
        crc64(image + offset + kDescriptorsAt, items * sizeof(Descriptor)));
  store(image, header_at + offsetof(RecordHeader, crc),
        crc64(image + header_at, offsetof(RecordHeader, crc)));
}

void edit(const BaseImage& base, std::byte* image, Script& script) {
  Editor(base, image, script).run();
}

}  // namespace indelible::fuzz

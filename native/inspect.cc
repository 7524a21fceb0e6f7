#include "inspect.h"

#include "crc64.h"
#include "json_writer.h"
#include "probe_window.h"
#include "record_reader.h"
#include "recovery.h"
#include "static_header.h"

namespace indelible {
namespace {

const char* word_kind(std::uint64_t word, std::uint64_t incarnation, std::uint64_t number) {
  if (word == commit_word(incarnation, number)) return "committed";
  return word == empty_word(incarnation, number) ? "empty" : "other";
}

Status write_headers(Medium& medium, JsonWriter& json, StaticHeader& header, bool& usable) {
  usable = false;
  json.begin_array("headers");
  for (const std::uint64_t offset : kStaticOffset) {
    StaticHeader copy{};
    if (Status status = medium.read(offset, &copy, sizeof copy); !status.ok()) return status;
    const bool whole = copy.magic == kStaticMagic && copy.crc == crc64(&copy, offsetof(StaticHeader, crc));
    json.begin_object();
    json.number("offset", offset);
    json.boolean("magic", copy.magic == kStaticMagic);
    json.boolean("whole", whole);
    json.number("formatMajor", copy.major);
    json.number("formatMinor", copy.minor);
    json.bytes("clusterId", copy.cluster_id, sizeof copy.cluster_id);
    json.bytes("storeUuid", copy.store_uuid, sizeof copy.store_uuid);
    json.number("replicaId", copy.replica_id);
    json.hex("incarnation", copy.incarnation);
    json.number("alignment", copy.alignment);
    json.number("logBytes", copy.log_length);
    json.number("recordBytesMax", copy.record_bytes_max);
    json.number("recordItemsMax", copy.record_items_max);
    json.end_object();
    if (whole && !usable) {
      header = copy;
      usable = true;
    }
  }
  json.end_array();
  StaticHeaders headers{};
  const Status status = load_static_headers(medium, headers);
  json.text("verdict", status.ok() ? "" : status.what);
  usable = usable && status.ok();
  return Status::good();
}

const char* state_name(std::uint64_t state) {
  if (state == static_cast<std::uint64_t>(RootState::clean)) return "clean";
  return state == static_cast<std::uint64_t>(RootState::in_use_volatile) ? "in use, forgets at power loss" : "in use";
}

void write_root_slot(JsonWriter& json, const RootSlot& slot, bool active) {
  json.begin_object();
  json.boolean("active", active);
  json.boolean("whole", slot.crc == crc64(&slot, offsetof(RootSlot, crc)));
  json.number("generation", slot.generation);
  json.number("headPosition", slot.head_position);
  json.number("headNumber", slot.head_number);
  json.number("trimThrough", slot.trim_through);
  json.number("checkpointId", slot.checkpoint_id);
  json.number("promised", slot.promised);
  json.number("highestVoted", slot.highest_voted);
  json.number("learnedThrough", slot.learned_through);
  json.text("state", state_name(slot.state));
  json.bytes("bootId", slot.boot_id, sizeof slot.boot_id);
  json.hex("deviceId", slot.device_id);
  json.number("unsafeShutdowns", slot.unsafe_shutdowns);
  json.end_object();
}

Status write_roots(Medium& medium, JsonWriter& json) {
  json.begin_array("roots");
  for (const std::uint64_t offset : kRootOffset) {
    std::uint64_t selector = 0;
    if (Status status = medium.read(offset, &selector, sizeof selector); !status.ok()) return status;
    json.begin_object();
    json.number("offset", offset);
    json.hex("selector", selector);
    json.boolean("selectorGood", selector == kSelector[0] || selector == kSelector[1]);
    json.begin_array("slots");
    for (int index = 0; index < 2; index++) {
      RootSlot slot{};
      Status status = medium.read(offset + kRootSlotOffset[index], &slot, sizeof slot);
      if (!status.ok()) return status;
      write_root_slot(json, slot, selector == kSelector[index]);
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  return Status::good();
}

void write_record(JsonWriter& json, const FoundRecord& record, std::uint64_t offset, const char* word) {
  const RecordHeader& header = record.header;
  json.begin_object();
  json.number("offset", offset);
  json.number("number", header.number);
  json.number("position", header.position);
  json.text("word", word);
  json.number("lengthBytes", header.length);
  json.number("promised", header.promised);
  json.number("trimThrough", header.trim_through);
  json.number("highestVoted", header.highest_voted);
  json.number("learnedThrough", header.learned_through);
  json.number("headNumber", header.head_number);
  json.hex("previousCrc", header.previous_crc);
  json.hex("crc", header.crc);
  json.boolean("descriptorsGood", record.descriptors_good);
  json.boolean("payloadsGood", record.payloads_good);
  json.begin_array("items");
  for (const Descriptor& descriptor : record.descriptors) {
    json.begin_object();
    json.number("slot", descriptor.slot);
    json.number("ballot", descriptor.ballot);
    json.number("type", descriptor.type);
    json.number("lengthBytes", descriptor.length);
    json.number("offset", descriptor.offset);
    json.number("digest", descriptor.payload_crc & kDigestMask);
    json.boolean("available", (descriptor.flags & kFlagUnavailable) == 0);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

/// Every place a record could start, in the order of the area: stale records of earlier laps included.
Status write_records(Medium& medium, JsonWriter& json, const StaticHeader& header) {
  const Geometry geometry = geometry_of(header);
  ProbeWindow window(medium, kProbeWindowBytes);
  RecordReader reader(window, geometry, header.incarnation);
  json.begin_array("records");
  FoundRecord record;
  for (std::uint64_t at = 0; at + geometry.record_bytes_max <= geometry.log_length; at += geometry.alignment) {
    RecordHeader here{};
    Status status = window.read(kLogOffset + at + kHeaderAt, &here, sizeof here);
    if (!status.ok()) return status;
    if (here.magic != kRecordMagic || here.position % geometry.log_length != at) continue;
    status = reader.record_at(here.position, record);
    if (!status.ok()) return status;
    if (!record.header_good) continue;
    std::uint64_t word = 0;
    status = reader.commit_word_at(here.position, word);
    if (!status.ok()) return status;
    write_record(json, record, kLogOffset + at, word_kind(word, header.incarnation, here.number));
  }
  json.end_array();
  return Status::good();
}

const char* outcome_name(Outcome outcome) {
  if (outcome == Outcome::intact) return "intact";
  return outcome == Outcome::damaged ? "damaged" : "lost";
}

/// What recovery would conclude of these bytes. Whether the medium forgot some is asked when it is opened.
Status write_conclusion(Medium& medium, JsonWriter& json, const StaticHeader& header) {
  LogState state;
  state.geometry = geometry_of(header);
  state.incarnation = header.incarnation;
  Recovery recovery(medium, state);
  Root roots;
  RootSlot root{};
  Recovered recovered;
  if (Status status = recovery.find_root(roots, root, recovered); !status.ok()) return status;
  if (recovered.outcome != Outcome::lost) {
    if (Status status = recovery.walk(root, recovered); !status.ok()) return status;
  }
  if (recovered.outcome != Outcome::lost) find_missing(state, recovered);
  json.text("outcome", outcome_name(recovered.outcome));
  json.text("reason", recovered.reason);
  return Status::good();
}

}  // namespace

Status inspect(Medium& medium, std::string& text) {
  JsonWriter json(text);
  json.begin_object();
  json.number("regionBytes", medium.size());
  StaticHeader header{};
  bool usable = false;
  if (medium.size() <= kLogOffset) {
    json.text("verdict", "too short to be a region");
  } else {
    if (Status status = write_headers(medium, json, header, usable); !status.ok()) return status;
    if (Status status = write_roots(medium, json); !status.ok()) return status;
  }
  if (usable) {
    if (Status status = write_records(medium, json, header); !status.ok()) return status;
    if (Status status = write_conclusion(medium, json, header); !status.ok()) return status;
  }
  json.end_object();
  return Status::good();
}

}  // namespace indelible

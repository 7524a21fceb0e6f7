#include "power_monitor.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "crc64.h"
#include "layout.h"
#include "recovery.h"
#include "root.h"
#include "static_header.h"

namespace indelible {
namespace {

constexpr std::uint64_t kWordBytes = 8;

template <typename T>
T at(const std::vector<std::byte>& image, std::uint64_t offset) {
  T value{};
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

}  // namespace

PowerMonitor::PowerMonitor(RecordingMedium& medium) : medium_(medium), copy_(medium.durable()) {
  medium.on_store([this](Site site, std::uint64_t offset, std::uint64_t length) { check(site, offset, length); });
}

bool PowerMonitor::is_switch(std::uint64_t offset, std::uint64_t length) const {
  return length == kWordBytes && std::find(switches_.begin(), switches_.end(), offset) != switches_.end();
}

void PowerMonitor::check(Site site, std::uint64_t offset, std::uint64_t length) {
  if (!breach_.empty()) return;
  reads_.clear();
  switches_.clear();
  find_reads(medium_.durable());
  find_reads(medium_.seen());
  if (is_switch(offset, length)) return;
  for (const Read& read : reads_) {
    if (offset >= read.end || offset + length <= read.offset) continue;
    char text[160];
    std::snprintf(text, sizeof text, "%s writes 0x%llx+%llu, where recovery would read a %s at 0x%llx",
                  kSiteNames[static_cast<unsigned>(site)], static_cast<unsigned long long>(offset),
                  static_cast<unsigned long long>(length), read.what, static_cast<unsigned long long>(read.offset));
    breach_ = text;
    return;
  }
}

void PowerMonitor::find_reads(const std::vector<std::byte>& image) {
  for (const std::uint64_t offset : kStaticOffset) {
    const auto header = at<StaticHeader>(image, offset);
    const bool whole = header.magic == kStaticMagic && header.crc == crc64(&header, offsetof(StaticHeader, crc));
    switches_.push_back(offset);
    if (whole) reads_.push_back({offset, offset + sizeof header, "header"});
  }
  copy_.reset(image);
  StaticHeaders headers{};
  if (!load_static_headers(copy_, headers).ok()) return;
  for (const std::uint64_t offset : kRootOffset) {
    const auto selector = at<std::uint64_t>(image, offset);
    switches_.push_back(offset);
    reads_.push_back({offset, offset + kWordBytes, "root's selector"});
    if (selector != kSelector[0] && selector != kSelector[1]) continue;
    const std::uint64_t slot = offset + kRootSlotOffset[selector == kSelector[0] ? 0 : 1];
    reads_.push_back({slot, slot + sizeof(RootSlot), "root"});
  }
  Root root;
  bool found = false;
  if (root.load(copy_, found).ok() && found) read_log(root.current(), headers.header);
}

void PowerMonitor::read_log(const RootSlot& root, const StaticHeader& header) {
  LogState state;
  state.geometry = geometry_of(header);
  state.incarnation = header.incarnation;
  Recovered recovered;
  if (!Recovery(copy_, state).walk(root, recovered).ok()) return;
  for (std::uint64_t number = state.records.first_number(); number < state.records.end_number(); number++) {
    const RecordEntry& record = state.records.at(number);
    if (record.length == 0) continue;
    const std::uint64_t offset = state.geometry.offset_of(record.position);
    switches_.push_back(offset);
    reads_.push_back({offset, offset + record.length, "record"});
  }
  const std::uint64_t tail = state.geometry.offset_of(state.position);
  switches_.push_back(tail);
  reads_.push_back({tail, tail + kWordBytes, "commit word"});
}

}  // namespace indelible

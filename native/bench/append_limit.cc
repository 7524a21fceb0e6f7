// The least an append can cost on this machine, in loops with the log's own stores, flushes and fences:
//   copy    copies ready-made bytes of a record's length
//   build   makes the same bytes as the log, from payloads at hand: CRCs, descriptors, header
//   log     is the log itself, called from C++: beside `build` it shows what its checks and its books cost
//
//   append_limit PATH [--region-bytes N] [--milliseconds N]
// prints one line of JSON: nanoseconds an append. PATH and PATH-log are created and removed.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../record_reader.h"
#include "build_loop.h"
#include "copy_loop.h"
#include "log_append.h"

namespace indelible {
namespace {

using Clock = std::chrono::steady_clock;

/// What was built, as the log's reader sees a region.
class AreaSource final : public Source {
 public:
  explicit AreaSource(const LimitArea& area) : area_(area) {}

  Status read(std::uint64_t offset, void* target, std::uint64_t length) override {
    std::memcpy(target, area_.base + (offset - kLogOffset), length);
    return Status::good();
  }

 private:
  const LimitArea& area_;
};

template <typename Loop>
double measure(const LimitArea& area, bool fused, int milliseconds) {
  Loop loop(area);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(milliseconds);
  std::uint64_t appends = 0;
  // The clock is read once in many appends: sfence does not hold it back, and reading it costs as much.
  do {
    for (int turn = 0; turn < 256; turn++) loop.append(fused);
    appends += 256;
  } while (Clock::now() < end);
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  return took.count() / static_cast<double>(appends);
}

/// Whether what the loop builds are records of the log, whole and linked.
template <std::uint32_t kVotes, std::uint32_t kBytes>
bool builds_records(const LimitArea& area) {
  constexpr std::uint64_t kRecords = 3;
  constexpr std::uint64_t kRecordBytes = limit_record_bytes(kVotes, kBytes);
  BuildLoop<kVotes, kBytes> loop(area);
  for (std::uint64_t record = 0; record < kRecords; record++) loop.append(false);
  AreaSource source(area);
  RecordReader reader(source, {area.bytes, kLineBytes, 1 << 20, 4096}, kLimitIncarnation);
  FoundRecord record;
  std::uint64_t previous_crc = 0;
  for (std::uint64_t number = 1; number <= kRecords; number++) {
    const std::uint64_t position = (number - 1) * kRecordBytes;
    std::uint64_t word = 0;
    if (!reader.commit_word_at(position, word).ok() || !reader.record_at(position, record).ok()) return false;
    if (word != commit_word(kLimitIncarnation, number) || !record.whole()) return false;
    if (record.header.number != number || record.header.items != kVotes) return false;
    if (record.header.previous_crc != previous_crc) return false;
    previous_crc = record.header.crc;
  }
  return true;
}

struct Case {
  std::uint32_t votes;
  std::uint32_t bytes;
  double (*copy)(const LimitArea& area, bool fused, int milliseconds);
  double (*build)(const LimitArea& area, bool fused, int milliseconds);
  bool (*builds)(const LimitArea& area);
};

template <std::uint32_t kVotes, std::uint32_t kBytes>
constexpr Case case_of() {
  return {kVotes, kBytes, measure<CopyLoop<kVotes, kBytes>>, measure<BuildLoop<kVotes, kBytes>>,
          builds_records<kVotes, kBytes>};
}

constexpr Case kCases[] = {case_of<1, 64>(),   case_of<1, 256>(),  case_of<1, 1024>(),
                           case_of<1, 4096>(), case_of<32, 256>(), case_of<100, 64>()};

/// The comma between results is printed before each but the first.
void print(bool first, bool fused, const Case& one, double nanoseconds) {
  std::printf("%s{\"fences\":%d,\"votes\":%u,\"bytes\":%u,\"nanoseconds\":%.1f}", first ? "" : ",",
              fused ? 1 : 2, one.votes, one.bytes, nanoseconds);
}

Status print_loops(const LimitArea& area, int milliseconds) {
  for (const Case& one : kCases) {
    if (!one.builds(area))
      return Status::failed(Code::store_corrupt, "the build loop makes other bytes than the log");
  }
  for (const bool copies : {true, false}) {
    std::printf(",\"%s\":[", copies ? "copy" : "build");
    bool first = true;
    for (const bool fused : {false, true}) {
      for (const Case& one : kCases) {
        print(first, fused, one, (copies ? one.copy : one.build)(area, fused, milliseconds));
        first = false;
      }
    }
    std::printf("]");
  }
  return Status::good();
}

Status print_log(const std::string& path, int milliseconds) {
  std::printf(",\"log\":[");
  bool first = true;
  for (const bool fused : {false, true}) {
    std::unique_ptr<LogAppend> subject;
    Status status = LogAppend::open(path.c_str(), fused, subject);
    if (!status.ok()) return status;
    for (const Case& one : kCases) {
      double nanoseconds = 0;
      status = subject->measure(one.votes, one.bytes, milliseconds, nanoseconds);
      if (!status.ok()) return status;
      print(first, fused, one, nanoseconds);
      first = false;
    }
  }
  std::printf("]");
  return Status::good();
}

std::uint64_t option(int count, char** arguments, const char* name, std::uint64_t otherwise) {
  for (int index = 1; index + 1 < count; index++) {
    if (std::strcmp(arguments[index], name) == 0) return std::strtoull(arguments[index + 1], nullptr, 10);
  }
  return otherwise;
}

Status run(const std::string& path, std::uint64_t bytes, int milliseconds) {
  LimitArea area{nullptr, nullptr, bytes};
  if (Status status = load_libpmem(area.pmem); !status.ok()) return status;
  std::size_t mapped = 0;
  int is_pmem = 0;
  void* base = area.pmem->map_file(path.c_str(), bytes, LibPmem::kFileCreate, 0600, &mapped, &is_pmem);
  if (base == nullptr) return Status::failed(Code::store_io, area.pmem->errormsg());
  ::unlink(path.c_str());
  area.base = static_cast<char*>(base);
  std::memset(base, 0, mapped);
  std::printf("{\"unit\":\"ns/append\",\"isPmem\":%s", is_pmem != 0 ? "true" : "false");
  Status status = print_loops(area, milliseconds);
  area.pmem->unmap(base, mapped);
  if (status.ok()) status = print_log(path + "-log", milliseconds);
  std::printf("}\n");
  return status;
}

}  // namespace
}  // namespace indelible

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: append_limit PATH [--region-bytes N] [--milliseconds N]\n");
    return 2;
  }
  const auto milliseconds = static_cast<int>(indelible::option(count, arguments, "--milliseconds", 200));
  const std::uint64_t bytes = indelible::option(count, arguments, "--region-bytes", 64 << 20);
  const indelible::Status status = indelible::run(arguments[1], bytes, milliseconds);
  if (status.ok()) return 0;
  std::fprintf(stderr, "append_limit: %s\n", status.what);
  return 1;
}

// How fast a log is read back: by recovery when it is opened, and by its scrub while it is in use. Beside it,
// a memcpy of the same bytes out of the same mapping.
//
//   recovery_speed PATH
// prints one line of JSON: for two kinds of groups the bytes of the log and the nanoseconds each took. PATH
// is created and removed.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "../crc64.h"
#include "../log.h"
#include "../mapped_medium.h"
#include "../region_file.h"

namespace indelible {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLogLength = 64 << 20;
constexpr std::uint64_t kScrubBudget = 256 << 10;
/// Round 1, replica 1.
constexpr std::uint64_t kBallot = 65537;

double nanoseconds_since(Clock::time_point start) {
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  return took.count();
}

Status format(const char* path) {
  FormatOptions format;
  format.replica_id = 1;
  format.log_length = kLogLength;
  format.record_bytes_max = 1 << 20;
  format.record_items_max = 1024;
  if (Status status = draw_incarnation(format.incarnation); !status.ok()) return status;
  return create_region_file(path, format);
}

Status open(const char* path, std::unique_ptr<MappedMedium>& medium, std::unique_ptr<Log>& log) {
  if (Status status = MappedMedium::open(path, MapMode::emulated, medium); !status.ok()) return status;
  OpenOptions options;
  return Log::open(*medium, options, log);
}

/// Fills nine tenths of the log.
Status fill(Log& log, std::uint32_t votes, std::uint32_t bytes) {
  std::vector<std::byte> payloads(std::size_t{votes} * bytes);
  std::uint64_t slot = 0;
  while (log.state().used < log.capacity() / 10 * 9) {
    log.builder().begin(votes);
    for (std::uint32_t vote = 0; vote < votes; vote++) {
      slot++;
      std::byte* const payload = payloads.data() + std::size_t{vote} * bytes;
      for (std::uint32_t at = 0; at < bytes; at++) payload[at] = static_cast<std::byte>(slot * 31 + at);
      const std::uint64_t crc = crc64(payload, bytes);
      log.builder().add(slot, kBallot, static_cast<std::uint8_t>(ItemType::commands), 0, payload, bytes, crc);
    }
    if (Status status = log.append(slot); !status.ok()) return status;
  }
  return Status::good();
}

struct Speeds {
  std::uint64_t log_bytes = 0;
  double recover = 0;
  double scrub = 0;
  double copy = 0;
};

Status measure(const char* path, std::uint32_t votes, std::uint32_t bytes, Speeds& speeds) {
  std::unique_ptr<MappedMedium> medium;
  std::unique_ptr<Log> log;
  if (Status status = format(path); !status.ok()) return status;
  if (Status status = open(path, medium, log); !status.ok()) return status;
  if (Status status = fill(*log, votes, bytes); !status.ok()) return status;
  // As after kill -9: not closed in order.
  log.reset();
  medium.reset();
  auto start = Clock::now();
  if (Status status = open(path, medium, log); !status.ok()) return status;
  speeds.recover = nanoseconds_since(start);
  speeds.log_bytes = log->state().used;
  if (log->recovered().outcome != Outcome::intact)
    return Status::failed(Code::store_corrupt, log->recovered().reason);

  start = Clock::now();
  for (bool ended = false; !ended;) {
    ScrubReport report;
    if (Status status = log->scrub(kScrubBudget, report); !status.ok()) return status;
    ended = report.pass_ended;
  }
  speeds.scrub = nanoseconds_since(start);

  // Touched, as recovery's own memory is after the first records.
  std::vector<std::byte> copy(speeds.log_bytes, std::byte{1});
  start = Clock::now();
  Status status = medium->read(kLogOffset, copy.data(), copy.size());
  speeds.copy = nanoseconds_since(start);
  ::unlink(path);
  return status;
}

Status run(const char* path) {
  struct Case {
    std::uint32_t votes;
    std::uint32_t bytes;
  };
  std::printf("{\"results\":[");
  bool first = true;
  for (const Case& one : {Case{32, 256}, Case{1, 4096}}) {
    Speeds speeds;
    if (Status status = measure(path, one.votes, one.bytes, speeds); !status.ok()) return status;
    std::printf(
        "%s{\"votes\":%u,\"bytes\":%u,\"logBytes\":%llu,\"recover\":%.0f,\"scrub\":%.0f,\"copy\":%.0f}",
        first ? "" : ",", one.votes, one.bytes, static_cast<unsigned long long>(speeds.log_bytes),
        speeds.recover, speeds.scrub, speeds.copy);
    first = false;
  }
  std::printf("]}\n");
  return Status::good();
}

}  // namespace
}  // namespace indelible

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: recovery_speed PATH\n");
    return 2;
  }
  const indelible::Status status = indelible::run(arguments[1]);
  if (status.ok()) return 0;
  unlink(arguments[1]);
  std::fprintf(stderr, "recovery_speed: %s\n", status.what);
  return 1;
}

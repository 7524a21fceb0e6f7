// The least an append can cost on this machine: copies ready-made record bytes of the log's sizes and stores
// the same words with the same flushes and fences, in a ring; no CRCs, no index, no JavaScript. Beside it, as
// `log`, the log's own append called from C++.
//
//   append_limit PATH [--region-bytes N] [--milliseconds N]
// prints one line of JSON: nanoseconds an append. PATH and PATH-log are created and removed.
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../layout.h"
#include "../pmem_library.h"
#include "log_append.h"

namespace {

using indelible::align_up;
using indelible::kDescriptorsAt;
using indelible::kHeaderAt;
using indelible::kLineBytes;
using indelible::LibPmem;
using Clock = std::chrono::steady_clock;

struct Area {
  const LibPmem* pmem;
  char* base;
  std::uint64_t bytes;
};

void store_word(char* at, std::uint64_t value) {
  std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at)).store(value, std::memory_order_release);
}

class Ring {
 public:
  Ring(const Area& area, std::uint64_t body, std::uint64_t record)
      : area_(area), source_(body, 'x'), body_(body), record_(record) {}

  void append(bool fused) {
    char* at = area_.base + offset_;
    const std::uint64_t next = offset_ + 2 * record_ > area_.bytes ? 0 : offset_ + record_;
    number_++;
    source_[0] = static_cast<char>(number_);
    area_.pmem->memcpy_nodrain(at + kHeaderAt, source_.data(), body_);
    store_word(area_.base + next, ~number_);
    area_.pmem->flush(area_.base + next, 8);
    if (fused && pending_ != nullptr) {
      store_word(pending_, number_);
      area_.pmem->flush(pending_, 8);
    }
    area_.pmem->drain();
    if (!fused) {
      store_word(at, number_);
      area_.pmem->flush(at, 8);
      area_.pmem->drain();
    }
    pending_ = at;
    offset_ = next;
  }

 private:
  const Area& area_;
  std::vector<char> source_;
  std::uint64_t body_;
  std::uint64_t record_;
  std::uint64_t offset_ = 0;
  std::uint64_t number_ = 0;
  char* pending_ = nullptr;
};

double nanoseconds_an_append(const Area& area, std::uint32_t votes, std::uint32_t bytes, bool fused, int milliseconds) {
  const std::uint64_t used = kDescriptorsAt + votes * (sizeof(indelible::Descriptor) + align_up(bytes, 8));
  const std::uint64_t record = align_up(used, kLineBytes);
  Ring ring(area, record - kHeaderAt, record);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(milliseconds);
  std::uint64_t appends = 0;
  // The clock is read once in many appends: sfence does not hold it back, and reading it costs as much.
  do {
    for (int turn = 0; turn < 256; turn++) ring.append(fused);
    appends += 256;
  } while (Clock::now() < end);
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  return took.count() / static_cast<double>(appends);
}

struct Case {
  std::uint32_t votes;
  std::uint32_t bytes;
};
constexpr Case kCases[] = {{1, 64}, {1, 256}, {1, 1024}, {1, 4096}, {100, 64}};

/// The comma between results is printed before each but the first.
void print(bool first, bool fused, const Case& one, double nanoseconds) {
  std::printf("%s{\"fences\":%d,\"votes\":%u,\"bytes\":%u,\"nanoseconds\":%.1f}", first ? "" : ",", fused ? 1 : 2,
              one.votes, one.bytes, nanoseconds);
}

indelible::Status print_log(const std::string& path, int milliseconds) {
  std::printf("],\"log\":[");
  bool first = true;
  for (const bool fused : {false, true}) {
    std::unique_ptr<indelible::LogAppend> subject;
    indelible::Status status = indelible::LogAppend::open(path.c_str(), fused, subject);
    if (!status.ok()) return status;
    for (const Case& one : kCases) {
      double nanoseconds = 0;
      status = subject->measure(one.votes, one.bytes, milliseconds, nanoseconds);
      if (!status.ok()) return status;
      print(first, fused, one, nanoseconds);
      first = false;
    }
  }
  return indelible::Status::good();
}

std::uint64_t option(int count, char** arguments, const char* name, std::uint64_t otherwise) {
  for (int index = 1; index + 1 < count; index++) {
    if (std::strcmp(arguments[index], name) == 0) return std::strtoull(arguments[index + 1], nullptr, 10);
  }
  return otherwise;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: append_limit PATH [--region-bytes N] [--milliseconds N]\n");
    return 2;
  }
  const std::string path = arguments[1];
  Area area{nullptr, nullptr, option(count, arguments, "--region-bytes", 64 << 20)};
  if (const indelible::Status status = indelible::load_libpmem(area.pmem); !status.ok()) {
    std::fprintf(stderr, "append_limit: %s\n", status.what);
    return 1;
  }
  std::size_t mapped = 0;
  int is_pmem = 0;
  void* base = area.pmem->map_file(path.c_str(), area.bytes, PMEM_FILE_CREATE, 0600, &mapped, &is_pmem);
  if (base == nullptr) {
    std::fprintf(stderr, "append_limit: %s\n", area.pmem->errormsg());
    return 1;
  }
  area.base = static_cast<char*>(base);
  std::memset(base, 0, mapped);
  const int milliseconds = static_cast<int>(option(count, arguments, "--milliseconds", 200));
  std::printf("{\"unit\":\"ns/append\",\"isPmem\":%s,\"results\":[", is_pmem != 0 ? "true" : "false");
  bool first = true;
  for (const bool fused : {false, true}) {
    for (const Case& one : kCases) {
      const double nanoseconds = nanoseconds_an_append(area, one.votes, one.bytes, fused, milliseconds);
      print(first, fused, one, nanoseconds);
      first = false;
    }
  }
  area.pmem->unmap(base, mapped);
  std::remove(path.c_str());
  if (const indelible::Status status = print_log(path + "-log", milliseconds); !status.ok()) {
    std::fprintf(stderr, "append_limit: %s\n", status.what);
    return 1;
  }
  std::printf("]}\n");
  return 0;
}

// PMDK's own log, libpmemlog, on the same kind of mapping: what one append of one payload costs there, and
// one append of many payloads in one call. It keeps no CRCs, no descriptors and no numbers: a payload's bytes
// and the end's offset are all it writes.
//
//   pmemlog_append PATH [--milliseconds N]
// prints one line of JSON: nanoseconds a call, or why there are none. PATH is created and removed.
#include <dlfcn.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPoolBytes = std::size_t{64} << 20;
constexpr std::size_t kVariants = 128;

struct Pool;

struct PmemLog {
  Pool* (*create)(const char* path, std::size_t pool_bytes, unsigned mode);
  void (*close)(Pool* pool);
  int (*append)(Pool* pool, const void* bytes, std::size_t length);
  int (*appendv)(Pool* pool, const iovec* pieces, int count);
  void (*rewind)(Pool* pool);
  const char* (*errormsg)();

  bool load() {
    void* const library = dlopen("libpmemlog.so.1", RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && resolve(library, "pmemlog_create", create) &&
           resolve(library, "pmemlog_close", close) && resolve(library, "pmemlog_append", append) &&
           resolve(library, "pmemlog_appendv", appendv) && resolve(library, "pmemlog_rewind", rewind) &&
           resolve(library, "pmemlog_errormsg", errormsg);
  }

 private:
  template <typename Function>
  static bool resolve(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

/// Appends groups of payloads, each group in one call; where the pool is full it is begun again.
class Subject {
 public:
  Subject(const PmemLog& library, Pool* pool, std::size_t payloads, std::size_t bytes)
      : library_(library), pool_(pool), bytes_(bytes), payloads_(kVariants * bytes), pieces_(payloads) {
    for (std::size_t at = 0; at < payloads_.size(); at++)
      payloads_[at] = static_cast<char>(at * 31 + (at >> 8));
  }

  void append() {
    if (pieces_.size() == 1) {
      if (library_.append(pool_, next(), bytes_) != 0) library_.rewind(pool_);
      return;
    }
    for (iovec& piece : pieces_) piece = {next(), bytes_};
    if (library_.appendv(pool_, pieces_.data(), static_cast<int>(pieces_.size())) != 0)
      library_.rewind(pool_);
  }

  double nanoseconds_an_append(int milliseconds) {
    const auto start = Clock::now();
    const auto end = start + std::chrono::milliseconds(milliseconds);
    std::uint64_t appends = 0;
    do {
      for (int turn = 0; turn < 64; turn++) append();
      appends += 64;
    } while (Clock::now() < end);
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    return took.count() / static_cast<double>(appends);
  }

 private:
  char* next() {
    char* const payload = payloads_.data() + variant_ * bytes_;
    variant_ = (variant_ + 1) % kVariants;
    return payload;
  }

  const PmemLog& library_;
  Pool* pool_;
  std::size_t bytes_;
  std::vector<char> payloads_;
  std::vector<iovec> pieces_;
  std::size_t variant_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: pmemlog_append PATH [--milliseconds N]\n");
    return 2;
  }
  const bool named = count > 3 && std::strcmp(arguments[2], "--milliseconds") == 0;
  const int milliseconds = named ? static_cast<int>(std::strtol(arguments[3], nullptr, 10)) : 200;
  // Without this it would msync a file that is not on persistent memory; ours, emulated, does not either.
  setenv("PMEM_IS_PMEM_FORCE", "1", 1);
  PmemLog library{};
  if (!library.load()) {
    std::printf(
        "{\"missing\":\"libpmemlog.so.1 is not installed (Debian 12: apt-get install libpmemlog1)\"}\n");
    return 0;
  }
  Pool* const pool = library.create(arguments[1], kPoolBytes, 0600);
  if (pool == nullptr) {
    std::fprintf(stderr, "pmemlog_append: %s\n", library.errormsg());
    return 1;
  }
  unlink(arguments[1]);
  // The first lap pays for page faults.
  Subject touching(library, pool, 1, 4096);
  for (std::size_t at = 0; at < kPoolBytes; at += 4096) touching.append();
  library.rewind(pool);
  std::printf("{\"results\":[");
  bool first = true;
  for (const std::size_t payloads : {std::size_t{1}, std::size_t{32}}) {
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{256}}) {
      Subject subject(library, pool, payloads, bytes);
      const double nanoseconds = subject.nanoseconds_an_append(milliseconds);
      std::printf("%s{\"votes\":%zu,\"bytes\":%zu,\"nanoseconds\":%.1f}", first ? "" : ",", payloads, bytes,
                  nanoseconds);
      first = false;
    }
  }
  std::printf("]}\n");
  library.close(pool);
  return 0;
}

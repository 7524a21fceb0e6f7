// Faults under a real mapping: files cut off while they are mapped raise real SIGBUS. A test that is not caught
// ends this whole program.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "../../native/mapped_medium.h"
#include "check.h"
#include "log_fixture.h"
#include "scratch.h"

using namespace fixture;

namespace {

constexpr int kHandledElsewhere = 77;

/// Was there before any region was mapped: what is not ours must still come here.
void elsewhere(int /*signal*/) { _exit(kHandledElsewhere); }
const auto kInstalledFirst = ::signal(SIGBUS, elsewhere);

struct Region {
  std::string path;
  std::unique_ptr<MappedMedium> medium;
  std::unique_ptr<Log> log;

  explicit Region(MapMode mode = MapMode::emulated) {
    const int fd = scratch::file(path);
    FormatOptions options = small_format();
    if (mode == MapMode::emulated_msync) options.alignment = 4096;
    const std::vector<std::byte> image = formatted(options);
    CHECK(::write(fd, image.data(), image.size()) == static_cast<ssize_t>(image.size()));
    ::close(fd);
    CHECK(MappedMedium::open(path.c_str(), mode, medium).ok());
    CHECK(open_log().ok());
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::unlink(path.c_str()); }

  Status open_log() {
    OpenOptions options;
    options.process_only = true;
    return Log::open(*medium, options, log);
  }
  void fill() {
    for (std::uint64_t slot = 1; slot <= 9; slot++) CHECK(append(*log, {0, {{slot, 1, 500}}}).ok());
  }
  void cut(std::uint64_t bytes) const { CHECK(::truncate(path.c_str(), static_cast<off_t>(bytes)) == 0); }
};

/// Bytes of any file that cannot be read while it is not empty: what a bad block of a medium is to pread.
struct BadBlock {
  off_t from = 0;
  off_t end = 0;
};
BadBlock bad_block;

bool is_fault(const Status& status) {
  return status.code == Code::store_io && status.syscall == Syscall::memory &&
         std::strstr(status.what, "SIGBUS") != nullptr;
}

/// How a child that runs `action` ends.
template <typename Action>
int fate(Action action) {
  const pid_t child = ::fork();
  if (child == 0) {
    action();
    _exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): names the linker gives.
extern "C" ssize_t __real_pread(int fd, void* target, std::size_t length, off_t offset);
extern "C" ssize_t __wrap_pread(int fd, void* target, std::size_t length, off_t offset);

/// As the kernel does it: what lies in front of the bad block is read, then EIO.
ssize_t __wrap_pread(int fd, void* target, std::size_t length, off_t offset) {
  const auto end = offset + static_cast<off_t>(length);
  if (offset >= bad_block.end || end <= bad_block.from) return __real_pread(fd, target, length, offset);
  if (offset < bad_block.from) {
    return __real_pread(fd, target, static_cast<std::size_t>(bad_block.from - offset), offset);
  }
  errno = EIO;
  return -1;
}
// NOLINTEND(bugprone-reserved-identifier)

TEST(mapped_recovery_and_scrub_read_past_a_bad_block) {
  Region region;
  for (std::uint64_t slot = 1; slot <= 30; slot++) CHECK(append(*region.log, {0, {{slot, 1, 500}}}).ok());
  CHECK(region.log->index_all().ok());
  // The second of the six pages that records lie in.
  bad_block = {static_cast<off_t>(kLogOffset + kPageBytes), static_cast<off_t>(kLogOffset + 2 * kPageBytes)};
  ScrubReport report;
  CHECK(region.log->scrub(1 << 20, report).ok());
  CHECK(report.unreadable);
  CHECK(append(*region.log, {0, {{31, 1, 8}}}).ok());
  region.log.reset();
  CHECK(region.open_log().ok());
  CHECK(region.log->recovered().outcome == Outcome::damaged);
  CHECK(region.log->state().highest_voted == 31);
  // One copy of the header, one root.
  bad_block = {static_cast<off_t>(kStaticOffset[1]), static_cast<off_t>(kRootOffset[1])};
  region.log.reset();
  CHECK(region.open_log().ok());
  CHECK(region.log->recovered().outcome == Outcome::intact);
  bad_block = {};
}

TEST(mapped_append_meets_a_cut_off_file_and_answers_nothing_any_more) {
  for (const MapMode mode : {MapMode::emulated, MapMode::emulated_msync}) {
    Region region(mode);
    CHECK(append(*region.log, {0, {{1, 1, 500}}}).ok());
    region.cut(kLogOffset);
    const Status status = append(*region.log, {0, {{2, 1, 500}}});
    CHECK(is_fault(status));
    CHECK(std::strstr(status.what, "bytes ") == status.what);
    CHECK(append(*region.log, {0, {{3, 1, 8}}}).code == Code::store_poisoned);
    CHECK(region.log->trim(1, 1).code == Code::store_poisoned);
    CHECK(region.log->close().ok());
  }
}

TEST(mapped_read_meets_a_cut_off_file) {
  Region region;
  region.fill();
  CHECK(region.log->index_all().ok());
  region.cut(kLogOffset);
  std::vector<std::byte> bytes(500);
  bool good = true;
  const Status status = region.log->read_payload(*region.log->state().votes.find(4), bytes.data(), good);
  CHECK(is_fault(status));
  CHECK(!good);
  // What is there again does not make it whole again.
  region.cut(kLogOffset + (64 << 10));
  CHECK(is_fault(append(*region.log, {0, {{10, 1, 8}}})));
}

TEST(mapped_scrub_meets_a_cut_off_file) {
  Region region;
  region.fill();
  region.cut(kLogOffset + 1000);
  ScrubReport report;
  const Status status = region.log->scrub(1 << 20, report);
  CHECK(status.code == Code::store_io && std::strstr(status.what, "cut off") != nullptr);
  CHECK(append(*region.log, {0, {{10, 1, 8}}}).code == Code::store_poisoned);
}

TEST(mapped_recovery_meets_a_cut_off_file) {
  Region region;
  region.fill();
  region.log.reset();
  region.cut(kLogOffset + 1000);
  const Status status = region.open_log();
  CHECK(status.code == Code::store_io);
  CHECK(std::strstr(status.what, "cut off") != nullptr);
  CHECK(region.log == nullptr);
}

TEST(mapped_faults_of_two_threads_stay_apart) {
  Region whole;
  const auto work = [] {
    for (int round = 0; round < 20; round++) {
      Region region;
      CHECK(append(*region.log, {0, {{1, 1, 500}}}).ok());
      region.cut(kLogOffset);
      CHECK(is_fault(append(*region.log, {0, {{2, 1, 500}}})));
    }
  };
  std::thread one(work);
  std::thread two(work);
  whole.fill();
  one.join();
  two.join();
  CHECK(append(*whole.log, {0, {{10, 1, 500}}}).ok());
}

TEST(mapped_leaves_other_faults_to_whoever_handled_them) {
  const Region region;
  const int sent = fate([] { ::raise(SIGBUS); });
  CHECK(WIFEXITED(sent) && WEXITSTATUS(sent) == kHandledElsewhere);
  const int met = fate([] {
    std::string path;
    const int fd = scratch::file(path);
    ::unlink(path.c_str());
    CHECK(::ftruncate(fd, 8192) == 0);
    auto* bytes = static_cast<volatile char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK(::ftruncate(fd, 0) == 0);
    bytes[5000] = 1;
  });
  CHECK(WIFEXITED(met) && WEXITSTATUS(met) == kHandledElsewhere);
}

TEST(mapped_region_is_refused_to_a_second_opener) {
  Region region;
  std::unique_ptr<MappedMedium> second;
  CHECK(MappedMedium::open(region.path.c_str(), MapMode::emulated, second).code == Code::store_locked);
  region.log.reset();
  region.medium.reset();
  CHECK(MappedMedium::open(region.path.c_str(), MapMode::emulated, second).ok());
}

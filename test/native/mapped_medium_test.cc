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
int bad_block_errno = EIO;

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
  errno = bad_block_errno;
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

TEST(mapped_read_meets_a_bad_block_and_only_its_vote_is_harmed) {
  Region region;
  for (std::uint64_t slot = 1; slot <= 30; slot++) CHECK(append(*region.log, {0, {{slot, 1, 500}}}).ok());
  bad_block = {static_cast<off_t>(kLogOffset + kPageBytes), static_cast<off_t>(kLogOffset + 2 * kPageBytes)};
  // Nothing was indexed so far: records in the block can no longer be told apart.
  CHECK(region.log->index_all().ok());
  bool good = false;
  std::uint32_t read = 0;
  std::vector<std::byte> bytes(500);
  LogState& state = region.log->state();
  state.votes.for_each([&](const VoteEntry& vote) {
    CHECK(region.log->read_payload(vote, bytes.data(), good).ok());
    read += good ? 1 : 0;
  });
  CHECK(read >= 20 && read < 30);
  CHECK(append(*region.log, {0, {{31, 1, 8}}}).ok());
  ScrubReport report;
  CHECK(region.log->scrub(1 << 20, report).ok());
  CHECK(report.unreadable);
  bad_block = {};
  CHECK(region.log->close().ok());
}

TEST(mapped_read_of_a_vote_in_a_bad_block_is_told_of_by_the_next_scrub) {
  Region region;
  CHECK(append(*region.log, {0, {{1, 1, 3600}}}).ok());
  CHECK(append(*region.log, {0, {{2, 1, 3600}}}).ok());
  CHECK(region.log->index_all().ok());
  // The page with the second record's payload, and nothing else of the two.
  bad_block = {static_cast<off_t>(kLogOffset + kPageBytes), static_cast<off_t>(kLogOffset + 2 * kPageBytes)};
  std::vector<std::byte> bytes(3600);
  bool good = true;
  CHECK(region.log->read_payload(*region.log->state().votes.find(2), bytes.data(), good).ok());
  CHECK(!good);
  CHECK(region.log->read_payload(*region.log->state().votes.find(1), bytes.data(), good).ok());
  CHECK(good);
  ScrubReport report;
  CHECK(region.log->scrub(1 << 20, report).ok());
  CHECK(report.votes.size() == 1 && report.votes[0].slot == 2 && !report.unreadable);
  CHECK(append(*region.log, {0, {{3, 1, 8}}}).ok());
  bad_block = {};
}

TEST(mapped_read_meets_a_cut_off_file_and_what_is_written_next_is_refused) {
  Region region;
  region.fill();
  CHECK(region.log->index_all().ok());
  region.cut(kLogOffset);
  std::vector<std::byte> bytes(500);
  bool good = true;
  CHECK(region.log->read_payload(*region.log->state().votes.find(4), bytes.data(), good).ok());
  CHECK(!good);
  CHECK(is_fault(append(*region.log, {0, {{10, 1, 8}}})));
  // What is there again does not make it whole again.
  region.cut(kLogOffset + (64 << 10));
  CHECK(append(*region.log, {0, {{10, 1, 8}}}).code == Code::store_poisoned);
}

TEST(mapped_read_short_of_memory_is_an_error_and_no_damage) {
  Region region;
  region.fill();
  CHECK(region.log->index_all().ok());
  bad_block = {static_cast<off_t>(kLogOffset), static_cast<off_t>(kLogOffset + kPageBytes)};
  bad_block_errno = ENOMEM;
  std::vector<std::byte> bytes(500);
  bool good = true;
  const Status read = region.log->read_payload(*region.log->state().votes.find(4), bytes.data(), good);
  CHECK(read.code == Code::store_io && read.errnum == ENOMEM && !good);
  ScrubReport report;
  CHECK(region.log->scrub(1 << 20, report).errnum == ENOMEM);
  CHECK(report.votes.empty() && !report.unreadable);
  region.log.reset();
  CHECK(region.open_log().errnum == ENOMEM && region.log == nullptr);
  bad_block = {};
  bad_block_errno = EIO;
  CHECK(region.open_log().ok());
  CHECK(region.log->recovered().outcome == Outcome::intact && region.log->state().votes.size() == 9);
}

TEST(mapped_copy_past_bad_pages_ends_with_the_copy) {
  std::string path;
  const int fd = scratch::file(path);
  ::unlink(path.c_str());
  CHECK(::ftruncate(fd, 4 * kPageBytes) == 0);
  const std::uint64_t size = 4 * kPageBytes;
  auto* base = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  std::memset(base, 7, size);
  FaultCatcher faults;
  CHECK(faults.watch(base, size).ok());
  std::vector<char> bytes(size, 1);
  faults.copy_past_bad(bytes.data(), base, size);
  CHECK(bytes == std::vector<char>(size, 7));
  // The last two pages: what a bad block of a device is to a load.
  CHECK(::ftruncate(fd, 2 * kPageBytes) == 0);
  faults.copy_past_bad(bytes.data(), base + 100, size - 100);
  std::vector<char> expected(size, 7);
  std::memset(expected.data() + 2 * kPageBytes - 100, 0, 2 * kPageBytes);
  CHECK(bytes == expected);
  CHECK(!faults.caught());
  // The mapping is what it was, and a fault outside such a copy is one.
  base[5] = 9;
  char read = 0;
  CHECK(::pread(fd, &read, 1, 5) == 1 && read == 9);
  base[3 * kPageBytes] = 1;
  CHECK(faults.caught() && faults.offset() == 3 * kPageBytes);
  faults.release();
  ::munmap(base, size);
  ::close(fd);
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

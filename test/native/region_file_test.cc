// Making region files, and opening what is none: what is there already stays as it is, and a refusal says why.
#include "../../native/region_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "../../native/mapped_medium.h"
#include "check.h"
#include "log_fixture.h"
#include "scratch.h"

using namespace fixture;

namespace {

struct Directory {
  std::string path = scratch::directory();

  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    ::unlink(region().c_str());
    ::rmdir(path.c_str());
  }
  [[nodiscard]] std::string region() const { return path + "/region"; }
};

Code open_code(const std::string& path) {
  std::unique_ptr<MappedMedium> medium;
  return MappedMedium::open(path.c_str(), MapMode::emulated, medium).code;
}

/// A test's own: how many bytes of files may be written before the disk is full, and which fsync fails.
std::int64_t bytes_left = -1;
int syncs_left = -1;
bool interrupt = false;

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): names the linker gives.
extern "C" ssize_t __real_pwrite(int fd, const void* bytes, std::size_t length, off_t offset);
extern "C" ssize_t __wrap_pwrite(int fd, const void* bytes, std::size_t length, off_t offset);
extern "C" int __real_fsync(int fd);
extern "C" int __wrap_fsync(int fd);

ssize_t __wrap_pwrite(int fd, const void* bytes, std::size_t length, off_t offset) {
  if (interrupt) {
    interrupt = false;
    errno = EINTR;
    return -1;
  }
  if (bytes_left < 0) return __real_pwrite(fd, bytes, length, offset);
  if (bytes_left == 0) {
    errno = ENOSPC;
    return -1;
  }
  const ssize_t written = __real_pwrite(fd, bytes, std::min(length, static_cast<std::size_t>(bytes_left)), offset);
  bytes_left -= written;
  return written;
}

int __wrap_fsync(int fd) {
  if (syncs_left < 0 || syncs_left-- > 0) return __real_fsync(fd);
  errno = EIO;
  return -1;
}
// NOLINTEND(bugprone-reserved-identifier)

TEST(region_file_is_made_once_and_opens) {
  const Directory directory;
  const std::string path = directory.region();
  interrupt = true;
  CHECK(create_region_file(path.c_str(), small_format()).ok());
  CHECK(create_region_file(path.c_str(), small_format(78)).code == Code::store_exists);
  std::unique_ptr<MappedMedium> medium;
  CHECK(MappedMedium::open(path.c_str(), MapMode::emulated, medium).ok());
  CHECK(open_code(path) == Code::store_locked);
  std::unique_ptr<Log> log;
  CHECK(Log::open(*medium, {}, log).ok() && log->header().incarnation == 77);
}

TEST(region_file_is_not_made_in_a_wrong_place_or_shape) {
  const Directory directory;
  FormatOptions wrong = small_format();
  wrong.alignment = 96;
  CHECK(create_region_file(directory.region().c_str(), wrong).code == Code::argument);
  CHECK(create_region_file((directory.path + "/none/region").c_str(), small_format()).code == Code::store_missing);
  CHECK(create_region_file("/dev/null", small_format()).code != Code::ok);
  const Status in_file = create_region_file("/proc/version/region", small_format());
  CHECK(in_file.code == Code::store_io && in_file.errnum == ENOTDIR);
  CHECK(open_code(directory.region()) == Code::store_missing);
  CHECK(open_code(directory.path) == Code::store_io);
}

TEST(region_file_that_cannot_be_written_or_synced_is_not_there) {
  const Directory directory;
  const std::string path = directory.region();
  for (const std::int64_t room : {std::int64_t{0}, std::int64_t{5000}, std::int64_t{40000}}) {
    bytes_left = room;
    const Status status = create_region_file(path.c_str(), small_format());
    CHECK(status.code == Code::store_io && status.errnum == ENOSPC);
    CHECK(::access(path.c_str(), F_OK) != 0);
  }
  bytes_left = -1;
  syncs_left = 0;
  CHECK(create_region_file(path.c_str(), small_format()).code == Code::store_io);
  CHECK(::access(path.c_str(), F_OK) != 0);
  // The directory's: it has its name by then, and the caller is told that it may lose it.
  syncs_left = 1;
  CHECK(create_region_file(path.c_str(), small_format()).code == Code::store_io);
  syncs_left = -1;
}

TEST(region_file_in_the_working_directory_needs_no_slash) {
  const Directory directory;
  const int before = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(::chdir(directory.path.c_str()) == 0);
  CHECK(create_region_file("region", small_format()).ok());
  CHECK(::fchdir(before) == 0);
  ::close(before);
  CHECK(open_code(directory.region()) == Code::ok);
}

TEST(region_file_of_something_else_is_refused) {
  const Directory directory;
  const int fd = ::open(directory.region().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(fd >= 0);
  CHECK(open_code(directory.region()) == Code::store_foreign);
  CHECK(::ftruncate(fd, static_cast<off_t>(2 * kLogOffset)) == 0);
  std::unique_ptr<MappedMedium> medium;
  CHECK(MappedMedium::open(directory.region().c_str(), MapMode::emulated, medium).ok());
  std::unique_ptr<Log> log;
  CHECK(Log::open(*medium, {}, log).code == Code::store_foreign);
  ::close(fd);
}

TEST(region_directory_is_tried_for_persistent_memory) {
  const Directory directory;
  const LibPmem* library = nullptr;
  if (!load_libpmem(library).ok()) {
    CHECK(MappedMedium::try_directory(directory.path.c_str()).code == Code::native_missing);
    return;
  }
  CHECK(MappedMedium::try_directory(directory.path.c_str()).code == Code::not_persistent_memory);
  CHECK(MappedMedium::try_directory("/proc/version").code == Code::store_io);
  CHECK(MappedMedium::try_directory((directory.path + "/none").c_str()).code == Code::store_io);
  ::setenv("PMEM_IS_PMEM_FORCE", "1", 1);
  CHECK(MappedMedium::try_directory(directory.path.c_str()).code == Code::not_persistent_memory);
  ::unsetenv("PMEM_IS_PMEM_FORCE");
}

#include "../../native/file_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "check.h"
#include "scratch.h"

using indelible::Code;
using indelible::FileLock;
using indelible::Syscall;

namespace {

struct Place {
  std::string directory = scratch::directory();
  std::string path = directory + "/lock";

  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(directory); }
};

}  // namespace

TEST(file_lock_is_held_by_one_open_file) {
  const Place place;
  std::unique_ptr<FileLock> first;
  std::unique_ptr<FileLock> second;
  CHECK(FileLock::take(place.path.c_str(), first).ok());
  CHECK(FileLock::take(place.path.c_str(), second).code == Code::store_locked);
  first.reset();
  CHECK(FileLock::take(place.path.c_str(), second).ok());
}

TEST(file_lock_goes_with_the_process_that_holds_it) {
  const Place place;
  const pid_t child = ::fork();
  if (child == 0) {
    std::unique_ptr<FileLock> lock;
    const bool good = FileLock::take(place.path.c_str(), lock).ok();
    static_cast<void>(lock.release());
    ::_exit(good ? 0 : 1);
  }
  int how = -1;
  CHECK(::waitpid(child, &how, 0) == child);
  CHECK(how == 0);
  std::unique_ptr<FileLock> lock;
  CHECK(FileLock::take(place.path.c_str(), lock).ok());
}

TEST(file_lock_on_a_removed_file_keeps_nobody_out_of_the_new_one) {
  const Place place;
  std::unique_ptr<FileLock> first;
  std::unique_ptr<FileLock> second;
  CHECK(FileLock::take(place.path.c_str(), first).ok());
  ::unlink(place.path.c_str());
  CHECK(FileLock::take(place.path.c_str(), second).ok());
}

TEST(file_lock_says_what_the_system_refuses) {
  const Place place;
  std::unique_ptr<FileLock> lock;
  const auto refused = FileLock::take((place.directory + "/absent/lock").c_str(), lock);
  CHECK(refused.code == Code::store_io);
  CHECK(refused.syscall == Syscall::open);
}

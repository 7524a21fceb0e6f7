#include "../../native/flusher.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "../../native/file_descriptor.h"
#include "check.h"
#include "scratch.h"

using indelible::FileDescriptor;
using indelible::Flusher;
using indelible::FlushProgress;

namespace {

/// Counts what the flusher tells.
struct Bell {
  std::mutex mutex;
  std::condition_variable rung;
  int rings = 0;

  static void ring(void* bell) {
    auto* self = static_cast<Bell*>(bell);
    const std::lock_guard lock(self->mutex);
    self->rings++;
    self->rung.notify_one();
  }
};

FlushProgress wait_through(Flusher& flusher, Bell& bell, std::uint64_t number) {
  for (;;) {
    std::unique_lock lock(bell.mutex);
    const int before = bell.rings;
    lock.unlock();
    const FlushProgress progress = flusher.progress();
    if (progress.finished_through >= number) return progress;
    lock.lock();
    bell.rung.wait(lock, [&] { return bell.rings > before; });
  }
}

int temporary_file() {
  std::string path;
  const int fd = scratch::file(path);
  ::unlink(path.c_str());
  return fd;
}

char first_byte(const FileDescriptor& file) {
  char byte = 0;
  return ::pread(file.get(), &byte, 1, 0) == 1 ? byte : '\0';
}

std::array<std::byte, 64> filled_with(char byte) {
  std::array<std::byte, 64> bytes;
  bytes.fill(static_cast<std::byte>(byte));
  return bytes;
}

const auto kOne = filled_with('1');
const auto kTwo = filled_with('2');

}  // namespace

TEST(flusher_executes_jobs_in_order) {
  Bell bell;
  const FileDescriptor file(temporary_file());
  std::unique_ptr<Flusher> flusher;
  CHECK(Flusher::start(Bell::ring, &bell, flusher).ok());
  for (int turn = 0; turn < 100; turn++) {
    flusher->submit(file.get(), kOne, 0);
    flusher->submit(file.get(), kTwo, 0);
  }
  const FlushProgress progress = wait_through(*flusher, bell, 200);
  CHECK(progress.failed_from == 0);
  CHECK(first_byte(file) == '2');
}

TEST(flusher_executes_nothing_after_a_failure) {
  Bell bell;
  const FileDescriptor file(temporary_file());
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  std::unique_ptr<Flusher> flusher;
  CHECK(Flusher::start(Bell::ring, &bell, flusher).ok());
  flusher->submit(file.get(), kOne, 0);
  flusher->submit(full.get(), kTwo, 0);
  flusher->submit(file.get(), kTwo, 0);
  const FlushProgress progress = wait_through(*flusher, bell, 3);
  CHECK(progress.failed_from == 2);
  CHECK(progress.failure.errnum == ENOSPC);
  CHECK(first_byte(file) == '1');
}

TEST(flusher_drops_what_has_not_begun_when_it_stops) {
  Bell bell;
  const FileDescriptor file(temporary_file());
  std::unique_ptr<Flusher> flusher;
  CHECK(Flusher::start(Bell::ring, &bell, flusher).ok());
  flusher->submit(file.get(), kOne, 0);
  wait_through(*flusher, bell, 1);
  flusher->cancel();
  flusher->submit(file.get(), kTwo, 0);
  flusher->stop();
  flusher->stop();
  const FlushProgress progress = flusher->progress();
  CHECK(progress.finished_through == 2);
  CHECK(progress.failed_from == 2);
  CHECK(progress.failure.errnum == ECANCELED);
  CHECK(first_byte(file) == '1');
}

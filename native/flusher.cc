#include "flusher.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace indelible {

Status Flusher::start(Notify notify, void* context, std::unique_ptr<Flusher>& flusher) {
  std::unique_ptr<Flusher> started(new Flusher(notify, context));
  // Signals are the event loop's; one that came here could cut a write short.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int errnum = pthread_create(&started->thread_, nullptr, entry, started.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (errnum != 0) return Status::io(errnum, Syscall::none, "the thread for durable writes cannot start");
  started->joined_ = false;
  pthread_setname_np(started->thread_, "indelible-flush");
  flusher = std::move(started);
  return Status::good();
}

void Flusher::submit(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  const Job job{own, own < 0 ? errno : 0, bytes, offset};
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(job);
  }
  wake_.notify_one();
}

FlushProgress Flusher::progress() {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  return progress_;
}

void Flusher::cancel() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t begun_through = progress_.finished_through + (executing_ ? 1 : 0);
  fail_from(begun_through + 1, Status::io(ECANCELED, Syscall::pwrite, "the write was cancelled"));
}

void Flusher::stop() {
  if (joined_) return;
  cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  pthread_join(thread_, nullptr);
  joined_ = true;
}

void Flusher::fail_from(std::uint64_t number, const Status& failure) {
  if (progress_.failed_from != 0 && progress_.failed_from <= number) return;
  progress_.failed_from = number;
  progress_.failure = failure;
}

void* Flusher::entry(void* flusher) {
  static_cast<Flusher*>(flusher)->run();
  return nullptr;
}

Status Flusher::execute(const Job& job) {
  if (job.fd < 0) return Status::io(job.errnum, Syscall::pwrite, "the file cannot be written");
  const ssize_t written =
      ::pwrite(job.fd, job.bytes.data(), job.bytes.size(), static_cast<off_t>(job.offset));
  if (written < 0) return Status::io(errno, Syscall::pwrite, "a durable write failed");
  // What the device did not take of one write it is not offered again.
  if (static_cast<std::size_t>(written) < job.bytes.size()) {
    return Status::io(EIO, Syscall::pwrite, "a durable write was cut short");
  }
  return Status::good();
}

void Flusher::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Job job = queue_.front();
    queue_.pop_front();
    const std::uint64_t number = progress_.finished_through + 1;
    const bool doomed = progress_.failed_from != 0;
    executing_ = !doomed;
    lock.unlock();
    const Status status = doomed ? Status::good() : execute(job);
    if (job.fd >= 0) ::close(job.fd);
    lock.lock();
    executing_ = false;
    if (!status.ok()) fail_from(number, status);
    progress_.finished_through = number;
    if (notified_) continue;
    notified_ = true;
    lock.unlock();
    notify_(context_);
    lock.lock();
  }
}

}  // namespace indelible

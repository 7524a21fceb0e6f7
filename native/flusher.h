// A thread that makes writes durable, one after the other, for the file backend. Knows no Node-API.
//
// 1. Jobs are executed strictly one at a time, in the order given: a write begins only after the one before
//    it is durable. So one write is outstanding on the medium, however many are queued.
// 2. The first failure is the last execution: every job behind it fails with the same error, unexecuted, and
//    so does every later one. Nothing is retried.
// 3. Descriptors are opened O_DSYNC by their owner: a write that has returned is durable.
// 4. Each job holds its own duplicate of its descriptor: a number that its owner closes, and the system gives
//    out again, never receives the bytes. The memory is the owner's to keep until the job has finished.
// 5. `notify` is called on the thread after a job has finished, once until `progress` is asked again.
//
// The thread sleeps while there is nothing to do. Spinning would save a wake-up only where a core is idle, and
// with the next job queued ahead there is none to save.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>

#include "status.h"

namespace indelible {

/// How far the jobs have come. They are numbered 1, 2, 3 … in the order submitted.
struct FlushProgress {
  /// Jobs through this number are durable or have failed.
  std::uint64_t finished_through = 0;
  /// The first that failed, and why; 0 while none has. All behind it fail too.
  std::uint64_t failed_from = 0;
  Status failure;
};

class Flusher {
 public:
  using Notify = void (*)(void* context);

  /// Starts the thread. `context` must outlive the flusher.
  static Status start(Notify notify, void* context, std::unique_ptr<Flusher>& flusher);

  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;
  ~Flusher() { stop(); }

  /// Queues a write of `bytes` at `offset`.
  void submit(int fd, std::span<const std::byte> bytes, std::uint64_t offset);

  FlushProgress progress();

  /// What has not begun, and all later jobs, fail with ECANCELED. A write under way is left to end.
  void cancel();

  /// Cancels, waits for the write under way, ends the thread. Idempotent.
  void stop();

 private:
  struct Job {
    int fd;
    /// Why the descriptor could not be duplicated; 0 if it could.
    int errnum;
    std::span<const std::byte> bytes;
    std::uint64_t offset;
  };

  Flusher(Notify notify, void* context) : notify_(notify), context_(context) {}

  static void* entry(void* flusher);
  static Status execute(const Job& job);
  void run();
  /// With the mutex held.
  void fail_from(std::uint64_t number, const Status& failure);

  const Notify notify_;
  void* const context_;
  pthread_t thread_{};
  bool joined_ = true;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  FlushProgress progress_;
  bool executing_ = false;
  bool notified_ = false;
  bool stopping_ = false;
};

}  // namespace indelible

#include "fault_catcher.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "layout.h"

namespace indelible {

/// One watched range. Places are used again and never freed: the handler may be looking at any of them.
struct FaultCatcher::Place {
  /// 0: free. Set last, cleared first.
  std::atomic<std::uintptr_t> base{0};
  std::atomic<std::uint64_t> size{0};
  std::atomic<bool> caught{false};
  std::atomic<std::uint64_t> offset{0};
  std::atomic<std::uint64_t> length{0};
  /// Where a copy that may meet a fault goes on, and the thread that makes it; no such copy: none.
  std::atomic<sigjmp_buf*> way_out{nullptr};
  std::atomic<pthread_t> copying{};
  Place* next = nullptr;
};

struct FaultHandler {
  using Place = FaultCatcher::Place;

  std::atomic<Place*> first{nullptr};
  std::mutex taking;
  struct sigaction before {};
  bool installed = false;

  FaultHandler() {
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    pin();
    installed = ::sigaction(SIGBUS, nullptr, &before) == 0 && ::sigaction(SIGBUS, &action, nullptr) == 0;
  }

  static FaultHandler& instance() {
    static FaultHandler handler;
    return handler;
  }

  /// Node unloads the addon with the last worker that used it; a handler must outlive that.
  static void pin() {
    Dl_info own{};
    if (::dladdr(reinterpret_cast<void*>(&handle), &own) == 0 || own.dli_fname == nullptr) return;
    ::dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }

  Place* take() {
    const std::lock_guard<std::mutex> lock(taking);
    for (Place* place = first.load(); place != nullptr; place = place->next) {
      // A free place keeps its size until it is taken again, so that two cannot take it.
      if (place->base.load() == 0 && place->size.load() == 0) {
        place->size.store(1);
        return place;
      }
    }
    auto* place = new Place();
    place->size.store(1);
    place->next = first.load();
    first.store(place);
    return place;
  }

  static void handle(int number, siginfo_t* info, void* context);
  void pass_on(int number, siginfo_t* info, void* context) const;
};

void FaultHandler::handle(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  FaultHandler& handler = instance();
  // A signal that was sent, by kill or raise, has no address.
  const bool raised = info->si_code > 0;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Place* place = handler.first.load(); raised && place != nullptr; place = place->next) {
    const std::uintptr_t base = place->base.load();
    const std::uint64_t size = place->size.load();
    if (base == 0 || address < base || address - base >= size) continue;
    sigjmp_buf* const way_out = place->way_out.load();
    if (way_out != nullptr && ::pthread_equal(place->copying.load(), ::pthread_self()) != 0) {
      errno = saved;
      siglongjmp(*way_out, 1);
    }
    std::uint64_t bad = kPageBytes;
    if (info->si_code == BUS_MCEERR_AR || info->si_code == BUS_MCEERR_AO) {
      bad = std::uint64_t{1} << (static_cast<unsigned>(info->si_addr_lsb) & 63U);
    }
    place->offset.store((address - base) / bad * bad);
    place->length.store(bad);
    place->caught.store(true);
    // The whole range: a part of it is refused on device-dax, and nothing of it is to be believed any more.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const zeros = ::mmap(reinterpret_cast<void*>(base), size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) break;
    errno = saved;
    return;
  }
  handler.pass_on(number, info, context);
  errno = saved;
}

void FaultHandler::pass_on(int number, siginfo_t* info, void* context) const {
  const bool ends = before.sa_handler == SIG_DFL || (before.sa_handler == SIG_IGN && info->si_code > 0);
  if (!ends) {
    if (before.sa_handler == SIG_IGN) return;
    if ((before.sa_flags & SA_SIGINFO) != 0) {
      before.sa_sigaction(number, info, context);
    } else {
      before.sa_handler(number);
    }
    return;
  }
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
  // An instruction raises it again by itself; a signal that was sent has to be sent again, and comes when this
  // returns.
  if (info->si_code <= 0) ::raise(SIGBUS);
}

Status FaultCatcher::watch(char* base, std::uint64_t size) {
  FaultHandler& handler = FaultHandler::instance();
  if (!handler.installed) return Status::io(errno, Syscall::sigaction, "no handler for SIGBUS can be installed");
  place_ = handler.take();
  place_->caught.store(false);
  place_->size.store(size);
  place_->base.store(reinterpret_cast<std::uintptr_t>(base));
  return Status::good();
}

void FaultCatcher::release() {
  if (place_ == nullptr) return;
  place_->base.store(0);
  place_->size.store(0);
  place_ = nullptr;
}

// NOLINTBEGIN(cert-err52-cpp): nothing between the two has anything to destroy.
bool FaultCatcher::copy(void* target, const char* source, std::uint64_t length) {
  sigjmp_buf way_out;
  place_->copying.store(::pthread_self());
  const bool met = sigsetjmp(way_out, 1) != 0;
  if (!met) {
    place_->way_out.store(&way_out);
    std::memcpy(target, source, length);
  }
  place_->way_out.store(nullptr);
  return !met;
}
// NOLINTEND(cert-err52-cpp)

void FaultCatcher::copy_past_bad(void* target, const char* source, std::uint64_t length) {
  if (copy(target, source, length)) return;
  auto* bytes = static_cast<std::byte*>(target);
  while (length > 0) {
    const std::uint64_t block = std::min(length, kPageBytes - reinterpret_cast<std::uintptr_t>(source) % kPageBytes);
    if (!copy(bytes, source, block)) std::memset(bytes, 0, block);
    bytes += block;
    source += block;
    length -= block;
  }
}

bool FaultCatcher::caught() const { return place_ != nullptr && place_->caught.load(std::memory_order_acquire); }
std::uint64_t FaultCatcher::offset() const { return place_ == nullptr ? 0 : place_->offset.load(); }
std::uint64_t FaultCatcher::length() const { return place_ == nullptr ? 0 : place_->length.load(); }

}  // namespace indelible

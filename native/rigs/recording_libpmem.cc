// A libpmem that only notes what it is asked for, for tests. Preloaded, it is the libpmem.so.1 that the addon
// finds, and stands in front of the system calls that make a region durable.
//
//   LD_PRELOAD=recording_libpmem.so RECORDED_CALLS=FILE [RECORDED_IS_PMEM=1] [RECORDED_TOUCHES=1] PROGRAM
//
// 1. FILE gets one entry a call, in order: a kind, an offset in the region and a length, 8 bytes each, and for
//    a copy or an msync the bytes that are there then, for a flush those of all its cache lines, padded to 8.
//    Calls on files carry the name's end instead, padded with zeros, and for an offset the bytes that they write.
// 2. With RECORDED_TOUCHES the region is mapped without write access, and again after each msync; the first
//    store to a page is then an entry, too. So a store that leaves a page as it was is seen.
// 3. The region lies on a file system that survives power loss, whatever it really lies on.
#include <dlfcn.h>
#include <fcntl.h>
#include <libpmem.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>

#include "../pmem_library.h"

namespace {

/// The addon is built without libpmem's header: what it takes the functions for is checked here.
using indelible::LibPmem;
static_assert(LibPmem::kFileCreate == PMEM_FILE_CREATE);
static_assert(std::is_same_v<decltype(LibPmem::map_file), decltype(&::pmem_map_file)>);
static_assert(std::is_same_v<decltype(LibPmem::unmap), decltype(&::pmem_unmap)>);
static_assert(std::is_same_v<decltype(LibPmem::flush), decltype(&::pmem_flush)>);
static_assert(std::is_same_v<decltype(LibPmem::drain), decltype(&::pmem_drain)>);
static_assert(std::is_same_v<decltype(LibPmem::memcpy_nodrain), decltype(&::pmem_memcpy_nodrain)>);
static_assert(std::is_same_v<decltype(LibPmem::errormsg), decltype(&::pmem_errormsg)>);

enum class Kind : std::uint64_t { copy = 1, flush, drain, msync, touch, fsync, rename, pwrite };

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kLineBytes = 64;
constexpr std::size_t kNameBytes = 64;

char* base = nullptr;
std::uint64_t size = 0;

int log_fd() {
  static const int fd = [] {
    const char* path = std::getenv("RECORDED_CALLS");
    return path == nullptr ? -1 : ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }();
  return fd;
}

/// Raw, so that it may be called in a signal handler.
void put(const void* bytes, std::size_t length) {
  if (::write(log_fd(), bytes, length) != static_cast<ssize_t>(length)) std::abort();
}

void note(Kind kind, std::uint64_t offset, std::uint64_t length) {
  if (log_fd() < 0) return;
  const std::uint64_t entry[] = {static_cast<std::uint64_t>(kind), offset, length};
  put(entry, sizeof entry);
}

void put_padded(const void* bytes, std::uint64_t length) {
  constexpr std::uint64_t kZero = 0;
  if (log_fd() < 0) return;
  put(bytes, length);
  if (length % 8 != 0) put(&kZero, 8 - length % 8);
}

void note_name(Kind kind, const std::string& path, std::uint64_t bytes = 0) {
  char name[kNameBytes] = "";
  const std::string end = path.size() < kNameBytes ? path : path.substr(path.size() - kNameBytes + 1);
  std::memcpy(name, end.data(), end.size());
  note(kind, bytes, kNameBytes);
  put_padded(name, kNameBytes);
}

std::string name_of(int fd) {
  char target[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

bool is_region(const std::string& path) { return path.find(".region") != std::string::npos; }

bool touches() { return std::getenv("RECORDED_TOUCHES") != nullptr; }

void on_touch(int /*signal*/, siginfo_t* info, void* /*context*/) {
  auto* at = static_cast<char*>(info->si_addr);
  if (base == nullptr || at < base || at >= base + size) std::abort();
  const std::uint64_t page = static_cast<std::uint64_t>(at - base) / kPageBytes * kPageBytes;
  note(Kind::touch, page, kPageBytes);
  if (::mprotect(base + page, kPageBytes, PROT_READ | PROT_WRITE) != 0) std::abort();
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void* pmem_map_file(const char* path, std::size_t, int, mode_t, std::size_t* mapped, int* is_pmem) {
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  struct stat file {};
  if (fd < 0 || ::fstat(fd, &file) != 0) return nullptr;
  size = static_cast<std::uint64_t>(file.st_size);
  const int access = touches() ? PROT_READ : PROT_READ | PROT_WRITE;
  void* address = ::mmap(nullptr, size, access, MAP_SHARED, fd, 0);
  ::close(fd);
  if (address == MAP_FAILED) return nullptr;
  base = static_cast<char*>(address);
  if (touches()) {
    struct sigaction action {};
    action.sa_sigaction = on_touch;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGSEGV, &action, nullptr);
  }
  *mapped = size;
  *is_pmem = std::getenv("RECORDED_IS_PMEM") != nullptr ? 1 : 0;
  return address;
}

int pmem_unmap(void* address, std::size_t length) {
  base = nullptr;
  return ::munmap(address, length);
}

void pmem_flush(const void* address, std::size_t length) {
  const auto offset = static_cast<std::uint64_t>(static_cast<const char*>(address) - base);
  const std::uint64_t from = offset / kLineBytes * kLineBytes;
  const std::uint64_t end = (offset + length + kLineBytes - 1) / kLineBytes * kLineBytes;
  note(Kind::flush, offset, length);
  put_padded(base + from, end - from);
}

void pmem_drain(void) { note(Kind::drain, 0, 0); }

void* pmem_memcpy_nodrain(void* target, const void* source, std::size_t length) {
  std::memcpy(target, source, length);
  note(Kind::copy, static_cast<std::uint64_t>(static_cast<char*>(target) - base), length);
  put_padded(target, length);
  return target;
}

const char* pmem_errormsg(void) { return "the recording libpmem could not map the file"; }

int msync(void* address, std::size_t length, int flags) {
  static const auto real = next<decltype(&::msync)>("msync");
  const auto* at = static_cast<const char*>(address);
  const bool ours = base != nullptr && at >= base && at < base + size;
  if (ours && flags == MS_SYNC) {
    note(Kind::msync, static_cast<std::uint64_t>(at - base), length);
    put_padded(address, length);
  }
  if (ours && touches()) ::mprotect(address, length, PROT_READ);
  return real(address, length, flags);
}

int fsync(int fd) {
  static const auto real = next<decltype(&::fsync)>("fsync");
  note_name(Kind::fsync, name_of(fd));
  return real(fd);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned int flags) {
  static const auto real = next<decltype(&::renameat2)>("renameat2");
  if (is_region(to)) note_name(Kind::rename, to);
  return real(from_directory, from, to_directory, to, flags);
}

ssize_t pwrite(int fd, const void* bytes, std::size_t length, off_t offset) {
  static const auto real = next<decltype(&::pwrite)>("pwrite");
  const std::string name = name_of(fd);
  if (is_region(name)) note_name(Kind::pwrite, name, length);
  return real(fd, bytes, length, offset);
}

int fstatfs(int fd, struct statfs* filesystem) {
  static const auto real = next<decltype(&::fstatfs)>("fstatfs");
  const int result = real(fd, filesystem);
  if (is_region(name_of(fd))) filesystem->f_type = EXT4_SUPER_MAGIC;
  return result;
}

// What the two are called where file offsets are asked to have 64 bits.
ssize_t pwrite64(int fd, const void* bytes, std::size_t length, off64_t offset) {
  return pwrite(fd, bytes, length, offset);
}

int fstatfs64(int fd, struct statfs64* filesystem) {
  return fstatfs(fd, reinterpret_cast<struct statfs*>(filesystem));
}

}  // extern "C"

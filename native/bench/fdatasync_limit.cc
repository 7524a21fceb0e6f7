// The least a durable write to a file can cost on this machine: pwrite and fdatasync, one after the other,
// round and round a file filled with zeros.
//
//   fdatasync_limit PATH [--file-bytes N] [--milliseconds N]
// prints one line of JSON: microseconds a write, by size. PATH is created and removed.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../file_descriptor.h"

namespace {

using Clock = std::chrono::steady_clock;

bool fill(int fd, std::uint64_t bytes) {
  const std::vector<char> zeros(1 << 20);
  for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
    if (::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) return false;
  }
  return ::fsync(fd) == 0;
}

double microseconds_a_write(int fd, std::uint64_t file_bytes, std::uint32_t bytes, int milliseconds) {
  std::vector<char> source(bytes, 'x');
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(milliseconds);
  std::uint64_t offset = 0;
  std::uint64_t writes = 0;
  while (Clock::now() < end) {
    source[0]++;
    if (::pwrite(fd, source.data(), bytes, static_cast<off_t>(offset)) < 0 || ::fdatasync(fd) != 0) return -1;
    offset = offset + 2 * source.size() > file_bytes ? 0 : offset + bytes;
    writes++;
  }
  const std::chrono::duration<double, std::micro> took = Clock::now() - start;
  return took.count() / static_cast<double>(writes);
}

std::uint64_t option(int count, char** arguments, const char* name, std::uint64_t otherwise) {
  for (int index = 1; index + 1 < count; index++) {
    if (std::strcmp(arguments[index], name) == 0) return std::strtoull(arguments[index + 1], nullptr, 10);
  }
  return otherwise;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: fdatasync_limit PATH [--file-bytes N] [--milliseconds N]\n");
    return 2;
  }
  const std::string path = arguments[1];
  const std::uint64_t file_bytes = option(count, arguments, "--file-bytes", 64 << 20);
  const int milliseconds = static_cast<int>(option(count, arguments, "--milliseconds", 500));
  const indelible::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0 || !fill(file.get(), file_bytes)) {
    std::perror("fdatasync_limit");
    return 1;
  }
  std::printf("{\"unit\":\"us/write\",\"results\":[");
  const char* separator = "";
  for (const std::uint32_t bytes : {4096U, 8192U, 16384U, 65536U}) {
    const double microseconds = microseconds_a_write(file.get(), file_bytes, bytes, milliseconds);
    std::printf("%s{\"bytes\":%u,\"microseconds\":%.2f}", separator, bytes, microseconds);
    separator = ",";
  }
  std::printf("]}\n");
  std::remove(path.c_str());
  return 0;
}

// A disk with a volatile write cache, as an nbdkit plugin: what a power cut leaves of it is drawn by lot.
//
//   nbdkit sector_loss_plugin.so disk=FILE cache=FILE
//
// 1. A write goes to the cache file, sector by sector; a flush copies the newest version of every cached
//    sector to the disk file, and only then is answered. Both files are in the host's page cache, so SIGKILL
//    of nbdkit loses nothing by itself, wherever it strikes.
// 2. Started again over a cache with sectors in it, the plugin settles them first, each for itself: with
//    `keep_percent` a seeded draw among all versions written since the last flush becomes the disk's, else
//    the disk keeps what it had. This is the power cut: nothing that was flushed is ever lost or changed.
// 3. A full cache is written back, as a disk may do at any time.
// 4. Faults are asked for through the cache file's header, which the rig writes while nbdkit runs.
#define NBDKIT_API_VERSION 2
#include <fcntl.h>
#include <nbdkit-plugin.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "sector_cache_layout.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

namespace {

using indelible::rigs::CacheHeader;
using indelible::rigs::CachedSector;
using indelible::rigs::Fault;
using indelible::rigs::kHeaderBytes;
using indelible::rigs::kMagic;
using indelible::rigs::kSectorBytes;

std::string disk_path;
std::string cache_path;
int disk_fd = -1;
std::uint64_t disk_bytes = 0;
CacheHeader* header = nullptr;
CachedSector* cached = nullptr;
std::uint64_t capacity = 0;
/// The newest version of each cached sector.
std::unordered_map<std::uint64_t, std::uint64_t> newest;
std::uint64_t random_state = 0;

std::uint64_t load(const std::uint64_t& word) {
  return std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(word)).load();
}

void store(std::uint64_t& word, std::uint64_t value) { std::atomic_ref<std::uint64_t>(word).store(value); }

/// splitmix64: every bit of the seed matters from the first number on.
std::uint64_t draw() {
  std::uint64_t z = (random_state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// Counts down to the power cut that the rig asked for; it may strike between any two sectors.
void step() {
  const std::uint64_t left = load(header->steps_to_cut);
  if (left == 0) return;
  store(header->steps_to_cut, left - 1);
  if (left == 1) ::kill(::getpid(), SIGKILL);
}

bool to_disk(const CachedSector& sector) {
  const auto at = static_cast<off_t>(sector.number * kSectorBytes);
  return ::pwrite(disk_fd, sector.bytes, kSectorBytes, at) == static_cast<ssize_t>(kSectorBytes);
}

void forget_all() {
  store(header->sectors, 0);
  newest.clear();
}

bool write_back() {
  const std::uint64_t count = load(header->sectors);
  for (std::uint64_t index = 0; index < count; index++) {
    if (newest.at(cached[index].number) != index) continue;
    step();
    if (!to_disk(cached[index])) return false;
  }
  forget_all();
  return true;
}

/// What becomes of each cached sector when the power fails.
bool settle() {
  random_state = load(header->seed);
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> versions;
  std::vector<std::uint64_t> order;
  for (std::uint64_t index = 0; index < load(header->sectors); index++) {
    std::vector<std::uint64_t>& of_sector = versions[cached[index].number];
    if (of_sector.empty()) order.push_back(cached[index].number);
    of_sector.push_back(index);
  }
  std::uint64_t kept = 0;
  for (const std::uint64_t number : order) {
    const std::vector<std::uint64_t>& choice = versions[number];
    const bool keeps = draw() % 100 < load(header->keep_percent);
    const std::uint64_t index = choice[draw() % choice.size()];
    if (!keeps) continue;
    if (!to_disk(cached[index])) return false;
    kept++;
  }
  store(header->settled, order.size());
  store(header->kept, kept);
  forget_all();
  return true;
}

bool takes(Fault fault) {
  if (load(header->fault) != static_cast<std::uint64_t>(fault)) return false;
  const std::uint64_t left = load(header->fault_requests);
  if (left <= 1) store(header->fault, static_cast<std::uint64_t>(Fault::none));
  if (left > 0) store(header->fault_requests, left - 1);
  return true;
}

void wait_while_stalled() {
  while (load(header->fault) == static_cast<std::uint64_t>(Fault::stall)) ::usleep(1000);
}

int refuse(int error, const char* what) {
  nbdkit_error("%s", what);
  nbdkit_set_error(error);
  return -1;
}

int set_parameter(const char* key, const char* value) {
  std::string* target = nullptr;
  if (std::strcmp(key, "disk") == 0) target = &disk_path;
  if (std::strcmp(key, "cache") == 0) target = &cache_path;
  if (target == nullptr) return refuse(EINVAL, "parameters: disk=FILE cache=FILE");
  char* absolute = nbdkit_absolute_path(value);
  if (absolute == nullptr) return -1;
  *target = absolute;
  std::free(absolute);
  return 0;
}

int get_ready() {
  disk_fd = ::open(disk_path.c_str(), O_RDWR | O_CLOEXEC);
  const int cache_fd = ::open(cache_path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat disk {};
  struct stat cache {};
  if (disk_fd < 0 || cache_fd < 0 || ::fstat(disk_fd, &disk) != 0 || ::fstat(cache_fd, &cache) != 0) {
    return refuse(errno, "the disk or cache file cannot be opened");
  }
  disk_bytes = static_cast<std::uint64_t>(disk.st_size) / kSectorBytes * kSectorBytes;
  const auto length = static_cast<std::uint64_t>(cache.st_size);
  if (length < kHeaderBytes + sizeof(CachedSector)) return refuse(EINVAL, "the cache file is too short");
  void* mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, cache_fd, 0);
  ::close(cache_fd);
  if (mapped == MAP_FAILED) return refuse(errno, "the cache file cannot be mapped");
  header = static_cast<CacheHeader*>(mapped);
  cached = reinterpret_cast<CachedSector*>(static_cast<char*>(mapped) + kHeaderBytes);
  capacity = (length - kHeaderBytes) / sizeof(CachedSector);
  if (load(header->magic) != kMagic) return refuse(EINVAL, "the cache file is not one");
  store(header->fault, static_cast<std::uint64_t>(Fault::none));
  store(header->steps_to_cut, 0);
  return settle() ? 0 : refuse(EIO, "the disk file cannot be written");
}

void* open_connection(int /*readonly*/) { return NBDKIT_HANDLE_NOT_NEEDED; }

int64_t get_size(void* /*handle*/) { return static_cast<int64_t>(disk_bytes); }

/// One cache serves all connections, so a flush on any of them covers all.
int can_multi_conn(void* /*handle*/) { return 1; }

int read_bytes(void* /*handle*/, void* into, uint32_t count, uint64_t offset, uint32_t /*flags*/) {
  wait_while_stalled();
  if ((offset | count) % kSectorBytes != 0) return refuse(EINVAL, "a read that is not of whole sectors");
  auto* target = static_cast<std::uint8_t*>(into);
  const auto at = static_cast<off_t>(offset);
  if (::pread(disk_fd, target, count, at) != static_cast<ssize_t>(count)) {
    return refuse(EIO, "the disk file cannot be read");
  }
  for (std::uint32_t done = 0; done < count; done += kSectorBytes) {
    const auto found = newest.find((offset + done) / kSectorBytes);
    if (found != newest.end()) std::memcpy(target + done, cached[found->second].bytes, kSectorBytes);
  }
  return 0;
}

int write_bytes(void* /*handle*/, const void* from, uint32_t count, uint64_t offset, uint32_t /*flags*/) {
  wait_while_stalled();
  if (takes(Fault::write_error)) return refuse(EIO, "a write fails, as asked");
  if (takes(Fault::no_space)) return refuse(ENOSPC, "the disk is full, as asked");
  if ((offset | count) % kSectorBytes != 0) return refuse(EINVAL, "a write that is not of whole sectors");
  store(header->writes, load(header->writes) + 1);
  for (std::uint32_t done = 0; done < count; done += kSectorBytes) {
    if (load(header->sectors) == capacity && !write_back()) return refuse(EIO, "the disk file is full");
    const std::uint64_t index = load(header->sectors);
    cached[index].number = (offset + done) / kSectorBytes;
    std::memcpy(cached[index].bytes, static_cast<const std::uint8_t*>(from) + done, kSectorBytes);
    store(header->sectors, index + 1);
    newest[cached[index].number] = index;
    step();
  }
  return 0;
}

int flush(void* /*handle*/, uint32_t /*flags*/) {
  wait_while_stalled();
  if (takes(Fault::flush_error)) {
    settle();
    return refuse(EIO, "a flush fails and what it was to keep is lost, as asked");
  }
  if (takes(Fault::lie)) return 0;
  const std::uint64_t delay = load(header->flush_microseconds_max);
  if (delay > 0) ::usleep(static_cast<useconds_t>(draw() % delay));
  if (!write_back()) return refuse(EIO, "the disk file cannot be written");
  store(header->flushes, load(header->flushes) + 1);
  return 0;
}

nbdkit_plugin plugin_table() {
  nbdkit_plugin table{};
  table.name = "sector-loss";
  table.longname = "a disk that loses unflushed sectors";
  table.config = set_parameter;
  table.get_ready = get_ready;
  table.open = open_connection;
  table.get_size = get_size;
  table.can_multi_conn = can_multi_conn;
  table.pread = read_bytes;
  table.pwrite = write_bytes;
  table.flush = flush;
  return table;
}

nbdkit_plugin plugin = plugin_table();

}  // namespace

NBDKIT_REGISTER_PLUGIN(plugin)

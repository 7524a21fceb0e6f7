// The addon's own flushes, held against what the recording medium stands for, and their machine code against the
// processors' manuals. That libpmem gets the same calls is test/rigs/mapped-medium's to show.
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>

#include "../../native/own_pmem.h"
#include "check.h"
#include "log_fixture.h"
#include "scratch.h"

using namespace fixture;

namespace {

constexpr FlushInstruction kAll[] = {FlushInstruction::clwb, FlushInstruction::clflushopt, FlushInstruction::clflush,
                                     FlushInstruction::dc_cvac};

#if defined(__x86_64__)
constexpr bool kIsX64 = true;
#else
constexpr bool kIsX64 = false;
#endif

std::vector<std::uintptr_t> flushed;
void note_line(const void* line) { flushed.push_back(reinterpret_cast<std::uintptr_t>(line)); }

/// A medium whose lines become durable only as `for_each_line` and `copy_and_flush` name them.
class LineMedium final : public Medium {
 public:
  explicit LineMedium(const std::vector<std::byte>& image)
      : bytes_(static_cast<std::byte*>(std::aligned_alloc(kLineBytes, image.size()))), durable(image) {
    std::memcpy(bytes_, image.data(), image.size());
    flushed.clear();
  }
  LineMedium(const LineMedium&) = delete;
  LineMedium& operator=(const LineMedium&) = delete;
  ~LineMedium() override { std::free(bytes_); }

  [[nodiscard]] std::uint64_t size() const override { return durable.size(); }
  void write(Site /*site*/, std::uint64_t offset, const void* source, std::uint64_t length) override {
    copy_and_flush<note_line>(bytes_ + offset, source, length);
  }
  void store64(Site /*site*/, std::uint64_t offset, std::uint64_t value) override {
    std::memcpy(bytes_ + offset, &value, sizeof value);
  }
  void flush(Site /*site*/, std::uint64_t offset, std::uint64_t length) override {
    for_each_line<note_line>(bytes_ + offset, length);
  }
  void reflush(Site site, std::uint64_t offset, std::uint64_t length) override { flush(site, offset, length); }
  [[nodiscard]] Status fence(Site /*site*/) override {
    for (const std::uintptr_t line : flushed) {
      const auto offset = line - reinterpret_cast<std::uintptr_t>(bytes_);
      std::memcpy(durable.data() + offset, bytes_ + offset, kLineBytes);
    }
    flushed.clear();
    history.push_back(crc64(durable.data(), durable.size()));
    return Status::good();
  }
  [[nodiscard]] Status read(std::uint64_t offset, void* target, std::uint64_t length) override {
    std::memcpy(target, bytes_ + offset, length);
    return Status::good();
  }

 private:
  std::byte* bytes_;

 public:
  std::vector<std::byte> durable;
  /// The CRC of what was durable after each fence.
  std::vector<std::uint64_t> history;
};

void live(Medium& medium) {
  std::unique_ptr<Log> log;
  CHECK(Log::open(medium, {}, log).ok());
  for (std::uint64_t slot = 1; slot <= 200; slot++) {
    CHECK(append(*log, {slot % 7 == 0 ? slot : 0, {{slot, slot, static_cast<std::uint32_t>(slot * 97 % 1500)}}}).ok());
    if (slot % 5 == 0) CHECK(log->trim(slot - 1, slot).ok());
  }
  CHECK(log->close().ok());
}

/// Whether the code from `function` to its return has these bytes, the first of them behind no prefix 0x66.
template <typename Function>
bool holds(Function function, const std::vector<unsigned char>& pattern) {
  const std::vector<unsigned char> leave =
      kIsX64 ? std::vector<unsigned char>{0xC3} : std::vector<unsigned char>{0xC0, 0x03, 0x5F, 0xD6};
  const auto* code = reinterpret_cast<const unsigned char*>(function);
  for (std::size_t at = 0; std::memcmp(code + at, leave.data(), leave.size()) != 0; at++) {
    const bool prefixed = kIsX64 && at > 0 && code[at - 1] == 0x66;
    if (!prefixed && std::memcmp(code + at, pattern.data(), pattern.size()) == 0) return true;
  }
  return false;
}

}  // namespace

TEST(own_flush_names_every_line_of_a_range_once) {
  alignas(kLineBytes) static char area[1024];
  const auto base = reinterpret_cast<std::uintptr_t>(area);
  for (std::uintptr_t offset = 0; offset < 130; offset++) {
    for (std::size_t length = 0; length < 300; length++) {
      flushed.clear();
      for_each_line<note_line>(area + offset, length);
      std::set<std::uintptr_t> expected;
      for (std::size_t byte = 0; byte < length; byte++) expected.insert((base + offset + byte) / 64 * 64);
      const bool same = length == 0 ? flushed.size() <= 1
                                    : flushed == std::vector<std::uintptr_t>(expected.begin(), expected.end());
      if (!CHECK(same)) return;
    }
  }
}

TEST(own_flush_makes_durable_at_each_fence_what_the_recording_medium_does) {
  const std::vector<std::byte> image = formatted(small_format());
  std::vector<std::uint64_t> expected;
  RecordingMedium recording(image);
  LineMedium lines(image);
  live(lines);
  // A fence of the recording medium is seen before it takes effect: each entry is that of the fence before.
  recording.on_fence([&](Site) { expected.push_back(crc64(recording.durable().data(), recording.durable().size())); });
  live(recording);
  expected.erase(expected.begin());
  expected.push_back(crc64(recording.durable().data(), recording.durable().size()));
  CHECK(expected.size() > 400);
  CHECK(lines.history == expected);
  CHECK(recording.outstanding() == 0);
  CHECK(lines.durable == recording.durable());
}

TEST(own_flush_leaves_a_mapped_file_as_the_memory_was_written) {
  std::string path;
  const int fd = scratch::file(path);
  CHECK(::ftruncate(fd, 16384) == 0);
  int tried = 0;
  for (const FlushInstruction instruction : kAll) {
    if (!has_instruction(instruction)) continue;
    tried++;
    const LibPmem& own = own_pmem(instruction);
    std::size_t mapped = 0;
    int is_pmem = 1;
    auto* base = static_cast<char*>(own.map_file(path.c_str(), 0, 0, 0, &mapped, &is_pmem));
    if (!CHECK(base != nullptr && mapped == 16384 && is_pmem == 0)) continue;
    std::string text(5000, static_cast<char>('a' + tried));
    own.memcpy_nodrain(base + 33, text.data(), text.size());
    base[9000] = 'z';
    own.flush(base + 9000, 1);
    own.drain();
    CHECK(own.unmap(base, mapped) == 0);
    std::string found(5000, 0);
    CHECK(::pread(fd, found.data(), found.size(), 33) == 5000);
    CHECK(found == text);
  }
  CHECK(tried > 0);
  ::close(fd);
  ::unlink(path.c_str());
}

TEST(own_flush_maps_regular_files_only) {
  std::size_t mapped = 0;
  int is_pmem = 0;
  CHECK(own_pmem().map_file("/dev/zero", 0, 0, 0, &mapped, &is_pmem) == nullptr);
  CHECK(own_pmem().map_file("/nonexistent/region", 0, 0, 0, &mapped, &is_pmem) == nullptr);
}

TEST(own_flush_is_chosen_by_the_processor_and_by_what_libpmem_would_read) {
  ::unsetenv("PMEM_NO_CLWB");
  ::unsetenv("PMEM_NO_CLFLUSHOPT");
  const FlushInstruction best = chosen_instruction();
  CHECK(has_instruction(best));
  for (const FlushInstruction instruction : kAll) CHECK(instruction >= best || !has_instruction(instruction));
  CHECK(std::strcmp(own_pmem(best).name, "libpmem") != 0);
  ::setenv("PMEM_NO_CLWB", "1", 1);
  CHECK(chosen_instruction() != FlushInstruction::clwb);
  ::setenv("PMEM_NO_CLFLUSHOPT", "1", 1);
  CHECK(chosen_instruction() != FlushInstruction::clflushopt && has_instruction(chosen_instruction()));
  ::setenv("PMEM_NO_CLWB", "yes", 1);
  if (has_instruction(FlushInstruction::clwb)) CHECK(chosen_instruction() == FlushInstruction::clwb);
  ::unsetenv("PMEM_NO_CLWB");
  ::unsetenv("PMEM_NO_CLFLUSHOPT");
}

TEST(own_flush_is_the_instruction_that_it_is_called) {
  if (kIsX64) {
    // The line's address is in RDI, the first argument: Intel's manual, volume 2.
    CHECK(holds(line_function(FlushInstruction::clwb), {0x66, 0x0F, 0xAE, 0x37}));
    CHECK(holds(line_function(FlushInstruction::clflushopt), {0x66, 0x0F, 0xAE, 0x3F}));
    CHECK(holds(line_function(FlushInstruction::clflush), {0x0F, 0xAE, 0x3F}));
    CHECK(holds(own_pmem().drain, {0x0F, 0xAE, 0xF8}));
  } else {
    // It is in X0: the Arm Architecture Reference Manual; words are little-endian.
    CHECK(holds(line_function(FlushInstruction::dc_cvac), {0x20, 0x7A, 0x0B, 0xD5}));
    CHECK(holds(own_pmem().drain, {0x9F, 0x3F, 0x03, 0xD5}));
  }
}

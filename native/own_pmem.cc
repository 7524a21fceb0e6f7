#include "own_pmem.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "file_descriptor.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace indelible {
namespace {

/// As the flags that libpmem reads: set to anything but 1, they mean nothing.
bool ruled_out(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::strcmp(value, "1") == 0;
}

#if defined(__x86_64__)

constexpr FlushInstruction kByPreference[] = {FlushInstruction::clwb, FlushInstruction::clflushopt,
                                              FlushInstruction::clflush};

void line_clwb(const void* line) { asm volatile("clwb %0" : : "m"(*static_cast<const char*>(line)) : "memory"); }
void line_clflushopt(const void* line) {
  asm volatile("clflushopt %0" : : "m"(*static_cast<const char*>(line)) : "memory");
}
void line_clflush(const void* line) {
  asm volatile("clflush %0" : : "m"(*static_cast<const char*>(line)) : "memory");
}
void fence() { asm volatile("sfence" : : : "memory"); }

#elif defined(__aarch64__)

constexpr FlushInstruction kByPreference[] = {FlushInstruction::dc_cvac};

void line_dc_cvac(const void* line) { asm volatile("dc cvac, %0" : : "r"(line) : "memory"); }
void fence() { asm volatile("dsb sy" : : : "memory"); }

#else

constexpr FlushInstruction kByPreference[] = {FlushInstruction::none};

void fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

#endif

void line_none(const void* /*line*/) {}

void* map_file(const char* path, std::size_t, int, mode_t, std::size_t* mapped, int* is_pmem) {
  *is_pmem = 0;
  const FileDescriptor file(::open(path, O_RDWR | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return nullptr;
  if (!S_ISREG(status.st_mode)) {
    errno = EOPNOTSUPP;
    return nullptr;
  }
  *mapped = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  return address == MAP_FAILED ? nullptr : address;
}

const char* errormsg() { return "the file cannot be mapped; without libpmem only regular files can"; }

template <LineFunction Line>
constexpr LibPmem functions(const char* name) {
  return {map_file, ::munmap, for_each_line<Line>, fence, copy_and_flush<Line>, errormsg, name, true};
}

}  // namespace

bool has_instruction(FlushInstruction instruction) {
#if defined(__x86_64__)
  constexpr unsigned int kClflush = 1U << 19;
  unsigned int a = 0;
  unsigned int b = 0;
  unsigned int c = 0;
  unsigned int d = 0;
  if (instruction == FlushInstruction::clflush) return __get_cpuid(1, &a, &b, &c, &d) != 0 && (d & kClflush) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if (instruction == FlushInstruction::clwb) return (b & bit_CLWB) != 0;
  return instruction == FlushInstruction::clflushopt && (b & bit_CLFLUSHOPT) != 0;
#elif defined(__aarch64__)
  return instruction == FlushInstruction::dc_cvac;
#else
  return instruction == FlushInstruction::none;
#endif
}

FlushInstruction chosen_instruction() {
  for (const FlushInstruction instruction : kByPreference) {
    if (!has_instruction(instruction)) continue;
    if (instruction == FlushInstruction::clwb && ruled_out("PMEM_NO_CLWB")) continue;
    if (instruction == FlushInstruction::clflushopt && ruled_out("PMEM_NO_CLFLUSHOPT")) continue;
    return instruction;
  }
  return FlushInstruction::none;
}

LineFunction line_function(FlushInstruction instruction) {
  switch (instruction) {
#if defined(__x86_64__)
    case FlushInstruction::clwb: return line_clwb;
    case FlushInstruction::clflushopt: return line_clflushopt;
    case FlushInstruction::clflush: return line_clflush;
#elif defined(__aarch64__)
    case FlushInstruction::dc_cvac: return line_dc_cvac;
#endif
    default: return line_none;
  }
}

const LibPmem& own_pmem(FlushInstruction instruction) {
  switch (instruction) {
#if defined(__x86_64__)
    case FlushInstruction::clwb: {
      static constexpr LibPmem table = functions<line_clwb>("clwb");
      return table;
    }
    case FlushInstruction::clflushopt: {
      static constexpr LibPmem table = functions<line_clflushopt>("clflushopt");
      return table;
    }
    case FlushInstruction::clflush: {
      static constexpr LibPmem table = functions<line_clflush>("clflush");
      return table;
    }
#elif defined(__aarch64__)
    case FlushInstruction::dc_cvac: {
      static constexpr LibPmem table = functions<line_dc_cvac>("dc cvac");
      return table;
    }
#endif
    default: {
      static constexpr LibPmem table = functions<line_none>("no instruction");
      return table;
    }
  }
}

const LibPmem& own_pmem() {
  static const LibPmem& chosen = own_pmem(chosen_instruction());
  return chosen;
}

}  // namespace indelible

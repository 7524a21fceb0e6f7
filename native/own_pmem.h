// What libpmem does for an emulated region, done by the addon itself where libpmem is not installed.
//
// 1. Nothing here says that a mapping is persistent memory: mode pmem never comes here.
// 2. A flush writes back every cache line that the range touches, each once, in rising order; a copy is memcpy
//    and a flush of its target; a drain waits for all of them.
// 3. The instruction is chosen as libpmem chooses it: clwb before clflushopt before clflush, by CPUID, less what
//    PMEM_NO_CLWB=1 and PMEM_NO_CLFLUSHOPT=1 rule out; on arm64 it is DC CVAC. The fence is sfence, on arm64
//    a DSB: a DMB would not wait for cache maintenance.
// 4. Regular files only. A device is libpmem's to map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "layout.h"
#include "pmem_library.h"

namespace indelible {

enum class FlushInstruction : std::uint8_t { clwb, clflushopt, clflush, dc_cvac, none };

using LineFunction = void (*)(const void* line);

/// Whether this processor has it, whatever the environment rules out.
bool has_instruction(FlushInstruction instruction);
/// The first that the processor has and the environment allows; `none` on a processor that has neither.
FlushInstruction chosen_instruction();

/// Writes one line back; one that does nothing where this is not the instruction's processor.
LineFunction line_function(FlushInstruction instruction);
/// Through an instruction that the processor has.
const LibPmem& own_pmem(FlushInstruction instruction);
/// By the chosen one, which stays the same for the process.
const LibPmem& own_pmem();

/// Calls `Line` with the address of every cache line that has bytes of the range.
template <LineFunction Line>
void for_each_line(const void* address, std::size_t length) {
  const auto* first = static_cast<const std::byte*>(address);
  const auto* line = first - reinterpret_cast<std::uintptr_t>(address) % kLineBytes;
  for (; line < first + length; line += kLineBytes) Line(line);
}

template <LineFunction Line>
void* copy_and_flush(void* target, const void* source, std::size_t length) {
  std::memcpy(target, source, length);
  for_each_line<Line>(target, length);
  return target;
}

}  // namespace indelible

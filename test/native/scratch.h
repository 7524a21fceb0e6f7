// Files and directories of their own for tests, where the system has temporary files (TMPDIR). Whoever asks for one
// removes it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace scratch {

inline std::string pattern() {
  std::error_code error;
  return std::filesystem::temp_directory_path(error).string() + "/indelible-test-XXXXXX";
}

inline std::string directory() {
  std::string path = pattern();
  return ::mkdtemp(path.data()) != nullptr ? path : "";
}

/// Open for reading and writing; -1 where none could be made.
inline int file(std::string& path) {
  path = pattern();
  return ::mkstemp(path.data());
}

}  // namespace scratch

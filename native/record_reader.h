// Reads batch records off a medium and believes nothing unverified: every length is bounded before its use.
#pragma once

#include <cstddef>

#include "buffer.h"
#include "layout.h"
#include "medium.h"
#include "rows.h"

namespace indelible {

struct FoundRecord {
  /// The header is whole, is this region's, and says that it lies where it was found.
  bool header_good = false;
  /// The descriptors are whole and stay within the record.
  bool descriptors_good = false;
  bool payloads_good = false;
  RecordHeader header{};
  /// With `kFlagUnavailable` set where the payload is damaged. Empty unless `descriptors_good`.
  Rows<Descriptor> descriptors;

  [[nodiscard]] bool whole() const { return header_good && descriptors_good && payloads_good; }
};

class RecordReader {
 public:
  RecordReader(Source& source, const Geometry& geometry, std::uint64_t incarnation)
      : source_(source), geometry_(geometry), incarnation_(incarnation) {}

  Status commit_word_at(std::uint64_t position, std::uint64_t& word);

  /// The header alone.
  Status header_at(std::uint64_t position, FoundRecord& record);

  /// Header and descriptors.
  Status descriptors_at(std::uint64_t position, FoundRecord& record);

  /// Header, descriptors, payloads: each judged if the one before is good.
  Status record_at(std::uint64_t position, FoundRecord& record);

  /// The first good header in [from, end) with a number above `above`; `position` is `end` if there is none.
  Status find_header(std::uint64_t from, std::uint64_t end, std::uint64_t above, std::uint64_t& position,
                     RecordHeader& header);

  /// The good header with the highest number anywhere in the area; `found` is false if there is none.
  Status newest_header(RecordHeader& header, bool& found);

 private:
  [[nodiscard]] bool header_fits(const RecordHeader& header, std::uint64_t position) const;
  [[nodiscard]] bool descriptors_fit(const FoundRecord& record) const;

  Source& source_;
  Geometry geometry_;
  std::uint64_t incarnation_;
  Buffer bytes_;
};

}  // namespace indelible

// Reads a log that is in use back, record after record and around again, and verifies what recovery would:
// words, headers, links, descriptors, payloads, the tail's word.
//
// 1. A step reads about as many bytes as it is given, and at least one record.
// 2. It reads past blocks that the medium cannot give: a bad one is damage found, not a fault met.
// 3. What it finds becomes part of the log's state: a vote without its bytes is marked, an unreadable record
//    stays in front of the head as long as slots are uncertain, and nothing is copied out of it.
// 4. Words follow from the records' numbers, so a bad one is stored again; that is all it writes.
#pragma once

#include "buffer.h"
#include "log_state.h"
#include "medium.h"
#include "probe_window.h"
#include "record_reader.h"
#include "rows.h"

namespace indelible {

struct ScrubReport {
  std::uint64_t bytes = 0;
  /// The step reached the tail; the next begins at the oldest record.
  bool pass_ended = false;
  /// Votes that were found to have lost their bytes.
  Rows<VoteEntry> votes;
  /// Records were found of which recovery could not tell any more what they hold.
  bool unreadable = false;
  /// The newest record is one of them: behind it nothing would tell recovery of the promise.
  bool last_unreadable = false;
  /// Words were stored and flushed, and want a fence.
  bool mended = false;
};

class Scrub {
 public:
  Scrub(Medium& medium, LogState& state);

  /// `uncommitted` is the number of a record whose commit word is still to be stored; 0: there is none.
  Status step(std::uint64_t budget, std::uint64_t uncommitted, ScrubReport& report);

 private:
  Status verify(std::uint64_t number, bool committed, ScrubReport& report);
  Status verify_tail(ScrubReport& report);
  Status index_through(std::uint64_t number);
  void tell(ScrubReport& report);
  Status lose_record(std::uint64_t number, ScrubReport& report);
  Status lose_votes(std::uint64_t number, ScrubReport& report);
  static Status lose(VoteEntry& vote, ScrubReport& report);
  Status has_bytes(const VoteEntry& vote, bool& good);
  [[nodiscard]] bool is_as_written(std::uint64_t number);
  Status mend(std::uint64_t offset, std::uint64_t word, ScrubReport& report);

  Medium& medium_;
  LogState& state_;
  ProbeWindow window_;
  RecordReader reader_;
  FoundRecord record_;
  FoundRecord indexed_;
  Buffer payload_;
  std::uint64_t next_ = 0;
};

}  // namespace indelible

// Recovery: from the bytes a crash or a failing medium left, to a log that may be answered from.
//
//  1. Reading comes first and writes nothing; only then is everything that was accepted as recovered made
//     durable, because after kill -9 the bytes seen may never have been flushed.
//  2. It is idempotent and survives its own crash; it never truncates and never reformats.
//  3. Where both roots are gone the newest record says where the log began when it was written; space is
//     reused only behind a later head, which a later record would name, so everything from there on is there.
//  4. A store whose outcome is `lost` is not written to at all: it is as lost at the next open.
//
// At record k, after the header before it was verified:
//   word      record k              → meaning
//   COMMIT_k  header bad            → a gap: look for a later header; none: the chain is lost
//   COMMIT_k  descriptors bad       → which slots it held is uncertain; the promise is known
//   COMMIT_k  a payload bad         → that vote is known, its bytes are unavailable
//   EMPTY_k   whole and linked      → rolled forward (its commit word was on its way, or was lost)
//   EMPTY_k   anything else         → the tail; a later header in the free space makes it a gap
//   other     whole and linked      → its word is mended
//   other     behind a rolled-forward record → the tail
//   other     anything else         → a gap, as above
#pragma once

#include "log_state.h"
#include "medium.h"
#include "probe_window.h"
#include "record_reader.h"
#include "root.h"
#include "rows.h"

namespace indelible {

enum class Outcome : std::uint8_t { intact, damaged, lost };

struct Recovered {
  Outcome outcome = Outcome::intact;
  const char* reason = "";
  bool clean = false;
};

class Recovery {
 public:
  Recovery(Medium& medium, LogState& state);

  /// Where the chain starts: the newer of the whole roots, or what the newest record says of it. The log is lost
  /// where neither is known.
  Status find_root(Root& roots, RootSlot& root, Recovered& recovered);

  /// Reads the chain that starts at `root` into the state.
  Status walk(const RootSlot& root, Recovered& recovered);

  /// Makes what was recovered durable and mends commit words; these are durable with the next fence, the root's.
  /// Not for a lost store.
  Status settle();

 private:
  enum class Step : std::uint8_t { next, tail, lost };

  /// Where both roots are gone: the root that the newest record speaks for. False: there is none that does.
  Status root_from_chain(RootSlot& root, bool& found);

  /// Its CRC is good; this holds its numbers against what there can be.
  [[nodiscard]] bool root_fits(const RootSlot& root) const;
  Status step(Step& step);
  Status pass_gap(bool at_tail, Step& step);
  Status accept(const FoundRecord& record);
  void note_damage(std::uint64_t from, std::uint64_t through, const RecordHeader& bound);
  Status persist_log();

  Medium& medium_;
  LogState& state_;
  ProbeWindow window_;
  RecordReader reader_;
  FoundRecord record_;
  /// Numbers of records whose commit word has to be stored again.
  Rows<std::uint64_t> mend_;
  /// The last record was accepted although its word was EMPTY: its successor's word may be anything.
  bool rolled_forward_ = false;
  /// The next header cannot be held against the one before it.
  bool link_known_ = true;
};

/// A log that was read to its end is damaged if votes lack their bytes or slots are uncertain.
void find_missing(LogState& state, Recovered& recovered);

}  // namespace indelible

// SPDX-License-Identifier: GPL-2.0
//
// A script of the packetdrill language, as it was read: events with their times. Numbers of packets
// are the script's own; the runner knows what they are on the wire.
#ifndef LKL_TOOL_DRILL_SCRIPT_H
#define LKL_TOOL_DRILL_SCRIPT_H

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace lkl::tool::drill {

// Says what is wrong with a script, and where: "NAME:LINE: ...".
class ScriptError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a system call gets or gives: a number, a name, "text", [list], {structure}, name(arguments)
// or several with | between them.
struct Expression {
  enum class Kind { kEllipsis, kNumber, kWord, kText, kList, kStructure, kFunction, kOr };
  Kind kind = Kind::kEllipsis;
  int line = 0;
  std::int64_t number = 0;
  std::string text;  // the word, the text, the function's name
  // of a list, a structure, a function or of kOr
  std::vector<Expression> items;
  // of a structure: a name for each item, empty where there is none
  std::vector<std::string> names;

  // A field of a structure; null if it is not there.
  const Expression* field(const std::string& name) const;
};

struct SystemCall {
  std::string name;
  std::vector<Expression> arguments;
  Expression result;
  std::string error;  // ENOENT ...; empty if none is expected
  std::string note;   // what follows in brackets
};

struct Command {
  std::string text;
};

// Python, judged after the run by the tcp_info of then.
struct Code {
  std::string text;
};

enum class Ecn { kNone, kEct0, kEct1, kEct01, kCe };

struct SackBlock {
  std::uint32_t left = 0, right = 0;
};

struct TcpOption {
  enum class Kind {
    kEnd,
    kNop,
    kMss,
    kWindowScale,
    kSackOk,
    kSack,
    kTimestamp,
    kMd5,
    kFastOpen,
    kOther,  // only on the wire: the number is in `value`, what it has in `bytes`
  };
  Kind kind = Kind::kNop;
  std::uint32_t value = 0;  // of MSS, window scale; of the time stamp
  std::uint32_t echo = 0;
  std::vector<SackBlock> blocks;
  std::vector<std::uint8_t> bytes;  // MD5 digest, cookie
  bool experimental = false;        // FOEXP: by the option for experiments
};

struct TcpSpec {
  std::string flags;  // of "FSRP.UEW", in this order
  std::uint32_t first = 0, last = 0, length = 0;
  std::optional<std::uint32_t> acknowledged;
  std::optional<std::uint16_t> window;
  std::optional<std::uint16_t> urgent;
  std::vector<TcpOption> options;
  bool any_options = false;  // <...>
};

struct UdpSpec {
  std::uint32_t length = 0;
};

// FIRST:LAST(LENGTH)
struct Sequence {
  std::uint32_t first = 0, last = 0, length = 0;
};

// With the begin of the packet that it is about.
struct IcmpSpec {
  std::string type, code;
  std::optional<std::uint32_t> mtu;
  std::optional<Sequence> about_tcp;
  std::optional<UdpSpec> about_udp;
};

struct PacketSpec {
  bool inbound = false;  // to the kernel
  std::optional<Ecn> ecn;
  std::variant<TcpSpec, UdpSpec, IcmpSpec> content;
};

// When an event is to be. Microseconds since the begin, or since the event before.
struct EventTime {
  bool relative = false;
  bool any = false;  // '*'
  std::int64_t at = 0;
  std::optional<std::int64_t> latest;  // of a range: A~B
  std::optional<std::int64_t> end;     // of a call that blocks: A...B
};

struct Event {
  int line = 0;
  EventTime time;
  std::variant<PacketSpec, SystemCall, Command, Code> action;
};

struct ScriptOption {
  int line = 0;
  std::string name, value;
};

struct Script {
  std::string name;  // for messages
  std::string folder;
  std::vector<ScriptOption> options;
  std::vector<Event> events;
  // commands before the first event; the line of each
  std::vector<std::pair<int, std::string>> begin;
  // and after the last one
  std::vector<std::pair<int, std::string>> end;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_SCRIPT_H

// SPDX-License-Identifier: GPL-2.0
//
// The system calls of a script, made into calls of the kernel's.
#ifndef LKL_TOOL_DRILL_CALLS_H
#define LKL_TOOL_DRILL_CALLS_H

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drill/script.h"
#include "drill/settings.h"

namespace lkl::tool::drill {

// What happened is not what the script says; without the line.
class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A call with its arguments, which live as long as it.
struct PreparedCall {
  std::function<long()> run;         // on any thread
  std::function<void(long)> verify;  // of what came out beside the result; throws Mismatch
  // What a result that is a descriptor is called in the script.
  std::optional<int> new_descriptor;
  bool connects = false;  // the call of a client
  int connecting = -1;    // its descriptor
};

class Calls {
 public:
  Calls(const Settings& settings, std::string script_name)
      : settings_(settings), script_name_(std::move(script_name)) {}

  // Throws ScriptError for calls and arguments that are not known.
  PreparedCall prepare(const Event& event);
  // After it has been run: compares. Throws Mismatch.
  void finish(const SystemCall& call, const PreparedCall& prepared, long result);

  // The kernel's descriptor of the connection that was made last; -1 if there is none.
  int connection() const { return connection_; }

 private:
  using Arguments = std::vector<Expression>;

  [[noreturn]] void fail(int line, const std::string& message) const;
  std::int64_t number(const Expression& value) const;
  std::int64_t symbol(const std::string& name, int line) const;
  std::size_t length(const Expression& value) const;
  int descriptor(const Expression& value) const;
  std::vector<char> address(const Expression& value, std::uint16_t port, bool remote) const;
  // Of getsockopt() and setsockopt().
  std::vector<char> option_value(const Expression& value) const;

  // Nothing if it is not one of theirs.
  bool prepare_socket_call(const SystemCall& call, int line, PreparedCall& prepared);
  bool prepare_transfer(const SystemCall& call, int line, PreparedCall& prepared);
  bool prepare_other(const SystemCall& call, int line, PreparedCall& prepared);
  void prepare_message(const SystemCall& call, bool receive, PreparedCall& prepared);
  void prepare_poll(const Arguments& arguments, PreparedCall& prepared);
  void prepare_epoll_wait(const Arguments& arguments, PreparedCall& prepared);
  void require(const SystemCall& call, int line, std::size_t least, std::size_t most) const;

  const Settings& settings_;
  std::string script_name_;
  std::map<int, int> descriptors_;
  int connection_ = -1;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_CALLS_H

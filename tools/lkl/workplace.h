// SPDX-License-Identifier: GPL-2.0
//
// Where a command works: one mounted image, and the paths in it. It is opened for the command, or
// it is that of the shell the command was typed in.
#ifndef LKL_TOOL_WORKPLACE_H
#define LKL_TOOL_WORKPLACE_H

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lkl/commands.h"
#include "session/session.h"
#include "tree/tree.h"

namespace lkl::tool {

// What lkl sh hands to the commands typed in it.
struct ShellState {
  const Volume* volume = nullptr;
  std::string directory = "/";
};

enum class Access { kRead, kWrite };

class Workplace {
 public:
  // Takes the image from the operands or from -a. Throws UsageFailure if there is none, if it must
  // not be written to but would be, or if fewer than `least` paths are given, `needed` in words.
  Workplace(Context& context, const ImageAndPaths& operands, Access access, const char* needed = "",
            std::size_t least = 0);

  // What is meant where no path is given.
  const char* top() const { return context_.shell != nullptr ? "." : "/"; }
  Tree& tree() { return *tree_; }
  const Volume& volume() const { return *volume_; }

  // Does `work` for every path. An error is told, and the next one is done.
  template <class Work>
  void for_each(const std::vector<std::string>& paths, Work work) {
    for (const std::string& path : paths) {
      try {
        work(path);
      } catch (const std::system_error& error) {
        tell(tree_->display(path), error.code());
      } catch (const Failure& failure) {
        context_.diagnostics.error(failure.what());
      }
    }
  }

  // What went wrong with it, and the cure, if something is used up.
  void tell(const std::string& subject, const std::error_code& code);

  // The operands behind the image.
  std::vector<std::string> paths;

 private:
  Context& context_;
  std::optional<Session> session_;  // none in a shell
  const Volume* volume_ = nullptr;
  std::unique_ptr<Tree> tree_;
};

// Throws UsageFailure if the command line forbids writing.
void require_writable(const Context& context);

// Prints what was done, with -v.
template <class... Arguments>
void say(const Context& context, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  if (context.options.verbose > 0)
    fmt::print("{}\n", fmt::format(text, std::forward<Arguments>(arguments)...));
}

}  // namespace lkl::tool

#endif  // LKL_TOOL_WORKPLACE_H

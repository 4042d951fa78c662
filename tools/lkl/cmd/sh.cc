// SPDX-License-Identifier: GPL-2.0
//
// lkl sh: the other commands, typed one after the other, on one mounted image.
#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdio.h>
#include <CLI/CLI.hpp>

#include "base/host_calls.h"
#include "base/signals.h"
#include "lkl/cmd/line_reader.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/copy.h"

namespace lkl::tool {

namespace {

using Words = std::vector<std::string>;

// Splits at spaces; quotes and backslashes work as in other shells, nothing else does.
Words split_words(const std::string& line) {
  Words words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); at++) {
    char c = line[at];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) {
      in_word = false;
      continue;
    }
    if (quote == 0 && c == '#' && !in_word) break;
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'') {
        if (++at == line.size()) throw UsageFailure("nothing behind the backslash");
        c = line[at];
      }
      words.back() += c;
    }
  }
  if (quote != 0) throw UsageFailure(fmt::format("a closing {} is missing", quote));
  return words;
}

class Shell {
 public:
  Shell(Context& context, const Volume& volume, std::string directory,
        const SandboxPaths& host_paths)
      : context_(context), state_{&volume, "/"}, host_paths_(host_paths) {
    if (!directory.empty()) change_directory(directory);
    context_.shell = &state_;
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { context_.shell = nullptr; }

  void run(LineReader& reader) {
    if (reader.interactive() && !context_.options.quiet)
      print_error(fmt::format("{} ({}); help shows the commands, exit leaves\n",
                              state_.volume->name, state_.volume->type));
    while (!left_) {
      fflush(stdout);
      const auto line = reader.next(fmt::format("{}:{}> ", state_.volume->name, state_.directory));
      if (!line && reader.interactive()) print_error("\n");
      if (!line && !forget_interrupt(reader.interactive())) return;
      if (line) run_line(*line, reader.interactive());
    }
  }

 private:
  // Ctrl-C ends a command or a line of a user, but not the shell. All else ends it.
  static bool forget_interrupt(bool interactive) {
    if (pending_signal() == 0) return false;
    if (!interactive || pending_signal() != SIGINT) check_interrupted();
    clear_signal();
    return true;
  }

  void run_line(const std::string& line, bool interactive) {
    try {
      const Words words = split_words(line);
      if (!words.empty()) run_command(words);
    } catch (const Interrupted&) {
      forget_interrupt(interactive);
      print_error("\n");
    } catch (const CLI::ParseError& error) {
      context_.diagnostics.error(error.what());
    } catch (const Failure& failure) {
      context_.diagnostics.error(failure.what());
    } catch (const std::system_error& error) {
      context_.diagnostics.error(error.what());
    }
  }

  void run_command(const Words& words) {
    const std::string& name = words.front();
    if (name == "exit" || name == "quit") {
      left_ = true;
    } else if (name == "help") {
      help();
    } else if (name == "pwd") {
      fmt::print("{}\n", state_.directory);
    } else if (name == "cd") {
      if (words.size() > 2) throw UsageFailure("cd takes one directory");
      change_directory(words.size() == 2 ? words[1] : "/");
    } else if (name == "put" || name == "get") {
      copy(words);
    } else {
      run_listed(words);
    }
  }

  // One of the tool's own commands.
  void run_listed(const Words& words) {
    for (const Command& command : all_commands()) {
      if (words.front() != command.name || !command.in_shell) continue;
      CLI::App parser(command.summary, command.name);
      parser.allow_windows_style_options(false);
      parser.set_help_flag("--help", "Show this help");
      const Run run = command.add(Parser(parser));
      try {
        parse_exactly(parser, {words.begin() + 1, words.end()});
      } catch (const CLI::Success& help) {
        parser.exit(help);
        return;
      }
      run(context_);
      return;
    }
    throw UsageFailure(fmt::format("{}: no such command; help shows them", words.front()));
  }

  // The new directory by its true name, so that ".." is where it belongs.
  void change_directory(const std::string& path) {
    const auto tree = make_image_tree(*state_.volume, state_.directory);
    Handle directory;
    try {
      directory = tree->open_directory(path);
    } catch (const std::system_error& error) {
      throw Failure(fmt::format("{}: {}", tree->display(path), describe(error.code())));
    }
    state_.directory = true_path(*tree, std::move(directory));
  }

  // Goes up to the root and looks for each directory in the one above.
  static std::string true_path(Tree& tree, Handle directory) {
    static const std::string kUp = "..";
    const Stat root = tree.stat(tree.open_directory("/"));
    const auto same = [](const Stat& a, const Stat& b) {
      return a.inode == b.inode && a.dev_major == b.dev_major && a.dev_minor == b.dev_minor;
    };
    std::string path;
    for (;;) {
      const Stat stat = tree.stat(directory);
      if (same(stat, root)) return path.empty() ? "/" : path;
      Handle above = tree.open_directory(Place{directory, kUp});
      const auto stream = tree.read_directory(above);
      std::string name;
      bool found = false;
      while (!found && stream->next(name)) {
        const auto entry = tree.find({above, name});
        found = entry && same(*entry, stat);
      }
      if (!found)
        throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
      path = "/" + name + path;
      directory = std::move(above);
    }
  }

  // put HOST... [IMAGE], get IMAGE... [HOST]: a single operand goes to the current directory.
  void copy(const Words& words) {
    const bool put = words.front() == "put";
    CopyOptions options;
    options.recursive = true;
    options.verbose = context_.options.verbose > 0;
    if (put) require_writable(context_);
    if (words.size() < 2)
      throw UsageFailure(
          fmt::format("{} needs what to copy, and may be told where to", words.front()));
    const auto image = make_image_tree(*state_.volume, state_.directory);
    const auto host = make_host_tree();
    Tree& from = put ? *host : *image;
    Tree& to = put ? *image : *host;
    Words operands(words.begin() + 1, words.end());
    for (std::string& operand : operands)
      if (put == (&operand != &operands.back() || operands.size() == 1))
        operand = on_host::with_slashes(operand);
    if (!put && operands.front() == "--trusted") {
      options.trusted = true;
      operands.erase(operands.begin());
      if (operands.empty()) throw UsageFailure("get needs what to copy, and may be told where to");
    }
    if (operands.size() == 1) operands.push_back(".");
    const std::string destination = operands.back();
    operands.pop_back();
    if (!context_.options.no_sandbox) {
      for (const std::string& path : put ? operands : Words{destination})
        require_accessible(path, put);
    }
    options.quiet = context_.options.quiet;
    std::vector<TreePath> sources;
    for (const std::string& path : operands) sources.push_back({from, path});
    copy_paths(context_.diagnostics, options, sources, {to, destination});
  }

  void require_accessible(const std::string& path, bool read) const {
    if (read ? host_paths_.may_read(path) : host_paths_.may_write(path)) return;
    throw Failure(fmt::format(
        "{}: not accessible from here, only what is below the directory lkl sh was started in; "
        "start it elsewhere, or with --no-sandbox",
        path));
  }

  static void help() {
    fmt::print(
        "cd [DIRECTORY]        Go to a directory of the image\n"
        "pwd                   Show the directory\n"
        "put HOST... [PATH]    Copy files and trees from the host into the image\n"
        "get [--trusted] PATH... [HOST]    Copy files and trees out of the image\n"
        "exit                  Write everything to the image and leave\n"
        "As outside, without the image; COMMAND --help shows their options:\n");
    for (const Command& command : all_commands())
      if (command.in_shell) fmt::print("{:<22}{}\n", command.name, command.summary);
  }

  Context& context_;
  ShellState state_;
  const SandboxPaths& host_paths_;
  bool left_ = false;
};

void run_sh(const ImageAndPaths& operands, Context& context) {
  const auto [name, paths] = operands.resolve(context.options);
  if (paths.size() > 1) throw UsageFailure("sh takes one image, and the directory to begin in");
  // It reads its settings and what is known of the terminal.
  LineReader reader;
  Session session(context.options, context.diagnostics);
  session.host_paths().allow_writing(".");
  Volume& volume =
      context.options.read_only ? session.mount(name) : session.mount_for_writing(name);
  Shell(context, volume, paths.empty() ? "" : paths.front(), session.host_paths()).run(reader);
}

}  // namespace

Run add_sh(Parser parser) {
  auto operands = std::make_shared<ImageAndPaths>();
  parser.add_option("operands", operands->operands, "IMAGE[:PARTITION] [DIRECTORY]").type_name(" ");
  return [operands](Context& context) { run_sh(*operands, context); };
}

}  // namespace lkl::tool

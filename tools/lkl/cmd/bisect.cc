// SPDX-License-Identifier: GPL-2.0
//
// lkl bisect
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/process.h"
#include "base/signals.h"
#include "ktest/test_build.h"
#include "lkl/commands.h"

namespace lkl::tool {

namespace {

namespace fs = std::filesystem;

struct BisectOptions {
  std::string repository;
  std::string good, bad;
  std::string folder;
  std::string log;
  std::vector<std::string> test;
};

std::string git(const fs::path& where, std::vector<std::string> words) {
  words.insert(words.begin(), {"git", "-C", where});
  std::string output = run_program(words, {}, "git");
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

// One bisection at a time works in a folder.
Descriptor lock_folder(const fs::path& folder) {
  fs::create_directories(folder);
  Descriptor lock = try_lock_file(folder / "lock");
  if (!lock)
    throw Failure(fmt::format("{}: another lkl bisect works here; --build names another folder",
                              folder.string()));
  return lock;
}

// A worktree of the repository: its bisection and what is checked out are its own, those of the
// user's stay as they are.
class Worktree {
 public:
  Worktree(const fs::path& repository, const fs::path& path, const std::string& revision)
      : repository_(repository), path_(path) {
    // one that was left behind when this program was killed
    remove();
    git(repository_, {"worktree", "add", "--detach", "--force", path_, revision});
  }
  Worktree(const Worktree&) = delete;
  Worktree& operator=(const Worktree&) = delete;
  ~Worktree() {
    // The end has to be in order after a signal, too, which shows as an exception already.
    clear_signal();
    try {
      remove();
    } catch (const Interrupted&) {
      print_error(
          fmt::format("lkl: {} is left, a worktree of {}\n", path_.string(), repository_.string()));
    }
  }

  const fs::path& path() const { return path_; }

 private:
  // With it goes the state of its bisection.
  void remove() {
    try {
      git(repository_, {"worktree", "remove", "--force", "--force", path_});
    } catch (const Failure&) {
      // it is none
    }
    std::error_code ec;
    fs::remove_all(path_, ec);
  }

  fs::path repository_;
  fs::path path_;
};

std::string shell_word(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

bool is_test_of_ours(const std::vector<std::string>& test) {
  return test.front() == "kunit" || test.front() == "boot";
}

// What git bisect run does for each revision: its status is the verdict. 125 means that there is
// none.
std::string step_script(const BisectOptions& options, const fs::path& tree, const fs::path& build) {
  if (!is_test_of_ours(options.test)) {
    std::vector<std::string> words = options.test;
    for (std::string& word : words)
      for (std::size_t at = 0; (at = word.find("{}", at)) != std::string::npos;
           at += tree.native().size())
        word.replace(at, 2, tree.native());
    return command_line(words) + "\n";
  }
  const fs::path self = fs::read_symlink("/proc/self/exe");
  std::vector<std::string> test = {self, "test"};
  test.insert(test.end(), options.test.begin(), options.test.end());
  std::vector<std::string> build_words = test;
  build_words.insert(build_words.end(), {"--tree", tree, "--build", build});
  std::vector<std::string> run_words = build_words;
  build_words.emplace_back("--build-only");
  // 2: the command line does not fit, for example because this revision has no such suite. A
  // kernel that dies while it boots takes the process with it: a failure like others.
  return fmt::format(
      "{}\n"
      "case $? in 0) ;; 129|130|143) exit 255 ;; *) exit 125 ;; esac\n"
      "{}\n"
      "status=$?\n"
      "case $status in 0|1) exit $status ;; 2) exit 125 ;; 129|130|143) exit 255 ;; *) exit 1 ;; "
      "esac\n",
      command_line(build_words), command_line(run_words));
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) throw Failure(fmt::format("{}: cannot be written", path.string()));
}

std::string commit_of(const fs::path& repository, const std::string& revision, const char* option) {
  try {
    return git(repository,
               {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"});
  } catch (const Failure&) {
    check_interrupted();
    throw Failure(
        fmt::format("{} {}: no such revision in {}", option, revision, repository.string()));
  }
}

// The verdict in git's log of the bisection, "# first bad commit: [ID] SUBJECT".
std::string verdict_of(const std::string& log) {
  constexpr std::string_view kVerdict = "# first bad commit: ";
  const std::size_t at = log.rfind(kVerdict);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kVerdict.size();
  return log.substr(begin, log.find('\n', begin) - begin);
}

void run_bisect(const BisectOptions& options) {
  if (options.test.empty())
    throw UsageFailure("what is to be tested? For example -- kunit --filter 'list*'");
  std::error_code ec;
  const fs::path repository = fs::canonical(options.repository, ec);
  if (ec) throw Failure(fmt::format("--tree {}: {}", options.repository, describe(ec)));
  git(repository, {"rev-parse", "--git-dir"});
  const std::string good = commit_of(repository, options.good, "--good");
  const std::string bad = commit_of(repository, options.bad, "--bad");

  const fs::path folder =
      options.folder.empty()
          ? cache_folder() / fmt::format("bisect-{:016x}", std::hash<std::string>()(repository))
          : fs::absolute(options.folder);
  const Descriptor lock = lock_folder(folder);
  const Worktree tree(repository, folder / "tree", bad);
  write_text(folder / "step.sh", step_script(options, tree.path(), folder / "build"));
  print_error(fmt::format("lkl: {} commits between {} and {}, in {}\n",
                          git(repository, {"rev-list", "--count", good + ".." + bad}), options.good,
                          options.bad, folder.string()));
  git(tree.path(), {"bisect", "start", bad, good});
  const int status =
      run_visibly({"git", "-C", tree.path(), "bisect", "run", "sh", folder / "step.sh"});
  const std::string log = git(tree.path(), {"bisect", "log"}) + "\n";
  if (!options.log.empty()) write_text(options.log, log);
  const std::string verdict = verdict_of(log);
  if (verdict.empty())
    throw Failure(
        fmt::format("git bisect has found no first bad commit (status {}), see above", status));
  fmt::print("first bad commit: {}\n", verdict);
}

}  // namespace

Run add_bisect(Parser parser) {
  auto options = std::make_shared<BisectOptions>();
  parser.add_option("--tree", options->repository, "A git repository of the kernel")
      .type_name("DIR")
      .required();
  parser.add_option("--good", options->good, "A revision that passes the test")
      .type_name("REV")
      .required();
  parser.add_option("--bad", options->bad, "A later revision that fails it")
      .type_name("REV")
      .required();
  parser.add_option("--build", options->folder, "Where to work (a folder in ~/.cache)")
      .type_name("DIR");
  parser.add_option("--log", options->log, "Write git's log of the bisection").type_name("FILE");
  parser
      .add_option(
          "test", options->test,
          "What to run: the words after 'lkl test' (kunit or boot ...), or a program, {} is "
          "the tree")
      .type_name("-- TEST...");
  return [options](Context&) { run_bisect(*options); };
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
#include "base/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/host_calls.h"
#include "base/quiet_terminal.h"
#include "base/signals.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kLongestFile = 8 << 20;  // as cryptsetup(8)
constexpr std::size_t kLongestLine = 512;

std::string last_error() {
  return describe(host_error(errno));
}

Secret read_file(const std::string& name) {
  const bool standard_input = name == "-";
  const std::string shown = standard_input ? "standard input" : name;
  const int fd = standard_input ? STDIN_FILENO : on_host::open(name, O_RDONLY);
  if (fd < 0) throw Failure(fmt::format("--key-file {}: {}", name, last_error()));
  struct Closer {
    int fd;
    ~Closer() {
      if (fd > STDIN_FILENO) close(fd);
    }
  } const closer{fd};
  Secret all(kLongestFile + 1);
  for (;;) {
    const ssize_t n = read_or_signal(fd, all.rest());
    check_interrupted();
    if (n < 0) throw Failure(fmt::format("{}: cannot read the key: {}", shown, last_error()));
    if (n == 0) break;
    all.set_size(all.size() + static_cast<std::size_t>(n));
    if (all.size() > kLongestFile)
      throw Failure(fmt::format("{}: is too long for a key (8 MiB at most)", shown));
  }
  Secret exact(std::max<std::size_t>(all.size(), 1));
  std::copy_n(all.data(), all.size(), exact.data());
  exact.set_size(all.size());
  return exact;
}

// Nothing at the end of input.
std::optional<Secret> read_line(int& signal) {
  const QuietTerminal terminal;
  Secret line(kLongestLine);
  for (;;) {
    char c = 0;
    if (read_or_signal(STDIN_FILENO, std::as_writable_bytes(std::span(&c, 1))) != 1)
      return std::nullopt;
    if (c == '\n' || c == '\r') return line;
    if (terminal.is(c, QuietTerminal::kInterrupt)) {
      signal = SIGINT;
      return std::nullopt;
    }
    if (terminal.is(c, QuietTerminal::kEnd) && line.size() == 0) return std::nullopt;
    if (terminal.is(c, QuietTerminal::kKill)) {
      line.set_size(0);
    } else if (terminal.is(c, QuietTerminal::kErase) || c == '\b') {
      line.set_size(line.size() - std::min<std::size_t>(line.size(), 1));
    } else if (line.size() < line.capacity()) {
      line.data()[line.size()] = c;
      line.set_size(line.size() + 1);
    }
  }
}

Secret ask(const std::string& name) {
  print_error(fmt::format("Passphrase for {}: ", name));
  int signal = 0;
  auto line = read_line(signal);
  print_error("\n");
  if (signal != 0) raise(signal);
  check_interrupted();
  if (!line) throw Failure(fmt::format("{}: no passphrase given", name));
  return std::move(*line);
}

}  // namespace

bool Passphrases::may_be_had() const {
  return have_file() || on_host::is_terminal(STDIN_FILENO);
}

void Passphrases::read_key_file() {
  if (!std::exchange(read_, true)) from_file_ = read_file(key_file_);
}

bool Passphrases::prepare() {
  if (have_file()) read_key_file();
  return may_be_had();
}

bool Passphrases::try_file(const std::function<bool(std::string_view)>& fits) {
  read_key_file();
  const std::string_view text = from_file_.text();
  // The newline of an editor, or of echo, is hardly ever meant.
  return fits(text) || (text.ends_with('\n') && fits(text.substr(0, text.size() - 1)));
}

void Passphrases::expect_some(const std::string& name) const {
  if (may_be_had()) return;
  throw Failure(fmt::format(
      "{}: is encrypted (LUKS), and there is no terminal to ask for its passphrase; give it by "
      "--key-file FILE, or - for standard input",
      name));
}

void Passphrases::find(const std::string& name, const std::function<bool(std::string_view)>& fits) {
  if (have_file()) {
    if (try_file(fits)) return;
    throw Failure(fmt::format("{}: no key slot opens with the key of {}", name,
                              key_file_ == "-" ? "standard input" : key_file_));
  }
  for (const Secret& known : typed_)
    if (fits(known.text())) return;
  expect_some(name);
  constexpr int kAttempts = 3;
  for (int i = 0; i < kAttempts; i++) {
    Secret typed = ask(name);
    if (fits(typed.text())) {
      typed_.push_back(std::move(typed));
      return;
    }
    print_error("No key slot opens with this passphrase.\n");
  }
  throw Failure(fmt::format("{}: no key slot opens with the passphrases given", name));
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
//
// The console. Sequences that move the cursor and the like are text to it, unless a program asks
// for more: so nothing that we print does harm, and only for our own line it is asked.
#include "base/terminal.h"

#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/quiet_terminal.h"
#include "host/win32/path.h"

namespace lkl::tool {

namespace {

void take_sequences_off(DWORD which) {
  const HANDLE console = GetStdHandle(which);
  DWORD mode = 0;
  if (GetConsoleMode(console, &mode))
    SetConsoleMode(console, mode & ~static_cast<DWORD>(ENABLE_VIRTUAL_TERMINAL_PROCESSING));
}

}  // namespace

void protect_terminal() {
  take_sequences_off(STD_OUTPUT_HANDLE);
  take_sequences_off(STD_ERROR_HANDLE);
  // What is written to the console is UTF-8, as long as we are there.
  static UINT before = 0;
  before = GetConsoleOutputCP();
  if (before == 0 || before == CP_UTF8) return;
  SetConsoleOutputCP(CP_UTF8);
  std::atexit([] {
    std::fflush(stdout);
    std::fflush(stderr);
    SetConsoleOutputCP(before);
  });
}

void write_to_terminal(std::string_view text) {
  std::fflush(stderr);
  const HANDLE console = GetStdHandle(STD_ERROR_HANDLE);
  DWORD mode = 0, count = 0;
  if (!GetConsoleMode(console, &mode)) return;
  SetConsoleMode(console, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  const std::wstring wide = lkl::host::wide(text);
  WriteConsoleW(console, wide.data(), static_cast<DWORD>(wide.size()), &count, nullptr);
  SetConsoleMode(console, mode);
}

struct QuietTerminal::Before {
  DWORD mode = 0;
  bool changed = false;
};

QuietTerminal::QuietTerminal() : before_(std::make_unique<Before>()) {
  const HANDLE console = GetStdHandle(STD_INPUT_HANDLE);
  if (!GetConsoleMode(console, &before_->mode)) return;
  constexpr DWORD kEcho = ENABLE_ECHO_INPUT | ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT;
  before_->changed = SetConsoleMode(console, before_->mode & ~kEcho) != 0;
}

QuietTerminal::~QuietTerminal() {
  if (before_->changed) SetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), before_->mode);
}

bool QuietTerminal::is(char c, Special special) const {
  constexpr char kCharacters[] = {3, 26, 27, 8};  // Ctrl-C, Ctrl-Z, escape, backspace
  return c == kCharacters[special];
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
//
// Children, other programs in our place, and the end.
#include "preload/processes.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "preload/beside.h"
#include "preload/environment.h"
#include "preload/family.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/say.h"
#include "run/program_kind.h"

namespace lkl::preload {

namespace {

// As the C library looks for it.
template <class Try>
int by_path(const char* name, Try attempt) {
  if (std::strchr(name, '/') != nullptr) return attempt(name);
  const char* const variable = ::getenv("PATH");
  const std::string folders = variable != nullptr ? variable : "/bin:/usr/bin";
  int error = ENOENT;
  // no name is none of a folder
  for (std::size_t at = 0; *name != '\0' && at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, end - at);
    const std::string file = folder.empty() ? name : folder + "/" + name;
    at = end + 1;
    if (::access(file.c_str(), F_OK) != 0) continue;
    if (attempt(file.c_str()) == 0) return 0;
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) break;
  }
  errno = error;
  return -1;
}

int execute_by_shell(const char* file, char* const* words, char* const* variables) {
  std::vector<char*> shell = {const_cast<char*>("/bin/sh"), const_cast<char*>(file)};
  for (char* const* one = words; *one != nullptr && *++one != nullptr;) shell.push_back(*one);
  shell.push_back(nullptr);
  return execute(shell[0], shell.data(), variables);
}

// The words of execl() and its kind, and what stands behind them.
struct Words {
  std::vector<char*> all;
  char* const* variables;

  Words(const char* first, va_list& rest, bool with_variables) {
    for (const char* word = first; word != nullptr; word = va_arg(rest, const char*))
      all.push_back(const_cast<char*>(word));
    all.push_back(nullptr);
    variables = with_variables ? va_arg(rest, char* const*) : environ;
  }
};

// Why nothing would be loaded in front of it.
std::optional<std::string> why_not(const char* file) {
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid())
    return "who starts it has another user's rights (setuid, setgid), and nothing is loaded in "
           "front of such programs";
  return tool::served::why_not_preloaded(file);
}

int refuse(const char* file, const std::optional<std::string>& why) {
  if (!why) return 0;
  say(std::string(file) + ": " + *why + "; that is for --tier server, and it is not started here");
  return EACCES;
}

}  // namespace

int refuse_program(const char* file) {
  return refuse(file, why_not(file));
}

int refuse_program_by_path(const char* name) {
  int refused = 0;
  by_path(name, [&](const char* file) {
    refused = refuse_program(file);
    return 0;
  });
  return refused;
}

int execute(const char* file, char* const* words, char* const* variables) {
  if (this_thread.inside != 0) return libc().execve(file, words, WithoutOurs(variables).get());
  if (::access(file, X_OK) != 0) return libc().execve(file, words, WithOurs(variables).get());
  if (!has_kernel() && join_parent()) {
    claim_what_stays();
    return libc().execve(file, words, WithoutOurs(variables).get());
  }
  const auto why = why_not(file);
  if ((why || is_kernel_kept()) && can_execute_beside())
    return execute_beside(file, words, variables);
  if (const int error = refuse(file, why)) {
    errno = error;
    return -1;
  }
  // None of them is the other program's.
  close_all();
  return libc().execve(file, words, WithOurs(variables).get());
}

int execute_by_path(const char* name, char* const* words, char* const* variables, Script script) {
  return by_path(name, [=](const char* file) {
    execute(file, words, variables);
    if (errno != ENOEXEC || script == Script::kRefused) return -1;
    return execute_by_shell(file, words, variables);
  });
}

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

// The child has a copy of all memory, where the C library's would share ours: what it does with
// descriptors is not ours then.
pid_t vfork() __THROW {
  return ::fork();
}

int execve(const char* file, char* const words[], char* const variables[]) __THROW {
  return execute(file, words, variables);
}
int execv(const char* file, char* const words[]) __THROW {
  return execute(file, words, environ);
}
int execvp(const char* name, char* const words[]) __THROW {
  return execute_by_path(name, words, environ, Script::kForShell);
}
int execvpe(const char* name, char* const words[], char* const variables[]) __THROW {
  return execute_by_path(name, words, variables, Script::kForShell);
}
int execl(const char* file, const char* first, ...) __THROW {
  va_list rest;
  va_start(rest, first);
  const Words words(first, rest, false);
  va_end(rest);
  return execute(file, words.all.data(), environ);
}
int execlp(const char* name, const char* first, ...) __THROW {
  va_list rest;
  va_start(rest, first);
  const Words words(first, rest, false);
  va_end(rest);
  return execute_by_path(name, words.all.data(), environ, Script::kForShell);
}
int execle(const char* file, const char* first, ...) __THROW {
  va_list rest;
  va_start(rest, first);
  const Words words(first, rest, true);
  va_end(rest);
  return execute(file, words.all.data(), words.variables);
}

void _exit(int status) {
  end_kernel();
  libc()._exit(status);
  __builtin_unreachable();
}
void _Exit(int status) __THROW {
  _exit(status);
}

// The end of main() is ours to see.
using Main = int(int, char**, char**);
static Main* program_main;

static void end_by_exit() {
  // the C library does so later, when there are no sockets any more
  std::fflush(nullptr);
  end_kernel();
}

static int main_to_its_end(int count, char** words, char** variables) {
  std::atexit(end_by_exit);
  return program_main(count, words, variables);
}

int __libc_start_main(Main* main, int count, char** words, void (*begin)(), void (*end)(),
                      void (*loader_end)(), void* stack) {
  using Start = int(Main*, int, char**, void (*)(), void (*)(), void (*)(), void*);
  program_main = main;
  auto* const start = reinterpret_cast<Start*>(find_next("__libc_start_main"));
  return start(main_to_its_end, count, words, begin, end, loader_end, stack);
}
}

// SPDX-License-Identifier: GPL-2.0
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/signals.h"

extern char** environ;

namespace lkl::tool {

namespace {

std::string find_program(const std::string& name) {
  const char* path = getenv("PATH");
  const std::string list = std::string(path ? path : "/bin:/usr/bin") + ":/sbin:/usr/sbin";
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t colon = std::min(list.find(':', at), list.size());
    const std::string candidate = list.substr(at, colon - at) + "/" + name;
    at = colon + 1;
    struct stat status = {};
    if (!candidate.starts_with('/') || ::stat(candidate.c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// What goes to the program, freed at the end of the scope.
struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

// Starts it with its output and errors in the pipe's end `out`; returns its id.
pid_t start(const std::string& program, std::vector<std::string> arguments,
            const std::vector<std::pair<std::string, std::string>>& environment, int out) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; variable++) {
    const std::string_view text = *variable;
    const bool replaced = std::any_of(environment.begin(), environment.end(), [&](const auto& v) {
      return text.starts_with(v.first + "=");
    });
    if (!replaced) variables.emplace_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);

  SpawnSettings settings;
  posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.files, out, 1);
  posix_spawn_file_actions_adddup2(&settings.files, out, 2);
  // It does not expect that a closed pipe is only an error.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&settings.attributes, &signals);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes,
                                pointers(arguments).data(), pointers(variables).data());
  if (error != 0)
    throw Failure(
        fmt::format("{}: cannot start it: {}", program, describe({error, std::system_category()})));
  return pid;
}

// The status of a program once it has ended. After a signal to us it is told to end; one that does
// not, since it waits in the host's kernel, is left alone after a while.
int end_of(pid_t pid) {
  constexpr auto kPause = std::chrono::milliseconds(10);
  constexpr int kPatience = 500;  // pauses
  int status = 0;
  if (pending_signal() == 0) {
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR && pending_signal() == 0) {
    }
    if (pending_signal() == 0) return status;
  }
  ::kill(pid, SIGTERM);
  for (int pauses = 0; pauses < kPatience && ::waitpid(pid, &status, WNOHANG) == 0; pauses++)
    std::this_thread::sleep_for(kPause);
  return status;
}

}  // namespace

std::string require_program(const std::string& name, std::string_view package) {
  std::string program = find_program(name);
  if (program.empty())
    throw Failure(
        package.empty()
            ? fmt::format("{}: no such program; install the package that has it", name)
            : fmt::format("{}: no such program; it is in the Debian package {}", name, package));
  return program;
}

std::string run_program(const std::vector<std::string>& arguments,
                        const std::vector<std::pair<std::string, std::string>>& environment,
                        std::string_view package) {
  check_interrupted();
  const std::string& name = arguments.front();
  const std::string program = require_program(name, package);
  Pipe pipe = make_pipe();
  const pid_t pid = start(program, arguments, environment, pipe.in.get());
  pipe.in.reset();
  std::string output;
  std::array<std::byte, 4096> chunk;
  for (;;) {
    const ssize_t n = read_or_signal(pipe.out.get(), chunk);
    if (n <= 0) break;
    output.append(reinterpret_cast<const char*>(chunk.data()), static_cast<std::size_t>(n));
  }
  pipe.out.reset();
  const int status = end_of(pid);
  check_interrupted();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  output = as_said(std::move(output));
  throw Failure(fmt::format("{} {}:\n  {}", name,
                            WIFEXITED(status)
                                ? fmt::format("failed with status {}", WEXITSTATUS(status))
                                : fmt::format("was ended by signal {}", WTERMSIG(status)),
                            output.empty() ? "(it said nothing)" : output));
}

int run_visibly(const std::vector<std::string>& arguments) {
  check_interrupted();
  SpawnSettings settings;
  posix_spawn_file_actions_adddup2(&settings.files, STDERR_FILENO, STDOUT_FILENO);
  // a group of its own, which a signal reaches as a whole
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&settings.attributes, &signals);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words = arguments;
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, words.front().c_str(), &settings.files, &settings.attributes,
                                 pointers(words).data(), environ);
  if (error != 0)
    throw Failure(fmt::format("{}: {}; is it installed?", words.front(),
                              describe({error, std::system_category()})));
  constexpr int kPatience = 100;  // tenths of a second
  int status = 0;
  int waited = 0;
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) break;
    if (pending_signal() != 0 && waited++ % kPatience == 0)
      ::kill(-pid, waited == 1 ? SIGTERM : SIGKILL);
    ::usleep(100'000);
  }
  if (pending_signal() != 0) ::kill(-pid, SIGKILL);
  check_interrupted();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace lkl::tool

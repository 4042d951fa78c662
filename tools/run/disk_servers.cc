// SPDX-License-Identifier: GPL-2.0
#include "run/disk_servers.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace lkl::tool::served {

namespace {

std::vector<DiskMount> in_order(std::vector<DiskMount> mounts) {
  const auto depth = [](const DiskMount& mount) {
    return mount.folder == "/" ? 0 : std::ranges::count(mount.folder, '/');
  };
  std::ranges::stable_sort(mounts, {}, depth);
  return mounts;
}

// Its status as of wait(2).
int end_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace

DiskServers::DiskServers(std::vector<DiskMount> mounts, std::string program)
    : mounts_(in_order(std::move(mounts))), program_(std::move(program)) {}

DiskServers::~DiskServers() {
  for (const Server& server : servers_) end_of(server.pid);
}

void DiskServers::start(Descriptor fuse, Users users) {
  const DiskMount& mount = mounts_.at(servers_.size());
  std::vector<std::string> words = {"lklfuse", "-f", mount.image,
                                    fmt::format("/dev/fd/{}", fuse.get()), "-o"};
  // Where there is one user only, all in the image is his.
  words.push_back(users == Users::kHost
                      ? "allow_other"
                      : fmt::format("uid={},gid={},all_squash", ::geteuid(), ::getegid()));
  if (!mount.options.empty()) words.insert(words.end(), {"-o", mount.options});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  // What reads the program's output does not wait for this one.
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, fuse.get(), fuse.get());  // stays open
  // SIGPIPE stays ignored: if we are killed nobody may read what it says.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const sigset_t mask = mask_of_programs();
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program_.c_str(), &files, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    throw Failure(fmt::format("{}: cannot be started: {}", program_,
                              describe({error, std::system_category()})));
  servers_.push_back({pid, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))});
}

bool DiskServers::Server::has_ended() const {
  pollfd end = {process.get(), POLLIN, 0};
  return ::poll(&end, 1, 0) > 0;
}

void DiskServers::stop() {
  for (Server& server : servers_) {
    if (server.has_ended()) continue;
    server.stopped = true;
    ::kill(server.pid, SIGTERM);
  }
}

void DiskServers::finish(ForwardedSignals& signals, Diagnostics& says) {
  for (; !servers_.empty(); servers_.pop_back()) {
    const Server& server = servers_.back();
    const std::string& image = mounts_[servers_.size() - 1].image;
    pollfd both[] = {{server.process.get(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    while (::poll(both, 2, -1) <= 0 || both[0].revents == 0)
      if (signals.take_any() != 0) stop();
    const int status = end_of(server.pid);
    if (WIFSIGNALED(status))
      says.error(
          fmt::format("{}: who served it was ended by signal {}: the image is as after a "
                      "power cut",
                      image, WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
      says.error(fmt::format("{}: not all that was written to it is in the image", image));
    else if (server.stopped)
      says.error(fmt::format("{}: was closed while programs may have used it", image));
  }
}

}  // namespace lkl::tool::served

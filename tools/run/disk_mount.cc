// SPDX-License-Identifier: GPL-2.0
#include "run/disk_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "base/descriptor.h"
#include "base/error.h"

namespace lkl::tool::served {

namespace {

namespace fs = std::filesystem;

std::string last_error() {
  return describe({errno, std::system_category()});
}

// Of the host, by which its administrator keeps users from namespaces.
struct Setting {
  const char* name;
  int forbids;
  int allows;
};
constexpr Setting kSettings[] = {
    {"kernel.unprivileged_userns_clone", 0, 1},
    {"kernel.apparmor_restrict_unprivileged_userns", 1, 0},
    {"user.max_user_namespaces", 0, 10000},
    {"user.max_mnt_namespaces", 0, 10000},
};

// What stands behind an error, as far as the host tells.
std::string who_forbids(int error) {
  for (const Setting& setting : kSettings) {
    std::string file = std::string("/proc/sys/") + setting.name;
    std::ranges::replace(file, '.', '/');
    int value = 0;
    if (std::ifstream(file) >> value && value == setting.forbids)
      return fmt::format("{0} is {1}; root may allow it: sysctl {0}={2}", setting.name, value,
                         setting.allows);
  }
  if (error == ENOSPC)
    return "there are too many of them already (user.max_user_namespaces), or too many in each "
           "other";
  return "the host, or the container or chroot that this is in, forbids it";
}

void write_line(const char* file, const std::string& line) {
  const Descriptor fd(::open(file, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    const int error = errno;
    throw Failure(fmt::format("--disk: {}: {}: {}", file, describe({error, std::system_category()}),
                              who_forbids(error)));
  }
}

// For who has no right to mount it takes a user namespace: in that he has. He is the same user
// there.
Users enter_namespaces() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  Users users = Users::kHost;
  if (::unshare(CLONE_NEWNS) != 0) {
    users = Users::kOwn;
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      const int error = errno;
      throw Failure(fmt::format(
          "--disk: takes a namespace of users and one of mounts, which cannot be had: {}: {}",
          describe({error, std::system_category()}), who_forbids(error)));
    }
    write_line("/proc/self/setgroups", "deny");
    write_line("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
    write_line("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
  }
  // What is mounted here stays here. What the host unmounts is not kept in use by us.
  if (::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    const int error = errno;
    throw Failure(fmt::format(
        "--disk: mounts cannot be made private: {}: {}", describe({error, std::system_category()}),
        error == EINVAL ? "the root is a folder only (chroot), and has to be a mount: mount --bind "
                          "it on itself before"
                        : who_forbids(error)));
  }
  return users;
}

// A comma with a backslash before it is part of a value.
bool has_word(std::string_view options, std::string_view word) {
  for (std::size_t at = 0, begin = 0; at <= options.size(); at++) {
    if (at < options.size() && options[at] == '\\') {
      at++;
    } else if (at == options.size() || options[at] == ',') {
      if (options.substr(begin, at - begin) == word) return true;
      begin = at + 1;
    }
  }
  return false;
}

// The namespace has the right to mount what a descriptor serves that was opened in it.
Descriptor open_fuse() {
  Descriptor fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse)
    throw Failure(
        fmt::format("--disk: /dev/fuse: {}: images are mounted by FUSE; load its module (modprobe "
                    "fuse), or have the container given this device",
                    last_error()));
  return fuse;
}

// Mounts, and waits until it is served.
void mount_disk(const DiskMount& disk, const std::string& place, Descriptor fuse, Users users,
                const HandOver& hand_over) {
  std::string data = fmt::format("fd={},rootmode=40000,user_id={},group_id={}", fuse.get(),
                                 ::geteuid(), ::getegid());
  // The program may become other users, who have the rights that the image gives them.
  if (users == Users::kHost) data += ",allow_other,default_permissions";
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (has_word(disk.options, "ro")) flags |= MS_RDONLY;
  if (has_word(disk.options, "noexec")) flags |= MS_NOEXEC;
  if (users == Users::kHost && has_word(disk.options, "dev")) flags &= ~MS_NODEV;
  if (::mount(disk.image.c_str(), place.c_str(), "fuse.lklfuse", flags, data.c_str()) != 0) {
    const int error = errno;
    const bool forbidden = error == EPERM || error == EACCES;
    throw Failure(fmt::format("--disk {}: FUSE cannot be mounted on {}: {}{}", disk.image,
                              disk.folder, describe({error, std::system_category()}),
                              forbidden ? ": " + who_forbids(error) : ""));
  }
  hand_over(fuse.get(), users);
  // The one that has it is to be the only one: by its end we are to know that there is nobody.
  fuse.reset();
  struct stat status = {};
  if (::stat(place.c_str(), &status) != 0)
    throw Failure(fmt::format("{}: is not mounted on {}, and the program was not started",
                              disk.image, disk.folder));
}

// Host's folders that are found in a root of the program's own, too.
constexpr std::array kKept = {"dev", "proc", "sys"};

// The image becomes "/".
void take_root(const DiskMount& disk, Descriptor fuse, Users users, const HandOver& hand_over) {
  // Copies of what is mounted there, nowhere yet: the image's folders may be links to anywhere.
  std::array<Descriptor, kKept.size()> trees;
  for (std::size_t i = 0; i < kKept.size(); i++)
    trees[i] = Descriptor(
        ::open_tree(AT_FDCWD, (std::string("/") + kKept[i]).c_str(),
                    static_cast<unsigned>(OPEN_TREE_CLONE) | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  // A folder that is there, as we have found /dev/fuse.
  constexpr char kPlace[] = "/dev";
  mount_disk(disk, kPlace, std::move(fuse), users, hand_over);
  if (::chdir(kPlace) != 0) throw Failure(fmt::format("{}: {}", disk.image, last_error()));
  for (std::size_t i = 0; i < kKept.size(); i++)
    if (trees[i] &&
        ::move_mount(trees[i].get(), "", AT_FDCWD, kKept[i], MOVE_MOUNT_F_EMPTY_PATH) != 0)
      print_error(fmt::format("lkl: {}: has no folder /{} for the host's: the program is without\n",
                              disk.image, kKept[i]));
  // The old root lies over the new one then, and is taken off.
  if (::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0)
    throw Failure(fmt::format("{}: cannot be the root: {}", disk.image, last_error()));
  if (::chdir("/") != 0) throw Failure(fmt::format("{}: {}", disk.image, last_error()));
  ::setenv("PWD", "/", 1);
}

std::string find_folder(const DiskMount& disk) {
  std::error_code ec;
  const fs::path place = fs::canonical(disk.folder, ec);
  if (ec)
    throw Failure(
        fmt::format("--disk {}:{}: {}: it is to be a folder that is there: make it, or "
                    "name another one",
                    disk.image, disk.folder, describe(ec)));
  if (!fs::is_directory(place, ec))
    throw Failure(fmt::format("--disk {}:{}: is no folder to mount on", disk.image, disk.folder));
  return place;
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

}  // namespace

void mount_disks(const std::vector<DiskMount>& disks, const HandOver& hand_over) {
  std::error_code ec;
  const std::string working = fs::current_path(ec);
  const Users users = enter_namespaces();
  // all of them now: in an image that is the root there may be no /dev
  std::vector<Descriptor> fuses;
  for (std::size_t i = 0; i < disks.size(); i++) fuses.push_back(open_fuse());
  const DiskMount* over = nullptr;  // what lies over the working directory
  bool own_root = false;
  for (std::size_t i = 0; i < disks.size(); i++) {
    const DiskMount& disk = disks[i];
    if (disk.folder == "/") {
      take_root(disk, std::move(fuses[i]), users, hand_over);
      own_root = true;
      continue;
    }
    const std::string place = find_folder(disk);
    mount_disk(disk, place, std::move(fuses[i]), users, hand_over);
    if (!own_root && is_below(working, place)) over = &disk;
  }
  // Its name leads into the image now.
  if (over && ::chdir(working.c_str()) != 0)
    throw Failure(fmt::format("{}: is mounted over the working directory, and has no {}",
                              over->image, working));
}

}  // namespace lkl::tool::served

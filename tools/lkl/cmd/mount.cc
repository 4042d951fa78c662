// SPDX-License-Identifier: GPL-2.0
//
// lkl mount and lkl umount: lklfuse with what most people want, and the end of it.
#include <errno.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/mount_info.h"
#include "base/process.h"
#include "lkl/commands.h"
#include "lkl/lklfuse.h"
#include "session/mount_end.h"

namespace lkl::tool {

namespace {

struct MountRequest {
  ImageAndPaths operands;
  std::vector<std::string> options;  // -o
  bool writable = false;
  bool foreground = false;
  bool keep_owners = false;
};

std::vector<std::string> all_options(const MountRequest& options, const SessionOptions& common) {
  std::vector<std::string> list = {"nosuid", "nodev", "noexec"};
  if (!options.writable && !common.snapshot) list.emplace_back("ro");
  const std::vector<std::string> of_image = lklfuse_options(common);
  list.insert(list.end(), of_image.begin(), of_image.end());
  constexpr std::uint64_t kMebibyte = 1 << 20;
  list.push_back(fmt::format("mb={}", common.memory / kMebibyte));
  // Without privileges all in the image is this user's to use: it may as well look like that.
  if (::geteuid() != 0 && !options.keep_owners)
    list.push_back(fmt::format("uid={},gid={}", ::geteuid(), ::getegid()));
  list.insert(list.end(), options.options.begin(), options.options.end());
  return list;
}

void run_mount(const MountRequest& options, Context& context) {
  const SessionOptions& common = context.options;
  if (options.writable && common.read_only) throw UsageFailure("--rw and --ro: choose one");
  // What is mounted is on the first one; the others belong to it.
  std::vector<std::string> operands, others;
  for (const ImageName& name : common.images)
    (operands.empty() ? operands : others).push_back(name.text);
  operands.insert(operands.end(), options.operands.operands.begin(),
                  options.operands.operands.end());
  if (operands.size() != 2)
    throw UsageFailure("mount needs an image and a directory to mount it on");

  std::vector<std::string> arguments = {"lklfuse", operands[0], operands[1]};
  for (const std::string& option : all_options(options, common))
    arguments.insert(arguments.end(), {"-o", option});
  for (const std::string& other : others)
    arguments.insert(arguments.end(), {"-o", "add=" + escape_for_lklfuse(other)});
  if (options.foreground) arguments.emplace_back("-f");
  if (common.verbose >= 2) arguments.emplace_back("-d");
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const std::string program = find_lklfuse();
  ::execv(program.c_str(), words.data());
  throw Failure(
      fmt::format("{}: cannot run it: {}", program, describe({errno, std::system_category()})));
}

// The owner of the mount, as libfuse has told the host's kernel. Throws Failure if what is mounted
// on the directory is none of ours.
uid_t owner_of_mount(const std::string& directory, dev_t number) {
  const std::string device = fmt::format("{}:{}", major(number), minor(number));
  for (const MountInfo& mount : host_mounts()) {
    if (mount.device != device || mount.point != directory || mount.type != "fuse.lklfuse")
      continue;
    constexpr std::string_view kOwner = "user_id=";
    const std::size_t at = mount.options.find(kOwner);
    return at == std::string::npos ? 0
                                   : static_cast<uid_t>(std::strtoul(
                                         mount.options.c_str() + at + kOwner.size(), nullptr, 10));
  }
  throw Failure(fmt::format("{}: no image is mounted there", directory));
}

// The directory as the host's kernel names it. Who serves what is mounted there may not answer: it
// is not looked at.
std::string mount_place(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code ec;
  fs::path path = fs::absolute(name);
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  constexpr int kMostLinks = 40;
  for (int links = 0; links < kMostLinks; links++) {
    std::array<char, 4096> target;
    const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
    if (n < 0) break;
    path = path.parent_path() / std::string(target.data(), static_cast<std::size_t>(n));
    while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  }
  const fs::path last = path.filename();
  const bool plain = !last.empty() && last != "." && last != "..";
  const fs::path place =
      plain ? fs::canonical(path.parent_path(), ec) / last : fs::canonical(path, ec);
  return ec ? path.string() : place.string();
}

void unmount(const std::string& place, bool lazy) {
  const std::optional<dev_t> mount = mounted_device(place);
  if (!mount) throw Failure(fmt::format("{}: no such directory", place));
  MountEndWaiter end(*mount, owner_of_mount(place, *mount));
  std::vector<std::string> arguments = {"fusermount3", "-u"};
  if (lazy) arguments.emplace_back("-z");
  arguments.push_back(place);
  run_program(arguments, {}, "fuse3");
  if (lazy) return;
  if (!end)
    throw Failure(fmt::format(
        "{}: unmounted, but the process that served it has not told how it ended: the last changes "
        "may be lost; check the image",
        place));
  if (const auto [complete, problem] = end.wait(); !complete)
    throw Failure(fmt::format("{}: unmounted, but the last changes may be lost: {}", place,
                              problem.empty()
                                  ? "the process that served it did not get to its end; "
                                    "mount with -o log=FILE to see why"
                                  : problem));
}

struct UmountOptions {
  std::vector<std::string> directories;
  bool lazy = false;
};

void run_umount(const UmountOptions& options, Context& context) {
  if (options.directories.empty()) throw UsageFailure("umount needs the directory of a mount");
  for (const std::string& name : options.directories) {
    const std::string place = mount_place(name);
    try {
      unmount(place, options.lazy);
    } catch (const Interrupted& interrupted) {
      context.failed_exit = 128 + interrupted.signal;
      context.diagnostics.error(
          fmt::format("{}: interrupted; the image may not be written back yet", place));
      return;
    } catch (const Failure& failure) {
      context.diagnostics.error(failure.what());
    }
  }
}

}  // namespace

Run add_mount(Parser parser) {
  auto options = std::make_shared<MountRequest>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] DIRECTORY")
      .type_name(" ");
  parser.add_flag("-w,--rw", options->writable, "Changes go to the image");
  parser.add_option("-o,--options", options->options, "Options of lklfuse: allow_other, exec ...")
      .type_name("LIST")
      .each_time();
  parser.add_flag("-f,--foreground", options->foreground, "Stay in the foreground");
  parser.add_flag("--keep-owners", options->keep_owners,
                  "Show the image's owners, not this user instead of root");
  return [options](Context& context) { run_mount(*options, context); };
}

Run add_umount(Parser parser) {
  auto options = std::make_shared<UmountOptions>();
  parser.add_option("directories", options->directories, "DIRECTORY...").type_name(" ");
  parser.add_flag("-l,--lazy", options->lazy, "Detach now, end when nobody uses it any more");
  return [options](Context& context) { run_umount(*options, context); };
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
//
// lklfuse: mounts a disk image of any file system of Linux, without privileges.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "base/descriptor.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/terminal.h"
#include "daemon.h"
#include "host_access.h"
#include "loop.h"
#include "mount_point.h"
#include "options.h"
#include "remount.h"
#include "session/mount_end.h"
#include "session/mount_options.h"
#include "session/panic.h"
#include "session/serving.h"
#include "session/session.h"

namespace lkl::fuse {

namespace {

using tool::Failure;
using tool::UsageFailure;

enum ExitCode : int { kOk = 0, kFailed = 1, kLocked = 2 };

// Ends the program with kLocked.
struct LockTaken {
  std::string file;
};

tool::Descriptor take_lock(const std::string& path) {
  if (path.empty()) return {};
  try {
    tool::Descriptor lock = tool::try_lock_file(path);
    if (!lock) throw LockTaken{path};
    return lock;
  } catch (const std::system_error& error) {
    throw Failure(fmt::format("{}: cannot open the lock file: {}", path, error.code().message()));
  }
}

struct SessionDeleter {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};

// Unmounts at the end of the scope.
class Mounted {
 public:
  Mounted(MountPoint& point, fuse_session* session, tool::Diagnostics& says)
      : point_(point), says_(says) {
    point.mount(session);
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    try {
      point_.unmount();
    } catch (const Failure& failure) {
      says_.error(fmt::format("not unmounted: {}", failure.what()));
    }
  }

 private:
  MountPoint& point_;
  tool::Diagnostics& says_;
};

tool::SessionOptions session_options(const Options& options) {
  tool::SessionOptions to;
  to.type = options.type;
  to.volume = options.volume;
  to.domain = options.domain;
  to.connect = options.connect;
  to.disk = options.disk;
  if (options.domain.empty() && !options.others.empty()) {
    to.images = options.others;
    to.images.insert(to.images.begin(), options.image);
  }
  to.key_file = options.key_file;
  to.disk_option = "DISK before the mount point";
  to.memory = options.memory;
  to.memory_option = "-o mb=N";
  to.tell_damage = false;  // who reads was told, or the kernel's log was
  to.mount_options = options.mount_options;
  tool::take_offset(to);
  if (!options.offset.empty()) tool::set_offset(to, options.offset);
  to.force = options.force;
  to.force_option = "-o force";
  to.format = options.format;
  to.read_only = options.read_only;
  to.snapshot = options.snapshot;
  to.wait_for_space = options.wait_for_space;
  to.commit = options.commit;
  to.no_sandbox = options.no_sandbox;
  to.verbose = options.debug || !options.log_file.empty() ? 2 : 0;
  return to;
}

bool cannot_be_written(const tool::ImageAddress& address) {
  if (address.scheme.empty())
    return access(address.place.c_str(), W_OK) != 0 && access(address.place.c_str(), R_OK) == 0;
  return address.scheme.starts_with("http") || address.scheme.starts_with("ftp");
}

// An image that may not be written is mounted read-only, as mount(8) does.
void settle_access(Options& options, tool::SessionOptions& common, tool::Diagnostics& says) {
  if (!options.domain.empty() || options.read_only || options.snapshot) return;
  const tool::ImageAddress& image = options.image.image;
  if (!cannot_be_written(image)) return;
  says.warning(fmt::format("{}: is write-protected, mounted read-only", image.text));
  options.read_only = true;
  common.read_only = true;
  if (fuse_opt_add_arg(&options.arguments, "-oro") != 0) throw std::bad_alloc();
}

// `name`: the image, or the first of a domain's disks.
tool::Volume& mount_image(tool::Session& session, const Options& options,
                          const tool::ImageName& name) {
  return options.read_only ? session.mount(name) : session.mount_for_writing(name);
}

bool is_of(const std::string& type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

FoldsNames folds_names(const std::string& type) {
  if (tool::folds_all_names(type)) return FoldsNames::kEverywhere;
  return is_of(type, {"ext4", "f2fs"}) ? FoldsNames::kInSomeDirectories : FoldsNames::kNowhere;
}

MountPoint make_mount_point(Options& options) {
  if (options.mounted < 0) return {options.arguments, options.mount_point};
  tool::Descriptor mounted(options.mounted);
  fcntl(mounted.get(), F_SETFD, FD_CLOEXEC);
  return {options.mount_point, std::move(mounted)};
}

struct Run {
  tool::SessionOptions options;
  tool::Diagnostics diagnostics;
};

void mount_and_serve(Options& options, Run& run, Daemon& daemon) {
  const tool::Descriptor lock = take_lock(options.lock_file);
  const tool::Descriptor log = tool::open_log(options.log_file);
  if (log) run.options.console = log.get();
  settle_access(options, run.options, run.diagnostics);
  const std::uint64_t collected_by_host = most_collected_by_host();
  HostClock clock;
  HostAccess host_access;
  tool::MountEnd end;
  MountPoint mount_point = make_mount_point(options);
  tool::survive_panics();
  tool::Session session(run.options, run.diagnostics);
  const tool::Volume& volume = mount_image(
      session, options, options.domain.empty() ? options.image : run.options.images.front());

  {
    BufferPool buffers(BufferPool::count_for(options.memory, options.threads), kRequestBufferSize);
    // Of the others only ext4 gains, and btrfs would not compress.
    constexpr std::uint64_t kMemoryForDirectWrites = 64 << 20;
    const bool write_direct = volume.type == "ext4" && options.memory >= kMemoryForDirectWrites;
    // An inode and what belongs to it take some KiB each; leave most of the memory to data.
    constexpr std::uint64_t kMemoryForEachNode = 32 * 1024;
    const bool is_fat = is_of(volume.type, {"vfat", "msdos", "exfat"});
    // Their times are coarser than any that the host could keep for what it collects, and what a
    // page takes is a cluster.
    const bool writeback = options.writeback && !is_fat;
    FileSystem file_system(volume.root.fd(),
                           {.read_only = options.read_only,
                            .direct_io = options.direct_io,
                            .writeback = writeback,
                            .write_direct = write_direct,
                            .check_permissions = options.check_permissions,
                            .owners = options.owners,
                            .most_open_nodes = options.memory / kMemoryForEachNode,
                            .folds_names = folds_names(volume.type),
                            .lasting_handles = !is_fat,
                            .collected_by_host = collected_by_host,
                            .exact_space = volume.type != "btrfs"},
                           clock, host_access);
    const std::unique_ptr<fuse_session, SessionDeleter> fuse(
        fuse_session_new(&options.arguments, &FileSystem::kOperations,
                         sizeof FileSystem::kOperations, &file_system));
    if (!fuse) throw UsageFailure("libfuse does not take the options");
    // Those who connect while it is being unmounted are answered, too.
    tool::MountEndSocket end_socket(end);
    const Mounted mounted(mount_point, fuse.get(), run.diagnostics);
    end_socket.start(mount_point.open_end(), fuse_session_fd(fuse.get()));
    if (!options.read_only) host_access.start(options.mount_point, volume.root.fd());
    HostCache& host_cache = file_system.host_cache();
    host_cache.start(fuse.get());
    daemon.ready(log.get());
    // Ctrl-C is for who has mounted it, and for the programs that use it.
    if (options.mounted >= 0) setsid();
    const int error = serve_requests(fuse.get(), {.buffers = buffers,
                                                  .threads = options.threads,
                                                  .may_end = [&] { return host_cache.idle(); },
                                                  .watched = host_access.fd(),
                                                  .on_watched = [&] { host_access.follow(); }});
    host_cache.stop();
    if (error < 0)
      run.diagnostics.error("the host does not give requests any more",
                            {-error, std::system_category()});
  }
  session.close();
  tool::tell_of_panic(run.options, run.diagnostics);
  end.tell(run.diagnostics.first_error());
}

int run(int argc, char** argv) {
  Run run;
  tool::Diagnostics& says = run.diagnostics;
  says.set_name("lklfuse");
  try {
    const std::unique_ptr<Options> options = parse_options(argc, argv);
    if (!options) return kOk;
    if (!options->remount.empty()) {
      remount(options->mount_point, options->remount);
      return kOk;
    }
    run.options = session_options(*options);
    if (!options->domain.empty()) tool::add_domain_images(run.options);
    Daemon daemon;
    if (!options->foreground) daemon.start();
    mount_and_serve(*options, run, daemon);
    return run.diagnostics.failed() ? kFailed : kOk;
  } catch (const LockTaken& lock) {
    says.error(fmt::format("{}: another process has this lock", lock.file));
    return kLocked;
  } catch (const tool::KernelDied&) {
    tool::tell_of_panic(run.options, says);
  } catch (const UsageFailure& failure) {
    says.error(failure.what());
    tool::print_error("Try 'lklfuse --help'.\n");
  } catch (const Failure& failure) {
    tool::tell_failure(failure.what(), run.options, says);
  } catch (const std::system_error& error) {
    tool::tell_failure(error.what(), run.options, says);
  } catch (const std::bad_alloc&) {
    says.error("out of memory");
  }
  return kFailed;
}

}  // namespace

}  // namespace lkl::fuse

int main(int argc, char** argv) {
  lkl::tool::occupy_standard_descriptors();
  lkl::tool::protect_terminal();
  return lkl::fuse::run(argc, argv);
}

// SPDX-License-Identifier: GPL-2.0
#include "image/program_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "image/call_filter.h"

namespace lkl::tool {

namespace {

using namespace landlock_right;

// Stands in the filter for the number of the process, which is not known before it is there.
constexpr std::uint32_t kItsOwnNumber = 0x5e1f0000;

constexpr unsigned kNobody = 65534;

// Where libraries and their settings are.
constexpr const char* kLibraries[] = {
    "/lib",       "/lib32",         "/lib64",           "/usr/lib",   "/usr/lib32",
    "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/nix/store", "/gnu/store"};
constexpr const char* kSettings[] = {"/etc/ld.so.cache",
                                     "/etc/ld.so.preload",
                                     "/etc/gnutls",
                                     "/etc/gcrypt",
                                     "/etc/crypto-policies",
                                     "/etc/pki/tls/openssl.cnf",
                                     "/etc/ssl/openssl.cnf",
                                     "/proc/sys/crypto",
                                     "/proc/filesystems",
                                     "/sys/devices/system/cpu",
                                     "/sys/devices/system/node",
                                     "/dev/urandom",
                                     "/dev/random"};
constexpr const char* kPrograms[] = {"/bin", "/usr/bin", "/usr/local/bin"};
// To find a server, and to know it.
constexpr const char* kNetworkSettings[] = {"/etc/resolv.conf",
                                            "/etc/hosts",
                                            "/etc/host.conf",
                                            "/etc/gai.conf",
                                            "/etc/nsswitch.conf",
                                            "/etc/services",
                                            "/etc/protocols",
                                            "/etc/ssl",
                                            "/etc/pki",
                                            "/etc/ssh",
                                            "/usr/share/ca-certificates",
                                            "/run/systemd/resolve",
                                            "/run/resolvconf",
                                            "/run/NetworkManager",
                                            "/etc/passwd",
                                            "/etc/group",
                                            "/etc/ca-certificates",
                                            "/usr/local/share/ca-certificates",
                                            "/usr/share/pki",
                                            "/var/lib/ca-certificates"};

// Besides what all have: what it takes to start, and an event loop.
constexpr int kOfPrograms[] = {SCMP_SYS(execve),
                               SCMP_SYS(open),
                               SCMP_SYS(openat),
                               SCMP_SYS(arch_prctl),
                               SCMP_SYS(set_tid_address),
                               SCMP_SYS(get_robust_list),
                               SCMP_SYS(getdents),
                               SCMP_SYS(epoll_create),
                               SCMP_SYS(epoll_create1),
                               SCMP_SYS(epoll_ctl),
                               SCMP_SYS(epoll_wait),
                               SCMP_SYS(epoll_pwait),
                               SCMP_SYS(epoll_pwait2),
                               SCMP_SYS(timerfd_create),
                               SCMP_SYS(timerfd_settime),
                               SCMP_SYS(timerfd_gettime),
                               SCMP_SYS(timer_create),
                               SCMP_SYS(timer_settime),
                               SCMP_SYS(timer_gettime),
                               SCMP_SYS(timer_delete),
                               SCMP_SYS(eventfd),
                               SCMP_SYS(pipe),
                               SCMP_SYS(socketpair),
                               SCMP_SYS(getsockname),
                               SCMP_SYS(getpeername),
                               SCMP_SYS(setsockopt),
                               SCMP_SYS(sendmmsg),
                               SCMP_SYS(recvmmsg),
                               SCMP_SYS(accept),
                               SCMP_SYS(getresuid),
                               SCMP_SYS(getresgid),
                               SCMP_SYS(getgroups),
                               SCMP_SYS(capget),
                               SCMP_SYS(sched_getparam),
                               SCMP_SYS(sched_getscheduler),
                               SCMP_SYS(sched_get_priority_max),
                               SCMP_SYS(sched_get_priority_min),
                               SCMP_SYS(getpriority),
                               SCMP_SYS(get_mempolicy),
                               SCMP_SYS(mincore),
                               SCMP_SYS(msync),
                               SCMP_SYS(readahead),
                               SCMP_SYS(getitimer),
                               SCMP_SYS(pause),
                               SCMP_SYS(fchdir)};

// With names and addresses to connect to. No listen().
constexpr int kOfNetwork[] = {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind)};
// To run others and be their parent.
constexpr int kOfParents[] = {SCMP_SYS(clone), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(setpgid),
                              SCMP_SYS(setpriority)};

constexpr std::uint64_t kBlockDeviceIoctls[] = {0x1268 /* BLKSSZGET */, 0x127b /* BLKPBSZGET */,
                                                0x127e /* BLKROTATIONAL */};

// Of a FUSE file system of somebody else nobody sees anything.
bool is_private_mount(const std::string& path) {
  struct statfs status = {};
  return ::statfs(path.c_str(), &status) == 0 && status.f_type == FUSE_SUPER_MAGIC;
}

}  // namespace

ProgramSandbox::ProgramSandbox(const std::string& program, const ProgramRights& rights)
    : rights_(rights) {
  if (rights.unconfined) return;
  const auto& files = rights.files;
  if (::geteuid() == 0 && !rights.as_user) {
    nobody_ = std::none_of(files.begin(), files.end(),
                           [](const auto& file) { return is_private_mount(file.path); });
    // An image that only root may read, or that is another user's; which it is, Landlock says.
    const bool writes =
        std::any_of(files.begin(), files.end(), [](const auto& file) { return file.writable; });
    if (!files.empty()) keeps_ = 1U << (writes ? CAP_DAC_OVERRIDE : CAP_DAC_READ_SEARCH);
  }
  files_.emplace(rights.network ? Landlock::Network::kTcp : Landlock::Network::kNone);
  allow_start(program);
  if (rights.network) allow_network();
  for (const auto& [path, writable] : files)
    files_->allow(path, kRead | kIoctlDevice | (writable ? kWriteFile | kTruncate : 0));
  fill_filter();
}

void ProgramSandbox::allow_start(const std::string& program) {
  files_->allow(program, kReadFile | kExecute);
  // Of one in /opt/qemu/bin the libraries may be in /opt/qemu/lib.
  const std::filesystem::path prefix = std::filesystem::path(program).parent_path().parent_path();
  for (const char* name : {"lib", "lib64", "share"})
    if (prefix != "/" && prefix != "/usr") files_->allow((prefix / name).string(), kRead);
  // The dynamic linker is executed, too.
  for (const char* path : kLibraries) files_->allow(path, kRead | kExecute);
  for (const char* path : kSettings) files_->allow(path, kRead);
  files_->allow("/dev/null", kReadFile | kWriteFile);
  if (const char* list = getenv("LD_LIBRARY_PATH")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      if (colon > 0) files_->allow(std::string(rest.substr(0, colon)), kRead);
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  if (!rights_.programs) return;
  for (const char* path : kPrograms) files_->allow(path, kRead | kExecute);
}

void ProgramSandbox::allow_network() {
  for (const char* path : kNetworkSettings) files_->allow(path, kRead);
}

void ProgramSandbox::fill_filter() {
  CallFilter filter;
  filter.allow_what_is_open(kItsOwnNumber);
  filter.allow_reading_names();
  filter.allow(kOfPrograms);
  // No memory that is both made up and executed.
  filter.allow_if(SCMP_SYS(mmap), {bits_are(2, PROT_EXEC, 0)});
  filter.allow_if(SCMP_SYS(mmap), {bits_are(3, MAP_ANONYMOUS, 0)});
  filter.allow_if(SCMP_SYS(mprotect), {bits_are(2, PROT_EXEC, 0)});
  for (const std::uint64_t request : kBlockDeviceIoctls)
    filter.allow_if(SCMP_SYS(ioctl), {is(1, request)});
  // nbdkit ends with us at the latest.
  filter.allow_if(SCMP_SYS(prctl), {is(0, PR_SET_PDEATHSIG)});
  if (rights_.network) filter.allow(kOfNetwork);
  if (rights_.programs)
    filter.allow(kOfParents);
  else
    filter.allow_if(SCMP_SYS(clone), {bits_are(0, CLONE_THREAD, CLONE_THREAD)});
  calls_ = filter.program();
}

// By the kernel's own calls: those of the C library have all threads of the process do it, and this
// is still our process' memory.
bool ProgramSandbox::give_up_privileges() noexcept {
  if (::syscall(SYS_geteuid) != 0) return true;
  // Neither does the user's number change what it may, nor does executing something.
  constexpr unsigned kBits =
      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
  ::syscall(SYS_prctl, PR_SET_SECUREBITS, kBits, 0, 0, 0);
  // In a container there may be no such user; then the capabilities go at least.
  if (nobody_ && ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
      ::syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0)
    ::syscall(SYS_setresuid, kNobody, kNobody, kNobody);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct had[2] = {}, sets[2] = {};
  if (::syscall(SYS_capget, &header, had) != 0) return false;
  const unsigned keeps = keeps_ & had[0].permitted;
  sets[0] = {keeps, keeps, keeps};
  if (::syscall(SYS_capset, &header, sets) != 0) return false;
  for (unsigned capability = 0; capability < 32; capability++)
    if (keeps >> capability & 1)
      ::syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return true;
}

const char* ProgramSandbox::enter() noexcept {
  if (rights_.unconfined) return nullptr;
  if (!give_up_privileges()) return "capabilities";
  if (::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no_new_privs";
  if (files_->enter() != 0) return "Landlock";
  const auto number = static_cast<std::uint32_t>(::syscall(SYS_getpid));
  for (sock_filter& step : calls_)
    if (step.code == (BPF_JMP | BPF_JEQ | BPF_K) && step.k == kItsOwnNumber) step.k = number;
  const sock_fprog program = {static_cast<unsigned short>(calls_.size()), calls_.data()};
  const bool filtered = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ||
                        errno == ENOSYS || errno == EINVAL;  // there are none in this kernel
  return filtered ? nullptr : "seccomp";
}

}  // namespace lkl::tool

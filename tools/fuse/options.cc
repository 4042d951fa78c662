// SPDX-License-Identifier: GPL-2.0
#include "options.h"

#include <fmt/format.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/image_address.h"
#include "lkl_build_info.h"
#include "remount.h"
#include "session/mount_options.h"

namespace lkl::fuse {

using tool::UsageFailure;

namespace {

constexpr char kHelp[] =
    "usage: lklfuse IMAGE[:PARTITION] MOUNTPOINT [options]\n"
    "       lklfuse [DISK] MOUNTPOINT -o domain=NAME [options]\n"
    "Mounts a file system image by Linux's own file system code, without privileges.\n\n"
    "    -o type=TYPE           file system type (recognised if left out)\n"
    "    -o part=PART           partition number (0: the whole disk), UUID=, LABEL=, PARTUUID=,\n"
    "                           PARTLABEL=, VG/LV, md0, luks:N (found if there is one choice)\n"
    "    -o offset=N            where the file system begins in the image, in bytes (IMAGE@N)\n"
    "    -o force               read what is left of a truncated image\n"
    "    -o key_file=FILE       passphrase of an encrypted disk (LUKS): what is in this file; -:\n"
    "                           standard input; without it the terminal is asked\n"
    "    -o add=IMAGE           another disk of the same array, volume group or file system "
    "(again\n"
    "                           for more)\n"
    "    -o format=FORMAT       image format: raw, qcow2, vmdk, vdi, vhd ... (recognised)\n"
    "    -o domain=NAME         a domain of libvirt: DISK is the target of one of its disks, as "
    "vda\n"
    "    -o connect=URI         libvirt's hypervisor, for domains and vol:POOL/VOLUME\n"
    "    -o ro                  never write to the image\n"
    "    -o snapshot            changes go to a temporary file, the image stays as it is\n"
    "    -o commit=FILE         with snapshot: the changed image goes there in the end, raw\n"
    "    -o werror=enospc       when the host's disk is full, writes wait until there is room;\n"
    "                           report (the default): they fail\n"
    "    -o opts=LIST           mount options of the file system, commas as \\,\n"
    "    -o mb=N                memory of the library's kernel in MiB (128)\n"
    "    -o lock=FILE           take this lock (flock) first; exit with 2 if another has it\n"
    "    -o log=FILE            append the kernel's messages to a file\n"
    "    -o uid=N,gid=N         show files of the image's root as of this owner, and make such\n"
    "    -o all_squash          show all others' files as of this owner, too\n"
    "    -o allow_other         other users may enter; their permissions are checked\n"
    "    -o default_permissions check permissions by the image's owners and modes\n"
    "    -o direct_io           do not cache file contents in the host's kernel\n"
    "    -o no_sandbox          keep all rights of the process while it serves the image\n"
    "    -o no_writeback        write through the host's cache at once\n"
    "    -o remount,WORDS       change flags of a mount: ro, rw, sync and others of mount(8)\n"
    "    noatime, nodiratime, relatime, strictatime, lazytime, sync, dirsync, nosuid, nodev,\n"
    "    noexec and more as of mount(8)\n\n"
    "    -f                     stay in the foreground\n"
    "    -d                     the same, and print each request\n"
    "    -s                     one thread\n"
    "    -o max_threads=N       so many threads (10)\n"
    "    -h, --help, -V, --version\n"
    "Unmount by fusermount3 -u MOUNTPOINT (or umount as root).\n";

// Filled in by libfuse's parser.
struct Raw {
  char* type = nullptr;
  char* options = nullptr;
  char* format = nullptr;
  char* commit = nullptr;
  char* on_full_disk = nullptr;
  int snapshot = 0;
  int no_sandbox = 0;
  char* lock_file = nullptr;
  char* log_file = nullptr;
  char* domain = nullptr;
  char* connect = nullptr;
  char* part = nullptr;
  char* key_file = nullptr;
  char* offset = nullptr;
  int force = 0;
  unsigned mebibytes = 0;
  int direct_io = 0;
  int no_writeback = 0;
  int allow_other = 0;
  int check_permissions = 0;
  unsigned user = 0, group = 0;
  int squash = 0;
  Options* to = nullptr;
  std::string image;  // or a domain's disk
  std::vector<std::string> others;
  std::string kernel_words;

  ~Raw() {
    for (char* text : {type, options, format, commit, on_full_disk, lock_file, log_file, domain,
                       connect, part, key_file, offset})
      free(text);
  }
};

enum Key { kKeepReadOnly = 100, kKernelWord, kAdd };

#define LKL_OPTION(text, member) \
  { text, offsetof(Raw, member), 1 }
const fuse_opt kOptions[] = {
    LKL_OPTION("type=%s", type),
    LKL_OPTION("opts=%s", options),
    LKL_OPTION("format=%s", format),
    LKL_OPTION("snapshot", snapshot),
    LKL_OPTION("no_sandbox", no_sandbox),
    LKL_OPTION("commit=%s", commit),
    LKL_OPTION("werror=%s", on_full_disk),
    LKL_OPTION("lock=%s", lock_file),
    LKL_OPTION("log=%s", log_file),
    LKL_OPTION("domain=%s", domain),
    LKL_OPTION("connect=%s", connect),
    LKL_OPTION("part=%s", part),
    LKL_OPTION("key_file=%s", key_file),
    LKL_OPTION("offset=%s", offset),
    LKL_OPTION("force", force),
    LKL_OPTION("mb=%u", mebibytes),
    LKL_OPTION("direct_io", direct_io),
    LKL_OPTION("no_writeback", no_writeback),
    LKL_OPTION("allow_other", allow_other),
    LKL_OPTION("default_permissions", check_permissions),
    LKL_OPTION("uid=%u", user),
    LKL_OPTION("gid=%u", group),
    LKL_OPTION("all_squash", squash),
    FUSE_OPT_KEY("add=", kAdd),
    FUSE_OPT_KEY("ro", kKeepReadOnly),
    FUSE_OPT_KEY("noatime", kKernelWord),
    FUSE_OPT_KEY("nodiratime", kKernelWord),
    FUSE_OPT_KEY("relatime", kKernelWord),
    FUSE_OPT_KEY("strictatime", kKernelWord),
    FUSE_OPT_KEY("lazytime", kKernelWord),
    FUSE_OPT_KEY("sync", kKernelWord),
    FUSE_OPT_KEY("async", kKernelWord),
    FUSE_OPT_KEY("dirsync", kKernelWord),
    FUSE_OPT_KEY("remount", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("nosymfollow", kKernelWord),
    // what mount(8) and /etc/fstab say to itself, not to us
    FUSE_OPT_KEY("user", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("nouser", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("users", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("auto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("noauto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("nofail", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("_netdev", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("x-", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_END,
};
#undef LKL_OPTION

int take_option(void* data, const char* text, int key, fuse_args*) {
  constexpr int kTaken = 0, kPassOn = 1;
  Raw& raw = *static_cast<Raw*>(data);
  switch (key) {
    case kKeepReadOnly:
      raw.to->read_only = true;
      return kPassOn;
    case kAdd:
      raw.others.emplace_back(text + std::string_view("add=").size());
      return kTaken;
    case kKernelWord:
      raw.kernel_words += (raw.kernel_words.empty() ? "" : ",") + std::string(text);
      return kTaken;
    case FUSE_OPT_KEY_NONOPT:
      if (!raw.image.empty()) return kPassOn;
      raw.image = text;
      return kTaken;
    case FUSE_OPT_KEY_OPT:
      return std::string_view(text).starts_with("x-") ? kTaken : kPassOn;
    default:
      return kPassOn;
  }
}

// mount(8) calls its helpers with words of its own, among them letters that mean something else to
// libfuse: "mount.TYPE SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]". False if
// nothing is to be mounted.
bool take_helper_words(fuse_args& arguments) {
  bool fake = false;
  std::vector<std::string> kept;
  for (int i = 0; i < arguments.argc; i++) {
    const std::string word = arguments.argv[i];
    const bool letters = word.size() > 1 && word[0] == '-' && word[1] != '-' && word[1] != 'o' &&
                         word[1] != 't' && word[1] != 'N';
    if (letters)
      fake = fake || word.find('f') != std::string::npos;
    else if (word == "-t" || word == "-N")
      i++;
    else
      kept.push_back(word);
  }
  fuse_opt_free_args(&arguments);
  arguments = FUSE_ARGS_INIT(0, nullptr);
  for (const std::string& word : kept)
    if (fuse_opt_add_arg(&arguments, word.c_str()) != 0) throw std::bad_alloc();
  return !fake;
}

// All that is after -o, before libfuse takes it apart.
std::string option_words(const fuse_args& arguments) {
  std::string words;
  for (int i = 1; i < arguments.argc; i++) {
    const std::string_view word = arguments.argv[i];
    if (!word.starts_with("-o")) continue;
    if (!words.empty()) words += ',';
    if (word.size() > 2)
      words += word.substr(2);
    else if (i + 1 < arguments.argc)
      words += arguments.argv[++i];
  }
  return words;
}

// N of "/dev/fd/N", which libfuse takes for a descriptor that is mounted already; -1 if it is a
// directory's name. Throws UsageFailure.
int mounted_descriptor(std::string_view mount_point) {
  constexpr std::string_view kDescriptors = "/dev/fd/";
  if (!mount_point.starts_with(kDescriptors)) return -1;
  const std::string_view digits = mount_point.substr(kDescriptors.size());
  int fd = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size() && fd >= 0;
  constexpr unsigned kMajor = 10, kMinor = 229;
  struct stat status = {};
  if (!is_number || fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode) ||
      status.st_rdev != makedev(kMajor, kMinor))
    throw UsageFailure(fmt::format("{}: is no open descriptor of /dev/fuse", mount_point));
  return fd;
}

std::string text_or_empty(const char* text) {
  return text ? text : "";
}

}  // namespace

std::unique_ptr<Options> parse_options(int argc, char** argv) {
  auto options = std::make_unique<Options>();
  options->arguments = FUSE_ARGS_INIT(argc, argv);
  const std::string called = std::filesystem::path(argv[0]).filename().string();
  if (called.starts_with("mount.") && !take_helper_words(options->arguments)) return nullptr;
  if (const std::string words = option_words(options->arguments); asks_for_remount(words))
    options->remount = words;
  Raw raw;
  raw.to = options.get();
  if (fuse_opt_parse(&options->arguments, &raw, kOptions, take_option) != 0)
    throw UsageFailure("the command line is wrong");

  fuse_cmdline_opts common = {};
  if (fuse_parse_cmdline(&options->arguments, &common) != 0)
    throw UsageFailure("the command line is wrong");
  std::unique_ptr<char, decltype(&free)> mount_point(common.mountpoint, free);
  if (common.show_help) {
    fmt::print("{}", kHelp);
    return nullptr;
  }
  if (common.show_version) {
    fmt::print("lklfuse {}\nlibfuse {}\n", LKL_VERSION, fuse_pkgversion());
    return nullptr;
  }
  options->domain = text_or_empty(raw.domain);
  options->connect = text_or_empty(raw.connect);
  if (raw.image.empty())
    throw UsageFailure(options->domain.empty() ? "no image given" : "no mount point given");
  // The disk was left out.
  if (!options->domain.empty() && !mount_point) {
    mount_point.reset(strdup(raw.image.c_str()));
    raw.image.clear();
  }
  if (!mount_point) throw UsageFailure("no mount point given");
  options->mounted = mounted_descriptor(mount_point.get());
  std::error_code ec;
  if (options->mounted >= 0) {
    options->mount_point = mount_point.get();
  } else if (!std::filesystem::is_directory(mount_point.get(), ec)) {
    throw UsageFailure(fmt::format("{}: {}", mount_point.get(),
                                   ec ? ec.message() : "is no directory to mount on"));
  } else {
    options->mount_point = std::filesystem::canonical(mount_point.get());
  }

  if (!options->remount.empty()) return options;

  if (options->domain.empty())
    options->image = tool::parse_image_name(raw.image);
  else
    options->disk = raw.image;
  for (const std::string& other : raw.others)
    options->others.push_back(tool::parse_image_name(other));
  options->type = text_or_empty(raw.type);
  if (raw.part) {
    options->volume = tool::parse_volume_choice(raw.part);
    if (!options->volume)
      throw UsageFailure(fmt::format("part={}: is not among {}", raw.part, tool::kVolumeChoices));
  }
  if (raw.offset && raw.part) throw UsageFailure("part and offset: choose one");
  options->offset = text_or_empty(raw.offset);
  options->force = raw.force != 0;
  options->key_file = text_or_empty(raw.key_file);
  constexpr unsigned kLeastMebibytes = 32;
  if (raw.mebibytes != 0) {
    if (raw.mebibytes < kLeastMebibytes)
      throw UsageFailure(
          fmt::format("mb={}: less than 32 is not enough for the kernel", raw.mebibytes));
    options->memory = static_cast<std::uint64_t>(raw.mebibytes) << 20;
  }
  options->mount_options = std::move(raw.kernel_words);
  if (raw.options)
    options->mount_options +=
        (options->mount_options.empty() ? "" : ",") + std::string(raw.options);
  if (raw.format) {
    options->format = tool::known_format(raw.format);
    if (options->format.empty())
      throw UsageFailure(
          fmt::format("format={}: is not among {}", raw.format, tool::list_formats()));
  }
  options->snapshot = raw.snapshot != 0;
  options->no_sandbox = raw.no_sandbox != 0;
  if (options->snapshot && options->read_only)
    throw UsageFailure("ro and snapshot exclude each other");
  // The process will be elsewhere when it is removed again after an error.
  if (raw.commit) options->commit = std::filesystem::absolute(raw.commit);
  if (raw.commit && !options->snapshot) throw UsageFailure("commit needs snapshot");
  if (raw.on_full_disk) {
    const std::string_view word = raw.on_full_disk;
    if (word != "enospc" && word != "report")
      throw UsageFailure(fmt::format("werror={}: it can be enospc or report", word));
    options->wait_for_space = word == "enospc";
  }
  options->lock_file = text_or_empty(raw.lock_file);
  options->log_file = text_or_empty(raw.log_file);
  options->foreground = common.foreground != 0;
  options->debug = common.debug != 0;
  constexpr unsigned kUnset = ~0U;  // libfuse's
  if (common.max_threads != kUnset) options->threads = std::max(common.max_threads, 1U);
  if (common.singlethread) options->threads = 1;
  options->direct_io = raw.direct_io != 0;
  options->writeback = raw.no_writeback == 0;
  // Who lets others in wants them to have their own rights, not root's.
  options->check_permissions = raw.check_permissions != 0 || raw.allow_other != 0;
  options->owners = {.user = raw.user, .group = raw.group, .all = raw.squash != 0};

  // What the file system is told to write at once must not wait in the host's cache. What is
  // mounted already may be without the flag for that.
  constexpr unsigned kAtOnce = LKL_MS_SYNCHRONOUS;
  if (tool::parse_mount_words(options->mount_options, 0).flags & kAtOnce) {
    if (options->mounted >= 0) options->writeback = false;
    if (fuse_opt_add_arg(&options->arguments, "-osync") != 0) throw std::bad_alloc();
  }

  // Programs that look for mounted images (mkfs, fsck) compare whole paths.
  std::string source = options->domain.empty() ? options->image.text : options->domain;
  if (options->domain.empty() && options->image.image.scheme.empty())
    source = std::filesystem::absolute(source);
  std::string escaped = "-ofsname=";
  for (const char c : source) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  escaped += ",subtype=lklfuse";
  if (raw.allow_other) escaped += ",allow_other";
  if (options->check_permissions) escaped += ",default_permissions";
  if (fuse_opt_add_arg(&options->arguments, escaped.c_str()) != 0) throw std::bad_alloc();
  return options;
}

}  // namespace lkl::fuse

// SPDX-License-Identifier: GPL-2.0
#include "session/subvolume.h"

#include <algorithm>
#include <optional>

#include "base/mount_info.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kMost = 64;  // beyond that they are a hostile image's, or backups

// The file system once more, whatever its default subvolume is: from its top. What was opened there
// stays open when it goes away.
class TopMount {
 public:
  explicit TopMount(const Volume& volume) {
    std::error_code ec;
    mkdir(kPoint, 0700, ec);
    if (ec && ec != std::errc::file_exists) throw std::system_error(ec, kPoint);
    std::string node = device_node(volume.device->device), point = kPoint, type = volume.type;
    std::string data = "subvolid=5";
    constexpr unsigned kFlags =
        LKL_MS_RDONLY | LKL_MS_NOATIME | LKL_MS_NOSUID | LKL_MS_NODEV | LKL_MS_NOEXEC;
    const long long result =
        lkl_sys_mount(node.data(), point.data(), type.data(), kFlags, data.data());
    if (result < 0) throw std::system_error(error_from(result), "the top of the btrfs");
  }
  TopMount(const TopMount&) = delete;
  TopMount& operator=(const TopMount&) = delete;
  ~TopMount() {
    std::string point = kPoint;
    lkl_sys_umount(point.data(), LKL_MNT_DETACH);
  }

  static constexpr char kPoint[] = "/btrfs-top";
};

}  // namespace

std::string mounted_subvolume(const Volume& volume) {
  if (volume.type != "btrfs") return {};
  for (const MountInfo& mount : parse_mount_info(read_small_file("/proc/self/mountinfo")))
    if (mount.point == volume.mount.path()) return mount.root.substr(1);
  return {};
}

std::vector<std::pair<std::string, Volume>> top_subvolumes(const Volume& volume) {
  constexpr std::uint64_t kRootInode = 256;  // of each subvolume
  std::optional<TopMount> mount;
  if (!mounted_subvolume(volume).empty()) mount.emplace(volume);
  const std::string path = mount ? TopMount::kPoint : volume.mount.path();
  const File top(path, LKL_O_RDONLY | LKL_O_DIRECTORY);
  std::vector<std::pair<std::string, Volume>> found;
  for (const DirEntry& entry : Dir(path)) {
    if (found.size() == kMost) break;
    if (entry.name.find('/') != std::string::npos) continue;  // of a hostile image
    std::error_code ec;
    File root(top.fd(), entry.name, LKL_O_RDONLY | LKL_O_DIRECTORY | LKL_O_NOFOLLOW, 0, ec);
    if (ec || stat_at(root.fd(), "", LKL_AT_EMPTY_PATH, ec).inode != kRootInode) continue;
    found.emplace_back(entry.name, Volume{volume.image, volume.device, volume.name, volume.type,
                                          DeviceMount(), std::move(root)});
  }
  std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.first < b.first; });
  return found;
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
#include <fmt/format.h>
#include <strings.h>

#include <charconv>
#include <system_error>

#include "base/format.h"
#include "tree/inspect.h"
#include "tree/registry.h"

namespace lkl::tool {

namespace {

// The name in the directory that is this one but for its case. Mostly it is there as it is.
std::optional<std::string> find_name(Tree& tree, const std::string& directory,
                                     const std::string& name) {
  const std::string path = directory + "/" + name;
  if (tree.find_path(path, false)) return path;
  constexpr std::size_t kMostEntries = 65536;
  const Handle opened = tree.open_directory(directory.empty() ? "/" : directory);
  const auto stream = tree.read_directory(opened);
  std::size_t seen = 0;
  for (std::string entry; seen < kMostEntries && stream->next(entry); seen++)
    if (strcasecmp(entry.c_str(), name.c_str()) == 0) return directory + "/" + entry;
  return std::nullopt;
}

// A file by the names in its path.
std::optional<std::string> find_file(Tree& tree, std::initializer_list<const char*> names) {
  std::optional<std::string> path = "";
  for (const char* name : names)
    if (path) path = find_name(tree, *path, name);
  return path;
}

class HiveFile {
 public:
  HiveFile(Tree& tree, const std::string& path) {
    const auto stat = tree.find_path(path, false);
    if (!stat || !stat->is_regular()) return;
    reader_.size = stat->size;
    handle_ = tree.open_path(path);
    reader_.read = [this, &tree](std::uint64_t at, std::span<std::byte> into) {
      std::size_t done = 0;
      while (done < into.size()) {
        const std::size_t n = tree.read(handle_, into.subspan(done), at + done);
        if (n == 0) return false;
        done += n;
      }
      return true;
    };
  }
  HiveFile(const HiveFile&) = delete;
  HiveFile& operator=(const HiveFile&) = delete;

  const BlockReader& reader() const { return reader_; }

 private:
  Handle handle_;
  BlockReader reader_{0, [](std::uint64_t, std::span<std::byte>) { return false; }};
};

unsigned as_number(const std::string& text) {
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void describe(const RegistryHive& software, OperatingSystem& system) {
  constexpr char kVersion[] = "Microsoft\\Windows NT\\CurrentVersion";
  constexpr unsigned kFirstOf11 = 22000;
  const auto text = [&](const char* name) { return software.text(kVersion, name).value_or(""); };
  system.product_name = text("ProductName");
  const std::string build = text("CurrentBuildNumber");
  // What calls itself 10 there ever since.
  if (system.product_name.starts_with("Windows 10") && as_number(build) >= kFirstOf11)
    system.product_name.replace(8, 2, "11");
  if (const auto major = software.number(kVersion, "CurrentMajorVersionNumber"))
    system.version = fmt::format(
        "{}.{}", *major, software.number(kVersion, "CurrentMinorVersionNumber").value_or(0));
  else
    system.version = text("CurrentVersion");
  if (!build.empty()) system.version += "." + build;
  system.variant = text("InstallationType");
}

void describe_machine(const RegistryHive& hive, OperatingSystem& system) {
  const std::string set =
      fmt::format("ControlSet{:03}\\", hive.number("Select", "Current").value_or(1));
  system.hostname =
      hive.text(set + "Services\\Tcpip\\Parameters", "Hostname")
          .value_or(
              hive.text(set + "Control\\ComputerName\\ComputerName", "ComputerName").value_or(""));
  const std::string processor =
      hive.text(set + "Control\\Session Manager\\Environment", "PROCESSOR_ARCHITECTURE")
          .value_or("");
  system.arch = processor == "AMD64"   ? "x86_64"
                : processor == "ARM64" ? "aarch64"
                : processor == "x86"   ? "i386"
                                       : "";
}

}  // namespace

std::optional<OperatingSystem> inspect_windows(Tree& tree, const Device& root) {
  OperatingSystem system;
  system.type = "windows";
  system.distro = "windows";
  system.root = root.display();
  try {
    auto folder = find_name(tree, "", "Windows");
    if (!folder) folder = find_name(tree, "", "WINNT");
    if (!folder) return std::nullopt;
    const auto hive = [&](const char* name) {
      return find_file(tree, {folder->c_str() + 1, "System32", "config", name});
    };
    const auto software = hive("SOFTWARE");
    if (!software) return std::nullopt;
    const HiveFile file(tree, *software);
    describe(RegistryHive(file.reader()), system);
    if (const auto machine = hive("SYSTEM")) {
      const HiveFile other(tree, *machine);
      describe_machine(RegistryHive(other.reader()), system);
    }
  } catch (const std::system_error&) {
    // what was found until then
  }
  if (system.product_name.empty() && system.version.empty()) return std::nullopt;
  return system;
}

}  // namespace lkl::tool

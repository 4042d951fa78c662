// SPDX-License-Identifier: GPL-2.0
#include "tree/inspect.h"

#include <elf.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "base/format.h"
#include "disk/volume_choice.h"
#include "session/subvolume.h"

namespace lkl::tool {

namespace {

// Beyond these an image is not one of an operating system, or means no good.
constexpr std::size_t kLongestFile = 64 << 10;
constexpr std::size_t kLongestValue = 1024;
constexpr std::size_t kMostLines = 256;
constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kMostKernels = 64;

// The beginning of a regular file; empty if there is none that can be read.
std::string read_beginning(Tree& tree, const std::string& path, std::size_t most = kLongestFile) {
  try {
    // Looked at before it is opened: a device or a pipe is not.
    const auto stat = tree.find_path(path, true);
    if (!stat || !stat->is_regular()) return {};
    const Handle file = tree.open_path(path);
    std::string text(most, '\0');
    std::size_t done = 0;
    while (done < most) {
      const auto rest = std::as_writable_bytes(std::span(text)).subspan(done);
      const std::size_t n = tree.read(file, rest, done);
      if (n == 0) break;
      done += n;
    }
    text.resize(done);
    return text;
  } catch (const std::system_error&) {
    return {};
  }
}

bool exists(Tree& tree, const std::string& path) {
  try {
    return tree.find_path(path, true).has_value();
  } catch (const std::system_error&) {
    return false;
  }
}

std::vector<std::string> names_in(Tree& tree, const std::string& path) {
  std::vector<std::string> names;
  try {
    const Handle directory = tree.open_directory(path);
    const auto stream = tree.read_directory(directory);
    for (std::string name; names.size() < kMostEntries && stream->next(name);)
      names.push_back(name);
  } catch (const std::system_error&) {
    // what was found until then
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kMostLines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> fields;
  for (std::size_t at = 0; (at = line.find_first_not_of(kBlanks, at)) != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end;
  }
  return fields;
}

// A value as a shell would read it, which is how os-release(5) is written.
std::string unquoted(std::string_view text) {
  std::string value;
  char quote = 0;
  for (std::size_t i = 0; i < text.size() && value.size() < kLongestValue; i++) {
    const char c = text[i];
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else if (quote == 0 && (c == ' ' || c == '\t' || c == '\r'))
      break;
    else if (c == '\\' && quote != '\'' && i + 1 < text.size())
      value += text[++i];
    else
      value += c;
  }
  return value;
}

// The value of KEY=; empty if it is not set.
std::string value_of(std::string_view text, std::string_view key) {
  std::string value;
  for (const std::string_view line : lines_of(text))
    if (line.starts_with(key) && line.substr(key.size()).starts_with('='))
      value = unquoted(line.substr(key.size() + 1));
  return value;
}

// How what is not plain in a name is written: a prefix and so many digits.
struct Escape {
  std::string_view prefix;
  std::size_t digits;
  int base;
};
constexpr Escape kFstabEscape = {"\\", 3, 8};   // \040
constexpr Escape kLinkEscape = {"\\x", 2, 16};  // \x20: links that udev makes

std::string unescaped(std::string_view text, const Escape& escape) {
  const std::size_t length = escape.prefix.size() + escape.digits;
  std::string result;
  for (std::size_t i = 0; i < text.size() && result.size() < kLongestValue; i++) {
    unsigned code = 0;
    const char* const digits = text.data() + i + escape.prefix.size();
    if (text.substr(i).starts_with(escape.prefix) && text.size() - i >= length &&
        std::from_chars(digits, digits + escape.digits, code, escape.base).ptr ==
            digits + escape.digits) {
      result += static_cast<char>(code);
      i += length - 1;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<FstabEntry> read_fstab(Tree& tree) {
  std::vector<FstabEntry> entries;
  const std::string text = read_beginning(tree, "/etc/fstab");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 2 || fields[0].starts_with('#')) continue;
    const auto field = [&](std::size_t i) {
      return i < fields.size() ? unescaped(fields[i], kFstabEscape) : std::string();
    };
    entries.push_back({field(0), field(1), field(2), field(3), {}});
  }
  return entries;
}

std::string host_name(Tree& tree) {
  for (const std::string path : {"/etc/hostname", "/etc/HOSTNAME"})
    for (const std::string& text = read_beginning(tree, path);
         const std::string_view line : lines_of(text))
      if (const auto fields = fields_of(line); !fields.empty() && !fields[0].starts_with('#'))
        return std::string(fields[0].substr(0, kLongestValue));
  return value_of(read_beginning(tree, "/etc/sysconfig/network"), "HOSTNAME");
}

// By what a program was built for, see elf(5).
std::string architecture(Tree& tree) {
  static constexpr struct {
    unsigned machine;
    const char* name;
    const char* swapped;  // of the other byte order
  } kMachines[] = {
      {EM_X86_64, "x86_64", nullptr},        {EM_386, "i386", nullptr},
      {EM_AARCH64, "aarch64", "aarch64_be"}, {EM_ARM, "arm", "armeb"},
      {EM_PPC64, "ppc64le", "ppc64"},        {EM_PPC, "ppcle", "ppc"},
      {EM_S390, "s390x", "s390x"},           {EM_RISCV, "riscv64", nullptr},
      {EM_MIPS, "mipsel", "mips"},           {EM_SPARCV9, "sparc64", "sparc64"},
      {EM_IA_64, "ia64", nullptr},           {258, "loongarch64", nullptr},
  };
  for (const char* program : {"/bin/sh", "/bin/bash", "/bin/ls", "/usr/bin/env"}) {
    const std::string head = read_beginning(tree, program, sizeof(Elf64_Ehdr));
    if (head.size() < 20 || !head.starts_with(ELFMAG)) continue;
    const bool swapped = head[EI_DATA] == ELFDATA2MSB;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
    const unsigned machine = swapped ? byte(18) * 256U + byte(19) : byte(19) * 256U + byte(18);
    for (const auto& known : kMachines)
      if (known.machine == machine) {
        const char* const name = swapped ? known.swapped : known.name;
        if (name != nullptr) return name;
      }
  }
  return {};
}

void find_packages(Tree& tree, OperatingSystem& system) {
  static constexpr struct {
    const char* database;
    const char* format;
    const char* management;
  } kKnown[] = {
      {"/var/lib/dpkg/status", "deb", "apt"},  {"/lib/apk/db/installed", "apk", "apk"},
      {"/usr/lib/sysimage/rpm", "rpm", ""},    {"/var/lib/rpm", "rpm", ""},
      {"/var/lib/pacman", "pacman", "pacman"}, {"/var/db/pkg", "ebuild", "portage"},
      {"/var/db/xbps", "xbps", "xbps"},
  };
  const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                   [&](const auto& k) { return exists(tree, k.database); });
  if (known == std::end(kKnown)) return;
  system.package_format = known->format;
  system.package_management = known->management;
  if (system.package_format != "rpm") return;
  for (const char* program : {"dnf", "zypper", "urpmi", "yum"})
    if (exists(tree, fmt::format("/usr/bin/{}", program)) ||
        exists(tree, fmt::format("/usr/sbin/{}", program))) {
      system.package_management = program;
      return;
    }
}

// "sdb3" and such: the letters count the disks. Nothing if it is not of this form.
const Device* find_by_old_name(std::string_view name,
                               const std::vector<std::vector<const Device*>>& disks) {
  const auto take = [&name](std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
  };
  const auto take_number = [&name](unsigned& number) {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc()) return false;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
    return true;
  };
  unsigned disk = 0, partition = 0, space = 0;
  if (take("nvme")) {
    if (!take_number(disk) || !take("n") || !take_number(space)) return nullptr;
    if (!name.empty() && (!take("p") || !take_number(partition))) return nullptr;
  } else if (take("mmcblk")) {
    if (!take_number(disk)) return nullptr;
    if (!name.empty() && (!take("p") || !take_number(partition))) return nullptr;
  } else {
    if (!take("sd") && !take("vd") && !take("xvd") && !take("hd")) return nullptr;
    if (name.empty() || name[0] < 'a' || name[0] > 'z') return nullptr;
    disk = static_cast<unsigned>(name[0] - 'a');
    name.remove_prefix(1);
    if (!name.empty() && !take_number(partition)) return nullptr;
  }
  if (!name.empty() || disk >= disks.size()) return nullptr;
  for (const Device* device : disks[disk])
    if (!device->assembled() && device->number == partition) return device;
  return nullptr;
}

bool same_uuid(const std::string& a, const std::string& b) {
  return !a.empty() && strcasecmp(a.c_str(), b.c_str()) == 0;
}

// "/dev/disk/by-uuid/..." is "UUID=...", and so on.
std::string as_tag(const std::string& source) {
  static constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
      {"/dev/disk/by-uuid/", "UUID="},
      {"/dev/disk/by-label/", "LABEL="},
      {"/dev/disk/by-partuuid/", "PARTUUID="},
      {"/dev/disk/by-partlabel/", "PARTLABEL="},
  };
  for (const auto& [directory, tag] : kLinks)
    if (source.starts_with(directory))
      return std::string(tag) +
             unescaped(std::string_view(source).substr(directory.size()), kLinkEscape);
  const std::size_t equals = source.find('=');
  if (equals == source.npos) return source;
  return source.substr(0, equals + 1) + unquoted(std::string_view(source).substr(equals + 1));
}

const Device* find_source(const std::string& source,
                          const std::vector<std::vector<const Device*>>& disks) {
  const auto find = [&disks](auto is_meant) -> const Device* {
    for (const auto& disk : disks)
      for (const Device* device : disk)
        if (is_meant(*device)) return device;
    return nullptr;
  };
  if (source.starts_with("/dev/"))
    if (const Device* device = find_by_old_name(std::string_view(source).substr(5), disks))
      return device;
  using By = VolumeChoice::By;
  const auto choice = parse_volume_choice(as_tag(source));
  if (!choice || choice->by == By::kNumber) return nullptr;
  return find([&](const Device& d) {
    // What is meant may hold no files, but swap.
    if (choice->by == By::kUuid) return same_uuid(d.contents.uuid, choice->value);
    if (choice->by == By::kLabel) return d.contents.label == choice->value;
    return matches(d, *choice);
  });
}

// "12.5": 12 and 5.
std::optional<unsigned> part_of_version(std::string_view version, unsigned part) {
  for (; part > 0; part--) {
    const std::size_t dot = version.find('.');
    if (dot == version.npos) return std::nullopt;
    version.remove_prefix(dot + 1);
  }
  unsigned number = 0;
  const auto [end, error] =
      std::from_chars(version.data(), version.data() + version.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<OperatingSystem> inspect(Tree& tree, const Device& root) {
  std::string release = read_beginning(tree, "/etc/os-release");
  if (release.empty()) release = read_beginning(tree, "/usr/lib/os-release");
  OperatingSystem system;
  system.distro = value_of(release, "ID");
  system.product_name = value_of(release, "PRETTY_NAME");
  if (system.product_name.empty()) system.product_name = value_of(release, "NAME");
  if (system.distro.empty() && system.product_name.empty()) return std::nullopt;
  system.root = root.display();
  system.version = value_of(release, "VERSION_ID");
  system.hostname = host_name(tree);
  system.arch = architecture(tree);
  find_packages(tree, system);
  // Of a system with /usr merged the one is a link to the other.
  system.kernels = names_in(tree, "/lib/modules");
  std::erase_if(system.kernels, [&](const std::string& name) {
    return !exists(tree, "/lib/modules/" + name + "/modules.dep");
  });
  if (system.kernels.size() > kMostKernels) system.kernels.resize(kMostKernels);
  system.fstab = read_fstab(tree);
  return system;
}

std::vector<OperatingSystem> find_systems(const Volume& volume) {
  std::vector<OperatingSystem> systems;
  const auto add = [&](const Volume& root, const std::string& subvolume) {
    const auto tree = make_image_tree(root);
    auto system = inspect(*tree, *root.device);
    if (!system) system = inspect_windows(*tree, *root.device);
    if (!system) return;
    system->subvolume = subvolume;
    systems.push_back(std::move(*system));
  };
  add(volume, mounted_subvolume(volume));
  if (systems.empty() && volume.type == "btrfs")
    for (const auto& [name, root] : top_subvolumes(volume)) add(root, name);
  return systems;
}

void resolve_fstab(OperatingSystem& system, const std::vector<std::vector<const Device*>>& disks) {
  for (FstabEntry& entry : system.fstab)
    if (const Device* device = find_source(entry.source, disks)) entry.device = device->display();
}

Json to_json(const OperatingSystem& system) {
  Json json = {{"root", system.root}, {"type", system.type}};
  const auto add = [&json](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  add("subvolume", system.subvolume);
  add("arch", system.arch);
  add("distro", system.distro);
  add("product_name", system.product_name);
  add("product_variant", system.variant);
  add("version", system.version);
  if (const auto major = part_of_version(system.version, 0)) {
    json["major_version"] = *major;
    json["minor_version"] = part_of_version(system.version, 1).value_or(0);
  }
  add("hostname", system.hostname);
  add("package_format", system.package_format);
  add("package_management", system.package_management);
  if (system.type != "linux") return json;
  json["kernels"] = system.kernels;
  json["mountpoints"] = Json::array();
  for (const FstabEntry& entry : system.fstab) {
    Json& point = json["mountpoints"].emplace_back(Json::object());
    point["mountpoint"] = entry.directory;
    point["source"] = entry.source;
    if (!entry.device.empty()) point["device"] = entry.device;
    if (!entry.type.empty()) point["fstype"] = entry.type;
    if (!entry.options.empty()) point["options"] = entry.options;
  }
  return json;
}

void print(const OperatingSystem& system) {
  const auto text = [](const std::string& value) { return printable(value, true); };
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("     {:<9} {}\n", name, text(value));
  };
  fmt::print("  {}: {}\n", text(system.root),
             text(system.product_name.empty() ? system.distro : system.product_name));
  line("distro", system.version.empty() ? system.distro : system.distro + " " + system.version);
  line("variant", system.variant);
  line("subvolume", system.subvolume);
  line("arch", system.arch);
  line("hostname", system.hostname);
  line("packages", system.package_management.empty()
                       ? system.package_format
                       : system.package_format + ", " + system.package_management);
  for (const std::string& kernel : system.kernels) line("kernel", kernel);
  for (const FstabEntry& entry : system.fstab)
    fmt::print("     fstab     {} on {}{}{}\n", text(entry.source), text(entry.directory),
               entry.type.empty() ? "" : " type " + text(entry.type),
               entry.device.empty() ? "" : " (" + text(entry.device) + ")");
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
#include "winfsp/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <string_view>

#include "base/error.h"
#include "host/win32/path.h"
#include "image/image_address.h"
#include "lkl_build_info.h"

namespace lkl::winfsp {

using tool::UsageFailure;

namespace {

constexpr char kHelp[] =
    "usage: lklfs IMAGE[:PARTITION] X: [options]\n"
    "       lklfs -u X:\n"
    "Gives a file system image a drive letter, by Linux's own file system code. Wants WinFsp\n"
    "(https://winfsp.dev). Instead of X: a folder that is not there yet, or * for a free letter.\n"
    "Ctrl-C, or lklfs -u, unmounts it; the image is complete when the program has ended.\n\n"
    "    -o type=TYPE           file system type (recognised if left out)\n"
    "    -o part=PART           partition number (0: the whole disk), UUID=, LABEL=, PARTUUID=,\n"
    "                           PARTLABEL=, VG/LV, md0 (found if there is one choice)\n"
    "    -o offset=N            where the file system begins in the image, in bytes (IMAGE@N)\n"
    "    -o force               read what is left of a truncated image\n"
    "    -o add=IMAGE           another disk of the same array, volume group or file system "
    "(again\n"
    "                           for more)\n"
    "    -o format=FORMAT       image format (recognised): raw\n"
    "    -o ro                  never write to the image\n"
    "    -o snapshot            changes go to a temporary file, the image stays as it is\n"
    "    -o commit=FILE         with snapshot: the changed image goes there in the end, raw\n"
    "    -o opts=LIST           mount options of the file system, commas as \\,\n"
    "    -o mb=N                memory of the library's kernel in MiB (128)\n"
    "    -o log=FILE            append the kernel's messages to a file\n"
    "    -o as=UID[:GID]        you are this user of the image (0:0): its files are yours, and "
    "what\n"
    "                           you make is its\n"
    "    -o default_permissions check permissions by the image's owners and modes\n"
    "    noatime, nodiratime, relatime, strictatime, lazytime, sync, dirsync as of mount(8)\n\n"
    "    -d                     print each request\n"
    "    -s                     one thread\n"
    "    -o max_threads=N       so many threads\n"
    "    -h, --help, -V, --version\n";

template <typename Number>
Number number(std::string_view option, std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw UsageFailure(fmt::format("{}={}: is no number", option, text));
  return value;
}

Owner parse_owner(std::string_view text) {
  const std::size_t colon = text.find(':');
  Owner owner;
  owner.user = number<std::uint32_t>("as", text.substr(0, colon));
  owner.group = colon == std::string_view::npos
                    ? owner.user
                    : number<std::uint32_t>("as", text.substr(colon + 1));
  return owner;
}

// Words between commas; one that is written \, belongs to its word.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',')
      words.back() += text[++i];
    else if (text[i] == ',')
      words.emplace_back();
    else
      words.back() += text[i];
  }
  std::erase(words, "");
  return words;
}

class Parser {
 public:
  explicit Parser(Options& to) : to_(to) {}

  void option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals == std::string::npos) {
      if (const auto flag = flags_.find(name); flag != flags_.end()) {
        flag->second();
        return;
      }
      if (std::ranges::find(kKernelWords, name) != std::end(kKernelWords)) {
        add_kernel_words(name);
        return;
      }
    } else if (const auto value = values_.find(name); value != values_.end()) {
      value->second(word.substr(equals + 1));
      return;
    }
    throw UsageFailure(fmt::format("-o {}: is not known", word));
  }

  void finish() {
    if (part_ && !to_.offset.empty()) throw UsageFailure("part and offset: choose one");
    if (to_.snapshot && to_.read_only) throw UsageFailure("ro and snapshot exclude each other");
    if (!to_.commit.empty() && !to_.snapshot) throw UsageFailure("commit needs snapshot");
  }

 private:
  using Flag = std::function<void()>;
  using Value = std::function<void(const std::string&)>;
  static constexpr std::string_view kKernelWords[] = {
      "noatime", "nodiratime", "relatime", "strictatime", "lazytime", "sync", "async", "dirsync"};

  void add_kernel_words(const std::string& words) {
    to_.mount_options += (to_.mount_options.empty() ? "" : ",") + words;
  }

  void take_part(const std::string& text) {
    to_.volume = tool::parse_volume_choice(text);
    if (!to_.volume)
      throw UsageFailure(fmt::format("part={}: is not among {}", text, tool::kVolumeChoices));
    part_ = true;
  }

  void take_memory(const std::string& text) {
    constexpr unsigned kLeast = 32;
    const auto mebibytes = number<unsigned>("mb", text);
    if (mebibytes < kLeast)
      throw UsageFailure(fmt::format("mb={}: less than 32 is not enough for the kernel", text));
    to_.memory = static_cast<std::uint64_t>(mebibytes) << 20;
  }

  void take_format(const std::string& text) {
    to_.format = tool::known_format(text);
    if (to_.format.empty())
      throw UsageFailure(fmt::format("format={}: is not among {}", text, tool::list_formats()));
  }

  Options& to_;
  bool part_ = false;
  const std::map<std::string, Flag> flags_ = {
      {"force", [this] { to_.force = true; }},
      {"ro", [this] { to_.read_only = true; }},
      {"rw", [] {}},
      {"snapshot", [this] { to_.snapshot = true; }},
      {"default_permissions", [this] { to_.check_permissions = true; }},
  };
  const std::map<std::string, Value> values_ = {
      {"type", [this](const auto& text) { to_.type = text; }},
      {"part", [this](const auto& text) { take_part(text); }},
      {"offset", [this](const auto& text) { to_.offset = text; }},
      {"add", [this](const auto& text) { to_.others.push_back(tool::parse_image_name(text)); }},
      {"format", [this](const auto& text) { take_format(text); }},
      {"commit", [this](const auto& text) { to_.commit = text; }},
      {"opts", [this](const auto& text) { add_kernel_words(text); }},
      {"mb", [this](const auto& text) { take_memory(text); }},
      {"log", [this](const auto& text) { to_.log_file = text; }},
      {"as", [this](const auto& text) { to_.self = parse_owner(text); }},
      {"max_threads",
       [this](const auto& text) { to_.threads = number<unsigned>("max_threads", text); }},
  };
};

// "x:\" is "X:"; a folder by its whole name, by which it can be unmounted from anywhere.
std::string mount_point(std::string text) {
  const auto is_letter = [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; };
  const bool drive = text.size() >= 2 && is_letter(text[0]) && text[1] == ':';
  if (drive && (text.size() == 2 || (text.size() == 3 && (text[2] == '\\' || text[2] == '/')))) {
    text.resize(2);
    text[0] = static_cast<char>(text[0] & ~32);
    return text;
  }
  if (text == "*") return text;
  wchar_t whole[4096];
  const DWORD length =
      GetFullPathNameW(lkl::host::wide(text).c_str(), std::size(whole), whole, nullptr);
  if (length == 0 || length >= std::size(whole))
    throw UsageFailure(fmt::format("{}: is neither a letter with a colon nor a folder", text));
  return lkl::host::narrow({whole, length});
}

}  // namespace

std::unique_ptr<Options> parse_options(int argc, char** argv) {
  auto options = std::make_unique<Options>();
  Parser parser(*options);
  std::vector<std::string> operands;
  const auto value = [&](int& i, const char* option) -> std::string {
    if (i + 1 >= argc) throw UsageFailure(fmt::format("{}: wants a word after it", option));
    return argv[++i];
  };
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (word == "-h" || word == "--help") {
      fmt::print("{}", kHelp);
      return nullptr;
    }
    if (word == "-V" || word == "--version") {
      fmt::print("lklfs {}\n", LKL_VERSION);
      return nullptr;
    }
    if (word == "-d") {
      options->debug = true;
    } else if (word == "-s") {
      options->threads = 1;
    } else if (word == "-f") {
      // It is never anywhere else.
    } else if (word == "-u") {
      options->unmount = mount_point(value(i, "-u"));
    } else if (word.starts_with("-o")) {
      for (const std::string& one : words_of(word.size() > 2 ? word.substr(2) : value(i, "-o")))
        parser.option(one);
    } else if (word.size() > 1 && word[0] == '-') {
      throw UsageFailure(fmt::format("{}: is not known", word));
    } else {
      operands.push_back(word);
    }
  }
  if (!options->unmount.empty()) {
    if (!operands.empty()) throw UsageFailure("-u takes a mount point alone");
    return options;
  }
  if (operands.empty()) throw UsageFailure("no image given");
  if (operands.size() == 1) throw UsageFailure("no drive letter given");
  if (operands.size() > 2) throw UsageFailure(fmt::format("{}: is too much", operands[2]));
  parser.finish();
  options->image = tool::parse_image_name(operands[0]);
  options->mount_point = mount_point(operands[1]);
  return options;
}

}  // namespace lkl::winfsp

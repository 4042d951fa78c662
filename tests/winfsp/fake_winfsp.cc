// SPDX-License-Identifier: GPL-2.0
//
// A winfsp-x64.dll for the tests. Its "driver" is told by lines on standard input what programs do:
//
//     LANE COMMAND WORD...
//
// and answers by lines "LANE STATUS WORD...". Each lane is a thread of its own. Names and data are
// hexadecimal, names as UTF-16; "-" is an empty one.
#include "winfsp/fake_volume.h"

#include <sddl.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

namespace lkl_fake_winfsp {

namespace {

using Words = std::vector<std::string>;

std::vector<std::byte> bytes_of(const std::string& hex) {
  std::vector<std::byte> bytes;
  if (hex == "-") return bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}

std::string hex_of(const void* from, std::size_t size) {
  if (size == 0) return "-";
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * size);
  for (std::size_t i = 0; i < size; i++) {
    const unsigned byte = static_cast<const unsigned char*>(from)[i];
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::wstring name_of(const std::string& hex) {
  const std::vector<std::byte> bytes = bytes_of(hex);
  std::wstring name(bytes.size() / sizeof(wchar_t), L'\0');
  std::memcpy(name.data(), bytes.data(), bytes.size());
  return name;
}

std::string hex_of(std::wstring_view name) {
  return hex_of(name.data(), name.size() * sizeof(wchar_t));
}

std::uint64_t number(const std::string& word) {
  return std::stoull(word, nullptr, 0);
}

std::string words_of(const FileInfo& info) {
  std::ostringstream out;
  out << info.attributes << ' ' << info.reparse_tag << ' ' << info.allocated << ' ' << info.size
      << ' ' << info.created << ' ' << info.accessed << ' ' << info.written << ' ' << info.changed
      << ' ' << info.index;
  return out.str();
}

std::string words_of(const lkl::winfsp::VolumeInfo& info) {
  return std::to_string(info.total) + " " + std::to_string(info.free) + " " +
         hex_of(info.label, info.label_bytes);
}

std::string sddl_of(void* descriptor) {
  wchar_t* text = nullptr;
  if (!IsValidSecurityDescriptor(descriptor) ||
      !ConvertSecurityDescriptorToStringSecurityDescriptorW(
          descriptor, SDDL_REVISION_1,
          OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
          &text, nullptr))
    return "invalid";
  std::string out = hex_of(text);
  LocalFree(text);
  return out;
}

// One command; its status and what else it answers.
struct Answer {
  NtStatus status = 0;
  std::string words;
};

class Console {
 public:
  explicit Console(FakeVolume& volume) : driver_(volume) {}

  Answer run(const Words& words) {
    const auto found = commands_.find(words[1]);
    if (found == commands_.end()) return {STATUS_INVALID_DEVICE_REQUEST, "no-such-command"};
    return found->second(Words(words.begin() + 2, words.end()));
  }

 private:
  Answer open(const Words& w) {
    Request request{.name = name_of(w[0]),
                    .disposition = static_cast<ULONG>(number(w[1])),
                    .options = static_cast<ULONG>(number(w[2])),
                    .access = static_cast<ULONG>(number(w[3])),
                    .attributes = static_cast<ULONG>(number(w[4])),
                    .allocation = number(w[5])};
    unsigned handle = 0;
    ULONG information = 0;
    FileInfo info = {};
    const NtStatus status = driver_.open(std::move(request), handle, information, info);
    return {status,
            std::to_string(handle) + " " + std::to_string(information) + " " + words_of(info)};
  }

  void* context(const std::string& word) {
    return driver_.get(static_cast<unsigned>(number(word))).context;
  }

  Answer read(const Words& w) {
    std::vector<std::byte> data(number(w[2]));
    ULONG n = 0;
    const NtStatus status = operations().read(volume(), context(w[0]), data.data(), number(w[1]),
                                              static_cast<ULONG>(data.size()), &n);
    return {status, hex_of(data.data(), n)};
  }

  // "e": at the end, "c": constrained
  Answer write(const Words& w) {
    std::vector<std::byte> data = bytes_of(w[2]);
    const bool at_end = w[3].find('e') != std::string::npos;
    ULONG n = 0;
    FileInfo info = {};
    const NtStatus status = operations().write(
        volume(), context(w[0]), data.data(), at_end ? ~std::uint64_t{0} : number(w[1]),
        static_cast<ULONG>(data.size()), at_end, w[3].find('c') != std::string::npos, &n, &info);
    return {status, std::to_string(n) + " " + words_of(info)};
  }

  Answer flush(const Words& w) {
    FileInfo info = {};
    return {operations().flush(volume(), w[0] == "-" ? nullptr : context(w[0]), &info),
            words_of(info)};
  }

  Answer info(const Words& w) {
    FileInfo info = {};
    return {operations().get_file_info(volume(), context(w[0]), &info), words_of(info)};
  }

  Answer set_basic(const Words& w) {
    FileInfo info = {};
    return {operations().set_basic_info(volume(), context(w[0]),
                                        static_cast<std::uint32_t>(number(w[1])), number(w[2]),
                                        number(w[3]), number(w[4]), number(w[5]), &info),
            words_of(info)};
  }

  Answer set_size(const Words& w) {
    FileInfo info = {};
    return {
        operations().set_file_size(volume(), context(w[0]), number(w[1]), number(w[2]) != 0, &info),
        words_of(info)};
  }

  Answer close(const Words& w) {
    driver_.close(static_cast<unsigned>(number(w[0])));
    return {};
  }

  Answer cleanup(const Words& w) {
    driver_.cleanup(static_cast<unsigned>(number(w[0])));
    return {};
  }

  Answer set_delete(const Words& w) {
    return {driver_.set_delete(static_cast<unsigned>(number(w[0])), number(w[1]) != 0), {}};
  }

  Answer rename(const Words& w) {
    return {driver_.rename(static_cast<unsigned>(number(w[0])), name_of(w[1]), number(w[2]) != 0),
            {}};
  }

  Answer security(const Words& w) {
    std::vector<std::byte> descriptor(8);
    std::size_t size = descriptor.size();
    NtStatus status = operations().get_security(volume(), context(w[0]), descriptor.data(), &size);
    if (status != STATUS_BUFFER_OVERFLOW) return {STATUS_UNSUCCESSFUL, "told-no-size"};
    descriptor.resize(size);
    status = operations().get_security(volume(), context(w[0]), descriptor.data(), &size);
    return {status, status < 0 ? "-" : sddl_of(descriptor.data())};
  }

  Answer set_security(const Words& w) {
    void* descriptor = nullptr;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            name_of(w[2]).c_str(), SDDL_REVISION_1, &descriptor, nullptr))
      return {STATUS_INVALID_SECURITY_DESCR, {}};
    const NtStatus status = operations().set_security(volume(), context(w[0]),
                                                      static_cast<ULONG>(number(w[1])), descriptor);
    LocalFree(descriptor);
    return {status, {}};
  }

  Answer look_up(const Words& w) {
    std::uint32_t attributes = 0;
    std::vector<std::byte> descriptor;
    const NtStatus status = driver_.look_up(name_of(w[0]), attributes, descriptor);
    return {status,
            std::to_string(attributes) + " " + (status == 0 ? sddl_of(descriptor.data()) : "-")};
  }

  // One ReadDirectory(): the entries, each its name and the words of its attributes.
  Answer read_directory(const Words& w) {
    std::wstring marker = name_of(w[1]);
    std::vector<std::byte> buffer(number(w[2]));
    ULONG filled = 0;
    const NtStatus status = operations().read_directory(
        volume(), context(w[0]), nullptr, w[1] == "-" ? nullptr : marker.data(), buffer.data(),
        static_cast<ULONG>(buffer.size()), &filled);
    std::string words;
    for (std::size_t at = 0; at + sizeof(std::uint16_t) <= filled;) {
      const auto info = reinterpret_cast<DirectoryInfo*>(buffer.data() + at);
      if (info->size == 0) return {status, words + " end"};
      words += (words.empty() ? "" : " ") +
               hex_of(info->name(), info->size - sizeof(DirectoryInfo)) + " " +
               words_of(info->file);
      at += (info->size + 7) / 8 * 8;
    }
    return {status, words};
  }

  Answer entry(const Words& w) {
    std::wstring name = name_of(w[1]);
    std::vector<DirectoryInfo> room(8);
    const NtStatus status =
        operations().get_dir_info_by_name(volume(), context(w[0]), name.data(), room.data());
    if (status < 0) return {status, {}};
    return {status, hex_of(room[0].name(), room[0].size - sizeof(DirectoryInfo)) + " " +
                        words_of(room[0].file)};
  }

  Answer link(const Words& w) {
    const Handle handle = driver_.get(static_cast<unsigned>(number(w[0])));
    std::wstring name = handle.name;
    std::vector<std::byte> data(16 << 10);
    std::size_t size = data.size();
    const NtStatus status =
        operations().get_reparse_point(volume(), handle.context, name.data(), data.data(), &size);
    return {status, status < 0 ? "-" : hex_of(data.data(), size)};
  }

  Answer set_link(const Words& w) {
    const Handle handle = driver_.get(static_cast<unsigned>(number(w[0])));
    std::wstring name = handle.name;
    std::vector<std::byte> data = bytes_of(w[1]);
    return {operations().set_reparse_point(volume(), handle.context, name.data(), data.data(),
                                           data.size()),
            {}};
  }

  Answer remove_link(const Words& w) {
    const Handle handle = driver_.get(static_cast<unsigned>(number(w[0])));
    std::wstring name = handle.name;
    return {operations().delete_reparse_point(volume(), handle.context, name.data(), nullptr, 0),
            {}};
  }

  Answer volume_info(const Words&) {
    lkl::winfsp::VolumeInfo info = {};
    const NtStatus status = operations().get_volume_info(volume(), &info);
    return {status, words_of(info)};
  }

  Answer label(const Words& w) {
    std::wstring name = name_of(w[0]);
    lkl::winfsp::VolumeInfo info = {};
    const NtStatus status = operations().set_volume_label(volume(), name.data(), &info);
    return {status, words_of(info)};
  }

  Answer parameters(const Words&) {
    const VolumeParameters& p = driver_.volume().parameters;
    return {0, std::to_string(p.flags) + " " + std::to_string(p.sector_size * p.sectors_per_unit) +
                   " " + hex_of(p.type) + " " + std::to_string(p.longest_name)};
  }

  // The driver goes away, as when WinFsp is uninstalled.
  Answer driver_gone(const Words&) {
    operations().dispatcher_stopped(volume(), FALSE);
    return {};
  }

  const Operations& operations() { return driver_.operations(); }
  Volume* volume() { return &driver_.volume(); }

  using Command = std::function<Answer(const Words&)>;
  Command of(Answer (Console::*function)(const Words&)) {
    return [this, function](const Words& words) { return (this->*function)(words); };
  }

  Driver driver_;
  const std::map<std::string, Command> commands_ = {
      {"open", of(&Console::open)},
      {"close", of(&Console::close)},
      {"cleanup", of(&Console::cleanup)},
      {"read", of(&Console::read)},
      {"write", of(&Console::write)},
      {"flush", of(&Console::flush)},
      {"info", of(&Console::info)},
      {"set-basic", of(&Console::set_basic)},
      {"set-size", of(&Console::set_size)},
      {"delete", of(&Console::set_delete)},
      {"rename", of(&Console::rename)},
      {"security", of(&Console::security)},
      {"set-security", of(&Console::set_security)},
      {"look-up", of(&Console::look_up)},
      {"read-directory", of(&Console::read_directory)},
      {"entry", of(&Console::entry)},
      {"link", of(&Console::link)},
      {"set-link", of(&Console::set_link)},
      {"remove-link", of(&Console::remove_link)},
      {"volume", of(&Console::volume_info)},
      {"label", of(&Console::label)},
      {"parameters", of(&Console::parameters)},
      {"driver-gone", of(&Console::driver_gone)},
  };
};

// A thread that runs commands in their order.
class Lane {
 public:
  Lane(Console& console, std::mutex& out) : console_(console), out_(out) {
    std::thread([this] { run(); }).detach();
  }
  void add(Words words) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(words));
    came_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return !waiting_.empty(); });
      const Words words = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      const Answer answer = console_.run(words);
      const std::string line = words[0] + " " +
                               std::to_string(static_cast<std::uint32_t>(answer.status)) + " " +
                               answer.words + "\n";
      const std::lock_guard printing(out_);
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fflush(stdout);
    }
  }

  Console& console_;
  std::mutex& out_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Words> waiting_;
};

void listen(FakeVolume& volume) {
  // Until the process ends.
  static Console console(volume);
  static std::mutex out;
  static std::map<std::string, std::unique_ptr<Lane>> lanes;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 2) continue;
    auto& lane = lanes[words[0]];
    if (!lane) lane = std::make_unique<Lane>(console, out);
    lane->add(std::move(words));
  }
}

FakeVolume& of(Volume* volume) {
  return *static_cast<FakeVolume*>(volume);
}

bool asked_for(const char* what) {
  const char* const words = std::getenv("LKL_FAKE_WINFSP");
  return words && std::strstr(words, what);
}

// A directory that is read: entries by their names.
struct DirectoryBuffer {
  std::map<std::wstring, std::vector<std::byte>> entries;
  std::mutex filling;
};

}  // namespace

extern "C" {

#define LKL_EXPORT __declspec(dllexport)

LKL_EXPORT NtStatus FspVersion(std::uint32_t* version) {
  *version = 2U << 16;
  return STATUS_SUCCESS;
}

LKL_EXPORT NtStatus FspFileSystemCreate(wchar_t* device, const VolumeParameters* parameters,
                                        const Operations* operations, Volume** volume) {
  if (asked_for("no-driver")) return STATUS_NO_SUCH_DEVICE;
  if (device != std::wstring(L"WinFsp.Disk") || parameters->version != sizeof *parameters)
    return STATUS_INVALID_PARAMETER;
  auto made = std::make_unique<FakeVolume>();
  made->version = sizeof(Volume);
  made->parameters = *parameters;
  made->operations = *operations;
  *volume = made.release();
  return STATUS_SUCCESS;
}

LKL_EXPORT void FspFileSystemDelete(Volume*) {
  // Lanes may be in it.
}

LKL_EXPORT NtStatus FspFileSystemSetMountPoint(Volume* volume, wchar_t* mount_point) {
  if (asked_for("taken")) return STATUS_OBJECT_NAME_COLLISION;
  of(volume).mount_point = mount_point ? mount_point : L"Q:";
  return STATUS_SUCCESS;
}

LKL_EXPORT void FspFileSystemRemoveMountPoint(Volume* volume) {
  of(volume).mount_point.clear();
}

LKL_EXPORT wchar_t* FspFileSystemMountPointF(Volume* volume) {
  return of(volume).mount_point.data();
}

LKL_EXPORT NtStatus FspFileSystemStartDispatcher(Volume* volume, ULONG) {
  if (asked_for("no-threads")) return STATUS_INSUFFICIENT_RESOURCES;
  std::thread([volume] { listen(of(volume)); }).detach();
  return STATUS_SUCCESS;
}

LKL_EXPORT void FspFileSystemStopDispatcher(Volume* volume) {
  of(volume).operations.dispatcher_stopped(volume, TRUE);
}

LKL_EXPORT void FspFileSystemSetDebugLogF(Volume*, ULONG) {}
LKL_EXPORT void FspDebugLogSetHandle(HANDLE) {}

LKL_EXPORT BOOLEAN FspFileSystemAcquireDirectoryBuffer(void** buffer, BOOLEAN anew,
                                                       NtStatus* status) {
  *status = STATUS_SUCCESS;
  if (*buffer && !anew) return FALSE;
  if (!*buffer) *buffer = new DirectoryBuffer;
  auto& directory = *static_cast<DirectoryBuffer*>(*buffer);
  directory.filling.lock();
  directory.entries.clear();
  return TRUE;
}

LKL_EXPORT BOOLEAN FspFileSystemFillDirectoryBuffer(void** buffer, DirectoryInfo* info,
                                                    NtStatus* status) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(info);
  const std::wstring name(info->name(), (info->size - sizeof *info) / sizeof(wchar_t));
  static_cast<DirectoryBuffer*>(*buffer)->entries[name].assign(bytes, bytes + info->size);
  *status = STATUS_SUCCESS;
  return TRUE;
}

LKL_EXPORT void FspFileSystemReleaseDirectoryBuffer(void** buffer) {
  static_cast<DirectoryBuffer*>(*buffer)->filling.unlock();
}

LKL_EXPORT void FspFileSystemReadDirectoryBuffer(void** buffer, wchar_t* marker, void* to,
                                                 ULONG length, ULONG* transferred) {
  auto& directory = *static_cast<DirectoryBuffer*>(*buffer);
  const std::lock_guard lock(directory.filling);
  auto entry = marker ? directory.entries.upper_bound(marker) : directory.entries.begin();
  *transferred = 0;
  for (; entry != directory.entries.end(); ++entry) {
    const auto size = static_cast<ULONG>((entry->second.size() + 7) / 8 * 8);
    if (*transferred + size > length) return;
    std::memcpy(static_cast<std::byte*>(to) + *transferred, entry->second.data(),
                entry->second.size());
    *transferred += size;
  }
  // An entry of no size says that this is all.
  constexpr std::uint16_t kNone = 0;
  if (*transferred + sizeof kNone > length) return;
  std::memcpy(static_cast<std::byte*>(to) + *transferred, &kNone, sizeof kNone);
  *transferred += static_cast<ULONG>(sizeof kNone);
}

LKL_EXPORT void FspFileSystemDeleteDirectoryBuffer(void** buffer) {
  delete static_cast<DirectoryBuffer*>(*buffer);
  *buffer = nullptr;
}

LKL_EXPORT NtStatus FspFileSystemResolveReparsePoints(Volume* volume,
                                                      lkl::winfsp::GetReparsePointByName get,
                                                      void* context, wchar_t* name, std::uint32_t,
                                                      BOOLEAN last, IO_STATUS_BLOCK* status,
                                                      void* buffer, std::size_t* size) {
  return resolve(volume, get, context, name, last, status, buffer, size);
}

}  // extern "C"

}  // namespace lkl_fake_winfsp

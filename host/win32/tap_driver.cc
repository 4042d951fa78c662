// SPDX-License-Identifier: GPL-2.0
#include "win32/tap_driver.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "win32/path.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

// Network adapters, each with a key of a number; and what their connections are called, by their
// ids.
constexpr wchar_t kAdapters[] =
    L"SYSTEM\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}";
constexpr wchar_t kConnections[] =
    L"SYSTEM\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";
// The driver's components, the second one as devcon.exe installs it.
constexpr std::string_view kComponents[] = {"tap0901", "root\\tap0901"};

struct CloseKey {
  void operator()(HKEY key) const { RegCloseKey(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<HKEY>, CloseKey>;

Key open_key(HKEY parent, const std::wstring& name) {
  HKEY key = nullptr;
  RegOpenKeyExW(parent, name.c_str(), 0, KEY_READ, &key);
  return Key(key);
}

std::string text_of(HKEY key, const wchar_t* value) {
  std::wstring text(256, L'\0');
  auto size = static_cast<DWORD>(text.size() * sizeof(wchar_t));
  if (!key || RegGetValueW(key, nullptr, value, RRF_RT_REG_SZ, nullptr, text.data(), &size) !=
                  ERROR_SUCCESS)
    return {};
  text.resize(size / sizeof(wchar_t) - 1);
  return narrow(text);
}

std::optional<TapAdapter> adapter_of(HKEY key) {
  std::string component = text_of(key, L"ComponentId");
  std::ranges::transform(component, component.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  if (std::ranges::find(kComponents, component) == std::end(kComponents)) return std::nullopt;
  const std::string id = text_of(key, L"NetCfgInstanceId");
  if (id.empty()) return std::nullopt;
  const Key connection =
      open_key(HKEY_LOCAL_MACHINE, kConnections + (L"\\" + wide(id)) + L"\\Connection");
  return TapAdapter{.id = id, .name = text_of(connection.get(), L"Name")};
}

class InstalledDriver final : public TapDriver {};

}  // namespace

std::vector<TapAdapter> TapDriver::adapters() const {
  std::vector<TapAdapter> found;
  const Key all = open_key(HKEY_LOCAL_MACHINE, kAdapters);
  for (DWORD i = 0; all; ++i) {
    wchar_t name[256];
    DWORD length = std::size(name);
    if (RegEnumKeyExW(all.get(), i, name, &length, nullptr, nullptr, nullptr, nullptr) !=
        ERROR_SUCCESS)
      break;
    // some are for the system only
    const Key key = open_key(all.get(), name);
    if (!key) continue;
    if (std::optional<TapAdapter> adapter = adapter_of(key.get()))
      found.push_back(std::move(*adapter));
  }
  return found;
}

int TapDriver::open(const TapAdapter& adapter, Handle& device) const {
  const std::wstring path = wide("\\\\.\\Global\\" + adapter.id + ".tap");
  device = Handle(CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                              FILE_ATTRIBUTE_SYSTEM | FILE_FLAG_OVERLAPPED, nullptr));
  if (device) return 0;
  const DWORD error = GetLastError();
  // that is what the driver says of the second who opens it
  return error == ERROR_GEN_FAILURE ? -EBUSY : errno_of(error);
}

// The handle is overlapped, so each call has to wait for itself.
int TapDriver::control(HANDLE device, uint32_t code, void* in_and_out, uint32_t size) const {
  const Handle end(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!end) return last_errno();
  OVERLAPPED overlapped = {};
  // with the lowest bit set nobody else is told, a completion port for one
  overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<uintptr_t>(end.get()) | 1);
  DWORD count = 0;
  if (DeviceIoControl(device, code, in_and_out, size, in_and_out, size, &count, &overlapped))
    return 0;
  if (GetLastError() != ERROR_IO_PENDING) return last_errno();
  return GetOverlappedResult(device, &overlapped, &count, TRUE) ? 0 : last_errno();
}

const TapDriver& installed_tap_driver() {
  static const InstalledDriver driver;
  return driver;
}

}  // namespace lkl::host

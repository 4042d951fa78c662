// SPDX-License-Identifier: GPL-2.0
#include "winfsp/end.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/signals.h"
#include "host/win32/path.h"

namespace lkl::winfsp {

namespace {

using lkl::host::Handle;

constexpr DWORD kMoment = 100;  // milliseconds

std::wstring event_name(const std::string& mount_point) {
  std::wstring name = lkl::host::wide(mount_point);
  CharLowerBuffW(name.data(), static_cast<DWORD>(name.size()));
  std::replace(name.begin(), name.end(), L'\\', L'/');
  return L"Local\\lklfs-" + name;
}

}  // namespace

End::End() : own_(CreateEventW(nullptr, TRUE, FALSE, nullptr)) {
  if (!own_) throw tool::Failure("Windows gives no event");
}

void End::known_as(const std::string& mount_point) {
  known_ = Handle(CreateEventW(nullptr, TRUE, FALSE, event_name(mount_point).c_str()));
  if (!known_)
    throw tool::Failure(fmt::format("{}: Windows gives no event to end it by", mount_point));
}

void End::ask() {
  SetEvent(own_.get());
}

void End::wait() const {
  const HANDLE events[] = {own_.get(), known_.get()};
  const DWORD count = known_ ? 2 : 1;
  while (tool::pending_signal() == 0)
    if (WaitForMultipleObjects(count, events, FALSE, kMoment) != WAIT_TIMEOUT) return;
}

void end_mount(const std::string& mount_point) {
  const std::wstring name = event_name(mount_point);
  const auto find = [&] { return Handle(OpenEventW(EVENT_MODIFY_STATE, FALSE, name.c_str())); };
  Handle event = find();
  if (!event) throw tool::Failure(fmt::format("{}: no lklfs of yours serves it", mount_point));
  SetEvent(event.get());
  // It is not there any more when its process has ended.
  while (event) {
    event.reset();
    Sleep(kMoment);
    tool::check_interrupted();
    event = find();
  }
}

}  // namespace lkl::winfsp

// SPDX-License-Identifier: GPL-2.0
#include "win32/own_user.h"

#include <aclapi.h>
#include <sddl.h>

#include <array>
#include <cstddef>

#include "win32/handle.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

int text_of(PSID sid, std::string& text) {
  char* raw = nullptr;
  if (!ConvertSidToStringSidA(sid, &raw)) return last_errno();
  const LocalPointer<char> owner(raw);
  text = raw;
  return 0;
}

}  // namespace

int own_user(std::string& user) {
  HANDLE raw = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw)) return last_errno();
  const Handle token(raw);
  alignas(TOKEN_USER) std::array<std::byte, 256> room;
  DWORD size = 0;
  if (!GetTokenInformation(token.get(), TokenUser, room.data(), room.size(), &size))
    return last_errno();
  return text_of(reinterpret_cast<const TOKEN_USER*>(room.data())->User.Sid, user);
}

int only_for(const std::string& user, LocalPointer<void>& descriptor) {
  const std::string text = "O:" + user + "D:P(A;;GA;;;" + user + ")";
  void* raw = nullptr;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text.c_str(), SDDL_REVISION_1, &raw,
                                                            nullptr))
    return last_errno();
  descriptor.reset(raw);
  return 0;
}

bool is_of(HANDLE object, const std::string& user) {
  PSID owner = nullptr;
  void* raw = nullptr;
  if (GetSecurityInfo(object, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr,
                      nullptr, nullptr, &raw) != ERROR_SUCCESS)
    return false;
  const LocalPointer<void> descriptor(raw);
  std::string text;
  return text_of(owner, text) == 0 && text == user;
}

}  // namespace lkl::host

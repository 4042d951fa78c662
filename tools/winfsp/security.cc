// SPDX-License-Identifier: GPL-2.0
#include "winfsp/security.h"

#include <cstring>

#include "base/error.h"
#include "host/win32/handle.h"

namespace lkl::winfsp {

namespace {

constexpr SID_IDENTIFIER_AUTHORITY kUnix = {{0, 0, 0, 0, 0, 22}};
constexpr DWORD kSubAuthorities = 2;
// All may look at who owns a file, and what it is.
constexpr ACCESS_MASK kAlways = READ_CONTROL | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
constexpr ACCESS_MASK kOwner = kAlways | WRITE_DAC | WRITE_OWNER | FILE_WRITE_ATTRIBUTES;
// What tells the bits of a mode.
constexpr ACCESS_MASK kReads = FILE_READ_DATA, kWrites = FILE_WRITE_DATA, kExecutes = FILE_EXECUTE;

ACCESS_MASK rights(unsigned bits, bool directory) {
  ACCESS_MASK mask = 0;
  if (bits & 4) mask |= FILE_READ_DATA | FILE_READ_EA;
  if (bits & 2) mask |= FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES;
  if (bits & 2 && directory) mask |= FILE_DELETE_CHILD;
  if (bits & 1) mask |= FILE_EXECUTE;
  return mask;
}

// Those of the mode's bits alone: what is denied.
ACCESS_MASK own_rights(unsigned bits, bool directory) {
  return rights(bits, directory) & ~FILE_WRITE_ATTRIBUTES;
}

unsigned bits_of(ACCESS_MASK mask) {
  return (mask & kReads ? 4U : 0) | (mask & kWrites ? 2U : 0) | (mask & kExecutes ? 1U : 0);
}

ACCESS_MASK specific(ACCESS_MASK mask) {
  GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                             FILE_ALL_ACCESS};
  MapGenericMask(&mask, &mapping);
  return mask;
}

// Of the process; `Info` is a structure of one SID.
template <typename Info>
PSID sid_of_token(TOKEN_INFORMATION_CLASS what, std::vector<std::byte>& buffer, PSID Info::*sid) {
  HANDLE opened = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &opened)) return nullptr;
  const lkl::host::Handle token(opened);
  DWORD size = 0;
  GetTokenInformation(token.get(), what, nullptr, 0, &size);
  buffer.resize(size);
  if (!GetTokenInformation(token.get(), what, buffer.data(), size, &size)) return nullptr;
  return reinterpret_cast<const Info*>(buffer.data())->*sid;
}

}  // namespace

Security::Sid Security::of_image(Kind kind, std::uint32_t id) {
  Sid sid;
  SID_IDENTIFIER_AUTHORITY authority = kUnix;
  InitializeSid(sid.get(), &authority, kSubAuthorities);
  *GetSidSubAuthority(sid.get(), 0) = static_cast<DWORD>(kind);
  *GetSidSubAuthority(sid.get(), 1) = id;
  return sid;
}

Security::Sid Security::well_known(WELL_KNOWN_SID_TYPE type) {
  Sid sid;
  DWORD size = SECURITY_MAX_SID_SIZE;
  if (!CreateWellKnownSid(type, nullptr, sid.get(), &size))
    throw tool::Failure("Windows does not tell its well-known users");
  return sid;
}

Security::Security(Owner self, bool check_permissions)
    : self_(self),
      check_(check_permissions),
      everyone_(well_known(WinWorldSid)),
      system_(well_known(WinLocalSystemSid)),
      administrators_(well_known(WinBuiltinAdministratorsSid)) {
  std::vector<std::byte> user, group;
  struct User {
    PSID sid;
  };
  const PSID user_sid = sid_of_token<User>(TokenUser, user, &User::sid);
  const PSID group_sid = sid_of_token<User>(TokenPrimaryGroup, group, &User::sid);
  if (!user_sid || !group_sid || !CopySid(SECURITY_MAX_SID_SIZE, user_.get(), user_sid) ||
      !CopySid(SECURITY_MAX_SID_SIZE, group_.get(), group_sid))
    throw tool::Failure("Windows does not tell who runs this program");
}

Security::Sid Security::sid(Kind kind, std::uint32_t id) const {
  if (kind == Kind::kUser && id == self_.user) return user_;
  if (kind == Kind::kGroup && id == self_.group) return group_;
  return of_image(kind, id);
}

std::uint32_t Security::id(Kind kind, PSID sid) const {
  if (kind == Kind::kUser && EqualSid(sid, user_.get())) return self_.user;
  if (kind == Kind::kGroup && EqualSid(sid, group_.get())) return self_.group;
  const SID_IDENTIFIER_AUTHORITY authority = *GetSidIdentifierAuthority(sid);
  if (std::memcmp(&authority, &kUnix, sizeof kUnix) != 0 ||
      *GetSidSubAuthorityCount(sid) != kSubAuthorities ||
      *GetSidSubAuthority(sid, 0) != static_cast<DWORD>(kind))
    throw StatusError{kind == Kind::kUser ? STATUS_INVALID_OWNER : STATUS_INVALID_PRIMARY_GROUP};
  return *GetSidSubAuthority(sid, 1);
}

bool Security::is_self(PSID sid) const {
  return EqualSid(sid, user_.get());
}

std::vector<std::byte> Security::descriptor(const Stat& file) const {
  const Sid user = sid(Kind::kUser, file.uid), group = sid(Kind::kGroup, file.gid);
  const bool directory = file.is_directory();
  const unsigned owner = file.mode >> 6 & 7, members = file.mode >> 3 & 7, others = file.mode & 7;
  alignas(ACL) std::byte room[1024];
  const auto list = reinterpret_cast<PACL>(room);
  InitializeAcl(list, sizeof room, ACL_REVISION);
  if (!check_) {
    for (const Sid* one : {&user_, &system_, &administrators_})
      AddAccessAllowedAce(list, ACL_REVISION, FILE_ALL_ACCESS, one->get());
  } else {
    if (const unsigned denied = (members | others) & ~owner)
      AddAccessDeniedAce(list, ACL_REVISION, own_rights(denied, directory), user.get());
    if (const unsigned denied = others & ~members)
      AddAccessDeniedAce(list, ACL_REVISION, own_rights(denied, directory), group.get());
  }
  AddAccessAllowedAce(list, ACL_REVISION, kOwner | rights(owner, directory), user.get());
  AddAccessAllowedAce(list, ACL_REVISION, kAlways | rights(members, directory), group.get());
  AddAccessAllowedAce(list, ACL_REVISION, kAlways | rights(others, directory), everyone_.get());

  SECURITY_DESCRIPTOR whole;
  InitializeSecurityDescriptor(&whole, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorControl(&whole, SE_DACL_PROTECTED, SE_DACL_PROTECTED);
  SetSecurityDescriptorOwner(&whole, user.get(), FALSE);
  SetSecurityDescriptorGroup(&whole, group.get(), FALSE);
  SetSecurityDescriptorDacl(&whole, TRUE, list, FALSE);
  DWORD size = 0;
  MakeSelfRelativeSD(&whole, nullptr, &size);
  std::vector<std::byte> self_relative(size);
  if (!MakeSelfRelativeSD(&whole, self_relative.data(), &size))
    throw StatusError{STATUS_INSUFFICIENT_RESOURCES};
  return self_relative;
}

std::uint32_t Security::mode_of(const Stat& file, PACL list, PSID user, PSID group) const {
  // What the owner, the group and others have: as entries come, the first that tells of a right
  // decides, and those for Everyone are for all. Unless rights are checked nothing is denied, so
  // who has entries of his own has what these say. The entry by which we let the user do everything
  // tells nothing of the mode.
  struct Class {
    PSID sid;
    ACCESS_MASK allowed = 0, denied = 0;
    bool named = false;
  } classes[] = {{user}, {group}, {everyone_.get()}};
  const bool ours = !check_ && is_self(user);
  bool skipped = false;
  for (DWORD i = 0; list && i < list->AceCount; i++) {
    void* entry = nullptr;
    if (!GetAce(list, i, &entry)) break;
    const auto header = static_cast<const ACE_HEADER*>(entry);
    const bool allows = header->AceType == ACCESS_ALLOWED_ACE_TYPE;
    if ((!allows && header->AceType != ACCESS_DENIED_ACE_TYPE) ||
        header->AceFlags & INHERIT_ONLY_ACE)
      continue;
    // both kinds have the same members
    const auto ace = static_cast<ACCESS_ALLOWED_ACE*>(entry);
    const PSID sid = &ace->SidStart;
    const ACCESS_MASK mask = specific(ace->Mask);
    if (ours && !skipped && allows && mask == FILE_ALL_ACCESS && EqualSid(sid, user)) {
      skipped = true;
      continue;
    }
    for (Class& one : classes) {
      const bool named = EqualSid(sid, one.sid);
      if (named && !one.named && !check_) one.allowed = one.denied = 0;
      one.named = one.named || named;
      if (!named && (!EqualSid(sid, everyone_.get()) || (one.named && !check_))) continue;
      if (allows)
        one.allowed |= mask & ~one.denied;
      else
        one.denied |= mask & ~one.allowed;
    }
  }
  std::uint32_t mode = file.mode & 07000;
  // Somebody has put his own entries into one.
  const unsigned owner =
      skipped && !classes[0].named ? file.mode >> 6 & 7 : bits_of(classes[0].allowed);
  mode |= owner << 6 | bits_of(classes[1].allowed) << 3 | bits_of(classes[2].allowed);
  // A list that is not there allows everything.
  return list ? mode : mode | 0777;
}

Security::Change Security::change(const Stat& file, ULONG what, void* descriptor) const {
  Change change;
  PSID sid = nullptr;
  BOOL by_default = FALSE;
  Sid user = this->sid(Kind::kUser, file.uid), group = this->sid(Kind::kGroup, file.gid);
  if (what & OWNER_SECURITY_INFORMATION &&
      GetSecurityDescriptorOwner(descriptor, &sid, &by_default) && sid) {
    change.user = id(Kind::kUser, sid);
    CopySid(SECURITY_MAX_SID_SIZE, user.get(), sid);
  }
  if (what & GROUP_SECURITY_INFORMATION &&
      GetSecurityDescriptorGroup(descriptor, &sid, &by_default) && sid) {
    change.group = id(Kind::kGroup, sid);
    CopySid(SECURITY_MAX_SID_SIZE, group.get(), sid);
  }
  BOOL present = FALSE;
  PACL list = nullptr;
  if (what & DACL_SECURITY_INFORMATION &&
      GetSecurityDescriptorDacl(descriptor, &present, &list, &by_default))
    change.mode = mode_of(file, present ? list : nullptr, user.get(), group.get());
  return change;
}

}  // namespace lkl::winfsp

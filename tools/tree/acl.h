// SPDX-License-Identifier: GPL-2.0
//
// POSIX ACLs: in an image they are extended attributes, in an archive text of their own.
#ifndef LKL_TOOL_ACL_H
#define LKL_TOOL_ACL_H

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lkl::tool {

// Whether the extended attribute is an ACL.
bool is_acl(const std::string& name);

// Whether it is the one of a directory that new files get.
bool is_default_acl(const std::string& name);
// The value that takes an ACL away.
std::string no_acl();

// Gives the entry the ACL that the attribute holds. False if it is damaged.
bool put_acl(archive_entry* entry, const std::string& name, const std::string& value);

// The entry's ACLs as attributes. Users and groups that are only named are looked up on the host;
// those that are not known there are left out.
std::vector<std::pair<std::string, std::string>> take_acls(archive_entry* entry);

// Of a user or group of this host.
constexpr std::uint32_t kNoId = UINT32_MAX;
std::uint32_t id_of_named(bool user, const char* name);

}  // namespace lkl::tool

#endif  // LKL_TOOL_ACL_H

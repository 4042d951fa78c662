// SPDX-License-Identifier: GPL-2.0
#include "tree/acl.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace lkl::tool {

namespace {

constexpr char kAccess[] = "system.posix_acl_access";
constexpr char kDefault[] = "system.posix_acl_default";

// The attribute: the version, then records of tag, permissions (2 bytes each) and id (4), all
// little-endian.
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeader = 4, kRecord = 8;

struct Tag {
  unsigned stored;
  int archived;
  bool has_id;
};
constexpr Tag kTags[] = {
    {0x01, ARCHIVE_ENTRY_ACL_USER_OBJ, false},  {0x02, ARCHIVE_ENTRY_ACL_USER, true},
    {0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ, false}, {0x08, ARCHIVE_ENTRY_ACL_GROUP, true},
    {0x10, ARCHIVE_ENTRY_ACL_MASK, false},      {0x20, ARCHIVE_ENTRY_ACL_OTHER, false},
};

std::uint32_t number_at(const std::string& value, std::size_t at, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes; i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(value[at + i]);
  return number;
}

void append(std::string& value, std::uint32_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i++) value += static_cast<char>(number >> (8 * i));
}

std::string take_acl(archive_entry* entry, int type) {
  struct Record {
    unsigned tag;
    std::uint32_t id;
    unsigned permissions;
    bool operator<(const Record& other) const {
      return std::tie(tag, id) < std::tie(other.tag, other.id);
    }
  };
  std::vector<Record> records;
  int ignored = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  archive_entry_acl_reset(entry, type);
  while (archive_entry_acl_next(entry, type, &ignored, &permissions, &tag, &id, &name) ==
         ARCHIVE_OK) {
    const auto* known = std::find_if(std::begin(kTags), std::end(kTags),
                                     [&](const Tag& t) { return t.archived == tag; });
    if (known == std::end(kTags)) continue;
    std::uint32_t number = kNoId;
    if (known->has_id) {
      number = id >= 0 ? static_cast<std::uint32_t>(id)
                       : id_of_named(tag == ARCHIVE_ENTRY_ACL_USER, name);
      if (number == kNoId) continue;
    }
    records.push_back({known->stored, number, static_cast<unsigned>(permissions) & 7});
  }
  if (records.empty()) return {};
  // The kernel wants them in this order.
  std::sort(records.begin(), records.end());
  std::string value;
  append(value, kVersion, 4);
  for (const Record& record : records) {
    append(value, record.tag, 2);
    append(value, record.permissions, 2);
    append(value, record.id, 4);
  }
  return value;
}

}  // namespace

bool is_acl(const std::string& name) {
  return name == kAccess || name == kDefault;
}

bool is_default_acl(const std::string& name) {
  return name == kDefault;
}

std::string no_acl() {
  std::string value;
  append(value, kVersion, kHeader);
  return value;
}

bool put_acl(archive_entry* entry, const std::string& name, const std::string& value) {
  if (value.size() < kHeader || (value.size() - kHeader) % kRecord != 0 ||
      number_at(value, 0, 4) != kVersion)
    return false;
  const int type =
      name == kDefault ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
  for (std::size_t at = kHeader; at < value.size(); at += kRecord) {
    const std::uint32_t stored = number_at(value, at, 2);
    const auto* tag = std::find_if(std::begin(kTags), std::end(kTags),
                                   [&](const Tag& t) { return t.stored == stored; });
    if (tag == std::end(kTags)) return false;
    const int id = tag->has_id ? static_cast<int>(number_at(value, at + 4, 4)) : -1;
    const int permissions = static_cast<int>(number_at(value, at + 2, 2) & 7);
    if (archive_entry_acl_add_entry(entry, type, permissions, tag->archived, id, nullptr) !=
        ARCHIVE_OK)
      return false;
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> take_acls(archive_entry* entry) {
  std::vector<std::pair<std::string, std::string>> acls;
  const int types = archive_entry_acl_types(entry);
  if (types & ARCHIVE_ENTRY_ACL_TYPE_ACCESS)
    if (std::string value = take_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS); !value.empty())
      acls.emplace_back(kAccess, std::move(value));
  if (types & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)
    if (std::string value = take_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT); !value.empty())
      acls.emplace_back(kDefault, std::move(value));
  return acls;
}

}  // namespace lkl::tool

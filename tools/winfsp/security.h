// SPDX-License-Identifier: GPL-2.0
//
// Owners and modes as security descriptors. A user and a group of the image are S-1-22-1-UID and
// S-1-22-2-GID, as Samba has them, all others are Everyone; one of the image's owners, root if no
// other was chosen, is who runs this program.
//
// Unless rights are to be checked that user may do all, and so may administrators and the system:
// an entry for each of them comes first. Else a mode is what it says: entries that deny keep
// the owner and the group from having what only others have.
#ifndef LKL_WINFSP_SECURITY_H
#define LKL_WINFSP_SECURITY_H

#include <lkl_file.hpp>

#include "winfsp/nt_status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace lkl::winfsp {

struct Owner {
  std::uint32_t user = 0, group = 0;
};

class Security {
 public:
  // `self`: who in the image runs this program. Throws tool::Failure.
  Security(Owner self, bool check_permissions);

  // Self-relative.
  std::vector<std::byte> descriptor(const Stat& file) const;

  struct Change {
    std::optional<std::uint32_t> user, group, mode;
  };
  // What of a file is to be as `descriptor` says; `what`: OWNER_SECURITY_INFORMATION ... Throws
  // StatusError: an owner who cannot be in an image.
  Change change(const Stat& file, ULONG what, void* descriptor) const;

 private:
  struct Sid {
    alignas(DWORD) std::array<std::byte, SECURITY_MAX_SID_SIZE> bytes = {};
    PSID get() const { return const_cast<std::byte*>(bytes.data()); }
  };
  enum class Kind : DWORD { kUser = 1, kGroup = 2 };

  static Sid of_image(Kind kind, std::uint32_t id);
  static Sid well_known(WELL_KNOWN_SID_TYPE type);
  Sid sid(Kind kind, std::uint32_t id) const;
  std::uint32_t id(Kind kind, PSID sid) const;
  std::uint32_t mode_of(const Stat& file, PACL list, PSID user, PSID group) const;
  bool is_self(PSID sid) const;

  const Owner self_;
  const bool check_;
  Sid user_, group_, everyone_, system_, administrators_;
};

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_SECURITY_H

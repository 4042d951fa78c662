// SPDX-License-Identifier: GPL-2.0
//
// What Windows is told of files, without a kernel.
#include <gtest/gtest.h>

#include "winfsp/attributes.h"
#include "winfsp/file_name.h"
#include "winfsp/nt_status.h"
#include "winfsp/security.h"

#include <functional>
#include <string>
#include <vector>

namespace lkl::winfsp {

namespace {

NtStatus status_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const StatusError& error) {
    return error.status;
  }
  return STATUS_SUCCESS;
}

Stat file_of(std::uint32_t mode) {
  Stat file;
  file.mode = mode;
  file.uid = 5;
  file.gid = 6;
  return file;
}

constexpr std::uint32_t kFile = 0100000, kDirectory = 0040000, kLink = 0120000, kPipe = 0010000;

}  // namespace

TEST(WinfspNames, PathsOfWindows) {
  EXPECT_EQ(path_of(L"\\"), "");
  EXPECT_EQ(path_of(L"\\a\\b c\\d"), "a/b c/d");
  EXPECT_EQ(path_of(L"\\gr\u00fc\u00dfe\\\U0001f600"),
            "gr\xc3\xbc\xc3\x9f"
            "e/\xf0\x9f\x98\x80");
  EXPECT_EQ(path_of(L"\\a\uf03a"
                    L"b"),
            "a:b");
  for (const wchar_t* const name : {L"\\.", L"\\a\\..", L"\\\uf02f", L"\\\uf02e\uf02e", L"\\\uf061",
                                    L"\\nul", L"\\a:b", L"\\a.", L"\\a "})
    EXPECT_EQ(status_of([&] { path_of(name); }), STATUS_OBJECT_NAME_INVALID);
}

TEST(WinfspNames, LinksStayOnTheDrive) {
  EXPECT_EQ(target_for_windows("l", "a/b"), L"a\\b");
  EXPECT_EQ(target_for_windows("d/e/l", "../x//y/"), L"..\\x\\y");
  EXPECT_EQ(target_for_windows("l", "/etc/passwd"), L"etc\\passwd");
  EXPECT_EQ(target_for_windows("d/e/l", "/etc/passwd"), L"..\\..\\etc\\passwd");
  EXPECT_EQ(target_for_windows("d/l", "/"), L"..");
  EXPECT_EQ(target_for_windows("l", "/"), L".");
  EXPECT_EQ(target_for_windows("l", "C:\\x"), L"C\uf03a\uf05cx");
}

TEST(WinfspNames, LinksThatWindowsMakes) {
  EXPECT_EQ(target_for_linux(L"a\\..\\b/c", true, L"X:"), "a/../b/c");
  EXPECT_EQ(target_for_linux(L"\\a", true, L"X:"), "/a");
  EXPECT_EQ(target_for_linux(L"\\??\\x:\\a\\b", false, L"X:"), "/a/b");
  EXPECT_EQ(target_for_linux(L"\\??\\X:", false, L"x:"), "/");
  for (const wchar_t* const target : {L"\\??\\Y:\\a", L"\\\\server\\share", L"\\??\\UNC\\s\\x"})
    EXPECT_EQ(status_of([&] { target_for_linux(target, false, L"X:"); }), STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status_of([&] { target_for_linux(L"\\??\\X:\\a", false, L""); }), STATUS_NOT_SUPPORTED);
  EXPECT_EQ(target_for_linux(L"\\??\\C:\\Mnt\\x\\a", false, L"c:\\mnt\\X"), "/a");
  for (const wchar_t* const target : {L"\\??\\C:\\mnt\\xy\\a", L"\\??\\C:\\mnt", L"\\??\\C:\\a"})
    EXPECT_EQ(status_of([&] { target_for_linux(target, false, L"C:\\mnt\\x"); }),
              STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status_of([&] { target_for_linux(L"", true, L"X:"); }), STATUS_IO_REPARSE_DATA_INVALID);
}

TEST(WinfspAttributes, Times) {
  EXPECT_EQ(file_time({0, 0}), 116444736000000000ULL);
  EXPECT_EQ(file_time({-11644473600, 0}), 0u);
  EXPECT_EQ(file_time({-20000000000, 0}), 0u);  // before there is time
  EXPECT_EQ(file_time({INT64_MAX / 2, 0}) >> 63, 0u);
  for (const Timestamp& time : {Timestamp{0, 0}, Timestamp{1, 100}, Timestamp{-5, 999'999'900},
                                Timestamp{4'000'000'000, 123'456'700}})
    EXPECT_EQ(from_file_time(file_time(time)), time);
}

TEST(WinfspAttributes, OfModesAndNames) {
  EXPECT_EQ(attributes_of(file_of(kFile | 0644), {"f"}), DWORD{FILE_ATTRIBUTE_NORMAL});
  EXPECT_EQ(attributes_of(file_of(kFile | 0444), {"f"}), DWORD{FILE_ATTRIBUTE_READONLY});
  EXPECT_EQ(attributes_of(file_of(kFile | 0464), {".f"}), DWORD{FILE_ATTRIBUTE_HIDDEN});
  EXPECT_EQ(attributes_of(file_of(kDirectory | 0555), {"d"}), DWORD{FILE_ATTRIBUTE_DIRECTORY});
  EXPECT_EQ(attributes_of(file_of(kDirectory | 0755), {".."}), DWORD{FILE_ATTRIBUTE_DIRECTORY});
  EXPECT_EQ(attributes_of(file_of(kPipe | 0444), {"p"}), DWORD{FILE_ATTRIBUTE_SYSTEM});
  EXPECT_EQ(attributes_of(file_of(kLink | 0777), {"l"}), DWORD{FILE_ATTRIBUTE_REPARSE_POINT});
  EXPECT_EQ(attributes_of(file_of(kLink | 0777), {"l", true}),
            DWORD{FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY});
  EXPECT_EQ(mode_with_attributes(kFile | 0644, FILE_ATTRIBUTE_READONLY), 0444u);
  EXPECT_EQ(mode_with_attributes(kFile | 04555, FILE_ATTRIBUTE_NORMAL), 04755u);
  EXPECT_EQ(mode_with_attributes(kFile | 0464, FILE_ATTRIBUTE_NORMAL), 0464u);
}

TEST(WinfspAttributes, AllocationIsWholeUnits) {
  Stat file = file_of(kFile | 0644);
  file.size = 4097;
  EXPECT_EQ(info_of(file, {"f"}, 4096, 0).allocated, 8192u);
  file.blocks = 64;
  EXPECT_EQ(info_of(file, {"f"}, 4096, 0).allocated, 32768u);
  file.size = 0;
  file.blocks = 0;
  EXPECT_EQ(info_of(file, {"f"}, 4096, 0).allocated, 0u);
}

TEST(WinfspAttributes, NumbersOnOtherDevicesAreOthers) {
  Stat file = file_of(kFile | 0644);
  file.inode = 257;
  file.dev_minor = 3;
  const std::uint64_t device = device_of(file);
  EXPECT_EQ(info_of(file, {"f"}, 4096, device).index, 257u);
  EXPECT_NE(info_of(file, {"f"}, 4096, device + 1).index, 257u);
}

// Each mode is told, read again, and the same; whoever the owner is.
TEST(WinfspSecurity, AllModesThereAndBack) {
  for (const bool check : {false, true}) {
    for (const Owner self : {Owner{0, 0}, Owner{5, 6}, Owner{5, 0}}) {
      const Security security(self, check);
      for (std::uint32_t mode = 0; mode <= 0777; mode++) {
        const Stat file = file_of(kFile | mode);
        std::vector<std::byte> descriptor = security.descriptor(file);
        ASSERT_TRUE(IsValidSecurityDescriptor(descriptor.data()));
        // what the file is now has no part in it
        Stat other = file;
        other.mode = kFile | 0;
        const Security::Change change = security.change(
            other,
            OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            descriptor.data());
        ASSERT_EQ(change.mode, mode) << std::oct << mode << " check " << check;
        ASSERT_EQ(change.user, 5u);
        ASSERT_EQ(change.group, 6u);
      }
    }
  }
}

TEST(WinfspSecurity, OnlyWhatIsAskedFor) {
  const Security security({}, true);
  std::vector<std::byte> descriptor = security.descriptor(file_of(kFile | 0644));
  const Security::Change change =
      security.change(file_of(kFile | 0600), GROUP_SECURITY_INFORMATION, descriptor.data());
  EXPECT_FALSE(change.user || change.mode);
  EXPECT_EQ(change.group, 6u);
}

// As Windows itself reckons: the rights of who runs this, and of nobody in particular.
TEST(WinfspSecurity, RightsAsWindowsReckonsThem) {
  HANDLE process = nullptr, token = nullptr;
  ASSERT_TRUE(OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &process));
  ASSERT_TRUE(DuplicateToken(process, SecurityImpersonation, &token));
  const auto may = [&](const Security& security, const Stat& file, ACCESS_MASK wanted) {
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    PRIVILEGE_SET privileges = {};
    DWORD size = sizeof privileges, granted = 0;
    BOOL allowed = FALSE;
    std::vector<std::byte> descriptor = security.descriptor(file);
    EXPECT_TRUE(AccessCheck(descriptor.data(), token, wanted, &mapping, &privileges, &size,
                            &granted, &allowed));
    return allowed != FALSE;
  };
  const Security lenient({0, 0}, false), strict_owner({5, 6}, true), strict_other({0, 0}, true);
  for (const ACCESS_MASK wanted : {FILE_READ_DATA, FILE_WRITE_DATA, FILE_EXECUTE})
    EXPECT_TRUE(may(lenient, file_of(kFile | 0), wanted));
  EXPECT_TRUE(may(strict_owner, file_of(kFile | 0400), FILE_READ_DATA));
  EXPECT_FALSE(may(strict_owner, file_of(kFile | 0400), FILE_WRITE_DATA));
  EXPECT_TRUE(may(strict_owner, file_of(kFile | 0000), WRITE_DAC));
  // others may, the owner may not
  EXPECT_FALSE(may(strict_owner, file_of(kFile | 0007), FILE_READ_DATA));
  EXPECT_TRUE(may(strict_other, file_of(kFile | 0004), FILE_READ_DATA));
  EXPECT_FALSE(may(strict_other, file_of(kFile | 0770), FILE_READ_DATA));
  CloseHandle(token);
  CloseHandle(process);
}

TEST(WinfspStatus, EachHasItsOwn) {
  EXPECT_EQ(status_of_error(0), STATUS_SUCCESS);
  EXPECT_EQ(status_of_error(LKL_ENOSPC), STATUS_DISK_FULL);
  EXPECT_EQ(status_of_error(LKL_EROFS), STATUS_MEDIA_WRITE_PROTECTED);
  EXPECT_EQ(status_of_error(LKL_ESHUTDOWN), STATUS_IO_DEVICE_ERROR);
  // No error is a success, or a warning.
  for (int error = 1; error < 140; error++) EXPECT_LT(status_of_error(error), -0x3fff0000) << error;
}

}  // namespace lkl::winfsp

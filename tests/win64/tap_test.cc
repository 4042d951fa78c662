// SPDX-License-Identifier: GPL-2.0
// Adapters of tap-windows6, whose driver is not here: the registry as its installer leaves it, and
// a device that is a pipe of messages.
#include "win32/tap_net.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "io/event_loop.h"
#include "win32/path.h"

namespace {

using lkl::host::Handle;
using lkl::host::IoVec;
using lkl::host::NetBackend;
using lkl::host::NetUri;
using lkl::host::TapAdapter;

// What it is asked for is remembered.
class FakeDriver final : public lkl::host::TapDriver {
 public:
  std::vector<TapAdapter> adapters() const override { return adapters_; }
  int open(const TapAdapter& adapter, Handle& device) const override {
    opened_.push_back(adapter.id);
    if (adapter.id == taken_) return -EBUSY;
    const std::wstring name =
        lkl::host::wide("\\\\.\\pipe\\lkl-tap-test-" + std::to_string(GetCurrentProcessId()));
    device = Handle(CreateNamedPipeW(name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                     PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 1 << 20, 1 << 20,
                                     0, nullptr));
    EXPECT_TRUE(device);
    windows_ = Handle(CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                  OPEN_EXISTING, 0, nullptr));
    EXPECT_TRUE(windows_);
    DWORD mode = PIPE_READMODE_MESSAGE;
    EXPECT_TRUE(SetNamedPipeHandleState(windows_.get(), &mode, nullptr, nullptr));
    return 0;
  }
  int control(HANDLE, uint32_t code, void* in_and_out, uint32_t size) const override {
    EXPECT_EQ(size, sizeof(uint32_t));
    uint32_t number;
    std::memcpy(&number, in_and_out, sizeof number);
    asked_.emplace_back(code, number);
    if (code == 0x22000c) {
      number = 1400;
      std::memcpy(in_and_out, &number, sizeof number);
    }
    return refused_ == code ? -EOPNOTSUPP : 0;
  }

  std::vector<TapAdapter> adapters_ = {{.id = "{1}", .name = "Ethernet 1"},
                                       {.id = "{2}", .name = "Lab"}};
  std::string taken_;
  uint32_t refused_ = 0;
  mutable std::vector<std::string> opened_;
  mutable std::vector<std::pair<uint32_t, uint32_t>> asked_;
  mutable Handle windows_;  // the other side of the adapter
};

class TapTest : public ::testing::Test {
 protected:
  int open(const std::string& uri) {
    said_.clear();
    NetUri words(uri, [this](std::string_view line) { said_ += line; });
    return open_tap_adapter(words, driver_, net_);
  }
  std::string receive() {
    std::array<char, 2000> bytes;
    const IoVec room = {.base = bytes.data(), .size = bytes.size()};
    int64_t count;
    for (int tries = 0; (count = net_->receive(0, std::span(&room, 1))) == -EAGAIN && tries < 500;
         ++tries)
      Sleep(10);
    return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : std::string();
  }

  FakeDriver driver_;
  std::unique_ptr<NetBackend> net_;
  std::string said_;
};

}  // namespace

TEST_F(TapTest, TheCableIsPluggedInAndFramesGoBothWays) {
  ASSERT_EQ(open("tap:Lab"), 0) << said_;
  EXPECT_EQ(driver_.opened_, std::vector<std::string>{"{2}"});
  // TAP_WIN_IOCTL_GET_MTU and TAP_WIN_IOCTL_SET_MEDIA_STATUS, as numbers
  using Asked = std::vector<std::pair<uint32_t, uint32_t>>;
  EXPECT_EQ(driver_.asked_, (Asked{{0x22000c, 0}, {0x220018, 1}}));
  EXPECT_EQ(net_->mtu(), 1400);
  EXPECT_FALSE(net_->has_header());

  std::string frame(1414, 'f');
  for (const char last : {'a', 'b', 'c'}) {
    frame.back() = last;
    std::array<IoVec, 2> parts = {IoVec{.base = frame.data(), .size = 14},
                                  IoVec{.base = frame.data() + 14, .size = 1400}};
    int result;
    while ((result = net_->send(0, parts)) == -EAGAIN) Sleep(1);
    ASSERT_EQ(result, 0);
    std::string back(2000, '\0');
    DWORD count = 0;
    ASSERT_TRUE(ReadFile(driver_.windows_.get(), back.data(), static_cast<DWORD>(back.size()),
                         &count, nullptr));
    EXPECT_EQ(back.substr(0, count), frame);
  }
  // one read gives one frame
  for (const size_t size : {60, 61, 1414}) {
    DWORD count = 0;
    ASSERT_TRUE(WriteFile(driver_.windows_.get(), std::string(size, 'w').data(),
                          static_cast<DWORD>(size), &count, nullptr));
  }
  for (const size_t size : {60, 61, 1414}) EXPECT_EQ(receive(), std::string(size, 'w'));
  std::array<char, 100> bytes;
  const IoVec room = {.base = bytes.data(), .size = bytes.size()};
  EXPECT_EQ(net_->receive(0, std::span(&room, 1)), -EAGAIN);
}

TEST_F(TapTest, TheFirstThatNobodyHas) {
  driver_.taken_ = "{1}";
  ASSERT_EQ(open("tap"), 0) << said_;
  EXPECT_EQ(driver_.opened_, (std::vector<std::string>{"{1}", "{2}"}));
}

TEST_F(TapTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(open("tap:Nobody"), -ENODEV);
  EXPECT_NE(said_.find("there are \"Ethernet 1\", \"Lab\""), std::string::npos) << said_;
  driver_.taken_ = "{1}";
  EXPECT_EQ(open("tap:{1}"), -EBUSY);
  EXPECT_NE(said_.find("another program has it"), std::string::npos) << said_;
  driver_.refused_ = 0x220018;
  EXPECT_EQ(open("tap:Lab"), -EOPNOTSUPP);
  driver_.adapters_.clear();
  EXPECT_EQ(open("tap"), -ENODEV);
  EXPECT_NE(said_.find("tap-windows6"), std::string::npos) << said_;
  EXPECT_FALSE(net_);
}

// As the installer leaves it; it has to be an administrator's program, as one of wine's is.
TEST(TapDriverTest, FindsAdaptersInTheRegistry) {
  const std::wstring control = L"SYSTEM\\CurrentControlSet\\Control\\";
  const std::wstring network = L"{4D36E972-E325-11CE-BFC1-08002BE10318}";
  const std::wstring id =
      L"{AAAAAAAA-0000-4000-8000-" + std::to_wstring(100000000000 + GetCurrentProcessId()) + L"}";
  const std::wstring other =
      L"{BBBBBBBB-0000-4000-8000-" + std::to_wstring(100000000000 + GetCurrentProcessId()) + L"}";
  struct Value {
    std::wstring key, name, text;
  };
  const std::vector<Value> values = {
      {control + L"Class\\" + network + L"\\8801", L"ComponentId", L"TAP0901"},
      {control + L"Class\\" + network + L"\\8801", L"NetCfgInstanceId", id},
      {control + L"Network\\" + network + L"\\" + id + L"\\Connection", L"Name", L"Fl\u00fcstern"},
      {control + L"Class\\" + network + L"\\8802", L"ComponentId", L"pci\\ven_8086"},
      {control + L"Class\\" + network + L"\\8802", L"NetCfgInstanceId", other},
  };
  bool could = true;
  for (const Value& value : values) {
    HKEY key = nullptr;
    could = could && RegCreateKeyExW(HKEY_LOCAL_MACHINE, value.key.c_str(), 0, nullptr, 0,
                                     KEY_ALL_ACCESS, nullptr, &key, nullptr) == ERROR_SUCCESS;
    could =
        could && RegSetValueExW(key, value.name.c_str(), 0, REG_SZ,
                                reinterpret_cast<const BYTE*>(value.text.c_str()),
                                static_cast<DWORD>((value.text.size() + 1) * sizeof(wchar_t))) ==
                     ERROR_SUCCESS;
    if (key) RegCloseKey(key);
  }
  const std::vector<TapAdapter> found = lkl::host::installed_tap_driver().adapters();
  for (const wchar_t* number : {L"\\8801", L"\\8802"})
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, (control + L"Class\\" + network + number).c_str());
  RegDeleteTreeW(HKEY_LOCAL_MACHINE, (control + L"Network\\" + network + L"\\" + id).c_str());
  if (!could) GTEST_SKIP() << "the registry can't be written here";
  bool has = false;
  for (const TapAdapter& adapter : found) {
    has |= adapter.id == lkl::host::narrow(id) && adapter.name == "Fl\u00fcstern";
    EXPECT_NE(adapter.id, lkl::host::narrow(other));
  }
  EXPECT_TRUE(has);
}

// Where there is no driver.
TEST(TapDriverTest, ADeviceThatIsNone) {
  Handle device;
  EXPECT_EQ(lkl::host::installed_tap_driver().open({.id = "{none}", .name = ""}, device), -ENOENT);
}

// SPDX-License-Identifier: GPL-2.0
#include "disk/dm_device.h"

#include <fmt/format.h>
#include <lkl/linux/dm-ioctl.h>
#include <string.h>

#include <atomic>
#include <lkl.hpp>

#include "base/error.h"
#include "base/host_calls.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

// Holds keys: wiped at the end.
class Request {
 public:
  explicit Request(std::size_t data_size) : bytes_(sizeof(lkl_dm_ioctl) + data_size) {
    header().version[0] = LKL_DM_VERSION_MAJOR;
    header().data_size = static_cast<std::uint32_t>(bytes_.size());
    header().data_start = sizeof(lkl_dm_ioctl);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { on_host::wipe(bytes_.data(), bytes_.size()); }

  lkl_dm_ioctl& header() { return *reinterpret_cast<lkl_dm_ioctl*>(bytes_.data()); }
  std::byte* data() { return bytes_.data() + sizeof(lkl_dm_ioctl); }

 private:
  std::vector<std::byte> bytes_;
};

std::error_code control(unsigned command, Request& request) {
  constexpr char kNode[] = "/dev/dm-control";
  constexpr unsigned kMiscMajor = 10, kMinor = 236;
  const long long made =
      lkl_sys_mknodat(LKL_AT_FDCWD, kNode, LKL_S_IFCHR | 0600, device_number(kMiscMajor, kMinor));
  if (made < 0 && made != -LKL_EEXIST) return error_from(made);
  std::error_code ec;
  const File file(kNode, LKL_O_RDWR, 0, ec);
  if (ec) return ec;
  return error_from(lkl_sys_ioctl(static_cast<unsigned>(file.fd()), command,
                                  reinterpret_cast<lkl_long>(&request.header())));
}

void set_name(Request& request, const std::string& name) {
  memcpy(request.header().name, name.c_str(), name.size() + 1);
}

// A target's line takes this much of the request.
std::size_t space_of(const DmTarget& target) {
  constexpr std::size_t kAlignment = 8;
  const std::size_t size = sizeof(lkl_dm_target_spec) + target.parameters.size() + 1;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::error_code load_table(const std::string& name, const DmTable& table, bool writable) {
  std::size_t size = 0;
  for (const DmTarget& target : table) size += space_of(target);
  Request request(size);
  set_name(request, name);
  request.header().target_count = static_cast<std::uint32_t>(table.size());
  request.header().flags = LKL_DM_SECURE_DATA_FLAG | (writable ? 0 : LKL_DM_READONLY_FLAG);
  std::byte* at = request.data();
  for (const DmTarget& target : table) {
    lkl_dm_target_spec spec = {};
    spec.sector_start = target.start;
    spec.length = target.length;
    spec.next = static_cast<std::uint32_t>(space_of(target));
    target.type.copy(spec.target_type, sizeof(spec.target_type) - 1);
    memcpy(at, &spec, sizeof(spec));
    memcpy(at + sizeof(spec), target.parameters.c_str(), target.parameters.size() + 1);
    at += spec.next;
  }
  return control(LKL_DM_TABLE_LOAD, request);
}

}  // namespace

DmTarget::DmTarget(std::uint64_t start, std::uint64_t length, std::string type,
                   std::string parameters)
    : start(start), length(length), type(std::move(type)), parameters(std::move(parameters)) {}

DmTarget::~DmTarget() {
  on_host::wipe(parameters.data(), parameters.size());
}

DmDevice::DmDevice(const std::string& name, const DmTable& table, bool writable) {
  static std::atomic<unsigned> count{0};
  const std::string node_name = fmt::format("lkl-{}", count++);
  forget_kernel_log();
  Request create(0);
  set_name(create, node_name);
  std::error_code ec = control(LKL_DM_DEV_CREATE, create);
  if (!ec) {
    node_name_ = node_name;
    ec = load_table(node_name, table, writable);
  }
  Request resume(0);
  if (!ec) {
    set_name(resume, node_name);
    ec = control(LKL_DM_DEV_SUSPEND, resume);  // the flag that would suspend is not set
  }
  if (ec) {
    const std::string reasons = kernel_reasons();
    remove();
    throw Failure(fmt::format("{}: the kernel's device mapper does not take it: {}{}", name,
                              describe(ec), reasons));
  }
  device_ = static_cast<std::uint32_t>(resume.header().dev);
}

DmDevice& DmDevice::operator=(DmDevice&& other) noexcept {
  if (this != &other) {
    remove();
    device_ = std::exchange(other.device_, 0);
    node_name_ = std::exchange(other.node_name_, {});
  }
  return *this;
}

std::error_code DmDevice::remove() noexcept {
  if (node_name_.empty()) return {};
  Request request(0);
  set_name(request, std::exchange(node_name_, {}));
  return control(LKL_DM_DEV_REMOVE, request);
}

}  // namespace lkl::tool

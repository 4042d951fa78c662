// SPDX-License-Identifier: GPL-2.0
// What resolvers read: /etc/resolv.conf in the kernel.
#include <string>

#include "api/util.h"
#include "lkl.h"
#include "netconf/domain_names.h"
#include "netconf/ip_text.h"

namespace {

constexpr char kFile[] = "/etc/resolv.conf", kNew[] = "/etc/resolv.conf.new";
constexpr char kSeparators[] = " ,;\t";

// Of a link-local one "%eth0" says whose link.
bool is_server(std::string_view text) {
  const size_t zone = text.find('%');
  const auto address = lkl::host::parse_address(text.substr(0, zone));
  if (!address) return false;
  return zone == std::string_view::npos ||
         (address->v6 && lkl::host::is_domain_name(text.substr(zone + 1)));
}

int make_text(std::string_view servers, std::string_view search, std::string& text) {
  std::string names;
  for (const std::string_view name : lkl::host::words_of(search, kSeparators)) {
    if (!lkl::host::is_domain_name(name)) return -LKL_EINVAL;
    names += " " + std::string(name);
  }
  if (!names.empty()) text += "search" + names + "\n";
  for (const std::string_view server : lkl::host::words_of(servers, kSeparators)) {
    if (!is_server(server)) return -LKL_EINVAL;
    text += "nameserver " + std::string(server) + "\n";
  }
  return 0;
}

// Who reads meanwhile reads the one or the other.
int replace(const std::string& text) {
  lkl_long error = lkl_sys_mkdir("/etc", 0755);
  if (error && error != -LKL_EEXIST) return static_cast<int>(error);
  {
    const lkl::host::KernelFile file(
        lkl_sys_open(kNew, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_TRUNC | LKL_O_CLOEXEC, 0644));
    if (!file.is_open()) return file.error();
    const lkl_long count = lkl_sys_write(file.fd(), text.data(), text.size());
    error = count < 0 ? count : static_cast<size_t>(count) < text.size() ? -LKL_ENOSPC : 0;
  }
  if (!error) error = lkl_sys_rename(kNew, kFile);
  if (error) lkl_sys_unlink(kNew);
  return static_cast<int>(error);
}

}  // namespace

int lkl_set_nameservers(const char* nameservers, const char* search) {
  return lkl::host::or_no_memory([&] {
    std::string text;
    if (const int error = make_text(nameservers ? nameservers : "", search ? search : "", text))
      return error;
    return replace(text);
  });
}

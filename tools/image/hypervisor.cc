// SPDX-License-Identifier: GPL-2.0
#include "image/hypervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <span>

#include "base/error.h"

namespace lkl::tool {

namespace {

// The words of virsh.
std::string state_text(int state, bool saved) {
  switch (state) {
    case VIR_DOMAIN_RUNNING:
      return "running";
    case VIR_DOMAIN_BLOCKED:
      return "idle";
    case VIR_DOMAIN_PAUSED:
      return "paused";
    case VIR_DOMAIN_SHUTDOWN:
      return "in shutdown";
    case VIR_DOMAIN_SHUTOFF:
      return saved ? "saved" : "shut off";
    case VIR_DOMAIN_CRASHED:
      return "crashed";
    case VIR_DOMAIN_PMSUSPENDED:
      return "suspended";
    default:
      return "in an unknown state";
  }
}

// "qemu+ssh://root@server:22/system" -> "server"; nothing for this host.
std::string host_of(const std::string& uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string::npos) return {};
  const std::size_t begin = scheme + 3;
  std::string host = uri.substr(begin, uri.find_first_of("/?", begin) - begin);
  if (const std::size_t user = host.rfind('@'); user != std::string::npos) host.erase(0, user + 1);
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') - 1);
  else
    host.erase(std::min(host.find(':'), host.size()));
  return host == "localhost" || host == "127.0.0.1" || host == "::1" ? "" : host;
}

[[noreturn]] void fail(const std::string& what) {
  throw Failure(fmt::format("{}: {}", what, libvirt_error()));
}

}  // namespace

std::string Domain::in_use() const {
  if (active) return fmt::format("is {}", state);
  return saved ? "is saved, to go on where it was" : "";
}

Hypervisor::Hypervisor(const std::string& uri) {
  const LibvirtLibrary& library = libvirt();
  connection_.reset(library.ConnectOpenAuth(uri.empty() ? nullptr : uri.c_str(),
                                            library.default_auth, VIR_CONNECT_RO));
  if (!connection_)
    throw Failure(fmt::format("cannot connect to {}: {}; {}",
                              uri.empty() ? "libvirt's default" : uri, libvirt_error(),
                              uri.empty() ? "name a hypervisor with -c URI, such as qemu:///system"
                                          : "check the URI, and that libvirt's daemon is running"));
  const LibvirtText true_uri(library.ConnectGetURI(connection_.get()));
  uri_ = true_uri ? true_uri.get() : uri;
  host_ = host_of(uri_);
}

std::vector<LibvirtDomain> Hypervisor::handles() const {
  virDomainPtr* list = nullptr;
  const int count = libvirt().ConnectListAllDomains(connection_.get(), &list, 0);
  if (count < 0) fail(fmt::format("{}: cannot list the domains", uri_));
  std::vector<LibvirtDomain> handles;
  for (virDomainPtr handle : std::span(list, static_cast<std::size_t>(count)))
    handles.emplace_back(handle);
  free(list);
  return handles;
}

std::vector<Domain> Hypervisor::domains() const {
  std::vector<Domain> domains;
  for (const LibvirtDomain& handle : handles()) domains.push_back(describe(handle.get()));
  std::sort(domains.begin(), domains.end(),
            [](const Domain& a, const Domain& b) { return a.name < b.name; });
  return domains;
}

Domain Hypervisor::find(const std::string& name) const {
  const LibvirtLibrary& library = libvirt();
  virConnectPtr const connection = connection_.get();
  LibvirtDomain handle(library.DomainLookupByName(connection, name.c_str()));
  if (!handle) handle.reset(library.DomainLookupByUUIDString(connection, name.c_str()));
  int id = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, id);
  if (!handle && error == std::errc() && stop == end)
    handle.reset(library.DomainLookupByID(connection, id));
  if (handle) return describe(handle.get());

  std::vector<std::string> others;
  for (const LibvirtDomain& other : handles()) others.push_back(library.DomainGetName(other.get()));
  std::sort(others.begin(), others.end());
  constexpr std::size_t kMostNames = 10;
  if (others.size() > kMostNames) {
    others.resize(kMostNames);
    others.push_back("...");
  }
  const std::string names = fmt::format("{}", fmt::join(others, ", "));
  throw Failure(fmt::format(
      "{}: no such domain at {}; {}", name, uri_,
      names.empty() ? "there are none; is another meant, -c URI?" : "there are: " + names));
}

Domain Hypervisor::describe(virDomainPtr handle) const {
  const LibvirtLibrary& library = libvirt();
  Domain domain;
  domain.name = library.DomainGetName(handle);
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  if (library.DomainGetUUIDString(handle, uuid) == 0) domain.uuid = uuid;
  int state = VIR_DOMAIN_NOSTATE, reason = 0;
  if (library.DomainGetState(handle, &state, &reason, 0) < 0)
    fail(fmt::format("{}: cannot tell the domain's state", domain.name));
  // When in doubt its disks are in use.
  domain.active = library.DomainIsActive(handle) != 0;
  domain.saved = !domain.active && library.DomainHasManagedSaveImage(handle, 0) == 1;
  domain.state = state_text(state, domain.saved);
  const unsigned id = library.DomainGetID(handle);
  if (domain.active && id != static_cast<unsigned>(-1)) domain.id = static_cast<int>(id);

  const LibvirtText xml(library.DomainGetXMLDesc(handle, 0));
  if (!xml) fail(fmt::format("{}: cannot read the domain's definition", domain.name));
  domain.disks = read_domain_disks(
      xml.get(), host_, [this](const auto& pool, const auto& name) { return volume(pool, name); });
  return domain;
}

ImageAddress Hypervisor::volume_image(const std::string& pool, const std::string& name) const {
  return image_address(volume(pool, name), host_);
}

StoredImage Hypervisor::volume(const std::string& pool, const std::string& name) const {
  const LibvirtLibrary& library = libvirt();
  const LibvirtPool in(library.StoragePoolLookupByName(connection_.get(), pool.c_str()));
  if (!in) fail(fmt::format("{}: storage pool {}", uri_, pool));
  const LibvirtVolume volume(library.StorageVolLookupByName(in.get(), name.c_str()));
  if (!volume) fail(fmt::format("{}: volume {} of pool {}", uri_, name, pool));

  virStorageVolInfo info = {};
  if (library.StorageVolGetInfo(volume.get(), &info) < 0)
    fail(fmt::format("{}: volume {} of pool {}", uri_, name, pool));
  if (info.type != VIR_STORAGE_VOL_FILE && info.type != VIR_STORAGE_VOL_BLOCK)
    throw Failure(
        fmt::format("{}: volume {} of pool {} is neither a file nor a block device, "
                    "which is all this program opens",
                    uri_, name, pool));
  const LibvirtText path(library.StorageVolGetPath(volume.get()));
  const LibvirtText xml(library.StorageVolGetXMLDesc(volume.get(), 0));
  pugi::xml_document document;
  if (!path || !xml || !document.load_string(xml.get()))
    fail(fmt::format("{}: cannot read the definition of volume {} of pool {}", uri_, name, pool));
  std::string format =
      document.child("volume").child("target").child("format").attribute("type").as_string();
  // Of a block device it says what kind of partition it is, if anything.
  if (format.empty() || info.type == VIR_STORAGE_VOL_BLOCK) format = "raw";
  return {path.get(), format};
}

}  // namespace lkl::tool

// SPDX-License-Identifier: GPL-2.0
#include "image/libvirt_library.h"

#include "base/library.h"

namespace lkl::tool {

namespace {

LibvirtLibrary load() {
  const Library file("libvirt.so.0", "libvirt", "knows the domains and volumes", "libvirt0");
  LibvirtLibrary library;
#define LKL_LOAD(name) file.load(library.name, "vir" #name);
  LKL_LIBVIRT_CALLS(LKL_LOAD)
#undef LKL_LOAD
  library.default_auth = *static_cast<virConnectAuthPtr*>(file.find("virConnectAuthPtrDefault"));
  // It prints errors by itself otherwise.
  library.SetErrorFunc(nullptr, [](void*, virErrorPtr) {});
  return library;
}

}  // namespace

const LibvirtLibrary& libvirt() {
  static const LibvirtLibrary library = load();
  return library;
}

std::string libvirt_error() {
  // Of XML that is wrong it shows the whole line.
  const std::string message = libvirt().GetLastErrorMessage();
  return message.substr(0, message.find('\n'));
}

}  // namespace lkl::tool

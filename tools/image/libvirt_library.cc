// SPDX-License-Identifier: GPL-2.0
#include "image/libvirt_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/error.h"

namespace lkl::tool {

namespace {

LibvirtLibrary load() {
  void* const handle = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    throw Failure(
        fmt::format("libvirt, which knows the domains and volumes, cannot be loaded: {}; install "
                    "it (Debian: libvirt0)",
                    dlerror()));
  const auto symbol = [handle](const char* name) {
    void* const address = dlsym(handle, name);
    if (address == nullptr)
      throw Failure(fmt::format("libvirt is too old: it has no {}; install a newer one", name));
    return address;
  };
  LibvirtLibrary library;
#define LKL_LOAD(name) library.name = reinterpret_cast<decltype(library.name)>(symbol("vir" #name));
  LKL_LIBVIRT_CALLS(LKL_LOAD)
#undef LKL_LOAD
  library.default_auth = *static_cast<virConnectAuthPtr*>(symbol("virConnectAuthPtrDefault"));
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

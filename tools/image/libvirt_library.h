// SPDX-License-Identifier: GPL-2.0
//
// libvirt, which is loaded when it is first needed: a command that names no domain does without it.
#ifndef LKL_TOOL_LIBVIRT_LIBRARY_H
#define LKL_TOOL_LIBVIRT_LIBRARY_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include <memory>
#include <string>

namespace lkl::tool {

#define LKL_LIBVIRT_CALLS(call)                                                                    \
  call(SetErrorFunc) call(GetLastError) call(GetLastErrorMessage) call(ConnectOpenAuth)            \
      call(ConnectClose) call(ConnectGetURI) call(ConnectListAllDomains) call(DomainLookupByName)  \
          call(DomainLookupByUUIDString) call(DomainLookupByID) call(DomainFree)                   \
              call(DomainGetName) call(DomainGetID) call(DomainGetUUIDString) call(DomainGetState) \
                  call(DomainIsActive) call(DomainHasManagedSaveImage) call(DomainGetXMLDesc)      \
                      call(StoragePoolLookupByName) call(StoragePoolFree)                          \
                          call(StorageVolLookupByName) call(StorageVolFree)                        \
                              call(StorageVolGetPath) call(StorageVolGetXMLDesc)                   \
                                  call(StorageVolGetInfo)

// Its functions, without the "vir" of their names.
struct LibvirtLibrary {
#define LKL_POINTER(name) decltype(&vir##name) name = nullptr;
  LKL_LIBVIRT_CALLS(LKL_POINTER)
#undef LKL_POINTER
  virConnectAuthPtr default_auth = nullptr;  // asks for passwords on the terminal
};

// Throws Failure if it is not installed.
const LibvirtLibrary& libvirt();

// What the calling thread's last call complained about.
std::string libvirt_error();

struct LibvirtRelease {
  void operator()(virConnectPtr connection) const { libvirt().ConnectClose(connection); }
  void operator()(virDomainPtr domain) const { libvirt().DomainFree(domain); }
  void operator()(virStoragePoolPtr pool) const { libvirt().StoragePoolFree(pool); }
  void operator()(virStorageVolPtr volume) const { libvirt().StorageVolFree(volume); }
  void operator()(char* text) const { free(text); }
};
using LibvirtConnection = std::unique_ptr<virConnect, LibvirtRelease>;
using LibvirtDomain = std::unique_ptr<virDomain, LibvirtRelease>;
using LibvirtPool = std::unique_ptr<virStoragePool, LibvirtRelease>;
using LibvirtVolume = std::unique_ptr<virStorageVol, LibvirtRelease>;
using LibvirtText = std::unique_ptr<char, LibvirtRelease>;

}  // namespace lkl::tool

#endif  // LKL_TOOL_LIBVIRT_LIBRARY_H

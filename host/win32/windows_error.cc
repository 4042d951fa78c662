// SPDX-License-Identifier: GPL-2.0
#include "win32/windows_error.h"

#include <winsock2.h>

#include <windows.h>

#include <cerrno>

namespace lkl::host {
namespace {

constexpr DWORD kQuotaExceeded = 1295;  // ERROR_DISK_QUOTA_EXCEEDED, which not all headers have

}  // namespace

int errno_of(unsigned long error) {
  switch (error) {
    case ERROR_SUCCESS:
      return 0;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_PATHNAME:
    case ERROR_INVALID_NAME:
      return -ENOENT;
    case ERROR_TOO_MANY_OPEN_FILES:
      return -EMFILE;
    case ERROR_ACCESS_DENIED:
    case ERROR_CANNOT_MAKE:
      return -EACCES;
    case ERROR_WRITE_PROTECT:
      return -EROFS;
    case ERROR_INVALID_HANDLE:
      return -EBADF;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES:
      return -ENOMEM;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_BUSY:
    case ERROR_PIPE_BUSY:
      return -EBUSY;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
      return -EEXIST;
    case ERROR_INVALID_PARAMETER:
      return -EINVAL;
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_FULL:
      return -ENOSPC;
    case kQuotaExceeded:
      return -EDQUOT;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED:
      return -EOPNOTSUPP;
    case ERROR_FILENAME_EXCED_RANGE:
      return -ENAMETOOLONG;
    case ERROR_DIRECTORY:
      return -ENOTDIR;
    case ERROR_NOACCESS:
    case ERROR_INVALID_USER_BUFFER:
      return -EFAULT;
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED:
      return -EPIPE;
    case ERROR_NETNAME_DELETED:
    case ERROR_CONNECTION_ABORTED:
    case WSAECONNRESET:
    case WSAECONNABORTED:
      return -ECONNRESET;
    case ERROR_CONNECTION_REFUSED:
    case ERROR_PORT_UNREACHABLE:
    case WSAECONNREFUSED:
      return -ECONNREFUSED;
    case ERROR_MORE_DATA:
    case WSAEMSGSIZE:
      return -EMSGSIZE;
    case ERROR_NETWORK_UNREACHABLE:
    case WSAENETUNREACH:
      return -ENETUNREACH;
    case ERROR_HOST_UNREACHABLE:
    case WSAEHOSTUNREACH:
      return -EHOSTUNREACH;
    case WSAEADDRINUSE:
      return -EADDRINUSE;
    case WSAEADDRNOTAVAIL:
    case WSAHOST_NOT_FOUND:
    case WSANO_DATA:
    case WSATYPE_NOT_FOUND:
      return -EADDRNOTAVAIL;
    case WSAEAFNOSUPPORT:
      return -EAFNOSUPPORT;
    case WSAEACCES:
      return -EACCES;
    case WSAEINVAL:
      return -EINVAL;
    case WSAEMFILE:
      return -EMFILE;
    case WSAENOBUFS:
      return -ENOBUFS;
    case WSAENOTCONN:
      return -ENOTCONN;
    case WSAETIMEDOUT:
    case ERROR_SEM_TIMEOUT:
      return -ETIMEDOUT;
    case ERROR_OPERATION_ABORTED:
      return -ECANCELED;
    default:
      return -EIO;
  }
}

int last_errno() {
  return errno_of(GetLastError());
}

}  // namespace lkl::host

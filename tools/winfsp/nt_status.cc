// SPDX-License-Identifier: GPL-2.0
#include "winfsp/nt_status.h"

namespace lkl::winfsp {

NtStatus status_of_error(int error) {
  switch (error) {
    case 0:
      return STATUS_SUCCESS;
    case LKL_ENOENT:
      return STATUS_OBJECT_NAME_NOT_FOUND;
    case LKL_EEXIST:
      return STATUS_OBJECT_NAME_COLLISION;
    case LKL_ENOTDIR:
      return STATUS_NOT_A_DIRECTORY;
    case LKL_EISDIR:
      return STATUS_FILE_IS_A_DIRECTORY;
    case LKL_ENOTEMPTY:
      return STATUS_DIRECTORY_NOT_EMPTY;
    case LKL_EACCES:
    case LKL_EPERM:
      return STATUS_ACCESS_DENIED;
    case LKL_EROFS:
      return STATUS_MEDIA_WRITE_PROTECTED;
    case LKL_ENOSPC:
    case LKL_EDQUOT:
      return STATUS_DISK_FULL;
    case LKL_EFBIG:
      return STATUS_FILE_TOO_LARGE;
    case LKL_ENAMETOOLONG:
    case LKL_EILSEQ:
      return STATUS_OBJECT_NAME_INVALID;
    case LKL_ELOOP:
      return STATUS_REPARSE_POINT_NOT_RESOLVED;
    case LKL_EMLINK:
      return STATUS_TOO_MANY_LINKS;
    case LKL_EXDEV:
      return STATUS_NOT_SAME_DEVICE;
    case LKL_EBUSY:
    case LKL_ETXTBSY:
      return STATUS_SHARING_VIOLATION;
    case LKL_EMFILE:
    case LKL_ENFILE:
      return STATUS_TOO_MANY_OPENED_FILES;
    case LKL_ENOMEM:
    case LKL_ENOBUFS:
      return STATUS_INSUFFICIENT_RESOURCES;
    case LKL_EINVAL:
    case LKL_ERANGE:
      return STATUS_INVALID_PARAMETER;
    case LKL_EBADF:
      return STATUS_INVALID_HANDLE;
    case LKL_ENOSYS:
    case LKL_EOPNOTSUPP:
    case LKL_ENOTTY:
      return STATUS_NOT_SUPPORTED;
    case LKL_EUCLEAN:
    case LKL_EBADMSG:
      return STATUS_DISK_CORRUPT_ERROR;
    case LKL_ESTALE:
      return STATUS_FILE_INVALID;
    case LKL_EAGAIN:
      return STATUS_RETRY;
    case LKL_ENODEV:
    case LKL_ENXIO:
      return STATUS_NO_SUCH_DEVICE;
    default:
      // EIO, and a kernel that has panicked: a disk that has failed.
      return STATUS_IO_DEVICE_ERROR;
  }
}

}  // namespace lkl::winfsp

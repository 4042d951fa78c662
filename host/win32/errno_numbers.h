/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compiled before anything else of ours. Errors are numbers of the kernel's on every host, and the
 * host-independent part writes them by their names in errno.h: so here these names are the kernel's
 * numbers too. The C library's own errno has others from 35 on; nobody here reads it.
 */
#ifndef LKL_WIN32_ERRNO_NUMBERS_H
#define LKL_WIN32_ERRNO_NUMBERS_H

#ifdef __cplusplus
/* which has them by value, for what the C library says */
#include <system_error>
#endif
#include <errno.h>

#undef EDEADLK
#undef ENAMETOOLONG
#undef ENOLCK
#undef ENOSYS
#undef ENOTEMPTY
#undef EOVERFLOW
#undef EPROTO
#undef EPROTOTYPE
#undef EPROTONOSUPPORT
#undef EOPNOTSUPP
#undef ENOTSUP
#undef EMSGSIZE
#undef EAFNOSUPPORT
#undef EADDRINUSE
#undef EADDRNOTAVAIL
#undef ENETDOWN
#undef ENETUNREACH
#undef ENOBUFS
#undef ENOTCONN
#undef ETIMEDOUT
#undef ECONNREFUSED
#undef EHOSTUNREACH
#undef EINPROGRESS
#undef ECONNRESET
#undef ECANCELED
#undef ELOOP
#undef ENODATA
#define EDEADLK 35
#define ENAMETOOLONG 36
#define ENOLCK 37
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define ENODATA 61
#define EPROTO 71
#define EOVERFLOW 75
#define EMSGSIZE 90
#define EPROTOTYPE 91
#define EPROTONOSUPPORT 93
#define EOPNOTSUPP 95
#define ENOTSUP 95
#define EAFNOSUPPORT 97
#define EADDRINUSE 98
#define EADDRNOTAVAIL 99
#define ENETDOWN 100
#define ENETUNREACH 101
#define ECONNRESET 104
#define ENOBUFS 105
#define ENOTCONN 107
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113
#define EINPROGRESS 115
#define EDQUOT 122
#define ECANCELED 125

#endif

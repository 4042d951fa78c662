// SPDX-License-Identifier: GPL-2.0
//
// libfuse, in the version of its interface that this is written for.
#ifndef LKL_FUSE_FUSE_API_H
#define LKL_FUSE_FUSE_API_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#endif  // LKL_FUSE_FUSE_API_H

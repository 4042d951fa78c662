// SPDX-License-Identifier: GPL-2.0
/* A module elsewhere: the file of the tree as it is, under the same name. */
#include <../lib/test_vmalloc.c>

# SPDX-License-Identifier: GPL-2.0
"""list_image.py IMAGE: sizes and names of all files in an image, which it does not change."""
import os
import sys

import lkl

with lkl.Kernel(), lkl.Disk(sys.argv[1], read_only=True) as disk, lkl.Mount(disk) as root:
    for folder, folders, files in lkl.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            print(f"{lkl.lstat(path).st_size:10} {path[len(root.path):]}")

# SPDX-License-Identifier: GPL-2.0
"""What Linux has and Windows has not, or has otherwise: links, owners, modes, special files, damage."""
import re

from drive import (ALL, CREATE, DACL, DIRECTORY, GROUP, NON_DIRECTORY_FILE, NORMAL, OPEN_REPARSE_POINT, OWNER,
                   READONLY, REPARSE_POINT, SYSTEM, Status, expect, fails)


class LinuxCases:
    def links(self):
        d = self.mount()
        d.put("\\file", b"contents")
        d.make_directory("\\d")
        d.put("\\d\\inside", b"inside")
        d.link("\\to-file", "file")
        d.link("\\to-directory", "d", directory=True)
        d.link("\\d\\up", "..\\file")
        d.link("\\d\\absolute", f"\\??\\{d.point}\\d\\inside", relative=False)
        d.link("\\rooted", "\\d\\inside")
        d.link("\\nowhere", "none\\at all")
        d.link("\\odd", "a\uf03ab")
        d.link("\\loop", "loop")
        expect(d.get("\\to-file") == b"contents" and d.get("\\d\\up") == b"contents")
        expect(d.get("\\to-directory\\inside") == b"inside" and d.get("\\to-directory\\up") == b"contents")
        expect(d.get("\\d\\absolute") == b"inside" and d.get("\\rooted") == b"inside")
        d.put("\\to-directory\\made", b"made")
        expect(d.get("\\d\\made") == b"made")
        for name in ("\\nowhere", "\\nowhere\\x"):
            expect(not d.exists(name) if name.endswith("x") else d.exists(name), name)
        fails("OBJECT_PATH_NOT_FOUND", d.get, "\\nowhere")
        fails("REPARSE_POINT_NOT_RESOLVED", d.get, "\\loop")
        for name, directory in (("\\to-file", 0), ("\\to-directory", DIRECTORY), ("\\nowhere", 0), ("\\d\\up", 0)):
            info = d.info(name)
            expect(info.attributes & (REPARSE_POINT | DIRECTORY) == REPARSE_POINT | directory, name, info)
            expect(info.tag == 0xa000000c, info)
        expect(d.list()["to-directory"].attributes & DIRECTORY and d.list("\\d")["up"].attributes & REPARSE_POINT)
        with d.open("\\d\\absolute", options=OPEN_REPARSE_POINT) as link:
            expect(link.target() == ("..\\d\\inside", True), link.target())
            fails("INVALID_DEVICE_REQUEST", link.read, 0, 1)
            fails("ACCESS_DENIED", d.call, "remove-link", link.number)
        with d.open("\\file") as file:
            fails("NOT_A_REPARSE_POINT", file.target)
            fails("IO_REPARSE_DATA_INVALID", file.set_link, "x")  # it would lose what is in it
        with d.open("\\out", CREATE) as file:
            fails("NOT_SUPPORTED", file.set_link, "\\??\\C:\\Windows", False)
            fails("NOT_SUPPORTED", file.set_link, "x", True, 0xa0000003)
            fails("OBJECT_NAME_INVALID", file.set_link, "a\uf02fb")
        d.rename("\\to-file", "\\moved")
        d.remove("\\to-directory")
        expect(d.get("\\moved") == b"contents" and d.exists("\\d\\inside"))
        self.umount()
        found = self.out_of_image()
        wanted = {"moved": "file", "d/up": "../file", "d/absolute": "/d/inside", "rooted": "/d/inside",
                  "nowhere": "none/at all", "odd": "a:b", "loop": "loop"}
        expect({name: found[name] for name in wanted} == wanted, found)
        expect("to-directory" not in found)

    def security(self):
        """Owners and modes, as Linux gives them and as it gets them."""
        d = self.mount()
        d.put("\\f", b"x")
        self.umount()
        for field, value in (("mode", "0100640"), ("uid", "1234"), ("gid", "5678")):
            self.debugfs(f"set_inode_field /f {field} {value}", write=True)
        d = self.mount()
        me = owner_of(d, "\\")
        with d.open("\\f") as file:
            sddl = file.security()
            expect("O:S-1-22-1-1234G:S-1-22-2-5678" in sddl, sddl)
            entries = entries_of(sddl)
            expect(entries[0][:2] == ("A", "FA") and entries[0][2] == me, sddl)
            expect(modes(entries[3:]) == (6, 4, 0), sddl)
            # a mode is what it was when it is given back
            file.set_security(DACL, sddl[sddl.index("D:"):])
            expect(file.security() == sddl, file.security())
            file.set_security(OWNER | GROUP, "O:S-1-22-1-77G:S-1-22-2-88")
            file.set_security(DACL, f"D:P(A;;0x1e01ff;;;S-1-22-1-77)(A;;FR;;;S-1-22-2-88)(A;;FX;;;WD)")
            fails("INVALID_OWNER", file.set_security, OWNER, "O:S-1-5-32-544")
            expect(modes(entries_of(file.security())[3:]) == (7, 4, 1), file.security())
        d.put("\\mine", b"")
        with d.open("\\mine") as file:
            expect(file.security().startswith("O:" + me), file.security())
            file.set_security(DACL, f"D:P(A;;FA;;;{me})")  # as icacls has it: nobody else
            expect(modes(entries_of(file.security())[3:])[1:] == (0, 0), file.security())
        with d.open("\\locked", CREATE, NON_DIRECTORY_FILE, attributes=READONLY) as file:
            expect(file.first.attributes & READONLY)
            file.set_basic(attributes=NORMAL)
            expect(not file.info().attributes & READONLY)
            file.set_basic(attributes=READONLY)
        fails("ACCESS_DENIED", d.open, "\\locked")
        self.umount()
        stat = self.debugfs("stat /f")
        expect(re.search(r"Mode: +0741", stat) and re.search(r"User: +77 +Group: +88", stat), stat)
        expect(re.search(r"Mode: +0444", self.debugfs("stat /locked")), self.debugfs("stat /locked"))
        expect(re.search(r"Mode: +0600", self.debugfs("stat /mine")), self.debugfs("stat /mine"))

        # who is somebody else in the image
        d = self.mount("as=1000:100")
        d.put("\\theirs", b"")
        d.make_directory("\\their-directory")
        expect(owner_of(d, "\\theirs") == me and owner_of(d, "\\") == "S-1-22-1-0")
        d = self.remount("default_permissions")
        with d.open("\\f") as file:
            sddl = file.security()
            expect(modes(entries_of(sddl)) == (7, 4, 1), sddl)
            file.set_security(DACL, sddl[sddl.index("D:"):])
            expect(file.security() == sddl, file.security())
        self.umount()
        for name in ("theirs", "their-directory"):
            stat = self.debugfs(f"stat /{name}")
            expect(re.search(r"User: +1000 +Group: +100 ", stat), stat)
        # less for the owner than for others: what they have is denied to it
        self.debugfs("set_inode_field /f mode 0100056", write=True)
        d = self.mount("default_permissions")
        with d.open("\\f") as file:
            sddl = file.security()
            expect([kind for kind, _, _ in entries_of(sddl)[:2]] == ["D", "D"], sddl)
            file.set_security(DACL, sddl[sddl.index("D:"):])
            expect(file.security() == sddl, file.security())
        self.umount()
        expect(re.search(r"Mode: +0056", self.debugfs("stat /f")), self.debugfs("stat /f"))

    def special(self):
        """What is neither a file nor a directory is there, and does not hang who opens it."""
        self.debugfs("mknod pipe p", write=True)
        self.debugfs("mknod null c 1 3", write=True)
        d = self.mount()
        for name in ("\\pipe", "\\null"):
            expect(d.info(name).attributes & SYSTEM, d.info(name))
            with d.open(name) as file:
                fails("INVALID_DEVICE_REQUEST", file.read, 0, 1)
                fails("INVALID_DEVICE_REQUEST", file.write, 0, b"x")
        d.remove("\\pipe")
        d.remove("\\null")

    def damage(self):
        """A file whose blocks are gone is an error, the rest is there."""
        d = self.mount()
        d.put("\\good", b"good")
        d.put("\\bad", b"x" * 5000)
        self.umount()
        self.debugfs("set_inode_field /bad block[5] 0xfffff000", write=True)
        d = self.mount("ro")
        expect(d.get("\\good") == b"good" and set(d.list()) >= {"good", "bad"})
        try:
            d.get("\\bad")
            raise AssertionError("read")
        except Status:
            pass
        self.drive.end()
        self.drive = None

    def panic(self):
        """A kernel that panics is a disk that has failed, until it is unmounted."""
        d = self.mount()
        d.make_directory("\\d")
        d.put("\\d\\f", b"x")
        d.put("\\sound", b"sound")
        self.umount()
        block = int(self.debugfs("blocks /d").split()[-1])
        with open(self.image, "r+b") as file:
            file.seek(block * 4096 + 40)
            file.write(b"XXXX")
        d = self.mount("opts=errors=panic")
        expect(d.get("\\sound") == b"sound")
        held = d.open("\\sound")
        fails("IO_DEVICE_ERROR", d.get, "\\d\\f")
        fails("IO_DEVICE_ERROR", d.make_directory, "\\other")
        fails("IO_DEVICE_ERROR", held.write, 0, b"x")
        status, said = d.end()
        expect(status == 1 and "lklfs: the kernel has panicked" in said, status, said)
        self.drive = None


def owner_of(drive, name):
    with drive.open(name) as file:
        return re.match(r"O:(S-[-0-9]+)G:", file.security()).group(1)


def entries_of(sddl):
    return [(kind, rights, sid) for kind, rights, sid in re.findall(r"\(([AD]);;([^;]*);;;([^)]*)\)", sddl)]


RIGHTS = {"FA": ALL, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200a0}


def modes(entries):
    """Of the last three, which are the owner's, the group's and Everyone's."""
    found = []
    for _, rights, _ in entries[-3:]:
        mask = 0
        if rights.startswith("0x"):
            mask = int(rights, 16)
        else:
            for i in range(0, len(rights), 2):
                mask |= RIGHTS.get(rights[i:i + 2], 0)
        found.append((4 if mask & 1 else 0) | (2 if mask & 2 else 0) | (1 if mask & 0x20 else 0))
    return tuple(found)

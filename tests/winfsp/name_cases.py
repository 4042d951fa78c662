# SPDX-License-Identifier: GPL-2.0
"""Names: made, moved, removed, listed."""
from drive import (CREATE, DELETE, DELETE_ON_CLOSE, DIRECTORY_FILE, HIDDEN, NON_DIRECTORY_FILE, NORMAL, OPEN, OWNER,
                   READ, READONLY, digest, expect, fails)

NAMES = {"a:b": "a\uf03ab", "CON": "\uf043ON", "nul.txt": "\uf06eul.txt", "point.": "point\uf02e", "blank ": "blank\uf020",
         'q?<>|*"': "q\uf03f\uf03c\uf03e\uf07c\uf02a\uf022", "back\\slash": "back\uf05cslash", "\x01": "\uf001"}
PLAIN = ["plain", "grüße", "日本語", "😀", "console", "a.b", "com10", ".hidden", "UPPER", "upper"]


class NameCases:
    def renames(self):
        d = self.mount()
        d.put("\\a", b"a")
        d.put("\\b", b"b")
        d.make_directory("\\d")
        fails("OBJECT_NAME_COLLISION", d.rename, "\\a", "\\b")
        d.rename("\\a", "\\b", replace=True)
        expect(d.get("\\b") == b"a" and not d.exists("\\a"))
        d.rename("\\b", "\\d\\c")
        expect(d.get("\\d\\c") == b"a")
        d.make_directory("\\full")
        d.put("\\full\\x", b"")
        fails("OBJECT_NAME_COLLISION", d.rename, "\\d", "\\full")
        fails("ACCESS_DENIED", d.rename, "\\d", "\\full", replace=True)
        fails("ACCESS_DENIED", d.rename, "\\d\\c", "\\full", replace=True)
        fails("INVALID_PARAMETER", d.rename, "\\d", "\\d\\below")
        fails("OBJECT_PATH_NOT_FOUND", d.rename, "\\d\\c", "\\none\\c")
        fails("OBJECT_NAME_INVALID", d.rename, "\\d\\c", "\\d\\" + "n" * 256)
        fails("ACCESS_DENIED", d.rename, "\\", "\\e")
        # over one that is open: it lives on
        d.put("\\old", b"old")
        d.put("\\new", b"new")
        with d.open("\\old") as old:
            d.rename("\\new", "\\old", replace=True)
            expect(old.whole() == b"old" and d.get("\\old") == b"new")
        # what is open follows its name
        with d.open("\\old") as file:
            d.rename("\\old", "\\d\\moved")
            file.write(3, b"er")
            file.rename("\\d\\again")
            file.delete()
        expect(not d.exists("\\d\\again") and not d.exists("\\d\\moved"))
        # names that differ in case
        d.put("\\Case", b"1")
        d.rename("\\Case", "\\case")
        expect(d.list()["case"] and "Case" not in d.list() and d.get("\\case") == b"1")
        d.rename("\\d", "\\e")
        d = self.remount()
        expect(d.get("\\e\\c") == b"a" and not d.exists("\\d"))
        expect(sorted(set(d.list()) - {"lost+found"}) == ["b"][1:] + ["case", "e", "full"], d.list())

    def removal(self):
        """A name goes when who has removed it closes the file; the file lives until all have."""
        d = self.mount()
        d.put("\\gone", b"before")
        with d.open("\\gone") as file:
            remover = d.open("\\gone", access=DELETE)
            remover.delete()
            expect(d.exists("\\gone"))
            remover.cleanup()
            expect(not d.exists("\\gone"))
            file.write(0, b"after!")
            file.flush()
            expect(file.read(0, 10) == b"after!" and file.info().size == 6)
            # a new file of the same name is another one
            d.put("\\gone", b"new")
            expect(file.read(0, 10) == b"after!")
            # and does not go with the old one
            file.delete()
            remover.close()
        expect(d.get("\\gone") == b"new")
        with d.open("\\kept") if d.exists("\\kept") else d.open("\\kept", CREATE) as file:
            file.delete()
            file.delete(False)
        expect(d.exists("\\kept"))
        d.open("\\temporary", CREATE, NON_DIRECTORY_FILE | DELETE_ON_CLOSE).close()
        expect(not d.exists("\\temporary"))
        d.make_directory("\\d")
        d.put("\\d\\x", b"")
        fails("DIRECTORY_NOT_EMPTY", d.remove, "\\d")
        fails("CANNOT_DELETE", d.remove, "\\")
        d.remove("\\d\\x")
        d.remove("\\d")
        expect(not d.exists("\\d"))
        with d.open("\\locked", CREATE, NON_DIRECTORY_FILE, attributes=READONLY) as file:
            file.write(0, b"x")
        fails("CANNOT_DELETE", d.remove, "\\locked")
        with d.open("\\locked", access=READ | 0x100) as file:
            file.set_basic(attributes=NORMAL)
        d.remove("\\locked")
        # a thousand of them, half while others look
        for i in range(300):
            d.put(f"\\f{i}", b"x" * i)
        for i in range(0, 300, 2):
            d.remove(f"\\f{i}")
        d = self.remount()
        expect(sorted(set(d.list()) - {"lost+found"}) == sorted(["gone", "kept"] + [f"f{i}" for i in range(1, 300, 2)]))

    def directories(self):
        """All names, by buffers of each size, also while there are fewer."""
        d = self.mount()
        count = 3000
        d.make_directory("\\d")
        names = {f"a-name-of-some-length-{i}" for i in range(count)}
        for name in names:
            d.open("\\d\\" + name, CREATE, NON_DIRECTORY_FILE).close()
        for buffer in (1000, 65536):
            found = d.list("\\d", buffer)
            expect(set(found) == names | {".", ".."}, len(found))
        d = self.remount()
        found = d.list("\\d", 65536)
        expect(set(found) == names | {".", ".."}, len(found))
        expect(found["."].index == d.info("\\d").index and found[".."].index == d.info("\\").index)
        with d.open("\\d", OPEN, DIRECTORY_FILE, access=READ) as directory:
            removed, marker = 0, ""
            while True:
                entries, end = directory.entries(marker, 8192)
                for name, _ in entries:
                    if name[0] != ".":
                        d.remove("\\d\\" + name)
                        removed += 1
                if end:
                    break
                marker = entries[-1][0]
            expect(removed == count, removed)
            # what was made meanwhile is seen by who begins anew
            d.put("\\d\\late", b"late")
            expect(set(directory.list()) == {".", "..", "late"})
            name, info = directory.entry("late")
            expect((name, info.size) == ("late", 4), name, info)
            fails("OBJECT_NAME_NOT_FOUND", directory.entry, "none")
            fails("OBJECT_NAME_INVALID", directory.entry, "\uf02e\uf02e")
        expect("." not in d.list())
        fails("NOT_A_DIRECTORY", d.list, "\\d\\late")
        d.remove("\\d\\late")
        d.remove("\\d")

    def names(self):
        d = self.mount()
        longest = "n" * 255
        d.put("\\" + longest, b"longest")
        fails("OBJECT_NAME_INVALID", d.put, "\\" + longest + "n", b"")
        fails("OBJECT_NAME_INVALID", d.put, "\\" + "ü" * 128, b"")  # 256 bytes
        hidden = dict(NAMES)
        for name in PLAIN + list(hidden.values()):
            d.put("\\" + name, name.encode("utf-16-le", "surrogatepass"))
        d.make_directory("\\deep")
        path = "\\deep"
        for i in range(12):
            path += f"\\directory-with-a-long-name-{i}"
            d.make_directory(path)
        d.put(path + "\\deep", b"far below")
        # other spellings of what has a name, and ways around
        for name in ("\uf061", "a\uf02fb", "\uf02e\uf02e", "\uf02e", "nul.txt", "point.", "blank ", "a:b", "", "\uf000x\uf02f"):
            if name:
                fails("OBJECT_NAME_INVALID", d.put, "\\" + name, b"")
        for name in ("\\..", "\\deep\\..\\plain", "\\."):
            fails("OBJECT_NAME_INVALID", d.open, name)
        fails("OBJECT_PATH_NOT_FOUND", d.put, "\\none\\x", b"")
        fails("OBJECT_NAME_NOT_FOUND", d.open, "\\none")
        fails("OBJECT_PATH_NOT_FOUND", d.open, "\\none\\x")
        fails("OBJECT_PATH_NOT_FOUND", d.open, "\\plain\\x")
        fails("NOT_A_DIRECTORY", d.open, "\\plain\\x", CREATE)
        fails("NOT_A_DIRECTORY", d.open, "\\plain", OPEN, DIRECTORY_FILE)
        fails("FILE_IS_A_DIRECTORY", d.open, "\\deep", OPEN, NON_DIRECTORY_FILE)
        fails("OBJECT_NAME_COLLISION", d.open, "\\plain", CREATE)
        fails("OBJECT_NAME_COLLISION", d.make_directory, "\\deep")
        fails("OBJECT_NAME_COLLISION", d.open, "\\", CREATE, DIRECTORY_FILE)
        d = self.remount()
        listed = set(d.list()) - {"lost+found"}
        expect(listed == {longest, "deep"} | set(PLAIN) | set(hidden.values()), listed)
        for name in PLAIN + list(hidden.values()):
            expect(d.get("\\" + name) == name.encode("utf-16-le", "surrogatepass"), name)
        expect(d.get(path + "\\deep") == b"far below")
        expect(d.info("\\.hidden").attributes & HIDDEN and not d.info("\\plain").attributes & HIDDEN)
        self.umount()
        found = {name: value for name, value in self.out_of_image().items() if "/" not in name}
        wanted = {name: digest(name.encode("utf-16-le")) for name in PLAIN}
        wanted |= {name: digest(stored.encode("utf-16-le")) for name, stored in hidden.items()}
        expect(found == wanted | {longest: digest(b"longest"), "deep": None}, found)

    def folded(self):
        """Names that differ in case are one, on vfat."""
        d = self.mount()
        expect(not int(d.call("parameters")[0]) & 1, "told as case-sensitive")
        d.make_directory("\\d")
        d.put("\\d\\foo", b"x")
        for name in ("\\d\\FOO", "\\D\\Foo", "\\d\\foo"):
            expect(d.get(name) == b"x", name)
        expect(d.info("\\d\\FOO").index == d.info("\\d\\foo").index)
        fails("OBJECT_NAME_COLLISION", d.open, "\\d\\fOO", CREATE)
        d.rename("\\d\\foo", "\\d\\Foo")
        expect(set(d.list("\\d")) == {".", "..", "Foo"}, d.list("\\d"))
        expect(d.get("\\d\\foo") == b"x")
        d.remove("\\d\\FOO")
        expect(not d.exists("\\d\\foo"))
        d.put("\\d\\a long name.text", b"long")
        d = self.remount()
        expect(d.get("\\d\\ALONGN~1.TEX") == b"long")
        with d.open("\\d\\a long name.text") as file:
            fails("ACCESS_DENIED", file.set_security, OWNER, "O:S-1-22-1-1234")
        expect(int(d.call("parameters")[1]) == 2048 or int(d.call("parameters")[1]) >= 512)

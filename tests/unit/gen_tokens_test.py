# SPDX-License-Identifier: GPL-2.0
import unittest

from ctokens import tokenize
from gen_headers import Exporter, Symbols, prefixed


def export(text, exported=("linux/types.h",)):
    symbols = Symbols()
    symbols.collect(text)
    return Exporter(symbols, set(exported)).convert(text).split("#include <lkl/long.h>\n", 1)[1]


class TokensTest(unittest.TestCase):
    def test_nothing_is_lost(self):
        text = '#define A(x) "s\\"t" /* c */ \\\n + \'\\\'\' // d\nint a = 0x1fUL, b = 1.5e-3;\n'
        self.assertEqual("".join(t.text for t in tokenize(text)), text)

    def test_prefixes(self):
        for name, want in (("stat", "lkl_stat"), ("O_RDONLY", "LKL_O_RDONLY"),
                           ("__u32", "__lkl__u32"), ("__NR_read", "__lkl__NR_read"),
                           ("_IO", "_LKL_IO"), ("__O_TMPFILE", "__LKL__O_TMPFILE"),
                           ("lkl_stat", "lkl_stat"), ("LKL_X", "LKL_X")):
            self.assertEqual(prefixed(name), want)


class ExportTest(unittest.TestCase):
    def test_definitions_are_prefixed_members_not(self):
        self.assertEqual(export("typedef unsigned int u_t;\nstruct s { u_t m; };\n"),
                         "typedef unsigned int lkl_u_t;\nstruct lkl_s { lkl_u_t m; };\n")

    def test_a_function_pointer_inside_is_not_the_typedef(self):
        out = export("typedef struct ev { void (*fn)(int); } ev_t;\nev_t x;\n")
        self.assertIn("(*fn)", out)
        self.assertIn("lkl_ev_t x;", out)

    def test_enumerators(self):
        self.assertEqual(export("enum e { ONE = 1, TWO };\nint a = TWO;\n"),
                         "enum lkl_e { LKL_ONE = 1, LKL_TWO };\nint a = LKL_TWO;\n")

    def test_includes(self):
        self.assertEqual(export("#include <linux/types.h>\n"), "#include <lkl/linux/types.h>\n")
        self.assertEqual(export("#include <stddef.h>\n"), "#include <stddef.h>\n")
        self.assertEqual(export("#include <sys/socket.h>\n"), "#include <lkl/compat.h>\n")

    def test_what_libc_has_comes_with_it(self):
        self.assertEqual(export("struct s { struct sockaddr_storage a; };\nint f = MSG_FIN;\n"),
                         "#include <lkl/compat.h>\n"
                         "struct lkl_s { struct lkl_sockaddr_storage a; };\nint f = LKL_MSG_FIN;\n")
        self.assertEqual(export("uint32_t a;\n"), "#include <stdint.h>\nuint32_t a;\n")

    def test_a_tag_that_only_a_macro_names(self):
        self.assertEqual(export("#define __s s\nstruct __s { int a; };\n"
                                "#define SIZE sizeof(struct s)\n"),
                         "#define __lkl__s lkl_s\nstruct __lkl__s { int a; };\n"
                         "#define LKL_SIZE sizeof(struct lkl_s)\n")

    def test_longs(self):
        self.assertEqual(export("struct s { unsigned long a; long b; long long c; long int d; };\n"),
                         "struct lkl_s { lkl_ulong a; lkl_long b; long long c; lkl_long d; };\n")

    def test_host_macros_are_undefined(self):
        self.assertEqual(export("#ifdef __x86_64__\nint a;\n#endif\n"),
                         "#ifdef LKL_NEVER_DEFINED\nint a;\n#endif\n")

    def test_macro_parameters_and_pasting(self):
        self.assertEqual(export("#define T 1\n#define M(T, x) (sizeof(struct T) + T + PRE_##x)\n"),
                         "#define LKL_T 1\n"
                         "#define LKL_M(T, x) (sizeof(struct lkl_##T) + T + LKL_PRE_##x)\n")

    def test_arguments_that_become_parts_of_names(self):
        # later part: as it is, though a macro has that name; front, or macro(tag): prefixed
        self.assertEqual(export("#define MINOR 1\n#define M(x) PRE_##x\nint a = M(MINOR), b = MINOR;\n"),
                         "#define LKL_MINOR 1\n#define LKL_M(x) LKL_PRE_##x\n"
                         "int a = LKL_M(MINOR), b = LKL_MINOR;\n")
        self.assertIn("LKL_V(LKL_TLS)", export("#define V(id) id##_MAJOR\nint a = V(TLS);\n"))
        self.assertIn("LKL_G(lkl_hdr, 1)",
                      export("#define T(t) t\n#define G(t, n) struct T(t) { int n; }\nG(hdr, 1);\n"))

    def test_a_pasted_name_has_the_prefix_of_its_front(self):
        self.assertIn("#define LKL_MODE_Half_BIT lkl_MODE_Half_BIT\n", export(
            "enum { MODE_Half_BIT, MODE_TP_BIT };\n#define MASK(x) (1 << MODE_##x##_BIT)\n"))

    def test_another_name_for_a_tag(self):
        self.assertEqual(export("struct old { int m; };\n#define new_name old\n"),
                         "struct lkl_old { int m; };\n#define lkl_new_name lkl_old\n")

    def test_byte_order_is_the_kernels(self):
        self.assertEqual(export("#if __BYTE_ORDER == 1\n#endif\n"),
                         "#if __LKL__BYTE_ORDER == 1\n#endif\n")

    def test_cxx_keywords(self):
        self.assertIn("int lkl_private;", export("struct s { int private; };\n"))

    def test_strings_and_comments_stay(self):
        text = '#define NAME "NAME" /* NAME */\n'
        self.assertEqual(export(text), '#define LKL_NAME "NAME" /* NAME */\n')


if __name__ == "__main__":
    unittest.main()

// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel would begin at each boot, and who uses the library has seldom asked for.
 * A module would not be loaded; built in, its initcall is left out. tools/build/kernel.sh gives
 * the entries these names.
 */
#include <linux/init.h>

static int __init __maybe_unused nothing(void)
{
	return 0;
}

#ifdef CONFIG_CRYPTO_JITTERENTROPY
extern initcall_entry_t lkl_initcall_jent_mod_init;

/*
 * IPsec's ciphers bring it along. It would measure for 10 ms at each boot how good a source its
 * clock is; the generators that use it do without, and have what comes from the host.
 */
static int __init leave_out_jitterentropy(void)
{
	lkl_initcall_jent_mod_init = nothing;
	return 0;
}
early_initcall(leave_out_jitterentropy);
#endif

#ifdef CONFIG_IP_VS
extern initcall_entry_t lkl_initcall_ip_vs_init;

static bool ipvs __initdata;

static int __init want_ipvs(char *value)
{
	ipvs = true;
	return 1;
}
__setup("ipvs", want_ipvs);

/* It looks each second whether somebody attacks it, in each network namespace. */
static int __init leave_out_ipvs(void)
{
	if (!ipvs)
		lkl_initcall_ip_vs_init = nothing;
	return 0;
}
early_initcall(leave_out_ipvs);
#endif

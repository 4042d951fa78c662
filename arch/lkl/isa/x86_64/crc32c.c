// SPDX-License-Identifier: GPL-2.0
/*
 * CRC32C with the SSE4.2 instruction. Of newer kernels crc32c() is the one function that all
 * use. The others have the driver "crc32c-sse42" of the crypto API, and __crc32c_le() for who
 * calls the library function; btrfs looks at the name of the driver ("generic" or not) to decide
 * if checksums are cheap.
 */
#include <crypto/internal/hash.h>
#include <linux/crc32.h>
#include <linux/init.h>
#include <linux/module.h>
#include <asm/kernel_version.h>
#include LKL_UNALIGNED_HEADER

/*
 * The instruction has a latency of three cycles and a throughput of one: three
 * stretches of a block are summed side by side, then joined. Joining means to
 * shift a sum over the bytes that follow it, which is linear in its bits: four
 * table look-ups, one for each byte of the sum.
 */
#define STRETCH	1360u	/* three of them: a 4 KiB block but for 16 bytes; a multiple of 8 */

static u32 shift_table[4][256] __ro_after_init;
static bool have_crc32 __ro_after_init;

static __always_inline u32 crc_u64(u32 crc, u64 value)
{
	u64 wide = crc;

	asm("crc32q %1, %0" : "+r" (wide) : "rm" (value));
	return wide;
}

static __always_inline u32 crc_u8(u32 crc, u8 value)
{
	asm("crc32b %1, %0" : "+r" (crc) : "rm" (value));
	return crc;
}

static u32 shift_stretch(u32 crc)
{
	return shift_table[0][crc & 0xff] ^ shift_table[1][crc >> 8 & 0xff] ^
	       shift_table[2][crc >> 16 & 0xff] ^ shift_table[3][crc >> 24];
}

static u32 crc32c_hw(u32 crc, const u8 *p, size_t len)
{
	while (len >= 3 * STRETCH) {
		const u8 *end = p + STRETCH;
		u32 second = 0, third = 0;

		do {
			crc = crc_u64(crc, get_unaligned((const u64 *)p));
			second = crc_u64(second, get_unaligned((const u64 *)(p + STRETCH)));
			third = crc_u64(third, get_unaligned((const u64 *)(p + 2 * STRETCH)));
			p += 8;
		} while (p < end);
		crc = shift_stretch(shift_stretch(crc) ^ second) ^ third;
		p += 2 * STRETCH;
		len -= 3 * STRETCH;
	}
	for (; len >= 8; len -= 8, p += 8)
		crc = crc_u64(crc, get_unaligned((const u64 *)p));
	while (len--)
		crc = crc_u8(crc, *p++);
	return crc;
}

static bool __init cpu_has_crc32(void)
{
	u32 eax = 1, ebx, ecx = 0, edx;

	asm volatile("cpuid" : "+a" (eax), "=b" (ebx), "+c" (ecx), "=d" (edx));
	return ecx & BIT(20);
}

static void __init make_shift_table(void)
{
	u32 bit_shifted[32];
	int byte, value, bit, i;

	for (bit = 0; bit < 32; bit++) {
		u32 crc = BIT(bit);

		for (i = 0; i < STRETCH / 8; i++)
			crc = crc_u64(crc, 0);
		bit_shifted[bit] = crc;
	}
	for (byte = 0; byte < 4; byte++) {
		for (value = 0; value < 256; value++) {
			u32 sum = 0;

			for (bit = 0; bit < 8; bit++)
				if (value & BIT(bit))
					sum ^= bit_shifted[byte * 8 + bit];
			shift_table[byte][value] = sum;
		}
	}
}

#if LKL_GENERIC_CRC32C

u32 __real_crc32c(u32 crc, const void *p, size_t len);
u32 __wrap_crc32c(u32 crc, const void *p, size_t len);

u32 __wrap_crc32c(u32 crc, const void *p, size_t len)
{
	return likely(have_crc32) ? crc32c_hw(crc, p, len) : __real_crc32c(crc, p, len);
}

static int __init crc32c_register(void)
{
	return 0;
}

#else

#define CHKSUM_DIGEST_SIZE	4

u32 __pure __crc32c_le_base(u32 crc, unsigned char const *p, size_t len);

/* overrides the weak one of lib/crc32.c */
u32 __pure __crc32c_le(u32 crc, const unsigned char *p, size_t len)
{
	if (likely(have_crc32))
		return crc32c_hw(crc, p, len);
	return __crc32c_le_base(crc, p, len);
}

struct chksum_ctx {
	u32 key;
};

struct chksum_desc_ctx {
	u32 crc;
};

static int chksum_init(struct shash_desc *desc)
{
	struct chksum_ctx *mctx = crypto_shash_ctx(desc->tfm);
	struct chksum_desc_ctx *ctx = shash_desc_ctx(desc);

	ctx->crc = mctx->key;
	return 0;
}

static int chksum_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int keylen)
{
	struct chksum_ctx *mctx = crypto_shash_ctx(tfm);

	if (keylen != sizeof(mctx->key))
		return -EINVAL;
	mctx->key = get_unaligned_le32(key);
	return 0;
}

static int chksum_update(struct shash_desc *desc, const u8 *data, unsigned int length)
{
	struct chksum_desc_ctx *ctx = shash_desc_ctx(desc);

	ctx->crc = crc32c_hw(ctx->crc, data, length);
	return 0;
}

static int chksum_final(struct shash_desc *desc, u8 *out)
{
	struct chksum_desc_ctx *ctx = shash_desc_ctx(desc);

	put_unaligned_le32(~ctx->crc, out);
	return 0;
}

static int chksum_finup(struct shash_desc *desc, const u8 *data, unsigned int len, u8 *out)
{
	struct chksum_desc_ctx *ctx = shash_desc_ctx(desc);

	put_unaligned_le32(~crc32c_hw(ctx->crc, data, len), out);
	return 0;
}

static int chksum_digest(struct shash_desc *desc, const u8 *data, unsigned int length, u8 *out)
{
	struct chksum_ctx *mctx = crypto_shash_ctx(desc->tfm);

	put_unaligned_le32(~crc32c_hw(mctx->key, data, length), out);
	return 0;
}

static int crc32c_cra_init(struct crypto_tfm *tfm)
{
	struct chksum_ctx *mctx = crypto_tfm_ctx(tfm);

	mctx->key = ~0;
	return 0;
}

static struct shash_alg alg = {
	.digestsize	= CHKSUM_DIGEST_SIZE,
	.setkey		= chksum_setkey,
	.init		= chksum_init,
	.update		= chksum_update,
	.final		= chksum_final,
	.finup		= chksum_finup,
	.digest		= chksum_digest,
	.descsize	= sizeof(struct chksum_desc_ctx),
	.base		= {
		.cra_name		= "crc32c",
		.cra_driver_name	= "crc32c-sse42",
		.cra_priority		= 200,
		.cra_flags		= CRYPTO_ALG_OPTIONAL_KEY,
		.cra_blocksize		= 1,
		.cra_ctxsize		= sizeof(struct chksum_ctx),
		.cra_module		= THIS_MODULE,
		.cra_init		= crc32c_cra_init,
	},
};

static int __init crc32c_register(void)
{
	return crypto_register_shash(&alg);
}

#endif

static int __init crc32c_sse42_init(void)
{
	if (!cpu_has_crc32())
		return 0;
	make_shift_table();
	have_crc32 = true;
	return crc32c_register();
}
subsys_initcall(crc32c_sse42_init);

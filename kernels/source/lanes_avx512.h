/* Sixteen numbers at once: AVX-512 with VNNI (Intel since 2019, AMD since 2022). The same names as lanes_avx2.h. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

#define VARIANT avx512_variant
#define VARIANT_NAME "avx512"
#define RUNS_HERE cpu_has_avx512_vnni
enum { LANES = 16, PARTS = 1, SUMS = 16 }; /* SUMS: of which there may be in registers beside what is added */

typedef __m512 Floats;
typedef __m512i Ints;

#define INLINE static inline __attribute__((always_inline))

INLINE Floats load(const float *from) { return _mm512_loadu_ps(from); }
INLINE void store(float *to, Floats a) { _mm512_storeu_ps(to, a); }
INLINE Floats all(float x) { return _mm512_set1_ps(x); }
INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
INLINE Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
INLINE Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
INLINE Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
/* of smaller and larger: where one is no number, b */
INLINE Floats smaller(Floats a, Floats b) { return _mm512_min_ps(a, b); }
INLINE Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
INLINE Floats without_sign(Floats a) { return _mm512_abs_ps(a); }
INLINE Floats nearest(Floats a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
/* a * 2 ** b, for whole numbers b from -126 to 0 */
INLINE Floats scale_by_power(Floats a, Floats b) { return _mm512_scalef_ps(a, b); }
/* of MULTIPLE numbers, in an order that both instruction sets share */
INLINE float sum(const Floats a[PARTS]) {
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a[0]), 1));
    __m256 t = _mm256_add_ps(_mm512_castps512_ps256(a[0]), high);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float largest(Floats a) { return _mm512_reduce_max_ps(a); }
INLINE Floats keep_first(Floats a, size_t count) { return _mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), a); }

INLINE Ints load_ints(const void *from) { return _mm512_loadu_si512(from); }
INLINE void store_ints(void *to, Ints a) { _mm512_storeu_si512(to, a); }
INLINE Ints all_ints(int32_t x) { return _mm512_set1_epi32(x); }
INLINE Ints add_ints(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
INLINE Ints larger_ints(Ints a, Ints b) { return _mm512_max_epi32(a, b); }
INLINE int32_t largest_int(Ints a) { return _mm512_reduce_max_epi32(a); }
INLINE Ints keep_first_ints(Ints a, size_t count, int32_t rest) {
    return _mm512_mask_mov_epi32(all_ints(rest), (__mmask16)((1u << count) - 1), a);
}
INLINE Ints to_ints(Floats a) { return _mm512_cvtps_epi32(a); } /* to the nearest, the even one of two */
INLINE Floats to_floats(Ints a) { return _mm512_cvtepi32_ps(a); }

/* of pairs of int16 in each lane: total + a.low * b.low + a.high * b.high */
INLINE Ints add_products(Ints total, Ints a, Ints b) { return _mm512_dpwssd_epi32(total, a, b); }
INLINE Ints pair(Ints low, Ints high) { return _mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_slli_epi32(high, 16)); }
INLINE void store_int16(int16_t *to, Ints a) { _mm256_storeu_si256((__m256i *)to, _mm512_cvtsepi32_epi16(a)); }
INLINE void store_uint8(uint8_t *to, Ints a) {
    _mm_storeu_si128((__m128i *)to, _mm512_cvtusepi32_epi8(larger_ints(a, _mm512_setzero_si512())));
}

/* rows to columns */
INLINE void transpose(Ints r[LANES]) {
    Ints t[LANES];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

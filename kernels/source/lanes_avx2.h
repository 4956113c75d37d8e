/* Eight numbers at once: AVX2 with FMA (Intel since 2013, AMD since 2015). The same names as lanes_avx512.h. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

#define VARIANT avx2_variant
#define VARIANT_NAME "avx2"
#define RUNS_HERE cpu_has_avx2
enum { LANES = 8, PARTS = 2, SUMS = 8 }; /* SUMS: of which there may be in registers beside what is added */

typedef __m256 Floats;
typedef __m256i Ints;

#define INLINE static inline __attribute__((always_inline))

INLINE Ints load_ints(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }
INLINE void store_ints(void *to, Ints a) { _mm256_storeu_si256((__m256i *)to, a); }
INLINE Ints all_ints(int32_t x) { return _mm256_set1_epi32(x); }
INLINE Ints add_ints(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
INLINE Ints larger_ints(Ints a, Ints b) { return _mm256_max_epi32(a, b); }
INLINE int32_t largest_int(Ints a) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}
INLINE Ints is_among_first(size_t count) {
    return _mm256_cmpgt_epi32(all_ints((int32_t)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE Ints keep_first_ints(Ints a, size_t count, int32_t rest) {
    return _mm256_blendv_epi8(all_ints(rest), a, is_among_first(count));
}

INLINE Floats load(const float *from) { return _mm256_loadu_ps(from); }
INLINE void store(float *to, Floats a) { _mm256_storeu_ps(to, a); }
INLINE Floats all(float x) { return _mm256_set1_ps(x); }
INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
INLINE Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
INLINE Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
INLINE Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
/* of smaller and larger: where one is no number, b */
INLINE Floats smaller(Floats a, Floats b) { return _mm256_min_ps(a, b); }
INLINE Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
INLINE Floats without_sign(Floats a) { return _mm256_andnot_ps(all(-0.0f), a); }
INLINE Floats nearest(Floats a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE Ints to_ints(Floats a) { return _mm256_cvtps_epi32(a); } /* to the nearest, the even one of two */
INLINE Floats to_floats(Ints a) { return _mm256_cvtepi32_ps(a); }
/* a * 2 ** b, for whole numbers b from -126 to 0 */
INLINE Floats scale_by_power(Floats a, Floats b) {
    Ints exponent = add_ints(to_ints(b), all_ints(127));
    return multiply(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}
/* of MULTIPLE numbers, in an order that both instruction sets share */
INLINE float sum(const Floats a[PARTS]) {
    __m256 t = _mm256_add_ps(a[0], a[1]);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float largest(Floats a) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
INLINE Floats keep_first(Floats a, size_t count) {
    return _mm256_and_ps(a, _mm256_castsi256_ps(is_among_first(count)));
}

/* of pairs of int16 in each lane: total + a.low * b.low + a.high * b.high */
INLINE Ints add_products(Ints total, Ints a, Ints b) { return add_ints(total, _mm256_madd_epi16(a, b)); }
INLINE Ints pair(Ints low, Ints high) { return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa); }
INLINE void store_int16(int16_t *to, Ints a) {
    Ints packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, a), 0x08);
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(packed));
}
INLINE void store_uint8(uint8_t *to, Ints a) {
    Ints packed = _mm256_packs_epi32(a, a);
    packed = _mm256_packus_epi16(packed, packed);
    __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
    _mm_storel_epi64((__m128i *)to, both);
}

/* rows to columns */
INLINE void transpose(Ints r[LANES]) {
    Ints t[LANES];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++) r[i] = t[i];
}

/* The three computations, compiled once for each instruction set: -DLANES_HEADER="…" says which. */
#include LANES_HEADER

#include <string.h>

#include "scratch.h"
#include "variant.h"

/* ---- GELU ---- */

/* x * Phi(x), Phi the normal distribution: 1/2 + c * P(c * c) where c is x within ±5, P of degree 10 in
 * u = 2 * c * c / 25 - 1, fitted so that c * c times its error is least at its largest: 7e-6. In float32 GELU is wrong by
 * 1.1e-5 at most, and by a millionth of large numbers: a hundredth of one of 255 steps. */
static const float PHI[] = {
    1.413643019e-01f,  -7.030051837e-02f, 5.148801009e-02f,  -4.031917432e-02f, 3.174415747e-02f, -2.421514184e-02f,
    1.554788780e-02f, -8.329855930e-03f, 7.021272157e-03f, -6.277999988e-03f, 2.277286346e-03f,
};
enum { DEGREE = sizeof PHI / sizeof *PHI - 1 };

INLINE Floats gelu_of(Floats x) {
    Floats c = smaller(larger(x, all(-5.0f)), all(5.0f));
    Floats u = multiply_add(multiply(c, c), all(0.08f), all(-1.0f));
    Floats p = all(PHI[DEGREE]);
    for (int i = DEGREE - 1; i >= 0; i--) p = multiply_add(p, u, all(PHI[i]));
    return multiply(x, larger(multiply_add(c, p, all(0.5f)), all(0.0f)));
}

INLINE void store_quantised(uint8_t *to, Floats a, Floats inverse, Ints zero) {
    /* what no int32 holds would come out as the least one; what is no number comes out as 0 */
    Floats steps = smaller(all(65536.0f), multiply(a, inverse));
    store_uint8(to, add_ints(to_ints(steps), zero));
}

static void gelu(const float *x, size_t rows, size_t width, size_t first, Steps steps, uint8_t *quantised,
                 float *apart) {
    Floats inverse = all(1.0f / steps.scale);
    Ints zero = all_ints(steps.zero);
    for (size_t row = 0; row < rows; row++, x += width, quantised += width) {
        for (size_t i = 0; i < width; i += LANES) {
            Floats y = gelu_of(load(x + i));
            store_quantised(quantised + i, y, inverse, zero);
            if (i + LANES > first) {
                float kept[LANES];
                store(kept, y);
                for (size_t j = i < first ? first : i; j < i + LANES; j++) *apart++ = kept[j - i];
            }
        }
    }
}

/* ---- the residual added, and all of it normalised ---- */

static void normalise(const float *x, const float *residual, size_t rows, size_t width, const float *gain,
                      const float *restore, float epsilon, Steps steps, uint8_t *quantised, float *restored) {
    Floats inverse = all(1.0f / steps.scale);
    Ints zero = all_ints(steps.zero);
    for (size_t row = 0; row < rows; row++) {
        Floats total[PARTS], squares[PARTS];
        for (int part = 0; part < PARTS; part++) total[part] = squares[part] = all(0.0f);
        for (size_t i = 0; i < width; i += MULTIPLE)
            for (int part = 0; part < PARTS; part++) {
                size_t at = i + part * LANES;
                Floats a = add(load(x + at), load(residual + at));
                store(restored + at, a);
                total[part] = add(total[part], a);
            }
        Floats mean = all(sum(total) / (float)width);
        for (size_t i = 0; i < width; i += MULTIPLE)
            for (int part = 0; part < PARTS; part++) {
                Floats a = subtract(load(restored + i + part * LANES), mean);
                squares[part] = multiply_add(a, a, squares[part]);
            }
        float variance = sum(squares) / (float)width;
        Floats factor = all(1.0f / __builtin_sqrtf(variance + epsilon));
        for (size_t i = 0; i < width; i += LANES) {
            Floats a = multiply(multiply(subtract(load(restored + i), mean), factor), load(gain + i));
            store_quantised(quantised + i, a, inverse, zero);
            store(restored + i, multiply(a, load(restore + i)));
        }
        x += width, residual += width, quantised += width, restored += width;
    }
}

/* ---- attention ---- */

/* Queries, keys and values of one head of one text become whole numbers, each of the three by its own largest, so that no
 * text depends on another. Products of two int16 are added up in int32, exactly: 32 channels of 8191 * 8191 and 64 of
 * 5791 * 5791 stay below 2 ** 31. A row's probabilities become whole numbers of which the largest is at most LARGEST and
 * the sum about MOST, which with rounding stays below 2 ** 31 / 8191 for any text of less than 100,000 tokens. */
static const float VALUE_STEPS = 8191.0f, LARGEST = 32767.0f, MOST = 200000.0f;
INLINE float score_steps(size_t head) { return head == 32 ? 8191.0f : 5791.0f; }


static const float LOG2_E = 1.44269504f;

/* 2 ** y for y up to 0, below -126 as for -126: Taylor's polynomial of the part within ±1/2, to 4e-6 of the result */
INLINE Floats power_of_two(Floats y) {
    y = larger(y, all(-126.0f));
    Floats whole = nearest(y), x = subtract(y, whole);
    Floats p = all(1.33335581e-3f);
    p = multiply_add(p, x, all(9.61812910e-3f));
    p = multiply_add(p, x, all(5.55041087e-2f));
    p = multiply_add(p, x, all(2.40226507e-1f));
    p = multiply_add(p, x, all(6.93147181e-1f));
    p = multiply_add(p, x, all(1.0f));
    return scale_by_power(p, whole);
}

/* of what is a number */
INLINE float largest_of(const float *x, size_t rows, size_t stride, size_t head) {
    Floats m = all(0.0f);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < head; i += LANES) m = larger(without_sign(load(x + row * stride + i)), m);
    return largest(m);
}

/* from, to (rows, head), the former with `stride` between its rows */
INLINE void to_int16(const float *from, size_t rows, size_t stride, size_t head, Floats factor, int16_t *to) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < head; i += LANES)
            store_int16(to + row * head + i, to_ints(multiply(load(from + row * stride + i), factor)));
}

INLINE void lay_out_keys(const float *key, size_t length, size_t stride, size_t head, Floats factor, int32_t *keys) {
    int16_t rows[LANES * WIDEST_HEAD];
    size_t pairs = head / 2;
    for (size_t first = 0; first < length; first += LANES, keys += pairs * LANES) {
        size_t count = length - first < LANES ? length - first : LANES;
        to_int16(key + first * stride, count, stride, head, factor, rows);
        memset(rows + count * head, 0, (LANES - count) * head * sizeof *rows);
        for (size_t p = 0; p < pairs; p += LANES) {
            Ints square[LANES];
            for (size_t i = 0; i < LANES; i++) square[i] = load_ints(rows + i * head + 2 * p);
            transpose(square);
            for (size_t i = 0; i < LANES; i++) store_ints(keys + (p + i) * LANES, square[i]);
        }
    }
}

INLINE void lay_out_values(const float *value, size_t length, size_t stride, size_t head, Floats factor,
                           int32_t *values) {
    for (size_t token = 0; token < length; token += 2, values += head)
        for (size_t i = 0; i < head; i += LANES) {
            const float *from = value + token * stride + i;
            Ints first = to_ints(multiply(load(from), factor));
            Ints second = token + 1 < length ? to_ints(multiply(load(from + stride), factor)) : all_ints(0);
            store_ints(values + i, pair(first, second));
        }
}

INLINE Ints broadcast_pair(const int16_t *two) {
    int32_t both;
    memcpy(&both, two, sizeof both);
    return all_ints(both);
}

/* Scores of ROWS queries with all keys, and the largest of each. */
INLINE void score(const int16_t *queries, const int32_t *keys, size_t length, size_t padded, size_t head,
                  int32_t *scores, int32_t tops[ROWS]) {
    size_t pairs = head / 2;
    Ints most[ROWS];
    for (int row = 0; row < ROWS; row++) most[row] = all_ints(INT32_MIN);
    for (size_t first = 0; first < length; first += LANES, keys += pairs * LANES) {
        Ints total[ROWS];
        for (int row = 0; row < ROWS; row++) total[row] = all_ints(0);
        for (size_t p = 0; p < pairs; p++) {
            Ints key = load_ints(keys + p * LANES);
            for (int row = 0; row < ROWS; row++)
                total[row] = add_products(total[row], key, broadcast_pair(queries + row * head + 2 * p));
        }
        if (first + LANES > length)
            for (int row = 0; row < ROWS; row++)
                total[row] = keep_first_ints(total[row], length - first, INT32_MIN);
        for (int row = 0; row < ROWS; row++) {
            store_ints(scores + row * padded + first, total[row]);
            most[row] = larger_ints(most[row], total[row]);
        }
    }
    for (int row = 0; row < ROWS; row++) tops[row] = largest_int(most[row]);
}

/* The softmax of one row of scores, as whole numbers. `factor` times a score is an exponent of two. Returns what their
 * sum is meant to be. */
INLINE float share_out(int32_t *scores, int32_t top, float factor, size_t length, int16_t *probabilities) {
    float *powers = (float *)scores;
    Floats factors = all(factor), most = all((float)top), total[PARTS];
    for (int part = 0; part < PARTS; part++) total[part] = all(0.0f);
    for (size_t i = 0; i < length; i += MULTIPLE)
        for (int part = 0; part < PARTS && i + part * LANES < length; part++) {
            size_t at = i + part * LANES;
            Floats power = power_of_two(multiply(subtract(to_floats(load_ints(scores + at)), most), factors));
            if (at + LANES > length) power = keep_first(power, length - at);
            store(powers + at, power);
            total[part] = add(total[part], power);
        }
    float whole = sum(total), step = MOST / whole;
    if (step > LARGEST) step = LARGEST;
    for (size_t i = 0; i < length; i += LANES)
        store_int16(probabilities + i, to_ints(multiply(load(powers + i), all(step))));
    return whole * step;
}

/* The values by their shares: `rows` rows of quantised, with `stride` between them; the scratch has all ROWS. */
INLINE void blend(const int16_t *probabilities, const int32_t *values, size_t length, size_t padded, const size_t head,
                  size_t rows, const float back[ROWS], uint8_t zero, uint8_t *quantised, size_t stride) {
    enum { WIDEST = WIDEST_HEAD / LANES };
    const size_t vectors = head / LANES, together = SUMS / vectors;
    for (size_t first = 0; first < rows; first += together) {
        Ints total[ROWS][WIDEST];
        for (size_t row = 0; row < together; row++)
            for (size_t v = 0; v < vectors; v++) total[row][v] = all_ints(0);
        for (size_t token = 0; token < length; token += 2) {
            Ints two[WIDEST];
            for (size_t v = 0; v < vectors; v++) two[v] = load_ints(values + token / 2 * head + v * LANES);
            for (size_t row = 0; row < together; row++) {
                Ints share = broadcast_pair(probabilities + (first + row) * padded + token);
                for (size_t v = 0; v < vectors; v++) total[row][v] = add_products(total[row][v], two[v], share);
            }
        }
        for (size_t row = 0; row < together && first + row < rows; row++)
            for (size_t v = 0; v < vectors; v++)
                store_quantised(quantised + (first + row) * stride + v * LANES, to_floats(total[row][v]),
                                all(back[first + row]), all_ints(zero));
    }
}

/* parts, quantised: the head's first channel in the text's first row. head: a constant, so that its loops are unrolled */
INLINE void attend_head(const Attention *a, const float *parts, size_t length, const size_t head, uint8_t *quantised,
                        Scratch s) {
    const float *query = parts, *key = query + a->width, *value = key + a->width;
    size_t stride = 3 * a->width;
    float steps = score_steps(head);
    float most_query = largest_of(query, length, stride, head);
    float most_key = largest_of(key, length, stride, head);
    float most_value = largest_of(value, length, stride, head);
    to_int16(query, length, stride, head, all(most_query > 0 ? steps / most_query : 0), s.queries);
    memset(s.queries + length * head, 0, ROWS * head * sizeof *s.queries);
    lay_out_keys(key, length, stride, head, all(most_key > 0 ? steps / most_key : 0), s.keys);
    lay_out_values(value, length, stride, head, all(most_value > 0 ? VALUE_STEPS / most_value : 0), s.values);
    float exponent = most_query / steps * (most_key / steps) * a->factor * LOG2_E;
    for (size_t first = 0; first < length; first += ROWS) {
        int32_t tops[ROWS];
        float back[ROWS];
        score(s.queries + first * head, s.keys, length, s.padded, head, s.scores, tops);
        for (int row = 0; row < ROWS; row++) {
            int16_t *probabilities = s.probabilities + row * s.padded;
            float whole = share_out(s.scores + row * s.padded, tops[row], exponent, length, probabilities);
            back[row] = most_value / VALUE_STEPS / whole / a->steps.scale;
        }
        size_t rows = length - first < ROWS ? length - first : ROWS;
        blend(s.probabilities, s.values, length, s.padded, head, rows, back, a->steps.zero,
              quantised + first * a->width, a->width);
    }
}

INLINE void attend_heads(const Attention *a, const size_t head, uint8_t *quantised, void *scratch) {
    Scratch s = lay_out_scratch(scratch, a->tokens, head);
    for (size_t text = 0; text < a->texts; text++) {
        size_t row = text * a->tokens, length = (size_t)a->lengths[text];
        const float *parts = a->parts + row * 3 * a->width;
        uint8_t *to = quantised + row * a->width;
        for (size_t channel = 0; channel < a->width; channel += head)
            attend_head(a, parts + channel, length, head, to + channel, s);
        memset(to + length * a->width, a->steps.zero, (a->tokens - length) * a->width);
    }
}

static void attend(const Attention *a, uint8_t *quantised, void *scratch) {
    if (a->head == 32)
        attend_heads(a, 32, quantised, scratch);
    else
        attend_heads(a, 64, quantised, scratch);
}

const Variant VARIANT = {VARIANT_NAME, RUNS_HERE, gelu, normalise, attend};

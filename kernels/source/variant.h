/* The three computations, and the instruction sets that they are compiled for.
 *
 * All tensors are dense and row after row. `scale` and `zero` map a number onto 0 … 255: rint(number / scale) + zero,
 * which saturates. Rows are `width` long, a multiple of 16 = MULTIPLE. Nothing is allocated; all may run at once.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include <stddef.h>
#include <stdint.h>

enum { MULTIPLE = 16, WIDEST_HEAD = 64 };

typedef struct {
    float scale;
    uint8_t zero;
} Steps;

/* Attention of one batch. Texts are padded to `tokens` rows each. */
typedef struct {
    const float *parts;     /* (texts * tokens, 3 * width): query, key and value beside each other */
    const int64_t *lengths; /* (texts,), 0 … tokens: rows of a text that are no padding */
    size_t texts, tokens, width;
    size_t head; /* channels of a head: 32 or 64 */
    float factor; /* of a score */
    Steps steps;
} Attention;

typedef struct {
    const char *name;
    int (*runs_here)(void);
    /* x, quantised (rows, width); apart (rows, width - first): what GELU makes of the channels from `first` on */
    void (*gelu)(const float *x, size_t rows, size_t width, size_t first, Steps, uint8_t *quantised, float *apart);
    /* x, residual, quantised, restored (rows, width); gain, restore (width,) */
    void (*normalise)(const float *x, const float *residual, size_t rows, size_t width, const float *gain,
                      const float *restore, float epsilon, Steps, uint8_t *quantised, float *restored);
    /* quantised (texts * tokens, width), `zero` in the padding; scratch: scratch_bytes() of it */
    void (*attend)(const Attention *, uint8_t *quantised, void *scratch);
} Variant;

extern const Variant avx512_variant, avx2_variant;

#endif

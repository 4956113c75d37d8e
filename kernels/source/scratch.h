/* What attention needs beside its tensors: one block of memory, used for one head of one text after the other. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "variant.h"

enum { ROWS = 8 }; /* queries at once: as many sums as hide how long one product takes */

typedef struct {
    size_t padded;          /* tokens, up to a multiple of all lanes */
    int32_t *keys;          /* (blocks of LANES keys, head / 2, LANES): two neighbouring channels of a key each */
    int32_t *values;        /* (padded / 2, head): a channel of two neighbouring tokens each */
    int32_t *scores;        /* (ROWS, padded): int32, then float32 in their place */
    int16_t *probabilities; /* (ROWS, padded) */
    int16_t *queries;       /* (padded + ROWS, head) */
} Scratch;

static inline size_t padded_length(size_t tokens) { return (tokens + MULTIPLE - 1) / MULTIPLE * MULTIPLE; }

static inline Scratch lay_out_scratch(void *memory, size_t tokens, size_t head) {
    Scratch s;
    s.padded = padded_length(tokens);
    s.keys = memory;
    s.values = s.keys + s.padded * head / 2;
    s.scores = s.values + s.padded * head / 2;
    s.probabilities = (int16_t *)(s.scores + ROWS * s.padded);
    s.queries = s.probabilities + ROWS * s.padded;
    return s;
}

static inline size_t scratch_bytes(size_t tokens, size_t head) {
    size_t padded = padded_length(tokens);
    size_t keys_and_values = padded * head * sizeof(int32_t);
    size_t scores_and_probabilities = ROWS * padded * (sizeof(int32_t) + sizeof(int16_t));
    return keys_and_values + scores_and_probabilities + (padded + ROWS) * head * sizeof(int16_t);
}

#endif

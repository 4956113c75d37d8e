#include "pool.h"

#include <stdint.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 64,
    LEAST = 4096, /* smaller ones are malloc's business */
    SPARE = 4,    /* a block serves requests down to this part of it */
    SHARE = 3,    /* what is kept for a thread, in blocks of the largest size; a batch of the models here needs 2.8 */
    PLACES = 128, /* blocks kept for all threads; a thread of theirs uses some fifteen */
};

/* Stands in front of the memory that it describes. */
typedef struct {
    void *start; /* as malloc gave it */
    size_t bytes;
    void *thread; /* that took it first */
} Block;

_Static_assert(sizeof(Block) <= ALIGNMENT, "a block stands in front of its memory");

static char busy;
/* Under the lock: what is idle, the longest kept first, and the largest block that was ever given back. */
static Block *idle[PLACES];
static size_t count, largest;

/* Nobody waits for another: who does not get the lock asks malloc. */
static int try_lock(void) { return !__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE); }
static void unlock(void) { __atomic_clear(&busy, __ATOMIC_RELEASE); }

static Block *block_of(void *memory) { return (Block *)((char *)memory - ALIGNMENT); }
static void *memory_of(Block *block) { return (char *)block + ALIGNMENT; }

static Block *make(size_t bytes) {
    size_t with_block;
    if (__builtin_add_overflow(bytes, 2 * ALIGNMENT, &with_block)) return NULL;
    char *start = malloc(with_block);
    if (!start) return NULL;
    Block *block = (Block *)(start + (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT);
    *block = (Block){start, bytes, __builtin_thread_pointer()};
    return block;
}

static Block *remove_at(size_t place) {
    Block *removed = idle[place];
    count--;
    for (; place < count; place++) idle[place] = idle[place + 1];
    return removed;
}

/* The smallest of the thread's own that serves, of several the latest; or NULL. */
static Block *remove_fitting(size_t bytes) {
    void *thread = __builtin_thread_pointer();
    size_t best = PLACES;
    for (size_t i = 0; i < count; i++) {
        int serves = idle[i]->thread == thread && idle[i]->bytes >= bytes && idle[i]->bytes / SPARE <= bytes;
        if (serves && (best == PLACES || idle[i]->bytes <= idle[best]->bytes)) best = i;
    }
    return best == PLACES ? NULL : remove_at(best);
}

/* What has to go for `block` to be kept: the longest kept of its thread's, or of all where there is no place; or NULL. */
static Block *remove_surplus(const Block *block) {
    size_t kept = 0, oldest = PLACES;
    for (size_t i = 0; i < count; i++)
        if (idle[i]->thread == block->thread) {
            kept += idle[i]->bytes;
            if (oldest == PLACES) oldest = i;
        }
    if (oldest != PLACES && kept + block->bytes > SHARE * largest) return remove_at(oldest);
    return count == PLACES ? remove_at(0) : NULL;
}

void *pool_take(size_t bytes) {
    Block *block = NULL;
    if (bytes >= LEAST && try_lock()) {
        block = remove_fitting(bytes);
        unlock();
    }
    if (!block) block = make(bytes);
    return block ? memory_of(block) : NULL;
}

void pool_give_back(void *memory) {
    if (!memory) return;
    Block *block = block_of(memory), *surplus[PLACES + 1];
    size_t surpluses = 0;
    if (block->bytes < LEAST || !try_lock()) {
        free(block->start);
        return;
    }
    if (block->bytes > largest) largest = block->bytes;
    while ((surplus[surpluses] = remove_surplus(block))) surpluses++;
    idle[count++] = block;
    unlock();
    while (surpluses) free(surplus[--surpluses]->start);
}

size_t pool_idle_bytes(void) {
    size_t bytes = 0;
    while (!try_lock()) continue;
    for (size_t i = 0; i < count; i++) bytes += idle[i]->bytes;
    unlock();
    return bytes;
}

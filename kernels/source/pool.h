/* Memory that a thread gives back and gets again, while it is still in the cache of that thread's CPU.
 *
 * ONNX Runtime's own arena hands what one thread has just used to the next that asks: two threads in one session then wait
 * for each other's caches, by up to a fifth of their time (docs/decisions/0013-engine.md). */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

/* At least so many bytes, at a multiple of 64; NULL where there is no memory. */
void *pool_take(size_t bytes);

/* By whichever thread; it is kept for the one that took it. NULL: nothing to do. */
void pool_give_back(void *memory);

/* What is kept for all threads. */
size_t pool_idle_bytes(void);

#endif
